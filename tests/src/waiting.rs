//! Waiting for a state, never for a time. Every test that watches another task or process calls it.

use std::{
    fmt::Display,
    future::Future,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(20);

/// Calls `look` again and again until it returns `Ok`, and hands that on.
///
/// `look` says as `Err` what it saw instead.
///
/// # Panics
/// After `deadline`, with what the last look saw. A look that is not back by then is given up.
pub async fn eventually<T, E, Look, Seen>(deadline: Duration, mut look: Look) -> T
where
    E: Display,
    Look: FnMut() -> Seen,
    Seen: Future<Output = Result<T, E>>,
{
    let end = Instant::now() + deadline;
    let mut last = String::from("nothing: the first look did not come back");
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, look()).await {
            Ok(Ok(found)) => return found,
            Ok(Err(seen)) => last = seen.to_string(),
            Err(_) => {}
        }
        // Not left to the timeout: with nothing left it still lets a look pass that is back at once.
        assert!(Instant::now() < end, "not within {deadline:?}; last seen: {last}");
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}

//! Keeps readiness in step with something outside, such as the database, by asking it again and again.
//!
//! What is asked is the caller's: here is only when, and how long an answer may take. Used by `worker` and `console`.

use crate::health::Check;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between an answer and the next question. With [`PATIENCE`] it keeps readiness within a second of the truth.
const PAUSE: Duration = Duration::from_millis(300);

/// How long an answer may take before `subject` counts as away.
const PATIENCE: Duration = Duration::from_millis(600);

/// Asks until `stop`; the answer of a failed `ask` is the reason why `check` is not ready.
///
/// Each question is a task of its own that runs to its end, because a database's future must not be dropped half-way;
/// one that takes long is waited for, so that there is only ever one.
pub async fn watch<A, E>(subject: &str, check: Check, stop: CancellationToken, ask: impl Fn() -> A)
where
    A: Future<Output = Result<(), E>> + Send + 'static,
    E: ToString + Send + 'static,
{
    while !stop.is_cancelled() {
        let mut answer = tokio::spawn(ask());
        let answer = tokio::select! {
            () = stop.cancelled() => return,
            answer = &mut answer => answer,
            () = tokio::time::sleep(PATIENCE) => {
                check.not_ready(format!("{subject} does not answer"));
                tokio::select! { () = stop.cancelled() => return, answer = answer => answer }
            }
        };
        match answer {
            Ok(Ok(())) => check.ready(),
            Ok(Err(reason)) => check.not_ready(reason.to_string()),
            Err(_) => check.not_ready(format!("{subject} could not be asked")),
        }
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(PAUSE) => {} }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::health::Health;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The reasons after the time in which they must have been noticed.
    async fn noticed(health: &Health) -> Vec<String> {
        tokio::time::sleep(PAUSE + PATIENCE + Duration::from_millis(1)).await;
        health.reasons()
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_follows_the_answers_within_a_second() {
        assert!(PAUSE + PATIENCE < Duration::from_secs(1));
        let (health, stop, asked) = (Health::new(), CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let answers = asked.clone();
        let ask = move || {
            let asked = answers.clone();
            async move {
                match asked.load(Ordering::Relaxed) {
                    0 => Ok(()),
                    1 => Err("it is read-only"),
                    _ => std::future::pending().await,
                }
            }
        };
        let watching = tokio::spawn(watch("the database", health.check("database"), stop.clone(), ask));
        for reasons in [&[][..], &["database: it is read-only"], &["database: the database does not answer"]] {
            assert_eq!(noticed(&health).await, reasons);
            asked.fetch_add(1, Ordering::Relaxed);
        }
        stop.cancel();
        watching.await.unwrap();
    }
}

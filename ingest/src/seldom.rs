//! Lines that a flood could repeat without end: one a second, with the number of those left out. Used by `routes`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How many whole seconds after the start the last line was written, and what happened since.
#[derive(Debug)]
pub(crate) struct Seldom {
    start: Instant,
    last: AtomicU64,
    left_out: AtomicU64,
}

impl Seldom {
    pub(crate) fn new() -> Self {
        // The first line is due at once.
        let start = Instant::now() - Duration::from_secs(1);
        Seldom { start, last: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Whether a line is due, and if so how many were left out before it.
    pub(crate) fn due(&self) -> Option<u64> {
        let (second, last) = (self.start.elapsed().as_secs(), self.last.load(Ordering::Relaxed));
        let is_due =
            second > last && self.last.compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_due {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_second_tells_of_those_between() {
        let seldom = Seldom::new();
        assert_eq!(seldom.due(), Some(0));
        assert_eq!([seldom.due(), seldom.due()], [None, None]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(seldom.due(), Some(2));
        assert_eq!(seldom.due(), None);
    }
}

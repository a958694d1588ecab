//! When requests of a steady rate are due. A thread of its own lets them go: timers of the runtime are a millisecond
//! coarse, which is longer than a confirm.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_micros(100);

/// A number of requests, evenly spread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    begin: Instant,
    per_second: f64,
    requests: u64,
}

impl Schedule {
    /// Begins now.
    pub(super) fn new(per_second: f64, turn: Duration) -> Self {
        Schedule { begin: Instant::now(), per_second, requests: (per_second * turn.as_secs_f64()) as u64 }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// When a request is to be sent.
    pub(super) fn due(&self, request: u64) -> Instant {
        self.begin + Duration::from_secs_f64(request as f64 / self.per_second)
    }

    /// Gives one permit for each request once it is due, then `more` for those who wait in vain.
    pub(super) fn release(self, permits: &Arc<Semaphore>, more: usize) -> std::io::Result<()> {
        let permits = Arc::clone(permits);
        let work = move || {
            let mut released = 0;
            while released < self.requests {
                let due = (self.begin.elapsed().as_secs_f64() * self.per_second) as u64 + 1;
                let now = due.min(self.requests);
                permits.add_permits((now - released) as usize);
                released = now;
                std::thread::sleep(LOOK);
            }
            permits.add_permits(more);
        };
        std::thread::Builder::new().name("bench schedule".to_owned()).spawn(work).map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn every_request_is_released_and_none_before_it_is_due() {
        let schedule = Schedule::new(2_000.0, Duration::from_millis(50));
        assert_eq!(schedule.requests(), 100);
        let permits = Arc::new(Semaphore::new(0));
        schedule.release(&permits, 3).unwrap();
        for request in 0..schedule.requests() {
            permits.acquire().await.unwrap().forget();
            assert!(Instant::now() >= schedule.due(request), "{request}");
        }
        for _ in 0..3 {
            permits.acquire().await.unwrap().forget();
        }
        assert_eq!(permits.available_permits(), 0);
    }
}

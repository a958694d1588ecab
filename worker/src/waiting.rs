//! How old the oldest event is that a lane holds and has not committed: lanes say what they hold, one task shows the age.
//!
//! A lane that gave its batch back keeps the age until the database answers: the events still wait, only elsewhere.

use crate::batch::Gathered;
use crate::outcomes;
use metrics::Gauge;
use queue::SourceQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Well below any interval at which metrics are read.
const EVERY: Duration = Duration::from_millis(250);

/// Later than any event.
const NOTHING: i64 = i64::MAX;

/// What all lanes of a process hold.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Vec<Arc<AtomicI64>>);

/// What one lane holds. The lane counts as alive as long as this lives.
#[derive(Debug)]
pub(crate) struct Hand {
    /// When the oldest event was accepted, in microseconds since the Unix epoch.
    oldest: Arc<AtomicI64>,
    alive: Gauge,
}

impl Waiting {
    /// For one more lane.
    pub(crate) fn hand(&mut self, source: SourceQueue) -> Hand {
        let oldest = Arc::new(AtomicI64::new(NOTHING));
        self.0.push(Arc::clone(&oldest));
        let alive = outcomes::lanes(source);
        alive.increment(1.0);
        Hand { oldest, alive }
    }

    /// Shows the age until `stop`.
    pub(crate) async fn show(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            outcomes::waiting(self.age());
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Nothing when no lane holds an event.
    fn age(&self) -> Duration {
        let oldest = self.0.iter().map(|oldest| oldest.load(Ordering::Relaxed)).min();
        oldest.filter(|oldest| *oldest != NOTHING).map(outcomes::age).unwrap_or_default()
    }
}

impl Hand {
    /// The lane has a batch in hand.
    pub(crate) fn holds(&self, gathered: &Gathered) {
        self.oldest.store(gathered.oldest().unwrap_or(NOTHING), Ordering::Relaxed);
    }

    /// The lane has nothing in hand.
    pub(crate) fn lets_go(&self) {
        self.oldest.store(NOTHING, Ordering::Relaxed);
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.lets_go();
        self.alive.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_event_of_all_lanes_is_shown_until_its_lane_lets_go() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.age(), Duration::ZERO, "no lane");
        let (first, second) = (waiting.hand(SourceQueue::Events), waiting.hand(SourceQueue::Events));
        assert_eq!(waiting.age(), Duration::ZERO, "nothing in hand");
        first.oldest.store(1_000_000, Ordering::Relaxed);
        second.oldest.store(2_000_000, Ordering::Relaxed);
        let oldest = waiting.age();
        first.lets_go();
        assert!(oldest > waiting.age() && waiting.age() > Duration::ZERO);
        drop(second);
        assert_eq!(waiting.age(), Duration::ZERO, "the lane is gone");
    }
}

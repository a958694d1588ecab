//! Growing, jittered pauses between attempts at something outside.
//!
//! It only computes them; whoever tries again does the sleeping.

use std::time::Duration;

/// The pauses of one supervisor: each about twice the last, never above the longest.
#[derive(Clone, Debug)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    step: Duration,
}

impl Backoff {
    /// Pauses that begin near `shortest` and never exceed `longest`.
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        let shortest = shortest.min(longest);
        Self { shortest, longest, step: shortest }
    }

    /// The next pause: between half a step and a whole one, so that many processes that lost the same
    /// server do not come back at the same moment.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Duration {
        let step = self.step;
        self.step = step.saturating_mul(2).min(self.longest);
        step / 2 + (step / 2).mul_f64(fraction())
    }

    /// Begins anew after a success.
    pub fn reset(&mut self) {
        self.step = self.shortest;
    }
}

/// A random number in [0, 1); a half when the system has no randomness, which costs only the jitter.
fn fraction() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);

    #[test]
    fn pauses_grow_to_the_longest_and_stay_there() {
        let mut backoff = Backoff::new(SHORTEST, LONGEST);
        for step in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
            let pause = backoff.next();
            let step = Duration::from_millis(step);
            assert!(pause >= step / 2 && pause <= step, "{pause:?} is not within {step:?}");
        }
    }

    #[test]
    fn a_success_begins_anew() {
        let mut backoff = Backoff::new(SHORTEST, LONGEST);
        for _ in 0..10 {
            backoff.next();
        }
        backoff.reset();
        assert!(backoff.next() <= SHORTEST);
    }
}

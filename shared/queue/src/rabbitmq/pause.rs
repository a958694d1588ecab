//! Growing, jittered pauses between attempts, so that many processes do not come back at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
/// Short enough that work goes on within seconds of the broker's return.
const LONGEST: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Pause {
    /// Between half and the whole of a time that doubles with each call.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.0;
        self.0 = (whole * 2).min(LONGEST);
        // Without randomness the pause is only less spread.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        whole.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_small_again() {
        let mut pause = Pause::default();
        assert!(pause.next() <= FIRST);
        for _ in 0..20 {
            assert!(pause.next() <= LONGEST);
        }
        assert!(pause.next() >= LONGEST / 2);
        pause.reset();
        assert!(pause.next() <= FIRST);
    }
}

//! What was looked up and not found, remembered for a second so that a flood of wrong ids costs no flood of look-ups.

use domain::ProgramId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const REMEMBERED: Duration = Duration::from_secs(1);
/// Bounds the memory; past it the oldest knowledge is not worth more than the newest.
const MOST: usize = 4_096;

/// Something that is not known here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Missing {
    Program(ProgramId),
    Link(String),
    Key(String),
}

#[derive(Debug, Default)]
pub(super) struct Misses(Mutex<HashMap<Missing, Instant>>);

impl Misses {
    pub(super) fn is_fresh(&self, missing: &Missing, now: Instant) -> bool {
        let misses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        misses.get(missing).is_some_and(|since| now.duration_since(*since) < REMEMBERED)
    }

    pub(super) fn remember(&self, missing: Missing, now: Instant) {
        let mut misses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if misses.len() >= MOST {
            misses.retain(|_, since| now.duration_since(*since) < REMEMBERED);
        }
        if misses.len() >= MOST {
            misses.clear();
        }
        misses.insert(missing, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_remembered_for_a_second_and_their_number_is_bounded() {
        let misses = Misses::default();
        let start = Instant::now();
        let link = |n: usize| Missing::Link(n.to_string());
        misses.remember(link(0), start);
        assert!(misses.is_fresh(&link(0), start));
        assert!(!misses.is_fresh(&link(0), start + REMEMBERED));
        assert!(!misses.is_fresh(&link(1), start));
        for n in 0..3 * MOST {
            misses.remember(link(n), start);
        }
        assert!(misses.0.lock().map(|misses| misses.len()).unwrap_or_default() <= MOST);
    }
}

//! Chance for ids, without a system call an event: a counter seen through a hash that was keyed when the process began.
//!
//! The key comes from the system's randomness, so two processes never count alike. Nothing rests on these bits being
//! secret: a click id is protected by its MAC. Time is handed in.

use domain::{EventId, Timestamp};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes event ids.
#[derive(Debug, Default)]
pub(crate) struct Mint {
    key: RandomState,
    counted: AtomicU64,
}

impl Mint {
    /// 64 bits that no other call gets.
    pub(crate) fn entropy(&self) -> u64 {
        self.key.hash_one(self.counted.fetch_add(1, Ordering::Relaxed))
    }

    /// The id of an event received `at`.
    pub(crate) fn event(&self, at: Timestamp) -> EventId {
        EventId::mint(at, self.entropy())
    }
}

/// The time by this machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_id_comes_twice_even_within_a_microsecond() {
        let (mint, other) = (Mint::default(), Mint::default());
        let at = Timestamp::from_micros(1);
        let ids: HashSet<_> = (0..10_000).flat_map(|_| [mint.event(at), other.event(at)]).collect();
        assert_eq!(ids.len(), 20_000);
    }
}

//! Token buckets, one for each key that was seen lately: a rate, and a burst after a pause. Bounded in memory.
//!
//! Of a bucket only the moment is kept at which it will be full again (GCRA): one that is full is not kept at all, so
//! forgetting it changes nothing. It knows neither what its keys are nor what a refusal looks like.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Buckets in use at a time, which bounds the memory to a few MiB. To fill that many, so many clients have to send
/// within a few milliseconds of each other; those beyond it are not limited until some are full again.
const MOST: usize = 65_536;

/// Between two searches for full buckets, which are forgotten.
const SEARCH_PERIOD: Duration = Duration::from_secs(10);

/// The same while there is no room, so that not every request searches.
const CROWDED_PERIOD: Duration = Duration::from_millis(100);

/// Buckets of one size, one for each key.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    /// Between two tokens; `None`: no limit.
    interval: Option<Duration>,
    /// What an empty bucket takes to be full.
    depth: Duration,
    table: Mutex<Table<K>>,
}

#[derive(Debug)]
struct Table<K> {
    full_at: HashMap<K, Instant>,
    searched: Instant,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Buckets of so many tokens a second, which hold so many seconds' worth; no tokens a second is no limit.
    pub(crate) fn new(per_second: u32, burst_seconds: u32) -> Self {
        let interval = (per_second > 0).then(|| Duration::from_secs(1) / per_second.max(1));
        let depth = interval.unwrap_or_default() * per_second.saturating_mul(burst_seconds);
        Buckets { interval, depth, table: Mutex::new(Table { full_at: HashMap::new(), searched: Instant::now() }) }
    }

    /// Takes a token, or says how long until there is one.
    pub(crate) fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        match self.take_up_to(1, key, now) {
            (0, wait) => Err(wait),
            _ => Ok(()),
        }
    }

    /// Takes as many tokens as there are of those wanted; says how many, and how long until there is another one.
    pub(crate) fn take_up_to(&self, wanted: u32, key: K, now: Instant) -> (u32, Duration) {
        let Some(interval) = self.interval else { return (wanted, Duration::ZERO) };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = table.full_at.get(&key).map_or(now, |full_at| now.max(*full_at));
        let there = self.depth.saturating_sub(full_at - now).as_nanos() / interval.as_nanos();
        let taken = wanted.min(u32::try_from(there).unwrap_or(u32::MAX));
        let full_at = full_at + interval * taken;
        if taken > 0 && (table.has_room(now) || table.full_at.contains_key(&key)) {
            table.full_at.insert(key, full_at);
        }
        (taken, (full_at + interval - now).saturating_sub(self.depth))
    }
}

impl<K: Eq + Hash> Table<K> {
    /// Whether one more fits, if need be in the place of those that are full by now.
    fn has_room(&mut self, now: Instant) -> bool {
        let period = if self.full_at.len() < MOST { SEARCH_PERIOD } else { CROWDED_PERIOD };
        if now.duration_since(self.searched) >= period {
            self.searched = now;
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        self.full_at.len() < MOST
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn taken(buckets: &Buckets<u32>, key: u32, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| buckets.take(key, now).is_ok()).count()
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate_holds() {
        let (buckets, start) = (Buckets::new(10, 5), Instant::now());
        assert_eq!(taken(&buckets, 1, start, 1_000), 50);
        assert_eq!(buckets.take(1, start), Err(Duration::from_millis(100)));
        assert_eq!(taken(&buckets, 1, start + Duration::from_millis(99), 1_000), 0);
        assert_eq!(taken(&buckets, 1, start + Duration::from_secs(2), 1_000), 20);
        assert_eq!(taken(&buckets, 1, start + Duration::from_secs(3_600), 1_000), 50, "never more than the burst");
    }

    #[test]
    fn of_many_wanted_at_once_as_many_are_taken_as_there_are() {
        let (buckets, start) = (Buckets::new(10, 5), Instant::now());
        assert_eq!(buckets.take_up_to(30, 1, start), (30, Duration::ZERO));
        assert_eq!(buckets.take_up_to(30, 1, start), (20, Duration::from_millis(100)));
        assert_eq!(buckets.take_up_to(30, 1, start + Duration::from_millis(250)), (2, Duration::from_millis(50)));
        assert_eq!(buckets.take_up_to(0, 1, start), (0, Duration::from_millis(300)));
        assert_eq!(Buckets::new(0, 5).take_up_to(1_000, 1, start), (1_000, Duration::ZERO));
    }

    #[test]
    fn one_key_takes_nothing_from_another() {
        let (buckets, start) = (Buckets::new(1, 1), Instant::now());
        assert_eq!(taken(&buckets, 1, start, 1_000), 1);
        assert_eq!(taken(&buckets, 2, start, 1_000), 1);
    }

    #[test]
    fn a_rate_of_nothing_is_no_limit() {
        assert_eq!(taken(&Buckets::new(0, 5), 1, Instant::now(), 10_000), 10_000);
    }

    #[test]
    fn the_clock_of_another_thread_may_be_a_little_behind() {
        let (buckets, start) = (Buckets::new(1, 1), Instant::now() + Duration::from_secs(1));
        assert!(buckets.take(1, start).is_ok());
        assert!(buckets.take(1, start - Duration::from_millis(1)).is_err());
    }

    #[test]
    fn the_number_of_buckets_is_bounded_and_the_limited_stay_limited() {
        let (buckets, start) = (Buckets::new(1, 1), Instant::now());
        assert_eq!(taken(&buckets, 0, start, 10), 1);
        let crowd = u32::try_from(MOST).unwrap();
        for key in 1..3 * crowd {
            buckets.take(key, start).unwrap();
        }
        assert_eq!(buckets.table.lock().unwrap().full_at.len(), MOST);
        assert!(buckets.take(0, start).is_err(), "nobody is forgotten while limited");
        // Once they are full again, newcomers have their places.
        let later = start + Duration::from_secs(1);
        assert_eq!(taken(&buckets, 4 * crowd, later, 10), 1);
        assert_eq!(buckets.table.lock().unwrap().full_at.len(), 1);
    }
}

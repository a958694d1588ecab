//! Which rows of the table wait and which consumer holds which: the embedded queue's memory.
//!
//! Pure bookkeeping over row ids, without a database; the table holds the bodies. It dies with the
//! process, and then every row waits again. Used by everything in `embedded`, under one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Bounded by the number of rows, which the queue bounds.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Row id → whether a consumer may have had it before.
    waiting: BTreeMap<i64, bool>,
    claimed: HashMap<u64, BTreeSet<i64>>,
    /// Rows in the table, and those about to be written.
    rows: u64,
    last_consumer: u64,
}

impl Claims {
    /// Takes over the rows found at start. Rows are claimed in their order, so what a consumer had
    /// when the process died is among the `suspects` oldest.
    pub(super) fn found(ids: Vec<i64>, suspects: usize) -> Self {
        Self {
            rows: ids.len() as u64,
            waiting: ids.into_iter().enumerate().map(|(place, id)| (id, place < suspects)).collect(),
            ..Self::default()
        }
    }

    pub(super) fn add_consumer(&mut self) -> u64 {
        self.last_consumer += 1;
        self.last_consumer
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Whether no consumer holds or has given back anything, so that nothing waits that was begun.
    pub(super) fn are_settled(&self) -> bool {
        self.claimed.values().all(BTreeSet::is_empty) && !self.waiting.values().any(|redelivered| *redelivered)
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts a row that is about to be written.
    pub(super) fn reserve(&mut self) {
        self.rows += 1;
    }

    /// Rows were deleted, or one was not written after all.
    pub(super) fn free(&mut self, rows: u64) {
        self.rows = self.rows.saturating_sub(rows);
    }

    pub(super) fn written(&mut self, id: i64) {
        self.waiting.insert(id, false);
    }

    /// Hands the oldest waiting rows to a consumer.
    pub(super) fn claim(&mut self, consumer: u64, most: usize) -> BTreeMap<i64, bool> {
        let mut taken = BTreeMap::new();
        while taken.len() < most
            && let Some((id, redelivered)) = self.waiting.pop_first()
        {
            taken.insert(id, redelivered);
        }
        if !taken.is_empty() {
            self.claimed.entry(consumer).or_default().extend(taken.keys());
        }
        taken
    }

    /// The consumer is done with these rows; they are nobody's until deleted or returned.
    pub(super) fn take(&mut self, consumer: u64, ids: &[i64]) {
        if let Some(claimed) = self.claimed.get_mut(&consumer) {
            for id in ids {
                claimed.remove(id);
            }
        }
    }

    /// These rows wait again.
    pub(super) fn put_back(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.waiting.extend(ids.into_iter().map(|id| (id, true)));
    }

    /// Everything the consumer holds waits again.
    pub(super) fn give_back(&mut self, consumer: u64) {
        let held = self.claimed.remove(&consumer).unwrap_or_default();
        self.put_back(held);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_row_is_claimed_by_one_consumer_only_and_oldest_first() {
        let mut claims = Claims::found(vec![3, 5, 8], 0);
        let (one, two) = (claims.add_consumer(), claims.add_consumer());
        assert_eq!(claims.claim(one, 2), BTreeMap::from([(3, false), (5, false)]));
        assert_eq!(claims.claim(two, 2), BTreeMap::from([(8, false)]));
        assert_eq!(claims.waiting(), 0);
    }

    #[test]
    fn what_is_given_back_comes_first_and_is_marked() {
        let mut claims = Claims::found(vec![3, 5], 0);
        let one = claims.add_consumer();
        claims.claim(one, 1);
        claims.give_back(one);
        assert_eq!(claims.claim(one, 2), BTreeMap::from([(3, true), (5, false)]));
    }

    #[test]
    fn rows_taken_for_deletion_are_not_given_back_with_the_rest() {
        let mut claims = Claims::found(vec![3, 5], 0);
        let one = claims.add_consumer();
        claims.claim(one, 2);
        claims.take(one, &[3]);
        claims.give_back(one);
        assert_eq!(claims.claim(one, 2), BTreeMap::from([(5, true)]));
    }

    #[test]
    fn only_the_oldest_rows_found_at_start_may_have_been_delivered_before() {
        let mut claims = Claims::found(vec![1, 2, 3], 2);
        let one = claims.add_consumer();
        assert_eq!(claims.claim(one, 3), BTreeMap::from([(1, true), (2, true), (3, false)]));
    }
}

//! What the packs that arrived say of those that did not. Pure: no clock, no database.
//!
//! A pack says how many events of its run were confirmed before it. What a later pack lists as unconfirmed was not
//! among them, whether it arrived or not; so an accepted event is exactly one that was confirmed or has arrived.

use super::ranges::Range;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// How much longer a pack may be late while messages wait.
pub const WAIT_FACTOR: u32 = 10;

/// Packs of one run that were confirmed and have not arrived, although a later one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The publishing channel that made them.
    pub run: Uuid,
    /// The number of the first of them.
    pub first: u64,
    /// The number of the last of them.
    pub last: u64,
    /// How long a later pack of the run has been here.
    pub age: Duration,
}

/// The account of one run whose events have not all been processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAccount {
    /// The publishing channel.
    pub run: Uuid,
    /// Events known to be accepted.
    pub accepted: u64,
    /// Events in the packs that arrived.
    pub processed: u64,
}

/// The account of all runs, as far as the packs that arrived tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// How many runs there are.
    pub runs: u64,
    /// Events known to be accepted. A run's last packs are known when they, or later ones, arrive.
    pub accepted: u64,
    /// Events in the packs that arrived.
    pub processed: u64,
    /// Events in messages that were set aside whole.
    pub set_aside: u64,
    /// Runs that have gaps.
    pub open: Vec<RunAccount>,
    /// By run and number.
    pub gaps: Vec<Gap>,
}

/// Whether everything that was accepted is accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is.
    Balanced,
    /// The rest is on its way.
    Waiting,
    /// Packs are lost.
    Imbalance,
}

impl Gap {
    /// How many packs it is.
    pub fn packs(&self) -> u64 {
        self.last - self.first + 1
    }
}

impl RunAccount {
    /// Events that were accepted and have not been processed.
    pub fn waiting(&self) -> u64 {
        self.accepted.saturating_sub(self.processed)
    }
}

impl Verdict {
    /// The name in JSON and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Balanced => "balanced",
            Verdict::Waiting => "waiting",
            Verdict::Imbalance => "imbalance",
        }
    }
}

impl Account {
    /// Judges folded ranges. `unconfirmed` are run, number and events; `set_aside` are messages that arrived and could
    /// not be read; `now` is in microseconds since the Unix epoch.
    pub(super) fn of(
        ranges: Vec<Range>,
        unconfirmed: &[(Uuid, i64, i64)],
        set_aside: &BTreeSet<(Uuid, i64)>,
        now: i64,
    ) -> Self {
        let mut told: BTreeMap<Uuid, Vec<(i64, i64)>> = BTreeMap::new();
        for (run, number, events) in unconfirmed {
            told.entry(*run).or_default().push((*number, *events));
        }
        let mut account = Account::default();
        for ranges in ranges.chunk_by(|one, next| one.run == next.run) {
            let run = Run { ranges, told: told.get(&ranges[0].run).map_or(&[], Vec::as_slice), set_aside, now };
            account.add(&run);
        }
        account
    }

    /// Events that were confirmed and are in none of the packs that arrived, nor in a message that was set aside.
    pub fn waiting(&self) -> u64 {
        self.open.iter().map(RunAccount::waiting).sum()
    }

    /// The packs that are lost. `queued` are the messages that wait in all queues, if that is known. Those in a worker's
    /// hands are not among them and have `grace` to arrive; those that wait have [`WAIT_FACTOR`] times as long, because
    /// a queue hands out the earlier pack of a run first, or soon after.
    pub fn missing(&self, queued: Option<u64>, grace: Duration) -> impl Iterator<Item = &Gap> {
        let patience = if queued.unwrap_or_default() > 0 { grace * WAIT_FACTOR } else { grace };
        self.gaps.iter().filter(move |gap| gap.age > patience)
    }

    /// Whether packs are lost; the arguments are those of [`Account::missing`].
    pub fn verdict(&self, queued: Option<u64>, grace: Duration) -> Verdict {
        if self.missing(queued, grace).next().is_some() {
            Verdict::Imbalance
        } else if self.gaps.is_empty() && queued.unwrap_or_default() == 0 {
            Verdict::Balanced
        } else {
            Verdict::Waiting
        }
    }

    fn add(&mut self, run: &Run<'_>) {
        let (accepted, processed) = (run.accepted(), run.processed());
        self.runs += 1;
        self.accepted = self.accepted.saturating_add(accepted);
        self.processed = self.processed.saturating_add(processed);
        let not_processed = accepted.saturating_sub(processed);
        // Nothing confirmed is missing: the numbers in between were refused, and no later pack has told so yet.
        if not_processed == 0 {
            return;
        }
        let gaps = run.gaps();
        if gaps.is_empty() {
            self.set_aside = self.set_aside.saturating_add(not_processed);
        } else {
            self.open.push(RunAccount { run: run.ranges[0].run, accepted, processed });
            self.gaps.extend(gaps);
        }
    }
}

/// What is known of one run; it has a range.
struct Run<'a> {
    ranges: &'a [Range],
    /// Number and events of the packs that were not confirmed.
    told: &'a [(i64, i64)],
    set_aside: &'a BTreeSet<(Uuid, i64)>,
    now: i64,
}

impl Run<'_> {
    fn processed(&self) -> u64 {
        self.ranges.iter().fold(0, |sum: u64, range| sum.saturating_add(count(range.events)))
    }

    /// What the newest pack says, and what arrived although it was not confirmed.
    fn accepted(&self) -> u64 {
        let newest = self.ranges[self.ranges.len() - 1];
        let arrived = |number: i64| self.ranges.iter().any(|range| range.first <= number && number <= range.last);
        let unconfirmed = self.told.iter().filter(|(number, _)| *number < newest.last && arrived(*number));
        unconfirmed.fold(count(newest.accepted), |sum, (_, events)| sum.saturating_add(count(*events)))
    }

    /// The numbers between the ranges that nothing explains.
    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        // How long a gap has been known is told by the oldest of the packs after it.
        let mut oldest_after = i64::MAX;
        for (position, range) in self.ranges.iter().enumerate().rev() {
            oldest_after = oldest_after.min(range.applied_at);
            let before = if position == 0 { 0 } else { self.ranges[position - 1].last };
            let age = Duration::from_micros(count(self.now.saturating_sub(oldest_after)));
            let mut end = range.first;
            for explained in self.explained(before, range.first).into_iter().rev().chain([before]) {
                if explained + 1 < end {
                    let (first, last) = (count(explained + 1), count(end - 1));
                    gaps.push(Gap { run: range.run, first, last, age });
                }
                end = explained;
            }
        }
        gaps.reverse();
        gaps
    }

    /// The numbers between two packs that were not confirmed, or were set aside.
    fn explained(&self, before: i64, after: i64) -> BTreeSet<i64> {
        if after <= before {
            return BTreeSet::new();
        }
        let run = self.ranges[0].run;
        let aside = self.set_aside.range((run, before)..(run, after)).map(|(_, number)| *number);
        let told = self.told.iter().map(|(number, _)| *number);
        told.chain(aside).filter(|number| before < *number && *number < after).collect()
    }
}

/// What was written by a program that never counts below zero.
fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

#[cfg(test)]
mod tests;

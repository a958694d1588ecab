//! The ledger's rows, as both databases give them, sorted by what they are. Pure; called by `audit`.

use super::account::Account;
use super::ranges::{Range, fold};
use std::collections::BTreeSet;
use uuid::Uuid;

/// kind, run, first, last, events, accepted, applied_at, and the database's own time; times in microseconds since the
/// Unix epoch. Kind 1: a range or a pack. 2: a pack that was not confirmed. 3: a message that was set aside whole.
pub(crate) type EntryTuple = (i32, Uuid, i64, i64, i64, i64, i64, i64);

/// The ledger's rows by kind.
#[derive(Debug, Default)]
pub(super) struct Entries {
    arrived: Vec<Range>,
    unconfirmed: Vec<(Uuid, i64, i64)>,
    set_aside: BTreeSet<(Uuid, i64)>,
    now: i64,
}

impl Entries {
    pub(super) fn read(rows: Vec<EntryTuple>) -> Self {
        let mut entries = Entries::default();
        for (kind, run, first, last, events, accepted, applied_at, now) in rows {
            entries.now = now;
            match kind {
                1 => entries.arrived.push(Range { run, first, last, events, accepted, applied_at }),
                2 => entries.unconfirmed.push((run, first, events)),
                _ => {
                    entries.set_aside.insert((run, first));
                }
            }
        }
        entries
    }

    pub(super) fn account(self) -> Account {
        Account::of(fold(self.arrived), &self.unconfirmed, &self.set_aside, self.now)
    }
}

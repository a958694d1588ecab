//! What keeps the tables from growing without end: of a program's test events only the newest are kept.
//!
//! Asked by the worker's maintenance task. Each call does a bounded piece of the work in one short transaction that
//! waits for nobody; what somebody else has in hand is left for the next one. Real events are never touched: test events
//! are noted in a table of their own when they are applied, and only what is noted there is removed. The statements are
//! in `postgres/maintenance` and `sqlite/maintenance`.

use crate::{Store, StoreError, postgres, sqlite};

/// Programs that one call looks at; for each, as many index entries are read as events are kept.
const PROGRAMS: i64 = 200;
/// Events that one call removes at most: some milliseconds, in which an embedded store's writer waits.
const EVENTS: i64 = 500;

/// What one [`Store::forget_tests`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Events that are gone.
    pub events: u64,
    /// Whether there is more to look at: hand it to the next call. `None` when all programs were looked at.
    pub next: Option<ForgetCursor>,
}

/// How far a round over the programs has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgetCursor(i64);

impl Store {
    /// Forgets test events beyond the `keep` newest of their program: clicks, leads, and customers of whom nothing is
    /// left. A customer with newer leads keeps the state that all of them made, until a lead that says something new is
    /// judged with what is kept. `from` is where the call before ended.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses; nothing was removed then.
    pub async fn forget_tests(&self, keep: u32, from: Option<ForgetCursor>) -> Result<Forgotten, StoreError> {
        let (after, most) = (from.map_or(0, |ForgetCursor(program)| program), [PROGRAMS, EVENTS]);
        let (programs, noted) = match self {
            Store::Postgres(postgres) => postgres::maintenance::excess(postgres, after, keep, most).await?,
            Store::Sqlite(sqlite) => sqlite::maintenance::excess(sqlite, after, keep, most).await?,
        };
        let events = match self {
            _ if noted.is_empty() => 0,
            Store::Postgres(postgres) => postgres::maintenance::forget(postgres, &noted).await?,
            Store::Sqlite(sqlite) => sqlite::maintenance::forget(sqlite, &noted).await?,
        };
        let is_full = |rows: usize, most: i64| rows as i64 == most;
        let next = if is_full(noted.len(), EVENTS) {
            Some(ForgetCursor(after))
        } else {
            programs.last().filter(|_| is_full(programs.len(), PROGRAMS)).map(|last| ForgetCursor(*last))
        };
        Ok(Forgotten { events, next })
    }
}

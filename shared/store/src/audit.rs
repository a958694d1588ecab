//! The ledger: which packs of which run have arrived, and whether what was accepted is accounted for.
//!
//! `entries` sorts the rows, `ranges` folds and `account` judges, all without I/O; the statements are in
//! `postgres/audit.rs` and `sqlite/audit.rs`. Called by `cli` (`affitor audit`) and by the worker's ledger task.

mod account;
pub(crate) mod entries;
pub(crate) mod ranges;

pub use account::{Account, Gap, RunAccount, Verdict, WAIT_FACTOR};

use crate::{Store, StoreError, postgres, sqlite};
use entries::Entries;

/// The most packs that one [`Store::fold_ledger`] takes.
pub const PACKS_FOLDED: u32 = 20_000;

/// What the tables hold of events, test events included. It takes as long as counting every event does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Clicks.
    pub clicks: u64,
    /// Leads, duplicates included.
    pub leads: u64,
    /// Leads that count for their customer; the others are duplicates.
    pub counted_leads: u64,
    /// Events that are set aside, each by itself.
    pub set_aside: u64,
    /// Messages that are set aside as a whole, whatever is in them.
    pub messages_set_aside: u64,
    /// Events that were set aside and then given up by a person.
    pub discarded: u64,
    /// Test events that are not kept any more.
    pub forgotten: u64,
}

impl Counted {
    /// Events that are stored and count for what they are.
    pub fn recorded(&self) -> u64 {
        self.clicks + self.counted_leads
    }

    /// Leads that are stored while another of the customer counts.
    pub fn duplicates(&self) -> u64 {
        self.leads.saturating_sub(self.counted_leads)
    }

    /// All events that have been there in some form.
    pub fn total(&self) -> u64 {
        self.clicks + self.leads + self.set_aside + self.discarded + self.forgotten
    }
}

impl Store {
    /// The account of all runs, from one statement.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn ledger(&self) -> Result<Account, StoreError> {
        let entries = match self {
            Store::Postgres(postgres) => postgres::audit::entries(postgres).await?,
            Store::Sqlite(sqlite) => sqlite::audit::entries(sqlite).await?,
        };
        Ok(Entries::read(entries).account())
    }

    /// Counts the events that are stored or set aside.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the database ends it because it takes too long, others when it is away.
    pub async fn count_events(&self) -> Result<Counted, StoreError> {
        let row = match self {
            Store::Postgres(postgres) => postgres::audit::count(postgres).await?,
            Store::Sqlite(sqlite) => sqlite::audit::count(sqlite).await?,
        };
        let [clicks, leads, counted_leads, set_aside, messages_set_aside, discarded, forgotten] =
            row.map(|count| u64::try_from(count).unwrap_or_default());
        Ok(Counted { clicks, leads, counted_leads, set_aside, messages_set_aside, discarded, forgotten })
    }

    /// Folds packs that follow one another into ranges, so that the ledger stays small; at most [`PACKS_FOLDED`].
    /// Returns how many; none when another worker is at it. The account is the same before and after.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn fold_ledger(&self) -> Result<usize, StoreError> {
        match self {
            Store::Postgres(postgres) => postgres::audit::fold_packs(postgres, PACKS_FOLDED).await,
            Store::Sqlite(sqlite) => sqlite::audit::fold_packs(sqlite, PACKS_FOLDED).await,
        }
    }
}

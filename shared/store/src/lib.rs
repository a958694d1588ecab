//! What the system knows, on Postgres (production) or SQLite (embedded): programs and keys, what becomes of events,
//! and the reads that the console shows. The two mean the same; one contract test suite runs over both.
//!
//! It decides nothing: the rules are in `domain`. `ingest` takes its snapshot of programs from here, `worker`
//! applies batches, `console` reads, `cli` administers. It knows none of them, nor the queue.

mod attempts;
mod audit;
pub mod batch;
mod dead_letters;
mod diagnosis;
mod facts;
mod fault;
mod maintenance;
mod meters;
mod noted;
mod postgres;
mod programs;
mod reads;
mod session;
mod sqlite;

pub use audit::{Account, Counted, Gap, PACKS_FOLDED, RunAccount, Verdict, WAIT_FACTOR};
pub use dead_letters::{Letter, LetterBody, LetterCursor, LetterFilter};
pub use diagnosis::{DatabaseSetting, Diagnosis};
pub use fault::StoreError;
pub use maintenance::{ForgetCursor, Forgotten};
pub use meters::describe_metrics;
pub use postgres::{Postgres, PostgresSettings};
pub use programs::{Key, KeyDigest, Link, NewProgram, Partner, Program, ProgramChange, Snapshot};
pub use reads::{CUSTOMERS_SHOWN, CustomerEvent, CustomerView, EVENTS_SHOWN, EventKind, EventView};
pub use session::Session;
pub use sqlite::Sqlite;

use sqlx::SqlitePool;
use std::path::Path;

/// One of the two databases. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub enum Store {
    /// PostgreSQL, reached over the network by several processes.
    Postgres(Postgres),
    /// SQLite, a file that one process owns.
    Sqlite(Sqlite),
}

/// Asks whichever database the store is for the same thing.
macro_rules! either {
    ($store:expr, $backend:ident => $answer:expr) => {
        match $store {
            $crate::Store::Postgres($backend) => $answer,
            $crate::Store::Sqlite($backend) => $answer,
        }
    };
}
use either;

impl Store {
    /// Postgres, connected to when it is first asked: this does not fail because the server is away.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] when the settings cannot be those of a Postgres server.
    pub async fn postgres(settings: PostgresSettings) -> Result<Store, StoreError> {
        Postgres::new(settings).map(Store::Postgres)
    }

    /// The SQLite file at that path, created (mode 0600) when it does not exist. Its directory must exist.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] when it cannot be opened for writing or the library is too old.
    pub async fn sqlite(path: &Path) -> Result<Store, StoreError> {
        Sqlite::open(path).await.map(Store::Sqlite)
    }

    /// The one connection that writes to the SQLite file, for the queue that lives in the same file.
    pub fn sqlite_writer(&self) -> Option<SqlitePool> {
        match self {
            Store::Postgres(_) => None,
            Store::Sqlite(sqlite) => Some(sqlite.writer().clone()),
        }
    }

    /// Brings the schema up to this version. Running it again, or from several processes at once, does no harm.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        either!(self, backend => backend.migrate().await)
    }

    /// Whether the schema has everything this version needs. A newer schema is current too.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn schema_is_current(&self) -> Result<bool, StoreError> {
        either!(self, backend => backend.schema_is_current().await)
    }

    /// Whether the database answers and takes writes.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] when it is read-only, others when it does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        either!(self, backend => backend.ping().await)
    }

    /// Whether a process can work with it now: it answers, takes writes and has the schema.
    ///
    /// # Errors
    /// [`StoreError`] says why not.
    pub async fn usable(&self) -> Result<(), StoreError> {
        self.ping().await?;
        if self.schema_is_current().await? {
            return Ok(());
        }
        Err(StoreError::Misconfigured("its schema is missing or too old: run `worker migrate`".to_owned()))
    }

    /// Asks the database about itself. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn diagnosis(&self) -> Result<Diagnosis, StoreError> {
        either!(self, backend => backend.diagnosis().await)
    }

    /// Closes all connections; open statements end first.
    pub async fn close(&self) {
        either!(self, backend => backend.close().await);
    }
}

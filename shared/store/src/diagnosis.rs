//! What a person wants to know of a database before trusting it: version, clock, and the settings that make a commit
//! durable. Changes nothing. Called by `affitor doctor`.

use crate::{Store, StoreError, postgres, sqlite};
use domain::Timestamp;

/// The database as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Such as `15.14`.
    pub version: String,
    /// Its clock.
    pub now: Timestamp,
    /// Settings that matter: name, value in force, and whether it is one that can be relied on.
    pub settings: Vec<DatabaseSetting>,
}

/// One setting of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSetting {
    /// Its name.
    pub name: String,
    /// Its value in a session of ours.
    pub value: String,
    /// What it has to be.
    pub expected: &'static str,
}

impl DatabaseSetting {
    /// Whether it is as it has to be.
    pub fn is_right(&self) -> bool {
        self.value.eq_ignore_ascii_case(self.expected)
    }
}

impl Store {
    /// Asks the database about itself.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn diagnosis(&self) -> Result<Diagnosis, StoreError> {
        let (version, now, settings) = match self {
            Store::Postgres(postgres) => postgres::diagnosis::ask(postgres).await?,
            Store::Sqlite(sqlite) => sqlite::diagnosis::ask(sqlite).await?,
        };
        let settings = settings.into_iter().map(|(name, value, expected)| DatabaseSetting { name, value, expected });
        Ok(Diagnosis { version, now: Timestamp::from_micros(now), settings: settings.collect() })
    }
}

/// Version, clock in microseconds since the Unix epoch, and settings: name, value, expected.
pub(crate) type DiagnosisRow = (String, i64, Vec<(String, String, &'static str)>);

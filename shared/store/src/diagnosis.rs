//! What a person wants to know of a database before trusting it: version, clock, and the settings that make a commit
//! durable. Each database answers for itself. Made for `affitor doctor`.

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

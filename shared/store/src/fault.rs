//! What can go wrong with a database, named after what to do about it: wait, give up on one event, or call a person.
//!
//! The only place that reads SQLSTATEs and SQLite's result codes. Everybody who asks the store matches on
//! [`StoreError`].

use sqlx::{migrate::MigrateError, postgres::PgDatabaseError, sqlite::SqliteError};
use thiserror::Error;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It does not answer, or broke off: drop the connection, try again later.
    #[error("the database is away and will be tried again: {0}")]
    Away(String),
    /// It answers, but somebody else has what is needed, or it is full: drop the connection, try again later.
    #[error("the database is busy and will be tried again: {0}")]
    Busy(String),
    /// It will never take this data; other data is fine.
    #[error("the database refuses the data ({code}): {message}")]
    Refused {
        /// SQLSTATE, or SQLite's extended result code.
        code: String,
        /// The constraint that was broken, where the database names it.
        constraint: Option<String>,
        /// The database's own words. They may hold a value: for operators, never for clients.
        message: String,
    },
    /// A person must act: address, rights, schema, a read-only server.
    #[error("the database cannot be used as it is set up: {0}")]
    Misconfigured(String),
    /// There is nothing of that number or name.
    #[error("{0}")]
    NotFound(String),
    /// What is there already stands against it.
    #[error("{0}")]
    Conflict(String),
    /// The values given break a rule.
    #[error("{0}")]
    Invalid(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match error {
            Error::Database(error) => {
                if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                    of_postgres(error)
                } else if let Some(error) = error.try_downcast_ref::<SqliteError>() {
                    of_sqlite(error)
                } else {
                    StoreError::Away(error.to_string())
                }
            }
            Error::Migrate(error) => StoreError::from(*error),
            Error::PoolTimedOut => StoreError::Busy("all connections are in use".to_owned()),
            Error::Encode(_) | Error::InvalidArgument(_) => {
                StoreError::Refused { code: "encode".to_owned(), constraint: None, message: error.to_string() }
            }
            Error::Configuration(_)
            | Error::ConfigFile(_)
            | Error::TypeNotFound { .. }
            | Error::ColumnIndexOutOfBounds { .. }
            | Error::ColumnNotFound(_)
            | Error::ColumnDecode { .. }
            | Error::Decode(_)
            | Error::AnyDriverError(_)
            | Error::InvalidSavePointStatement => StoreError::Misconfigured(error.to_string()),
            // Whatever else happened, the connection is not to be trusted any more.
            _ => StoreError::Away(error.to_string()),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::from(error),
            other => StoreError::Misconfigured(format!("the schema cannot be brought up to date: {other}")),
        }
    }
}

impl From<crate::facts::BadFacts> for StoreError {
    fn from(error: crate::facts::BadFacts) -> Self {
        StoreError::Misconfigured(error.to_string())
    }
}

fn of_postgres(error: &PgDatabaseError) -> StoreError {
    let code = error.code();
    let message = format!("{} ({code})", error.message());
    match (&code[..2], code) {
        (_, "25006") => StoreError::Misconfigured(format!("{message}; point it at the primary")),
        (_, "57014") | ("40" | "53" | "55", _) => StoreError::Busy(message),
        // 21 and 54 too: the same row twice, a value too long for its index. It is the data that must go.
        ("21" | "22" | "23" | "54", _) => StoreError::Refused {
            code: code.to_owned(),
            constraint: error.constraint().map(str::to_owned),
            message: error.message().to_owned(),
        },
        ("0A" | "28" | "3D" | "3F" | "42", _) => StoreError::Misconfigured(message),
        _ => StoreError::Away(message),
    }
}

fn of_sqlite(error: &SqliteError) -> StoreError {
    use sqlx::error::DatabaseError;
    let code = error.code().unwrap_or_default().into_owned();
    let message = error.to_string();
    // The low byte is the kind of error; the rest of the number is detail.
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        BUSY | LOCKED => StoreError::Busy(message),
        TOO_BIG | CONSTRAINT | MISMATCH | RANGE => StoreError::Refused { code, constraint: None, message },
        ERROR | PERMISSION | READ_ONLY | CORRUPT | CANNOT_OPEN | MISUSE | NOT_A_DATABASE => {
            StoreError::Misconfigured(message)
        }
        _ => StoreError::Away(message),
    }
}

// SQLite's primary result codes, https://www.sqlite.org/rescode.html.
const ERROR: u32 = 1;
const PERMISSION: u32 = 3;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READ_ONLY: u32 = 8;
const CORRUPT: u32 = 11;
const CANNOT_OPEN: u32 = 14;
const TOO_BIG: u32 = 18;
const CONSTRAINT: u32 = 19;
const MISMATCH: u32 = 20;
const MISUSE: u32 = 21;
const RANGE: u32 = 25;
const NOT_A_DATABASE: u32 = 26;

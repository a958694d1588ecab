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
            // The connection is not to be trusted any more.
            Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::RowNotFound
            | Error::PoolClosed
            | Error::WorkerCrashed
            | Error::BeginFailed
            | _ => StoreError::Away(error.to_string()),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
            return error.into();
        }
        StoreError::Misconfigured(format!("the schema cannot be brought up to date: {error}"))
    }
}

fn of_postgres(error: &PgDatabaseError) -> StoreError {
    let code = error.code();
    let message = format!("{} ({code})", error.message());
    match (&code[..2], code) {
        (_, "25006") => StoreError::Misconfigured(format!("{message}; point it at the primary")),
        (_, "57014") | ("40" | "53" | "55", _) => StoreError::Busy(message),
        // COPY casts nothing: a column's type is not the one that this version writes. No event is to blame.
        (_, "22P03") => StoreError::Misconfigured(format!("{message}; run workers of the schema's version")),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

    fn kind(error: &StoreError) -> &'static str {
        match error {
            StoreError::Away(_) => "away",
            StoreError::Busy(_) => "busy",
            StoreError::Refused { .. } => "refused",
            StoreError::Misconfigured(_) => "misconfigured",
            StoreError::NotFound(_) | StoreError::Conflict(_) | StoreError::Invalid(_) => "asked wrongly",
        }
    }

    #[tokio::test]
    async fn each_sqlstate_says_what_to_do_about_it() {
        let server = std::env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names no Postgres server to test on; ./tests/run.sh starts one");
        let mut connection = PgConnection::connect(&server).await.unwrap();
        for (codes, expected) in [
            (["08006", "25P02", "57P01", "57P03", "58030", "XX000"].as_slice(), "away"),
            (&["40001", "40P01", "53100", "53300", "55P03", "57014"], "busy"),
            (&["21000", "22021", "22P02", "23505", "23514", "54000"], "refused"),
            (&["22P03", "25006", "28000", "28P01", "3D000", "42501", "42703", "42P01"], "misconfigured"),
        ] {
            for code in codes {
                let raise = AssertSqlSafe(format!("DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$"));
                let error = StoreError::from(connection.execute(raise).await.unwrap_err());
                assert_eq!(kind(&error), expected, "{code}: {error}");
            }
        }
    }

    #[tokio::test]
    async fn each_sqlite_code_says_what_to_do_about_it() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY CHECK (n > 0)) STRICT").await.unwrap();
        connection.execute("INSERT INTO t VALUES (1)").await.unwrap();
        for (statement, expected) in [
            ("INSERT INTO t VALUES (1)", "refused"),
            ("INSERT INTO t VALUES (0)", "refused"),
            ("INSERT INTO t VALUES ('one')", "refused"),
            ("SELECT * FROM missing", "misconfigured"),
            ("PRAGMA query_only = ON; INSERT INTO t VALUES (2)", "misconfigured"),
        ] {
            let error = StoreError::from(connection.execute(statement).await.unwrap_err());
            assert_eq!(kind(&error), expected, "{statement}: {error}");
        }
    }

    #[test]
    fn what_no_server_said_is_told_apart_too() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(kind(&sqlx::Error::Io(io).into()), "away");
        assert_eq!(kind(&sqlx::Error::WorkerCrashed.into()), "away");
        assert_eq!(kind(&sqlx::Error::PoolTimedOut.into()), "busy");
        assert_eq!(kind(&sqlx::Error::ColumnNotFound("n".to_owned()).into()), "misconfigured");
        assert_eq!(kind(&MigrateError::VersionMismatch(1).into()), "misconfigured");
    }
}

//! Connections to Postgres: every one with the same session settings, none to a server that only reads.
//!
//! Only connecting has a deadline here. What a connected server does too slowly, it ends itself: a future that is
//! dropped half-way could leave a transaction open.

use super::Postgres;
use crate::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection};
use std::{fmt, str::FromStr, time::Duration};
use tokio::time::timeout;

/// Where the database is, and how long its server lets anything take.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`.
    pub url: String,
    /// For opening a connection, and for waiting for one of the pool.
    pub connect_timeout: Duration,
    /// For one statement.
    pub statement_timeout: Duration,
    /// For one lock.
    pub lock_timeout: Duration,
    /// For the pause between two statements of a transaction.
    pub idle_in_transaction_timeout: Duration,
    /// Connections for reads and refreshes, at least 1. Each transaction has one of its own beside them.
    pub pool_size: u32,
}

impl PostgresSettings {
    /// The default settings for that database.
    pub fn for_url(url: impl Into<String>) -> Self {
        PostgresSettings {
            url: url.into(),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(30),
            pool_size: 4,
        }
    }

    fn options(&self) -> Result<PgConnectOptions, StoreError> {
        // The parser's words may hold the password.
        PgConnectOptions::from_str(&self.url).map_err(|_| {
            StoreError::Misconfigured("its address is not postgres://user:password@host:port/database".to_owned())
        })
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings").field("pool_size", &self.pool_size).finish_non_exhaustive()
    }
}

// Forced, whatever the server, the database or the role have as default: an event is acknowledged on the strength of
// a commit that has reached the disk.
const SET_SESSION: &str = "/* set_session */ SELECT \
     set_config('application_name', 'affitor', false), \
     set_config('timezone', 'UTC', false), \
     set_config('synchronous_commit', 'on', false), \
     set_config('statement_timeout', $1, false), \
     set_config('lock_timeout', $2, false), \
     set_config('idle_in_transaction_session_timeout', $3, false)";
const IS_READ_ONLY: &str =
    "/* is_read_only */ SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";

impl Postgres {
    pub(crate) fn new(settings: PostgresSettings) -> Result<Self, StoreError> {
        let options = settings.options()?;
        let session = settings.clone();
        let pool = PgPoolOptions::new()
            .max_connections(settings.pool_size.max(1))
            .acquire_timeout(settings.connect_timeout)
            .after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move { set_session(connection, &session).await })
            })
            .connect_lazy_with(options);
        Ok(Postgres { settings, pool })
    }

    /// A connection that belongs to nobody else, for a transaction or a worker's lane. Whoever has it drops it on any
    /// error.
    pub(crate) async fn dedicated(&self) -> Result<PgConnection, StoreError> {
        let options = self.settings.options()?;
        let connect = async {
            let mut connection = PgConnection::connect_with(&options).await?;
            set_session(&mut connection, &self.settings).await?;
            refuse_read_only(&mut connection).await?;
            Ok(connection)
        };
        // Cancelling is harmless here: the connection goes with it.
        timeout(self.settings.connect_timeout, connect).await.unwrap_or_else(|_| {
            Err(StoreError::Away(format!("no connection within {:?}", self.settings.connect_timeout)))
        })
    }

    /// A connection for single statements, or for a transaction whose future nobody drops.
    pub(crate) async fn pooled(&self) -> Result<PoolConnection<sqlx::Postgres>, StoreError> {
        match self.pool.acquire().await {
            // The pool tries until its deadline and then doesn't say what was wrong. Asking once more does.
            Err(sqlx::Error::PoolTimedOut) => match self.dedicated().await {
                Ok(_) => Err(sqlx::Error::PoolTimedOut.into()),
                Err(reason) => Err(reason),
            },
            answer => Ok(answer?),
        }
    }
}

async fn set_session(connection: &mut PgConnection, settings: &PostgresSettings) -> Result<(), sqlx::Error> {
    let millis = |duration: Duration| duration.as_millis().to_string();
    sqlx::query(SET_SESSION)
        .bind(millis(settings.statement_timeout))
        .bind(millis(settings.lock_timeout))
        .bind(millis(settings.idle_in_transaction_timeout))
        .execute(connection)
        .await
        .map(drop)
}

/// A standby, or a primary set to read only, would take every event back to the queue.
pub(super) async fn refuse_read_only(connection: &mut PgConnection) -> Result<(), StoreError> {
    if sqlx::query_scalar(IS_READ_ONLY).fetch_one(connection).await? {
        let text =
            "its server is read-only (a standby, or default_transaction_read_only is on); point it at the primary";
        return Err(StoreError::Misconfigured(text.to_owned()));
    }
    Ok(())
}

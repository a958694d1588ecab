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
        // sqlx takes any scheme, and its words on a wrong address may hold the password.
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| self.url.starts_with(scheme));
        PgConnectOptions::from_str(&self.url).ok().filter(|_| known).ok_or_else(|| {
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
// a commit that has reached the disk; a statement must see what was committed while the one before it waited for a
// lock; and a plan kept from the day when the tables were empty would read them whole as they grow.
const SET_SESSION: &str = "/* set_session */ SELECT \
     set_config('application_name', 'affitor', false), \
     set_config('timezone', 'UTC', false), \
     set_config('synchronous_commit', 'on', false), \
     set_config('default_transaction_isolation', 'read committed', false), \
     set_config('plan_cache_mode', 'force_custom_plan', false), \
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// The server's own defaults are all against us; the session's settings must win.
    fn postgres() -> Postgres {
        let server = std::env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names no Postgres server to test on; ./tests/run.sh starts one");
        let mut url = url::Url::parse(&server).unwrap();
        url.query_pairs_mut().append_pair("application_name", "somebody").append_pair(
            "options",
            "-c synchronous_commit=off -c statement_timeout=0 -c timezone=Asia/Tokyo \
                 -c default_transaction_isolation=serializable -c plan_cache_mode=force_generic_plan",
        );
        let mut settings = PostgresSettings::for_url(url);
        settings.statement_timeout = Duration::from_millis(1_500);
        Postgres::new(settings).unwrap()
    }

    async fn assert_forced(connection: &mut PgConnection) {
        for (name, expected) in [
            ("application_name", "affitor"),
            ("timezone", "UTC"),
            ("synchronous_commit", "on"),
            ("default_transaction_isolation", "read committed"),
            ("plan_cache_mode", "force_custom_plan"),
            ("statement_timeout", "1500ms"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "30s"),
        ] {
            let setting: String =
                sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&mut *connection).await.unwrap();
            assert_eq!(setting, expected, "{name}");
        }
    }

    #[tokio::test]
    async fn the_session_settings_are_in_force_on_every_connection() {
        let postgres = postgres();
        assert_forced(&mut postgres.dedicated().await.unwrap()).await;
        assert_forced(&mut postgres.pooled().await.unwrap()).await;
    }

    #[tokio::test]
    async fn the_server_ends_what_takes_too_long() {
        let mut connection = postgres().dedicated().await.unwrap();
        let error = sqlx::query("SELECT pg_sleep(60)").execute(&mut connection).await.unwrap_err();
        assert!(matches!(StoreError::from(error), StoreError::Busy(_)));
    }

    #[tokio::test]
    async fn a_pool_in_use_is_busy_not_away() {
        let mut settings = postgres().settings;
        settings.pool_size = 1;
        settings.connect_timeout = Duration::from_millis(500);
        let postgres = Postgres::new(settings).unwrap();
        let held = postgres.pooled().await.unwrap();
        assert!(matches!(postgres.pooled().await, Err(StoreError::Busy(_))));
        drop(held);
    }
}

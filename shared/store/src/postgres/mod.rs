//! The store on PostgreSQL. Reads and refreshes take connections from a small pool; whatever has a transaction has a
//! connection of its own, so that one given up half-way ends with it instead of going back to the pool open.

/// Microseconds since the Unix epoch, as the rows are read.
macro_rules! micros {
    ($column:literal) => {
        concat!("(extract(epoch FROM ", $column, ") * 1000000)::bigint")
    };
}

pub(crate) mod apply;
pub(crate) mod attempts;
pub(crate) mod audit;
mod change;
mod connect;
pub(crate) mod dead_letters;
mod diagnosis;
mod keys;
pub(crate) mod maintenance;
mod partners;
mod programs;
pub(crate) mod reads;

pub use connect::PostgresSettings;

use crate::StoreError;
use sqlx::{PgConnection, PgPool, migrate::Migrator};
use std::collections::HashSet;
use std::time::Duration;

/// A PostgreSQL database. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Postgres {
    settings: PostgresSettings,
    pool: PgPool,
}

const LIFT_TIMEOUTS: &str = "/* lift_timeouts */ SELECT set_config('statement_timeout', '0', false), \
     set_config('lock_timeout', '0', false)";
const APPLIED: &str = "/* applied_migrations */ SELECT version FROM _sqlx_migrations WHERE success";
const UNDEFINED_TABLE: &str = "42P01";

impl Postgres {
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.dedicated().await?;
        // Waiting for another process that migrates, and building an index, may take as long as they take.
        sqlx::query(LIFT_TIMEOUTS).execute(&mut connection).await?;
        // `run` does the same, but its future cannot be spawned.
        migrations().run_direct(None, &mut connection, false).await?;
        Ok(())
    }

    pub(crate) async fn schema_is_current(&self) -> Result<bool, StoreError> {
        let mut connection = self.pooled().await?;
        let applied: Vec<i64> = match sqlx::query_scalar(APPLIED).fetch_all(&mut *connection).await {
            Ok(versions) => versions,
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let applied: HashSet<i64> = applied.into_iter().collect();
        Ok(migrations().iter().all(|migration| applied.contains(&migration.version)))
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.pooled().await?;
        connect::refuse_read_only(&mut connection).await
    }

    /// How long a batch may take before its connection counts as silent: no single statement takes half of it.
    pub(crate) fn silence(&self) -> Duration {
        self.settings.statement_timeout * 2
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A schema that is newer than this program is fine: migrations only ever add until the last old process is gone.
fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("./migrations/postgres");
    migrations.set_ignore_missing(true);
    migrations
}

/// A lane's own connection, and what is remembered from one batch to the next while it lasts.
#[derive(Debug)]
pub struct OwnConnection {
    pub(crate) link: PgConnection,
    pub(crate) wary: u32,
}

/// A lane's own connection, or a new one after an error. Put it back only when all went well.
pub(crate) async fn taken(store: &Postgres, own: &mut Option<OwnConnection>) -> Result<OwnConnection, StoreError> {
    match own.take() {
        Some(connection) => Ok(connection),
        None => Ok(OwnConnection { link: store.dedicated().await?, wary: 0 }),
    }
}

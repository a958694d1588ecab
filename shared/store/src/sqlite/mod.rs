//! The store in one SQLite file, for a single process: one connection writes, a few read beside it (WAL).

pub(crate) mod apply;
pub(crate) mod attempts;
pub(crate) mod audit;
mod connect;
pub(crate) mod dead_letters;
mod diagnosis;
mod keys;
pub(crate) mod maintenance;
mod partners;
mod programs;
pub(crate) mod reads;

use crate::StoreError;
use sqlx::{SqlitePool, migrate::Migrator};
use std::collections::HashSet;
use uuid::Uuid;

/// An open SQLite file. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

const HAS_MIGRATIONS: &str = "/* has_migrations */ SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
const APPLIED: &str = "/* applied_migrations */ SELECT version FROM _sqlx_migrations WHERE success";

impl Sqlite {
    /// The only connection that writes. Waiting for it has a generous deadline, not a short one: it is busy, not away.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        // sqlx has no lock of its own for SQLite: this one holds off another process that opens the same file.
        let mut change = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        // `run` does the same, but its future cannot be spawned.
        migrations().run_direct(None, &mut *change, false).await?;
        Ok(change.commit().await?)
    }

    pub(crate) async fn schema_is_current(&self) -> Result<bool, StoreError> {
        let tables: i64 = sqlx::query_scalar(HAS_MIGRATIONS).fetch_one(&self.readers).await?;
        if tables == 0 {
            return Ok(false);
        }
        let applied: Vec<i64> = sqlx::query_scalar(APPLIED).fetch_all(&self.readers).await?;
        let applied: HashSet<i64> = applied.into_iter().collect();
        Ok(migrations().iter().all(|migration| applied.contains(&migration.version)))
    }

    /// Taking the write lock is refused by a read-only file or disk; nothing is written.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?.rollback().await?)
    }

    pub(crate) async fn close(&self) {
        // The writer last: it folds the write-ahead log back into the file.
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A schema that is newer than this program is fine: migrations only ever add until the last old process is gone.
fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("./migrations/sqlite");
    migrations.set_ignore_missing(true);
    migrations
}

/// Ids as one parameter, a JSON array of hexadecimal texts: SQLite binds no arrays.
fn json(ids: &[Uuid]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{}\"", id.simple())).collect();
    format!("[{}]", quoted.join(","))
}

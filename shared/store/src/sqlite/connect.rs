//! Opens the SQLite file so that a commit is on the disk, whatever the machine does next.

use super::Sqlite;
use crate::StoreError;
use sqlx::SqliteConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::{path::Path, time::Duration};

/// Versions from 3.7.0 on can corrupt a write-ahead log that several connections reset at once; mended in this one.
const OLDEST: [u32; 3] = [3, 51, 3];
/// Longer than any batch takes. Whoever waits is waiting for a neighbour in the same process.
const WAIT_FOR_WRITER: Duration = Duration::from_secs(60);
/// For another process at the same file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
/// 16 MiB, as SQLite counts them.
const WRITER_CACHE: &str = "-16384";
/// A page that many batches have changed is written to its place once: the log grows to 32 MiB instead of 4.
const CHECKPOINT_PAGES: &str = "8192";

impl Sqlite {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        make_private(path).await?;
        let options = options(path);
        // The writer never ends: a new one would have to win the file's lock again.
        let writer = forever(1).connect_with(for_writing(options.clone())).await?;
        check(&mut *writer.acquire().await?).await?;
        let readers = forever(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Sqlite { writer, readers })
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Without these two, macOS hands the data to the disk's cache and calls it durable.
        .pragma("fullfsync", "1")
        .pragma("checkpoint_fullfsync", "1")
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
}

/// What spares the one writer most of its reads and writes: random keys touch pages all over the file.
fn for_writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.pragma("cache_size", WRITER_CACHE).pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
}

fn forever(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WAIT_FOR_WRITER)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Emails and digests live in it: only its owner may read it. The log files beside it get the same mode from SQLite.
async fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut open = tokio::fs::OpenOptions::new();
    open.write(true).create(true).truncate(false);
    #[cfg(unix)]
    open.mode(0o600);
    let cannot = |error| StoreError::Misconfigured(format!("{} cannot be written: {error}", path.display()));
    let file = open.open(path).await.map_err(cannot)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).await.map_err(cannot)?;
    drop(file);
    Ok(())
}

async fn check(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let version: String =
        sqlx::query_scalar("/* version */ SELECT sqlite_version()").fetch_one(&mut *connection).await?;
    if numbers(&version) < OLDEST {
        let [major, minor, patch] = OLDEST;
        let text = format!("SQLite {version} can corrupt the file; build with {major}.{minor}.{patch} or newer");
        return Err(StoreError::Misconfigured(text));
    }
    let mode: String = sqlx::query_scalar("/* journal_mode */ PRAGMA journal_mode").fetch_one(connection).await?;
    if mode != "wal" {
        let text = "its directory does not support a write-ahead log; choose one on a local disk".to_owned();
        return Err(StoreError::Misconfigured(text));
    }
    Ok(())
}

fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [0; 3].map(|zero: u32| parts.next().unwrap_or(zero))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn versions_with_the_corruption_are_older_than_the_oldest_allowed() {
        assert!(numbers("3.51.2") < OLDEST);
        assert!(numbers("3.9.9") < OLDEST);
        assert!(numbers("3.51.3") >= OLDEST);
        assert!(numbers("3.52.0") >= OLDEST);
        assert!(numbers("nonsense") < OLDEST);
    }
}

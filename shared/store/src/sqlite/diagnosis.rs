//! What SQLite says of itself.

use super::Sqlite;
use crate::StoreError;
use crate::diagnosis::DiagnosisRow;

const VERSION: &str = "/* diagnosis */ SELECT sqlite_version(), CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

const JOURNAL: &str = "/* diagnosis: journal */ PRAGMA journal_mode";

/// 2 is FULL: a commit is on the disk.
const SYNCHRONOUS: &str = "/* diagnosis: synchronous */ SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous";

pub(crate) async fn ask(store: &Sqlite) -> Result<DiagnosisRow, StoreError> {
    let mut writer = store.writer().acquire().await?;
    let (version, now) = sqlx::query_as(VERSION).fetch_one(&mut *writer).await?;
    let journal = sqlx::query_scalar(JOURNAL).fetch_one(&mut *writer).await?;
    let synchronous = sqlx::query_scalar(SYNCHRONOUS).fetch_one(&mut *writer).await?;
    let settings = vec![("journal_mode".to_owned(), journal, "wal"), ("synchronous".to_owned(), synchronous, "2")];
    Ok((version, now, settings))
}

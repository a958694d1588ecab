//! What SQLite says of itself.

use super::Sqlite;
use crate::StoreError;
use crate::diagnosis::{DatabaseSetting, Diagnosis};
use domain::Timestamp;

const VERSION: &str = "/* diagnosis */ SELECT sqlite_version(), CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

const JOURNAL: &str = "/* diagnosis: journal */ PRAGMA journal_mode";

/// 2 is FULL: a commit is on the disk.
const SYNCHRONOUS: &str = "/* diagnosis: synchronous */ SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous";

impl Sqlite {
    pub(crate) async fn diagnosis(&self) -> Result<Diagnosis, StoreError> {
        let mut writer = self.writer().acquire().await?;
        let (version, now) = sqlx::query_as(VERSION).fetch_one(&mut *writer).await?;
        let journal = sqlx::query_scalar(JOURNAL).fetch_one(&mut *writer).await?;
        let synchronous = sqlx::query_scalar(SYNCHRONOUS).fetch_one(&mut *writer).await?;
        let settings = vec![
            DatabaseSetting { name: "journal_mode".to_owned(), value: journal, expected: "wal" },
            DatabaseSetting { name: "synchronous".to_owned(), value: synchronous, expected: "2" },
        ];
        Ok(Diagnosis { version, now: Timestamp::from_micros(now), settings })
    }
}

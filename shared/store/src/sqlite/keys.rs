//! API keys on SQLite: their digests only.

use super::Sqlite;
use crate::StoreError;
use crate::programs::{Key, KeyRow, all};
use domain::{ApiKey, ProgramId, Timestamp};

macro_rules! key {
    () => {
        "key_id, program_id, label, created_at, revoked_at, version"
    };
}

const CREATE_KEY: &str = concat!(
    "/* create_key */ INSERT INTO api_keys (program_id, key_id, label, digest, version) \
     SELECT program_id, $2, $3, $4, $5 FROM programs WHERE program_id = $1 RETURNING ",
    key!()
);
const KEYS: &str =
    concat!("/* keys */ SELECT ", key!(), " FROM api_keys WHERE program_id = $1 ORDER BY created_at, key_id");
// min() of a NULL is NULL.
const REVOKE_KEY: &str = concat!(
    "/* revoke_key */ UPDATE api_keys SET revoked_at = min(coalesce(revoked_at, $3), $3), version = $4 \
     WHERE program_id = $1 AND key_id = $2 RETURNING ",
    key!()
);
pub(super) const CHANGED: &str =
    "/* changed_keys */ SELECT key_id, program_id, digest, revoked_at, version FROM api_keys WHERE version > $1";

impl Sqlite {
    pub(crate) async fn create_key(
        &self,
        program: ProgramId,
        label: &str,
        plain: &ApiKey,
    ) -> Result<Option<Key>, StoreError> {
        let (mut change, version) = self.begin().await?;
        let row: Option<KeyRow> = sqlx::query_as(CREATE_KEY)
            .bind(program.get())
            .bind(plain.key_id())
            .bind(label)
            .bind(plain.digest().to_vec())
            .bind(version)
            .fetch_optional(&mut *change)
            .await?;
        change.commit().await?;
        row.map(Key::try_from).transpose()
    }

    pub(crate) async fn keys(&self, program: ProgramId) -> Result<Vec<Key>, StoreError> {
        let query = sqlx::query_as(KEYS).bind(program.get());
        let rows: Vec<KeyRow> = query.fetch_all(self.readers()).await?;
        all(rows)
    }

    pub(crate) async fn revoke_key(
        &self,
        program: ProgramId,
        key_id: &str,
        at: Timestamp,
    ) -> Result<Option<Key>, StoreError> {
        let (mut change, version) = self.begin().await?;
        let query = sqlx::query_as(REVOKE_KEY).bind(program.get()).bind(key_id).bind(at.micros()).bind(version);
        let row: Option<KeyRow> = query.fetch_optional(&mut *change).await?;
        change.commit().await?;
        row.map(Key::try_from).transpose()
    }
}

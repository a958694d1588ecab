//! API keys on Postgres: their digests only.

use super::Postgres;
use super::change::begin;
use crate::StoreError;
use crate::programs::{Key, KeyRow, all};
use domain::{ApiKey, ProgramId, Timestamp};
use time::OffsetDateTime;

macro_rules! key {
    () => {
        concat!(
            "key_id, program_id, label, version, ",
            micros!("created_at"),
            " AS created_at, ",
            micros!("revoked_at"),
            " AS revoked_at"
        )
    };
}

const CREATE_KEY: &str = concat!(
    "/* create_key */ INSERT INTO api_keys (program_id, key_id, label, digest, version) \
     SELECT program_id, $2, $3, $4, $5 FROM programs WHERE program_id = $1 RETURNING ",
    key!()
);
const KEYS: &str =
    concat!("/* keys */ SELECT ", key!(), " FROM api_keys WHERE program_id = $1 ORDER BY created_at, key_id");
// LEAST passes over NULL.
const REVOKE_KEY: &str = concat!(
    "/* revoke_key */ UPDATE api_keys SET revoked_at = LEAST(revoked_at, $3), version = $4 \
     WHERE program_id = $1 AND key_id = $2 RETURNING ",
    key!()
);
pub(super) const CHANGED: &str = concat!(
    "/* changed_keys */ SELECT key_id, program_id, digest, version, ",
    micros!("revoked_at"),
    " AS revoked_at FROM api_keys WHERE version > $1"
);

impl Postgres {
    pub(crate) async fn create_key(
        &self,
        program: ProgramId,
        label: &str,
        plain: &ApiKey,
    ) -> Result<Option<Key>, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let row: Option<KeyRow> = sqlx::query_as(CREATE_KEY)
            .bind(program.get())
            .bind(plain.key_id())
            .bind(label)
            .bind(plain.digest())
            .bind(version)
            .fetch_optional(&mut *change)
            .await?;
        change.commit().await?;
        row.map(Key::try_from).transpose()
    }

    pub(crate) async fn keys(&self, program: ProgramId) -> Result<Vec<Key>, StoreError> {
        let query = sqlx::query_as(KEYS).bind(program.get());
        let rows: Vec<KeyRow> = query.fetch_all(&mut *self.pooled().await?).await?;
        all(rows)
    }

    pub(crate) async fn revoke_key(
        &self,
        program: ProgramId,
        key_id: &str,
        at: Timestamp,
    ) -> Result<Option<Key>, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let query = sqlx::query_as(REVOKE_KEY).bind(program.get()).bind(key_id).bind(moment(at)?).bind(version);
        let row: Option<KeyRow> = query.fetch_optional(&mut *change).await?;
        change.commit().await?;
        row.map(Key::try_from).transpose()
    }
}

/// Postgres' type knows no year past 9999; neither do operators.
fn moment(at: Timestamp) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.micros()) * 1_000)
        .map_err(|_| StoreError::Invalid("a key is revoked before the year 10000".to_owned()))
}

//! How a change of programs, partners, links or keys begins on Postgres: with the counter's row.
//!
//! It serialises changes: versions commit in order, and every statement after it sees all earlier changes.

use crate::StoreError;
use sqlx::{Connection, PgConnection, Transaction};

const NEXT_VERSION: &str = "/* next_version */ UPDATE settings_version SET version = version + 1 RETURNING version";

/// A transaction that holds the counter, and the version that it stamps.
pub(super) async fn begin(connection: &mut PgConnection) -> Result<(Transaction<'_, sqlx::Postgres>, i64), StoreError> {
    let mut change = connection.begin().await?;
    let version = sqlx::query_scalar(NEXT_VERSION).fetch_one(&mut *change).await?;
    Ok((change, version))
}

//! The notes on attempts, as Postgres keeps them.

use crate::StoreError;
use crate::batch::{Attempt, AttemptTuple};
use sqlx::PgConnection;
use uuid::Uuid;

const FIND: &str = "/* find_attempt */ SELECT message, holder, first, events, deaths FROM attempts WHERE message = $1";

const NOTE: &str = "/* note_attempt */
INSERT INTO attempts (message, holder, first, events, deaths) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (message) DO UPDATE SET holder = excluded.holder, first = excluded.first, events = excluded.events,
  deaths = excluded.deaths, begun_at = now()";

const FORGET: &str = "/* forget_attempt */ DELETE FROM attempts WHERE message = $1";

pub(crate) async fn find(connection: &mut PgConnection, message: Uuid) -> Result<Option<Attempt>, StoreError> {
    let row: Option<AttemptTuple> = sqlx::query_as(FIND).bind(message).fetch_optional(connection).await?;
    Ok(row.map(Attempt::from))
}

pub(crate) async fn note(connection: &mut PgConnection, attempt: &Attempt) -> Result<(), StoreError> {
    sqlx::query(NOTE)
        .bind(attempt.message)
        .bind(attempt.holder)
        .bind(i32::try_from(attempt.first).unwrap_or(i32::MAX))
        .bind(i32::try_from(attempt.events).unwrap_or(i32::MAX))
        .bind(i32::try_from(attempt.deaths).unwrap_or(i32::MAX))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn forget(connection: &mut PgConnection, message: Uuid) -> Result<(), StoreError> {
    sqlx::query(FORGET).bind(message).execute(connection).await?;
    Ok(())
}

//! The notes on attempts, as SQLite keeps them.

use super::Sqlite;
use crate::StoreError;
use crate::batch::{Attempt, AttemptTuple};
use sqlx::SqliteConnection;
use uuid::Uuid;

const FIND: &str = "/* find_attempt */ SELECT message, holder, first, events, deaths FROM attempts WHERE message = ?1";

const NOTE: &str = "/* note_attempt */
INSERT INTO attempts (message, holder, first, events, deaths, begun_at)
VALUES (?1, ?2, ?3, ?4, ?5, CAST(unixepoch('subsec') * 1000000 AS INTEGER))
ON CONFLICT (message) DO UPDATE SET holder = excluded.holder, first = excluded.first, events = excluded.events,
  deaths = excluded.deaths, begun_at = excluded.begun_at";

const FORGET: &str = "/* forget_attempt */ DELETE FROM attempts WHERE message = ?1";

pub(crate) async fn find(store: &Sqlite, message: Uuid) -> Result<Option<Attempt>, StoreError> {
    let row: Option<AttemptTuple> = sqlx::query_as(FIND).bind(message).fetch_optional(store.writer()).await?;
    Ok(row.map(Attempt::from))
}

pub(crate) async fn note(connection: &mut SqliteConnection, attempt: &Attempt) -> Result<(), StoreError> {
    sqlx::query(NOTE)
        .bind(attempt.message)
        .bind(attempt.holder)
        .bind(i64::from(attempt.first))
        .bind(i64::from(attempt.events))
        .bind(i64::from(attempt.deaths))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn forget(connection: &mut SqliteConnection, message: Uuid) -> Result<(), StoreError> {
    sqlx::query(FORGET).bind(message).execute(connection).await?;
    Ok(())
}

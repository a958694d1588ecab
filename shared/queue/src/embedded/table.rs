//! The embedded queue's statements: its messages and the mark of an orderly end, found in the same
//! file as everything else.
//!
//! Lists of ids travel as one JSON parameter, so that every statement is one constant text.

use sqlx::{Row, SqlitePool};
use uuid::Uuid;

use crate::{Message, PublishError};

/// AUTOINCREMENT: an id is never used twice, so what a consumer settles late cannot be another row.
const CREATE: &str = "/* queue create */ CREATE TABLE IF NOT EXISTS queue_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id BLOB NOT NULL,
    events INTEGER NOT NULL,
    body BLOB NOT NULL,
    traceparent TEXT,
    enqueued_at INTEGER NOT NULL DEFAULT (unixepoch()))";
const CREATE_MARK: &str = "/* queue create mark */ CREATE TABLE IF NOT EXISTS queue_ended (
    ended_at INTEGER NOT NULL DEFAULT (unixepoch()))";
const MARK: &str = "/* queue mark */ INSERT INTO queue_ended DEFAULT VALUES";
const TAKE_MARK: &str = "/* queue take mark */ DELETE FROM queue_ended";
const IDS: &str = "/* queue ids */ SELECT id FROM queue_messages ORDER BY id";
const INSERT: &str = "/* queue insert */ INSERT INTO queue_messages
    (message_id, events, body, traceparent) VALUES (?, ?, ?, ?)";
const READ: &str = "/* queue read */ SELECT id, message_id, body, traceparent FROM queue_messages
    WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id";
const DELETE: &str = "/* queue delete */ DELETE FROM queue_messages
    WHERE id IN (SELECT value FROM json_each(?))";

pub(super) struct StoredMessage {
    pub(super) id: i64,
    pub(super) message_id: Option<Uuid>,
    pub(super) body: Vec<u8>,
    pub(super) traceparent: Option<String>,
}

pub(super) async fn create(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query(CREATE).execute(writer).await?;
    sqlx::query(CREATE_MARK).execute(writer).await.map(drop)
}

/// Notes that everything begun was settled when the queue was closed.
pub(super) async fn mark(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query(MARK).execute(writer).await.map(drop)
}

/// Whether that was noted; it holds for one start.
pub(super) async fn take_mark(writer: &SqlitePool) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query(TAKE_MARK).execute(writer).await?.rows_affected() > 0)
}

pub(super) async fn ids(writer: &SqlitePool) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(IDS).fetch_all(writer).await
}

/// Writes one row. The explicit transaction fails if somebody left the connection inside another
/// one, where an insert would seem done and then vanish with that one's rollback.
pub(super) async fn insert(writer: &SqlitePool, message: &Message) -> Result<i64, PublishError> {
    let not_written = |error: sqlx::Error| PublishError::NotAccepted(error.to_string());
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(not_written)?;
    let inserted = sqlx::query(INSERT)
        .bind(message.id.as_bytes().as_slice())
        .bind(message.events)
        .bind(message.body.as_slice())
        .bind(message.traceparent.as_deref())
        .execute(&mut *transaction)
        .await
        .map_err(not_written)?;
    // Only a failing COMMIT leaves it open whether the row is there.
    transaction.commit().await.map_err(|error| PublishError::Unknown(error.to_string()))?;
    Ok(inserted.last_insert_rowid())
}

pub(super) async fn read(writer: &SqlitePool, ids: &[i64]) -> Result<Vec<StoredMessage>, sqlx::Error> {
    let rows = sqlx::query(READ).bind(as_json(ids)).fetch_all(writer).await?;
    rows.iter()
        .map(|row| {
            Ok(StoredMessage {
                id: row.try_get("id")?,
                message_id: Uuid::from_slice(row.try_get("message_id")?).ok(),
                body: row.try_get("body")?,
                traceparent: row.try_get("traceparent")?,
            })
        })
        .collect()
}

pub(super) async fn delete(writer: &SqlitePool, ids: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query(DELETE).bind(as_json(ids)).execute(writer).await.map(drop)
}

/// `[1, 2, 3]`: how Rust writes a list of integers is also JSON.
fn as_json(ids: &[i64]) -> String {
    format!("{ids:?}")
}

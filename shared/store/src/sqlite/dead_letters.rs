//! The statements behind `crate::dead_letters`, as SQLite understands them.

use super::Sqlite;
use crate::StoreError;
use crate::dead_letters::letter::{LetterCursor, LetterFilter, LetterRow};
use domain::outcome::DeadLetterReason;
use uuid::Uuid;

macro_rules! letter {
    () => {
        "dead_letter_id, program_id, event_id, reason, message, run, number, whole_message, length(body) AS bytes, \
         recorded_at, replays, replayed_at"
    };
}

const LIST: &str = concat!(
    "/* list_dead_letters */ SELECT ",
    letter!(),
    " FROM dead_letters
WHERE (?1 IS NULL OR reason = ?1) AND (?2 IS NULL OR program_id = ?2) AND (?3 IS NULL OR recorded_at >= ?3)
  AND (?4 IS NULL OR (recorded_at, dead_letter_id) < (?4, ?5))
ORDER BY recorded_at DESC, dead_letter_id DESC LIMIT ?6"
);

const FIND: &str = concat!(
    "/* find_dead_letters */ SELECT ",
    letter!(),
    " FROM dead_letters WHERE dead_letter_id IN (SELECT unhex(value) FROM json_each(?1))
ORDER BY recorded_at DESC, dead_letter_id DESC"
);

const BODIES: &str = "/* letter_bodies */ SELECT dead_letter_id, body, whole_message FROM dead_letters
WHERE dead_letter_id IN (SELECT unhex(value) FROM json_each(?1))";

const NOTE_DISCARDED: &str = "/* note_discarded */
INSERT INTO discarded_letters (dead_letter_id, reason, run, number, whole_message, discarded_at)
SELECT dead_letter_id, reason, run, number, whole_message, CAST(unixepoch('subsec') * 1000000 AS INTEGER)
FROM dead_letters WHERE dead_letter_id IN (SELECT unhex(value) FROM json_each(?1))
ON CONFLICT DO NOTHING";

const DISCARD: &str = "/* discard_letters */
DELETE FROM dead_letters WHERE dead_letter_id IN (SELECT unhex(value) FROM json_each(?1))";

const NOTE: &str = "/* note_refused_replay */
UPDATE dead_letters SET reason = ?2, message = ?3, replays = replays + 1,
  replayed_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) WHERE dead_letter_id = ?1";

pub(crate) async fn list(
    store: &Sqlite,
    filter: LetterFilter,
    after: Option<LetterCursor>,
    limit: u32,
) -> Result<Vec<LetterRow>, StoreError> {
    let query = sqlx::query_as(LIST)
        .bind(filter.reason.map(DeadLetterReason::code))
        .bind(filter.program.map(i64::from))
        .bind(filter.since.map(|since| since.micros()))
        .bind(after.map(|after| after.recorded_at))
        .bind(after.map(|after| after.id))
        .bind(i64::from(limit));
    Ok(query.fetch_all(store.readers()).await?)
}

pub(crate) async fn find(store: &Sqlite, ids: &[Uuid]) -> Result<Vec<LetterRow>, StoreError> {
    Ok(sqlx::query_as(FIND).bind(super::json(ids)).fetch_all(store.readers()).await?)
}

pub(crate) async fn bodies(store: &Sqlite, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>, bool)>, StoreError> {
    Ok(sqlx::query_as(BODIES).bind(super::json(ids)).fetch_all(store.readers()).await?)
}

/// In one transaction, so that the letter is never neither there nor given up.
pub(crate) async fn discard(store: &Sqlite, ids: &[Uuid]) -> Result<u64, StoreError> {
    let ids = super::json(ids);
    let mut change = store.writer().begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(NOTE_DISCARDED).bind(&ids).execute(&mut *change).await?;
    let gone = sqlx::query(DISCARD).bind(&ids).execute(&mut *change).await?.rows_affected();
    change.commit().await?;
    Ok(gone)
}

pub(crate) async fn note(store: &Sqlite, id: Uuid, reason: DeadLetterReason, message: &str) -> Result<(), StoreError> {
    sqlx::query(NOTE).bind(id).bind(reason.code()).bind(message).execute(store.writer()).await?;
    Ok(())
}

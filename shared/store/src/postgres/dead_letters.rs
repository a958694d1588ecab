//! The statements behind `crate::dead_letters`, as Postgres understands them.

use super::Postgres;
use crate::StoreError;
use crate::dead_letters::letter::{LetterCursor, LetterFilter, LetterRow};
use domain::outcome::DeadLetterReason;
use uuid::Uuid;

macro_rules! letter {
    () => {
        concat!(
            "dead_letter_id, program_id, event_id, reason, message, run, number, whole_message, \
             octet_length(body)::bigint AS bytes, ",
            micros!("recorded_at"),
            " AS recorded_at, replays, ",
            micros!("replayed_at"),
            " AS replayed_at"
        )
    };
}

/// A moment given in microseconds.
macro_rules! moment {
    ($parameter:literal) => {
        concat!("timestamptz 'epoch' + ", $parameter, "::bigint * interval '1 microsecond'")
    };
}

const LIST: &str = concat!(
    "/* list_dead_letters */ SELECT ",
    letter!(),
    " FROM dead_letters
WHERE ($1::smallint IS NULL OR reason = $1) AND ($2::bigint IS NULL OR program_id = $2)
  AND ($3::bigint IS NULL OR dead_letters.recorded_at >= ",
    moment!("$3"),
    ")
  AND ($4::bigint IS NULL OR (dead_letters.recorded_at, dead_letter_id) < (",
    moment!("$4"),
    ", $5::uuid))
ORDER BY dead_letters.recorded_at DESC, dead_letter_id DESC LIMIT $6"
);

const FIND: &str = concat!(
    "/* find_dead_letters */ SELECT ",
    letter!(),
    " FROM dead_letters WHERE dead_letter_id = ANY ($1) ORDER BY dead_letters.recorded_at DESC, dead_letter_id DESC"
);

const BODIES: &str = "/* letter_bodies */
SELECT dead_letter_id, body, whole_message FROM dead_letters WHERE dead_letter_id = ANY ($1)";

/// One statement, so that the letter is never neither there nor given up.
const DISCARD: &str = "/* discard_letters */
WITH gone AS (DELETE FROM dead_letters WHERE dead_letter_id = ANY ($1) 
  RETURNING dead_letter_id, reason, run, number, whole_message),
noted AS (INSERT INTO discarded_letters (dead_letter_id, reason, run, number, whole_message) SELECT * FROM gone ON CONFLICT DO NOTHING)
SELECT count(*) FROM gone";

const NOTE: &str = "/* note_refused_replay */
UPDATE dead_letters SET reason = $2, message = $3, replays = replays + 1, replayed_at = now() WHERE dead_letter_id = $1";

pub(crate) async fn list(
    store: &Postgres,
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
    Ok(query.fetch_all(&mut *store.pooled().await?).await?)
}

pub(crate) async fn find(store: &Postgres, ids: &[Uuid]) -> Result<Vec<LetterRow>, StoreError> {
    Ok(sqlx::query_as(FIND).bind(ids).fetch_all(&mut *store.pooled().await?).await?)
}

pub(crate) async fn bodies(store: &Postgres, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>, bool)>, StoreError> {
    Ok(sqlx::query_as(BODIES).bind(ids).fetch_all(&mut *store.pooled().await?).await?)
}

pub(crate) async fn discard(store: &Postgres, ids: &[Uuid]) -> Result<u64, StoreError> {
    let gone: i64 = sqlx::query_scalar(DISCARD).bind(ids).fetch_one(&mut *store.pooled().await?).await?;
    Ok(u64::try_from(gone).unwrap_or_default())
}

pub(crate) async fn note(
    store: &Postgres,
    id: Uuid,
    reason: DeadLetterReason,
    message: &str,
) -> Result<(), StoreError> {
    let query = sqlx::query(NOTE).bind(id).bind(reason.code()).bind(message);
    query.execute(&mut *store.pooled().await?).await?;
    Ok(())
}

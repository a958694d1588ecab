//! The last statement of a batch's last transaction: the ledger's entries and the dead letters.
//!
//! It must return a row. In an aborted transaction it fails, where COMMIT would pretend to have worked.

use crate::StoreError;
use crate::batch::{Batch, Note};
use crate::postgres::{attempts, maintenance};
use domain::outcome::DeadLetterReason;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// A pack that is delivered again collides with its own entry, or lies in a range that it was folded into; two workers
/// with the same pack meet on the entry. One that is folded at this very moment may be entered again: it counts for
/// nothing, because it lies in the range, and the next fold removes it.
const ENTER_PACKS: &str = "/* enter_packs */
WITH entered AS (
  INSERT INTO packs (run, number, events, confirmed_before)
  SELECT u.* FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::bigint[]) AS u (run, number, events, confirmed_before)
  WHERE NOT EXISTS (SELECT FROM pack_ranges AS r
    WHERE r.run = u.run AND r.first <= u.number AND r.last >= u.number)
  ON CONFLICT DO NOTHING)
SELECT 1 AS alive";

const END_REPLAYED: &str = "/* end_replayed */ DELETE FROM dead_letters WHERE dead_letter_id = ANY ($1)";

const ENTER_UNCONFIRMED: &str = "/* enter_unconfirmed */
INSERT INTO unconfirmed_packs (run, number, events)
SELECT DISTINCT ON (1, 2) * FROM unnest($1::uuid[], $2::bigint[], $3::int[]) ORDER BY 1, 2
ON CONFLICT DO NOTHING";

const SET_ASIDE: &str = "/* set_aside */
INSERT INTO dead_letters (dead_letter_id, program_id, event_id, reason, message, run, number, body, whole_message)
SELECT DISTINCT ON (1) * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::smallint[], $5::text[], $6::uuid[],
  $7::bigint[], $8::bytea[], $9::boolean[]) ORDER BY 1
ON CONFLICT DO NOTHING RETURNING reason";

/// Closes the account of a batch, and says why each dead letter that is new was set aside. To be followed by COMMIT and
/// nothing else.
pub(super) async fn close(connection: &mut PgConnection, batch: &Batch) -> Result<Vec<DeadLetterReason>, StoreError> {
    // Before new ones are set aside: a letter may take the place of one that was replayed.
    if !batch.replayed.is_empty() {
        sqlx::query(END_REPLAYED).bind(&batch.replayed).execute(&mut *connection).await?;
    }
    let mut new = Vec::new();
    if !batch.dead_letters.is_empty() {
        new = set_aside(connection, batch).await?;
    }
    if batch.packs.iter().any(|pack| !pack.unconfirmed.is_empty()) {
        enter_unconfirmed(connection, batch).await?;
    }
    maintenance::note_tests(connection, &batch.events).await?;
    match &batch.note {
        Some(Note::Ended(message)) => attempts::forget(connection, *message).await?,
        Some(Note::Begins(attempt)) => attempts::note(connection, attempt).await?,
        None => {}
    }
    let mut packs: Vec<_> = batch.packs.iter().collect();
    packs.sort_by_key(|pack| (pack.run, pack.number));
    let row = sqlx::query(ENTER_PACKS)
        .bind(packs.iter().map(|pack| pack.run).collect::<Vec<_>>())
        .bind(packs.iter().map(|pack| pack.number as i64).collect::<Vec<_>>())
        .bind(packs.iter().map(|pack| pack.events as i32).collect::<Vec<_>>())
        .bind(packs.iter().map(|pack| pack.confirmed_before as i64).collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    row.try_get::<i32, _>("alive")?;
    Ok(new)
}

async fn enter_unconfirmed(connection: &mut PgConnection, batch: &Batch) -> Result<(), StoreError> {
    let listed: Vec<_> =
        batch.packs.iter().flat_map(|pack| pack.unconfirmed.iter().map(|gap| (pack.run, *gap))).collect();
    sqlx::query(ENTER_UNCONFIRMED)
        .bind(listed.iter().map(|(run, _)| *run).collect::<Vec<_>>())
        .bind(listed.iter().map(|(_, gap)| gap.number as i64).collect::<Vec<_>>())
        .bind(listed.iter().map(|(_, gap)| gap.events as i32).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

async fn set_aside(connection: &mut PgConnection, batch: &Batch) -> Result<Vec<DeadLetterReason>, StoreError> {
    let letters = &batch.dead_letters;
    let new: Vec<i16> = sqlx::query_scalar(SET_ASIDE)
        .bind(letters.iter().map(|letter| letter.id()).collect::<Vec<_>>())
        .bind(letters.iter().map(|letter| letter.program.map(i64::from)).collect::<Vec<_>>())
        .bind(letters.iter().map(|letter| letter.event.map(|event| event.uuid())).collect::<Vec<_>>())
        .bind(letters.iter().map(|letter| letter.reason.code()).collect::<Vec<_>>())
        .bind(letters.iter().map(|letter| letter.message.clone()).collect::<Vec<_>>())
        .bind(letters.iter().map(|letter| letter.pack.map(|(run, _)| run)).collect::<Vec<Option<Uuid>>>())
        .bind(letters.iter().map(|letter| letter.pack.map(|(_, number)| number as i64)).collect::<Vec<_>>())
        .bind(letters.iter().map(|letter| letter.body.clone()).collect::<Vec<_>>())
        .bind(letters.iter().map(|letter| letter.whole_message).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    Ok(new.into_iter().filter_map(DeadLetterReason::from_code).collect())
}

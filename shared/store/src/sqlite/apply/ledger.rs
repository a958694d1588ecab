//! The ledger's entries and the dead letters, in the transaction that applies their batch.

use super::rows::{blob, hex, hex_or_null, parameter};
use crate::StoreError;
use crate::batch::{Batch, Note};
use crate::sqlite::{attempts, maintenance};
use domain::outcome::DeadLetterReason;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

/// A pack that is delivered again collides with its own entry, or lies in a range that it was folded into.
const ENTER_PACKS: &str = "/* enter_packs */
INSERT INTO packs (run, number, events, confirmed_before, applied_at)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, ?2 FROM json_each(?1)
WHERE NOT EXISTS (SELECT 1 FROM pack_ranges AS r
  WHERE r.run = unhex(value ->> 0) AND r.first <= value ->> 1 AND r.last >= value ->> 1)
ON CONFLICT DO NOTHING";

const END_REPLAYED: &str = "/* end_replayed */
DELETE FROM dead_letters WHERE dead_letter_id IN (SELECT unhex(value) FROM json_each(?1))";

const ENTER_UNCONFIRMED: &str = "/* enter_unconfirmed */
INSERT INTO unconfirmed_packs (run, number, events)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING";

const SET_ASIDE: &str = "/* set_aside */
INSERT INTO dead_letters
  (dead_letter_id, program_id, event_id, reason, message, run, number, body, whole_message, recorded_at)
SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, unhex(value ->> 5), value ->> 6,
  unhex(value ->> 7), value ->> 8, ?2 FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING RETURNING reason";

/// Closes the account of a batch, and says why each dead letter that is new was set aside.
pub(super) async fn close(
    connection: &mut SqliteConnection,
    batch: &Batch,
    now: i64,
) -> Result<Vec<DeadLetterReason>, StoreError> {
    maintenance::note_tests(connection, &batch.events).await?;
    let packs = batch.packs.iter().map(|pack| json!([hex(pack.run), pack.number, pack.events, pack.confirmed_before]));
    let packs = parameter(packs.collect());
    sqlx::query(ENTER_PACKS).bind(packs).bind(now).execute(&mut *connection).await?;
    let unconfirmed: Vec<Value> = batch
        .packs
        .iter()
        .flat_map(|pack| pack.unconfirmed.iter().map(|gap| json!([hex(pack.run), gap.number, gap.events])))
        .collect();
    if !unconfirmed.is_empty() {
        sqlx::query(ENTER_UNCONFIRMED).bind(parameter(unconfirmed)).execute(&mut *connection).await?;
    }
    match &batch.note {
        Some(Note::Ended(message)) => attempts::forget(connection, *message).await?,
        Some(Note::Begins(attempt)) => attempts::note(connection, attempt).await?,
        None => {}
    }
    // Before new ones are set aside: a letter may take the place of one that was replayed.
    if !batch.replayed.is_empty() {
        let replayed = parameter(batch.replayed.iter().copied().map(hex).collect());
        sqlx::query(END_REPLAYED).bind(replayed).execute(&mut *connection).await?;
    }
    let mut new: Vec<i16> = Vec::new();
    if !batch.dead_letters.is_empty() {
        let letters = batch.dead_letters.iter().map(|letter| {
            json!([
                hex(letter.id()),
                letter.program.map(i64::from),
                hex_or_null(letter.event.map(|event| event.uuid())),
                letter.reason.code(),
                letter.message,
                hex_or_null(letter.pack.map(|(run, _)| run)),
                letter.pack.map(|(_, number)| number),
                blob(&letter.body),
                i64::from(letter.whole_message),
            ])
        });
        let letters = parameter(letters.collect());
        new = sqlx::query_scalar(SET_ASIDE).bind(letters).bind(now).fetch_all(connection).await?;
    }
    Ok(new.into_iter().filter_map(DeadLetterReason::from_code).collect())
}

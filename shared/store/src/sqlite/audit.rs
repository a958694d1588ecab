//! The statements behind `crate::audit`, as SQLite understands them. No rules: rows in, rows out.

use super::Sqlite;
use crate::StoreError;
use crate::audit::entries::EntryTuple;
use crate::audit::ranges::{Range, fold};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const ENTRIES: &str = "/* ledger_entries */
SELECT kind, run, first, last, events, accepted, applied_at, CAST(unixepoch('subsec') * 1000000 AS INTEGER) FROM (
  SELECT 1 AS kind, run, first, last, events, accepted, applied_at FROM pack_ranges
  UNION ALL
  SELECT 1, run, number, number, events, confirmed_before + events, applied_at FROM packs
  UNION ALL
  SELECT 2, run, number, number, events, 0, 0 FROM unconfirmed_packs
  UNION ALL
  SELECT 3, run, number, number, 0, 0, 0 FROM dead_letters WHERE whole_message AND run IS NOT NULL
  UNION ALL
  SELECT 3, run, number, number, 0, 0, 0 FROM discarded_letters WHERE whole_message AND run IS NOT NULL
)";

const COUNT: &str = "/* count_events */ SELECT
  (SELECT count(*) FROM clicks WHERE recorded_at IS NOT NULL),
  (SELECT count(*) FROM customers WHERE event_id IS NOT NULL) + (SELECT count(*) FROM leads),
  (SELECT count(*) FROM customers WHERE status IS NOT NULL),
  (SELECT count(*) FROM dead_letters AS l WHERE NOT whole_message AND NOT EXISTS (SELECT 1 FROM clicks AS c
    WHERE c.program_id = l.program_id AND c.event_id = l.event_id AND c.recorded_at IS NOT NULL)),
  (SELECT count(*) FROM dead_letters WHERE whole_message),
  (SELECT count(*) FROM discarded_letters AS d WHERE NOT whole_message
    AND NOT EXISTS (SELECT 1 FROM dead_letters AS l WHERE l.dead_letter_id = d.dead_letter_id)),
  (SELECT coalesce(sum(events), 0) FROM forgotten_events)";

const READ_PACKS: &str = "/* read_packs */
SELECT run, number, number, events, confirmed_before + events, applied_at FROM packs ORDER BY run, number LIMIT ?1";

const READ_RANGES: &str = "/* read_ranges */
SELECT run, first, last, events, accepted, applied_at FROM pack_ranges
WHERE run IN (SELECT unhex(value) FROM json_each(?1))";

/// The packs that were read: the writer is the only one there is.
const DELETE_PACKS: &str = "/* delete_packs */
DELETE FROM packs WHERE (run, number) IN (SELECT run, number FROM packs ORDER BY run, number LIMIT ?1)";

const DELETE_RANGES: &str = "/* delete_ranges */
DELETE FROM pack_ranges WHERE run IN (SELECT unhex(value) FROM json_each(?1))";

const INSERT_RANGES: &str = "/* insert_ranges */
INSERT INTO pack_ranges (run, first, last, events, accepted, applied_at)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1)";

type RangeTuple = (Uuid, i64, i64, i64, i64, i64);

pub(crate) async fn entries(store: &Sqlite) -> Result<Vec<EntryTuple>, StoreError> {
    Ok(sqlx::query_as(ENTRIES).fetch_all(store.readers()).await?)
}

pub(crate) async fn count(store: &Sqlite) -> Result<[i64; 7], StoreError> {
    let counts: (i64, i64, i64, i64, i64, i64, i64) = sqlx::query_as(COUNT).fetch_one(store.readers()).await?;
    Ok(counts.into())
}

pub(crate) async fn fold_packs(store: &Sqlite, limit: u32) -> Result<usize, StoreError> {
    let mut change = store.writer().begin_with("BEGIN IMMEDIATE").await?;
    let packs: Vec<RangeTuple> = sqlx::query_as(READ_PACKS).bind(limit).fetch_all(&mut *change).await?;
    if packs.is_empty() {
        change.rollback().await?;
        return Ok(0);
    }
    let runs: BTreeSet<Uuid> = packs.iter().map(|(run, ..)| *run).collect();
    let runs = super::json(&runs.into_iter().collect::<Vec<_>>());
    let known: Vec<RangeTuple> = sqlx::query_as(READ_RANGES).bind(&runs).fetch_all(&mut *change).await?;
    sqlx::query(DELETE_PACKS).bind(limit).execute(&mut *change).await?;
    sqlx::query(DELETE_RANGES).bind(&runs).execute(&mut *change).await?;
    let folded = packs.len();
    let ranges = fold(known.into_iter().chain(packs).map(range).collect());
    let rows = Value::Array(ranges.iter().map(row).collect());
    sqlx::query(INSERT_RANGES).bind(rows.to_string()).execute(&mut *change).await?;
    change.commit().await?;
    Ok(folded)
}

fn range((run, first, last, events, accepted, applied_at): RangeTuple) -> Range {
    Range { run, first, last, events, accepted, applied_at }
}

fn row(range: &Range) -> Value {
    let run = range.run.simple().to_string();
    json!([run, range.first, range.last, range.events, range.accepted, range.applied_at])
}

//! The statements behind `crate::audit`, as Postgres understands them. No rules: rows in, rows out.

use super::Postgres;
use crate::StoreError;
use crate::audit::entries::EntryTuple;
use crate::audit::ranges::{Range, fold};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use uuid::Uuid;

/// One statement, so that a pack that is folded meanwhile is seen once.
const ENTRIES: &str = concat!(
    "/* ledger_entries */
SELECT kind, run, first, last, events, accepted, applied_at, ",
    micros!("now()"),
    " FROM (
  SELECT 1 AS kind, run, first, last, events, accepted, ",
    micros!("pack_ranges.applied_at"),
    " AS applied_at FROM pack_ranges
  UNION ALL
  SELECT 1, run, number, number, events, confirmed_before + events, ",
    micros!("packs.applied_at"),
    " FROM packs
  UNION ALL
  SELECT 2, run, number, number, events, 0, 0 FROM unconfirmed_packs
  UNION ALL
  SELECT 3, run, number, number, 0, 0, 0 FROM dead_letters WHERE whole_message AND run IS NOT NULL
  UNION ALL
  SELECT 3, run, number, number, 0, 0, 0 FROM discarded_letters WHERE whole_message AND run IS NOT NULL
) AS entries"
);

/// A click that is stored counts as that, also when it is set aside because somebody who waits for it cannot be judged.
const COUNT: &str = "/* count_events */ SELECT ARRAY[
  (SELECT count(*) FROM clicks WHERE recorded_at IS NOT NULL),
  (SELECT count(*) FROM customers WHERE event_id IS NOT NULL) + (SELECT count(*) FROM leads),
  (SELECT count(*) FROM customers WHERE status IS NOT NULL),
  (SELECT count(*) FROM dead_letters AS l WHERE NOT whole_message AND NOT EXISTS (SELECT FROM clicks AS c
    WHERE c.program_id = l.program_id AND c.event_id = l.event_id AND c.recorded_at IS NOT NULL)),
  (SELECT count(*) FROM dead_letters WHERE whole_message),
  (SELECT count(*) FROM discarded_letters AS d WHERE NOT whole_message
    AND NOT EXISTS (SELECT FROM dead_letters AS l WHERE l.dead_letter_id = d.dead_letter_id)),
  (SELECT coalesce(sum(events), 0)::bigint FROM forgotten_events)]";

/// Two that fold at once would count the same packs twice. The number stands for nothing else in this database.
const FOLD_ALONE: &str = "/* fold_alone */ SELECT pg_try_advisory_xact_lock(4702394921427289928)";

const READ_PACKS: &str = concat!(
    "/* read_packs */ SELECT run, number, number, events::bigint, confirmed_before + events, ",
    micros!("applied_at"),
    " FROM packs ORDER BY run, number LIMIT $1"
);

const READ_RANGES: &str = concat!(
    "/* read_ranges */ SELECT run, first, last, events, accepted, ",
    micros!("applied_at"),
    " FROM pack_ranges WHERE run = ANY ($1)"
);

const DELETE_PACKS: &str = "/* delete_packs */ DELETE FROM packs AS p
USING unnest($1::uuid[], $2::bigint[]) AS u (run, number) WHERE p.run = u.run AND p.number = u.number";

const DELETE_RANGES: &str = "/* delete_ranges */ DELETE FROM pack_ranges WHERE run = ANY ($1)";

/// Returns a row, and so fails in an aborted transaction, where COMMIT would pretend to have worked.
const INSERT_RANGES: &str = "/* insert_ranges */
WITH inserted AS (
  INSERT INTO pack_ranges (run, first, last, events, accepted, applied_at)
  SELECT run, first, last, events, accepted, timestamptz 'epoch' + applied_at * interval '1 microsecond'
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS u (run, first, last, events, accepted, applied_at))
SELECT 1";

type RangeTuple = (Uuid, i64, i64, i64, i64, i64);

pub(crate) async fn entries(store: &Postgres) -> Result<Vec<EntryTuple>, StoreError> {
    Ok(sqlx::query_as(ENTRIES).fetch_all(&mut *store.pooled().await?).await?)
}

pub(crate) async fn count(store: &Postgres) -> Result<[i64; 7], StoreError> {
    let counts: Vec<i64> = sqlx::query_scalar(COUNT).fetch_one(&mut *store.pooled().await?).await?;
    counts.try_into().map_err(|_| StoreError::Misconfigured("the events cannot be counted".to_owned()))
}

/// A pack that is entered meanwhile is not seen, and stays for the next fold.
pub(crate) async fn fold_packs(store: &Postgres, limit: u32) -> Result<usize, StoreError> {
    let mut connection = store.dedicated().await?;
    let mut change = connection.begin().await?;
    if !sqlx::query_scalar(FOLD_ALONE).fetch_one(&mut *change).await? {
        return Ok(0);
    }
    let packs: Vec<RangeTuple> = sqlx::query_as(READ_PACKS).bind(i64::from(limit)).fetch_all(&mut *change).await?;
    if packs.is_empty() {
        return Ok(0);
    }
    let runs: BTreeSet<Uuid> = packs.iter().map(|(run, ..)| *run).collect();
    let runs: Vec<Uuid> = runs.into_iter().collect();
    let known: Vec<RangeTuple> = sqlx::query_as(READ_RANGES).bind(&runs).fetch_all(&mut *change).await?;
    sqlx::query(DELETE_PACKS)
        .bind(packs.iter().map(|(run, ..)| *run).collect::<Vec<_>>())
        .bind(packs.iter().map(|(_, number, ..)| *number).collect::<Vec<_>>())
        .execute(&mut *change)
        .await?;
    sqlx::query(DELETE_RANGES).bind(&runs).execute(&mut *change).await?;
    let folded = packs.len();
    insert_ranges(&mut change, &fold(known.into_iter().chain(packs).map(range).collect())).await?;
    change.commit().await?;
    Ok(folded)
}

async fn insert_ranges(connection: &mut PgConnection, ranges: &[Range]) -> Result<(), StoreError> {
    sqlx::query(INSERT_RANGES)
        .bind(ranges.iter().map(|range| range.run).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| range.first).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| range.last).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| range.events).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| range.accepted).collect::<Vec<_>>())
        .bind(ranges.iter().map(|range| range.applied_at).collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    Ok(())
}

fn range((run, first, last, events, accepted, applied_at): RangeTuple) -> Range {
    Range { run, first, last, events, accepted, applied_at }
}

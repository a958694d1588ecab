//! The statements behind `crate::maintenance`, as Postgres understands them.
//!
//! Rows are locked with SKIP LOCKED, so nobody who waits here can be waited for. LATERAL with OFFSET 0 keeps each plan
//! one index probe per row whatever the statistics say.

use super::Postgres;
use crate::StoreError;
use crate::noted::{Noted, RemovedLead, customers_of, named_clicks, tests_of};
use domain::event::Event;
use sqlx::postgres::PgRow;
use sqlx::{Connection, FromRow, PgConnection};
use uuid::Uuid;

const NOTE_TESTS: &str = "/* note_tests */
INSERT INTO test_events (program_id, event_id) SELECT * FROM unnest($1::bigint[], $2::uuid[]) ON CONFLICT DO NOTHING";

/// From one program to the next, without reading the events between them.
const PROGRAMS: &str = "/* programs_with_tests */
WITH RECURSIVE found AS (
  SELECT (SELECT min(program_id) FROM test_events WHERE program_id > $1) AS program_id
  UNION ALL
  SELECT (SELECT min(t.program_id) FROM test_events AS t WHERE t.program_id > found.program_id)
  FROM found WHERE found.program_id IS NOT NULL)
SELECT program_id FROM found WHERE program_id IS NOT NULL LIMIT $2";

const EXCESS: &str = "/* excess_tests */
SELECT t.program_id, t.event_id FROM unnest($1::bigint[]) AS u (program_id)
CROSS JOIN LATERAL (
  SELECT event_id FROM test_events WHERE test_events.program_id = u.program_id
  ORDER BY event_id DESC OFFSET $2 LIMIT 1) AS kept
CROSS JOIN LATERAL (
  SELECT program_id, event_id FROM test_events
  WHERE test_events.program_id = u.program_id AND test_events.event_id < kept.event_id
  ORDER BY event_id LIMIT $3) AS t
LIMIT $3";

/// Two workers would only get in each other's way. The number stands for nothing else in this database.
const FORGET_ALONE: &str = "/* forget_alone */ SELECT pg_try_advisory_xact_lock(5821934410277713603)";

const FORGET_CLICKS: &str = "/* forget_clicks */
DELETE FROM clicks WHERE ctid = ANY (ARRAY(
  SELECT c.ctid FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, event_id)
  CROSS JOIN LATERAL (
    SELECT clicks.ctid FROM clicks WHERE clicks.program_id = u.program_id AND clicks.click = u.event_id
      AND clicks.recorded_at IS NOT NULL
    OFFSET 0 FOR UPDATE SKIP LOCKED) AS c))";

const FORGET_LEADS: &str = "/* forget_leads */
DELETE FROM leads WHERE ctid = ANY (ARRAY(
  SELECT l.ctid FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, event_id)
  CROSS JOIN LATERAL (
    SELECT leads.ctid FROM leads WHERE leads.program_id = u.program_id AND leads.event_id = u.event_id AND leads.test
    OFFSET 0 FOR UPDATE SKIP LOCKED) AS l))
RETURNING program_id, ident, facts";

/// The customer becomes a shell: its other leads live elsewhere.
const FORGET_FIRST_LEADS: &str = "/* forget_first_leads */
WITH old AS (
  SELECT c.* FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, event_id)
  CROSS JOIN LATERAL (
    SELECT customers.ctid AS place, facts FROM customers
    WHERE customers.program_id = u.program_id AND customers.event_id = u.event_id AND customers.test
    OFFSET 0 FOR UPDATE SKIP LOCKED) AS c)
UPDATE customers SET event_id = NULL, class = NULL, click = NULL, facts = NULL, detail = NULL, recorded_at = NULL,
  claim = NULL
FROM old WHERE customers.ctid = old.place RETURNING customers.program_id, customers.ident, old.facts";

const FORGET_CUSTOMERS: &str = "/* forget_customers */
DELETE FROM customers WHERE ctid = ANY (ARRAY(
  SELECT c.ctid FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, ident)
  CROSS JOIN LATERAL (
    SELECT customers.ctid FROM customers WHERE customers.program_id = u.program_id AND customers.ident = u.ident
      AND customers.event_id IS NULL
      AND NOT EXISTS (SELECT FROM leads WHERE leads.program_id = u.program_id AND leads.ident = u.ident)
    OFFSET 0 FOR UPDATE SKIP LOCKED) AS c))";

const FORGET_STUBS: &str = "/* forget_stubs */
DELETE FROM clicks WHERE ctid = ANY (ARRAY(
  SELECT c.ctid FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, click)
  CROSS JOIN LATERAL (
    SELECT clicks.ctid FROM clicks WHERE clicks.program_id = u.program_id AND clicks.click = u.click
      AND clicks.recorded_at IS NULL
    OFFSET 0 FOR UPDATE SKIP LOCKED) AS c))
RETURNING program_id, click";

const FORGET_WAITERS: &str = "/* forget_waiters */
DELETE FROM waiters WHERE ctid = ANY (ARRAY(
  SELECT w.ctid FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, click)
  CROSS JOIN LATERAL (
    SELECT waiters.ctid FROM waiters WHERE waiters.program_id = u.program_id AND waiters.click = u.click
    OFFSET 0 FOR UPDATE SKIP LOCKED) AS w))";

/// What somebody else had in hand is still there, and stays noted.
const FORGET_NOTES: &str = "/* forget_notes */
DELETE FROM test_events AS t USING unnest($1::bigint[], $2::uuid[]) AS u (program_id, event_id)
WHERE t.program_id = u.program_id AND t.event_id = u.event_id
  AND NOT EXISTS (SELECT FROM clicks WHERE clicks.program_id = u.program_id AND clicks.click = u.event_id
    AND clicks.recorded_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM leads WHERE leads.program_id = u.program_id AND leads.event_id = u.event_id)
  AND NOT EXISTS (SELECT FROM customers WHERE customers.program_id = u.program_id AND customers.event_id = u.event_id)";

/// Returns a row, and so fails in an aborted transaction, where COMMIT would pretend to have worked.
const COUNT_FORGOTTEN: &str = "/* count_forgotten */
INSERT INTO forgotten_events (kind, events) VALUES ('test', $1)
ON CONFLICT (kind) DO UPDATE SET events = forgotten_events.events + excluded.events RETURNING events";

/// Notes the test events of a batch, in the transaction that applies the last of them.
pub(super) async fn note_tests(connection: &mut PgConnection, events: &[Event]) -> Result<(), StoreError> {
    let tests = tests_of(events);
    if !tests.is_empty() {
        on_each(connection, NOTE_TESTS, &tests).await?;
    }
    Ok(())
}

/// The next programs that have test events, and test events of theirs beyond the newest.
pub(crate) async fn excess(
    store: &Postgres,
    after: i64,
    keep: u32,
    [programs, events]: [i64; 2],
) -> Result<(Vec<i64>, Vec<Noted>), StoreError> {
    let mut connection = store.pooled().await?;
    let programs: Vec<i64> =
        sqlx::query_scalar(PROGRAMS).bind(after).bind(programs).fetch_all(&mut *connection).await?;
    let older_than_kept = i64::from(keep.saturating_sub(1));
    let excess = sqlx::query_as(EXCESS).bind(&programs).bind(older_than_kept).bind(events);
    let excess = excess.fetch_all(&mut *connection).await?;
    Ok((programs, excess))
}

/// Removes test events that are noted, and says how many; none when another worker is at it.
pub(crate) async fn forget(store: &Postgres, noted: &[Noted]) -> Result<u64, StoreError> {
    let mut connection = store.dedicated().await?;
    let mut change = connection.begin().await?;
    if !sqlx::query_scalar(FORGET_ALONE).fetch_one(&mut *change).await? {
        return Ok(0);
    }
    let clicks = on_each(&mut change, FORGET_CLICKS, noted).await?;
    let mut leads: Vec<RemovedLead> = from_each(&mut change, FORGET_LEADS, noted).await?;
    leads.extend(from_each::<RemovedLead>(&mut change, FORGET_FIRST_LEADS, noted).await?);
    on_each(&mut change, FORGET_NOTES, noted).await?;
    if !leads.is_empty() {
        on_each(&mut change, FORGET_CUSTOMERS, &customers_of(&leads)).await?;
        let stubs: Vec<Noted> = from_each(&mut change, FORGET_STUBS, &named_clicks(&leads)).await?;
        on_each(&mut change, FORGET_WAITERS, &stubs).await?;
    }
    let gone = clicks + leads.len() as u64;
    sqlx::query(COUNT_FORGOTTEN).bind(gone as i64).fetch_one(&mut *change).await?;
    change.commit().await?;
    Ok(gone)
}

/// Runs a statement that takes pairs of a program and an id; says how many rows it wrote or removed.
async fn on_each(
    connection: &mut PgConnection,
    statement: &'static str,
    pairs: &[(i64, Uuid)],
) -> Result<u64, StoreError> {
    let (programs, ids): (Vec<i64>, Vec<Uuid>) = pairs.iter().copied().unzip();
    Ok(sqlx::query(statement).bind(programs).bind(ids).execute(connection).await?.rows_affected())
}

/// As [`on_each`]; gives back what the rows were.
async fn from_each<T>(
    connection: &mut PgConnection,
    statement: &'static str,
    pairs: &[(i64, Uuid)],
) -> Result<Vec<T>, StoreError>
where
    T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
{
    let (programs, ids): (Vec<i64>, Vec<Uuid>) = pairs.iter().copied().unzip();
    Ok(sqlx::query_as(statement).bind(programs).bind(ids).fetch_all(connection).await?)
}

//! The statements behind `crate::maintenance`, as SQLite understands them.

use super::Sqlite;
use crate::StoreError;
use crate::noted::{Noted, RemovedLead, customers_of, named_clicks, tests_of};
use domain::event::Event;
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use uuid::Uuid;

const NOTE_TESTS: &str = "/* note_tests */
INSERT INTO test_events (program_id, event_id)
SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";

/// From one program to the next, without reading the events between them.
const PROGRAMS: &str = "/* programs_with_tests */
WITH RECURSIVE found (program_id) AS (
  SELECT min(program_id) FROM test_events WHERE program_id > ?1
  UNION ALL
  SELECT (SELECT min(t.program_id) FROM test_events AS t WHERE t.program_id > found.program_id)
  FROM found WHERE found.program_id IS NOT NULL)
SELECT program_id FROM found WHERE program_id IS NOT NULL LIMIT ?2";

const EXCESS: &str = "/* excess_tests */
SELECT t.program_id, t.event_id FROM json_each(?1) AS u CROSS JOIN test_events AS t
  ON t.program_id = u.value AND t.event_id < (
    SELECT event_id FROM test_events AS kept WHERE kept.program_id = u.value ORDER BY event_id DESC LIMIT 1 OFFSET ?2)
LIMIT ?3";

const FORGET_CLICKS: &str = "/* forget_clicks */
DELETE FROM clicks WHERE recorded_at IS NOT NULL
  AND (program_id, click) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1))";

const FORGET_LEADS: &str = "/* forget_leads */
DELETE FROM leads WHERE (program_id, ident, event_id) IN (
  SELECT l.program_id, l.ident, l.event_id FROM json_each(?1) AS u CROSS JOIN leads AS l
    ON l.program_id = u.value ->> 0 AND l.event_id = unhex(u.value ->> 1) AND l.test)
RETURNING program_id, ident, facts";

const READ_FIRST_LEADS: &str = "/* read_first_leads */
SELECT c.program_id, c.ident, c.facts FROM json_each(?1) AS u CROSS JOIN customers AS c
  ON c.program_id = u.value ->> 0 AND c.event_id = unhex(u.value ->> 1) AND c.test";

/// The customer becomes a shell: its other leads live elsewhere.
const FORGET_FIRST_LEADS: &str = "/* forget_first_leads */
UPDATE customers SET event_id = NULL, class = NULL, click = NULL, facts = NULL, detail = NULL, recorded_at = NULL
WHERE (program_id, ident) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1))";

const FORGET_CUSTOMERS: &str = "/* forget_customers */
DELETE FROM customers WHERE event_id IS NULL
  AND (program_id, ident) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1))
  AND NOT EXISTS (SELECT 1 FROM leads AS l WHERE l.program_id = customers.program_id AND l.ident = customers.ident)";

const FORGET_STUBS: &str = "/* forget_stubs */
DELETE FROM clicks WHERE recorded_at IS NULL
  AND (program_id, click) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1))
RETURNING program_id, click";

const FORGET_WAITERS: &str = "/* forget_waiters */
DELETE FROM waiters WHERE (program_id, click) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1))";

const FORGET_NOTES: &str = "/* forget_notes */
DELETE FROM test_events WHERE (program_id, event_id) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1))";

const COUNT_FORGOTTEN: &str = "/* count_forgotten */
INSERT INTO forgotten_events (kind, events) VALUES ('test', ?1)
ON CONFLICT (kind) DO UPDATE SET events = forgotten_events.events + excluded.events";

/// Notes the test events of a batch, in the transaction that applies it.
pub(super) async fn note_tests(connection: &mut SqliteConnection, events: &[Event]) -> Result<(), StoreError> {
    let tests = tests_of(events);
    if !tests.is_empty() {
        on_each(connection, NOTE_TESTS, &tests).await?;
    }
    Ok(())
}

/// The next programs that have test events, and test events of theirs beyond the newest.
pub(crate) async fn excess(
    store: &Sqlite,
    after: i64,
    keep: u32,
    [programs, events]: [i64; 2],
) -> Result<(Vec<i64>, Vec<Noted>), StoreError> {
    let programs: Vec<i64> = sqlx::query_scalar(PROGRAMS).bind(after).bind(programs).fetch_all(store.readers()).await?;
    let older_than_kept = i64::from(keep.saturating_sub(1));
    let excess = sqlx::query_as(EXCESS).bind(json!(programs).to_string()).bind(older_than_kept).bind(events);
    let excess = excess.fetch_all(store.readers()).await?;
    Ok((programs, excess))
}

/// Removes test events that are noted, and says how many. The only writer needs no lock against another.
pub(crate) async fn forget(store: &Sqlite, noted: &[Noted]) -> Result<u64, StoreError> {
    let mut change = store.writer().begin_with("BEGIN IMMEDIATE").await?;
    let clicks = on_each(&mut change, FORGET_CLICKS, noted).await?;
    let mut leads: Vec<RemovedLead> =
        sqlx::query_as(FORGET_LEADS).bind(parameter(noted)).fetch_all(&mut *change).await?;
    let first: Vec<RemovedLead> =
        sqlx::query_as(READ_FIRST_LEADS).bind(parameter(noted)).fetch_all(&mut *change).await?;
    on_each(&mut change, FORGET_FIRST_LEADS, &customers_of(&first)).await?;
    leads.extend(first);
    on_each(&mut change, FORGET_CUSTOMERS, &customers_of(&leads)).await?;
    let stubs = parameter(&named_clicks(&leads));
    let stubs: Vec<Noted> = sqlx::query_as(FORGET_STUBS).bind(stubs).fetch_all(&mut *change).await?;
    on_each(&mut change, FORGET_WAITERS, &stubs).await?;
    on_each(&mut change, FORGET_NOTES, noted).await?;
    let gone = clicks + leads.len() as u64;
    sqlx::query(COUNT_FORGOTTEN).bind(gone as i64).execute(&mut *change).await?;
    change.commit().await?;
    Ok(gone)
}

/// Runs a statement that takes pairs of a program and an id; says how many rows it wrote or removed.
async fn on_each(
    connection: &mut SqliteConnection,
    statement: &'static str,
    pairs: &[(i64, Uuid)],
) -> Result<u64, StoreError> {
    Ok(sqlx::query(statement).bind(parameter(pairs)).execute(connection).await?.rows_affected())
}

fn parameter(pairs: &[(i64, Uuid)]) -> String {
    Value::Array(pairs.iter().map(|(program, id)| json!([program, id.simple().to_string()])).collect()).to_string()
}

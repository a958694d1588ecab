//! The statements behind `crate::reads`, as SQLite understands them. No rules: rows in, rows out.
//!
//! A list of places travels as a JSON array of hexadecimal texts, because SQLite binds no arrays.

use super::Sqlite;
use crate::StoreError;
use crate::programs::KeyDigestRow;
use crate::reads::rows::{ClickTuple, CustomerTuple, EventTuple, LIVE_LEADS_READ, LeadTuple, NewestTuple};
use crate::reads::views::{CUSTOMERS_SHOWN, EVENTS_SHOWN};
use sqlx::{SqliteConnection, Transaction};
use uuid::Uuid;

const KEY_BY_ID: &str =
    "/* key_by_id */ SELECT key_id, program_id, digest, version, revoked_at FROM api_keys WHERE key_id = ?1";

/// A click's leads belong to its owner, so the rows of the clicks that a customer names and owns come along.
const CUSTOMERS: &str = "/* customers */
WITH subject AS (SELECT DISTINCT unhex(value) AS ident FROM json_each(?2)),
named AS (
    SELECT s.ident AS subject, c.click
    FROM subject s JOIN customers c ON c.program_id = ?1 AND c.ident = s.ident
    WHERE c.click IS NOT NULL
    UNION
    SELECT s.ident, l.click
    FROM subject s JOIN leads l ON l.program_id = ?1 AND l.ident = s.ident AND NOT l.echo
    WHERE l.click IS NOT NULL
),
place AS (
    SELECT ident AS subject, ident FROM subject
    UNION
    SELECT n.subject, k.click
    FROM named n JOIN clicks k ON k.program_id = ?1 AND k.click = n.click AND k.owner = n.subject
)
SELECT p.subject, c.ident, c.customer_key, c.facts, c.recorded_at,
       c.counted_event, c.status, c.reason, c.verdict_click, c.flags, c.email_mask, l.code
FROM place p
JOIN customers c ON c.program_id = ?1 AND c.ident = p.ident
LEFT JOIN links l ON l.program_id = ?1 AND l.link_id = c.link_id";

const NEWEST_LEADS: &str = "/* newest_leads */
WITH asked AS (SELECT unhex(value) AS ident FROM json_each(?2)),
place AS MATERIALIZED (
    SELECT ident, (SELECT count(*) FROM leads l WHERE l.program_id = ?1 AND l.ident = asked.ident) AS total FROM asked
)
SELECT n.ident, n.facts, n.recorded_at, place.total
FROM place
JOIN leads n ON n.program_id = ?1 AND n.ident = place.ident AND n.event_id IN (
    SELECT l.event_id FROM leads l
    WHERE l.program_id = ?1 AND l.ident = place.ident
    ORDER BY l.event_id DESC LIMIT ?3
)";

const LIVE_LEADS: &str = "/* live_leads */
SELECT n.ident, n.facts, n.recorded_at
FROM (SELECT unhex(value) AS ident FROM json_each(?2)) place
JOIN leads n ON n.program_id = ?1 AND n.ident = place.ident AND n.event_id IN (
    SELECT l.event_id FROM leads l
    WHERE l.program_id = ?1 AND l.ident = place.ident AND NOT l.echo
    LIMIT ?3
)";

const CLICKS: &str = "/* clicks */
SELECT k.event_id, k.partner_id, k.recorded_at, l.code
FROM (SELECT DISTINCT unhex(value) AS click FROM json_each(?2)) place
JOIN clicks k ON k.program_id = ?1 AND k.click = place.click
LEFT JOIN links l ON l.program_id = ?1 AND l.link_id = k.link_id";

const CUSTOMERS_OF_CLICK: &str = "/* customers_of_click */
SELECT ident FROM customers WHERE program_id = ?1 AND click = ?2
UNION
SELECT ident FROM leads WHERE program_id = ?1 AND click = ?2 AND NOT echo
ORDER BY ident LIMIT ?3";

/// Where an event lives: beside its customer, among the further leads, as a click, or set aside.
const EVENT: &str = "/* event */
SELECT found.kind, found.ident, found.test, found.facts, found.recorded_at, k.owner, found.partner_id, found.body
FROM (
    SELECT 1 AS kind, ident, test, facts, recorded_at, NULL AS partner_id, NULL AS body
    FROM customers WHERE program_id = ?1 AND event_id = ?2
    UNION ALL
    SELECT 1, ident, test, facts, recorded_at, NULL, NULL
    FROM leads WHERE program_id = ?1 AND event_id = ?2
    UNION ALL
    SELECT 2, NULL, 0, NULL, recorded_at, partner_id, NULL
    FROM clicks WHERE program_id = ?1 AND click = ?2 AND recorded_at IS NOT NULL
    UNION ALL
    SELECT 3, NULL, 0, NULL, recorded_at, NULL, body
    FROM dead_letters WHERE program_id = ?1 AND event_id = ?2
) found
LEFT JOIN clicks k ON k.program_id = ?1 AND k.click = found.ident
ORDER BY found.kind LIMIT 1";

pub(crate) async fn begin(store: &Sqlite) -> sqlx::Result<Transaction<'static, sqlx::Sqlite>> {
    store.readers.begin().await
}

pub(crate) async fn key_by_id(store: &Sqlite, key_id: &str) -> Result<Option<KeyDigestRow>, StoreError> {
    Ok(sqlx::query_as(KEY_BY_ID).bind(key_id).fetch_optional(&store.readers).await?)
}

pub(crate) async fn customers(
    connection: &mut SqliteConnection,
    program: i64,
    subjects: &[Uuid],
) -> sqlx::Result<Vec<CustomerTuple>> {
    sqlx::query_as(CUSTOMERS).bind(program).bind(super::json(subjects)).fetch_all(connection).await
}

pub(crate) async fn newest_leads(
    connection: &mut SqliteConnection,
    program: i64,
    places: &[Uuid],
) -> sqlx::Result<Vec<NewestTuple>> {
    let shown = EVENTS_SHOWN as i64;
    sqlx::query_as(NEWEST_LEADS).bind(program).bind(super::json(places)).bind(shown).fetch_all(connection).await
}

pub(crate) async fn live_leads(
    connection: &mut SqliteConnection,
    program: i64,
    places: &[Uuid],
) -> sqlx::Result<Vec<LeadTuple>> {
    sqlx::query_as(LIVE_LEADS).bind(program).bind(super::json(places)).bind(LIVE_LEADS_READ).fetch_all(connection).await
}

pub(crate) async fn clicks(
    connection: &mut SqliteConnection,
    program: i64,
    clicks: &[Uuid],
) -> sqlx::Result<Vec<ClickTuple>> {
    sqlx::query_as(CLICKS).bind(program).bind(super::json(clicks)).fetch_all(connection).await
}

pub(crate) async fn customers_of_click(
    connection: &mut SqliteConnection,
    program: i64,
    click: Uuid,
) -> sqlx::Result<Vec<(Uuid,)>> {
    sqlx::query_as(CUSTOMERS_OF_CLICK).bind(program).bind(click).bind(CUSTOMERS_SHOWN).fetch_all(connection).await
}

pub(crate) async fn event(
    connection: &mut SqliteConnection,
    program: i64,
    event: Uuid,
) -> sqlx::Result<Option<EventTuple>> {
    sqlx::query_as(EVENT).bind(program).bind(event).fetch_optional(connection).await
}

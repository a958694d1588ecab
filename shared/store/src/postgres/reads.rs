//! The statements behind `crate::reads`, as Postgres understands them. No rules: rows in, rows out.
//!
//! Lists are joined laterally, place by place, and fenced by OFFSET 0: so each place is answered from an index, also by
//! a plan that was made while a table was nearly empty.

use super::Postgres;
use crate::StoreError;
use crate::programs::KeyDigestRow;
use crate::reads::rows::{ClickTuple, CustomerTuple, EventTuple, LIVE_LEADS_READ, LeadTuple, NewestTuple};
use crate::reads::views::{CUSTOMERS_SHOWN, EVENTS_SHOWN};
use sqlx::{PgConnection, Transaction};
use uuid::Uuid;

const KEY_BY_ID: &str = concat!(
    "/* key_by_id */ SELECT key_id, program_id, digest, version, ",
    micros!("revoked_at"),
    " AS revoked_at FROM api_keys WHERE key_id = $1"
);

const BEGIN: &str = "/* reads */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A click's leads belong to its owner, so the rows of the clicks that a customer names and owns come along.
const CUSTOMERS: &str = concat!(
    "/* customers */
WITH subject AS (SELECT DISTINCT ident FROM unnest($2::uuid[]) AS asked (ident)),
named AS (
    SELECT s.ident AS subject, c.click
    FROM subject s
    CROSS JOIN LATERAL (SELECT click FROM customers WHERE program_id = $1 AND ident = s.ident OFFSET 0) c
    UNION
    SELECT s.ident, l.click
    FROM subject s
    CROSS JOIN LATERAL (SELECT click FROM leads WHERE program_id = $1 AND ident = s.ident AND NOT echo OFFSET 0) l
),
place AS (
    SELECT ident AS subject, ident FROM subject
    UNION
    SELECT n.subject, n.click
    FROM named n
    CROSS JOIN LATERAL (SELECT owner FROM clicks WHERE program_id = $1 AND click = n.click OFFSET 0) k
    WHERE k.owner = n.subject
)
SELECT p.subject, c.ident, c.customer_key, c.facts, ",
    micros!("c.recorded_at"),
    ",
       c.counted_event, c.status, c.reason, c.verdict_click, c.flags, c.email_mask, l.code
FROM place p
CROSS JOIN LATERAL (SELECT * FROM customers WHERE program_id = $1 AND ident = p.ident OFFSET 0) c
LEFT JOIN links l ON l.program_id = $1 AND l.link_id = c.link_id"
);

const NEWEST_LEADS: &str = concat!(
    "/* newest_leads */
WITH place AS MATERIALIZED (
    SELECT asked.ident, (SELECT count(*) FROM leads l WHERE l.program_id = $1 AND l.ident = asked.ident) AS total
    FROM unnest($2::uuid[]) AS asked (ident)
)
SELECT n.ident, n.facts, ",
    micros!("n.recorded_at"),
    ", place.total
FROM place
CROSS JOIN LATERAL (
    SELECT * FROM leads l WHERE l.program_id = $1 AND l.ident = place.ident ORDER BY l.event_id DESC LIMIT $3
) n"
);

/// In no order: asked for the newest, Postgres would walk all the echoes of a hot customer.
const LIVE_LEADS: &str = concat!(
    "/* live_leads */
SELECT n.ident, n.facts, ",
    micros!("n.recorded_at"),
    "
FROM unnest($2::uuid[]) AS place (ident)
CROSS JOIN LATERAL (
    SELECT * FROM leads l WHERE l.program_id = $1 AND l.ident = place.ident AND NOT l.echo LIMIT $3
) n"
);

const CLICKS: &str = concat!(
    "/* clicks */
SELECT k.event_id, k.partner_id, ",
    micros!("k.recorded_at"),
    ", l.code
FROM (SELECT DISTINCT click FROM unnest($2::uuid[]) AS asked (click)) place
CROSS JOIN LATERAL (SELECT * FROM clicks WHERE program_id = $1 AND click = place.click OFFSET 0) k
LEFT JOIN links l ON l.program_id = $1 AND l.link_id = k.link_id"
);

/// Two questions of `customers`, one for each of its partial indexes.
const CUSTOMERS_OF_CLICK: &str = "/* customers_of_click */
SELECT ident FROM (
    SELECT ident FROM customers WHERE program_id = $1 AND claim = $2
    UNION
    SELECT ident FROM customers WHERE program_id = $1 AND click = $2 AND claim IS NULL
    UNION
    SELECT ident FROM leads WHERE program_id = $1 AND click = $2 AND NOT echo
) named
ORDER BY ident LIMIT $3";

/// Where an event lives: beside its customer, among the further leads, as a click, or set aside.
const EVENT: &str = concat!(
    "/* event */
SELECT found.kind, found.ident, found.test, found.facts, ",
    micros!("found.recorded_at"),
    ",
       k.owner, found.partner_id, found.body
FROM (
    SELECT 1::smallint AS kind, ident, test, facts, recorded_at, NULL::bigint AS partner_id, NULL::bytea AS body
    FROM customers WHERE program_id = $1 AND event_id = $2
    UNION ALL
    SELECT 1::smallint, ident, test, facts, recorded_at, NULL, NULL
    FROM leads WHERE program_id = $1 AND event_id = $2
    UNION ALL
    SELECT 2::smallint, NULL, false, NULL, recorded_at, partner_id, NULL
    FROM clicks WHERE program_id = $1 AND click = $2 AND recorded_at IS NOT NULL
    UNION ALL
    SELECT 3::smallint, NULL, false, NULL, recorded_at, NULL, body
    FROM dead_letters WHERE program_id = $1 AND event_id = $2
) found
LEFT JOIN clicks k ON k.program_id = $1 AND k.click = found.ident
ORDER BY found.kind LIMIT 1"
);

/// Whoever calls this must not be cancelled: a `BEGIN` given up half-way leaves its connection in a transaction.
pub(crate) async fn begin(store: &Postgres) -> sqlx::Result<Transaction<'static, sqlx::Postgres>> {
    store.pool.begin_with(BEGIN).await
}

pub(crate) async fn key_by_id(store: &Postgres, key_id: &str) -> Result<Option<KeyDigestRow>, StoreError> {
    let query = sqlx::query_as(KEY_BY_ID).bind(key_id);
    Ok(query.fetch_optional(&mut *store.pooled().await?).await?)
}

pub(crate) async fn customers(
    connection: &mut PgConnection,
    program: i64,
    subjects: &[Uuid],
) -> sqlx::Result<Vec<CustomerTuple>> {
    sqlx::query_as(CUSTOMERS).bind(program).bind(subjects).fetch_all(connection).await
}

pub(crate) async fn newest_leads(
    connection: &mut PgConnection,
    program: i64,
    places: &[Uuid],
) -> sqlx::Result<Vec<NewestTuple>> {
    sqlx::query_as(NEWEST_LEADS).bind(program).bind(places).bind(EVENTS_SHOWN as i64).fetch_all(connection).await
}

pub(crate) async fn live_leads(
    connection: &mut PgConnection,
    program: i64,
    places: &[Uuid],
) -> sqlx::Result<Vec<LeadTuple>> {
    sqlx::query_as(LIVE_LEADS).bind(program).bind(places).bind(LIVE_LEADS_READ).fetch_all(connection).await
}

pub(crate) async fn clicks(
    connection: &mut PgConnection,
    program: i64,
    clicks: &[Uuid],
) -> sqlx::Result<Vec<ClickTuple>> {
    sqlx::query_as(CLICKS).bind(program).bind(clicks).fetch_all(connection).await
}

pub(crate) async fn customers_of_click(
    connection: &mut PgConnection,
    program: i64,
    click: Uuid,
) -> sqlx::Result<Vec<(Uuid,)>> {
    sqlx::query_as(CUSTOMERS_OF_CLICK).bind(program).bind(click).bind(CUSTOMERS_SHOWN).fetch_all(connection).await
}

pub(crate) async fn event(
    connection: &mut PgConnection,
    program: i64,
    event: Uuid,
) -> sqlx::Result<Option<EventTuple>> {
    sqlx::query_as(EVENT).bind(program).bind(event).fetch_optional(connection).await
}

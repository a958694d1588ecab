//! The slow transaction's first half: lock clicks, then customers, and read what they hold.
//!
//! What another transaction committed while we waited for a lock is seen only by a statement that begins after, so
//! locking and reading are never the same statement.

use super::rows::{lead_at, place, places};
use crate::StoreError;
use crate::facts;
use domain::attribution::{Arrival, LeadFacts};
use domain::event::{Class, Event, Rank};
use domain::journey::{ClickFacts, Owner};
use domain::merge::{ClickRow, LiveLead, Loaded, Place, Scope, unlocked_clicks, unlocked_customers};
use domain::{Ident, LinkId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Two workers that name the same unseen click meet here: the second waits, then finds the first one's stub.
const INSERT_STUBS: &str = "/* insert_stubs */
INSERT INTO clicks (program_id, click, event_id, partner_id, contested)
SELECT *, true FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::bigint[])
ON CONFLICT DO NOTHING";

const LOCK_CLICKS: &str = "/* lock_clicks */
SELECT count(*) FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, click)
CROSS JOIN LATERAL (
  SELECT 1 FROM clicks WHERE clicks.program_id = u.program_id AND clicks.click = u.click
  OFFSET 0 FOR NO KEY UPDATE) AS c";

/// A click that is not contested belongs to the one customer who claims it, if that customer has a key.
const READ_CLICKS: &str = "/* read_clicks */
SELECT c.program_id, c.click, c.link_id, c.bot, c.recorded_at IS NOT NULL AS seen,
  coalesce(c.owner, h.ident) AS owner, coalesce(c.owner_class, h.class) AS owner_class,
  coalesce(c.owner_event, h.event_id) AS owner_event
FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, click)
CROSS JOIN LATERAL (
  SELECT * FROM clicks WHERE clicks.program_id = u.program_id AND clicks.click = u.click OFFSET 0) AS c
LEFT JOIN LATERAL (
  SELECT ident, class, event_id FROM customers
  WHERE NOT c.contested AND customers.program_id = c.program_id AND customers.claim = c.click OFFSET 0) AS h ON true";

/// Always the first of them: a round that begins again with more rows locked must meet the same ones.
const READ_WAITERS: &str = "/* read_waiters */
SELECT w.program_id, w.click, w.ident FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, click)
CROSS JOIN LATERAL (
  SELECT * FROM waiters WHERE waiters.program_id = u.program_id AND waiters.click = u.click
  ORDER BY waiters.ident LIMIT $3) AS w
ORDER BY 1, 2, 3 LIMIT $3";

/// A hundred thousand may wait for one click: a transaction judges no more of them, or it would last.
pub(super) const WOKEN_AT_ONCE: usize = 2_000;

/// Two workers with the same new customer meet here: the second waits, then finds the first one's row.
const INSERT_SHELLS: &str = "/* insert_shells */
INSERT INTO customers (program_id, ident, customer_key, test)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::boolean[])
ON CONFLICT DO NOTHING";

const LOCK_CUSTOMERS: &str = "/* lock_customers */
SELECT c.program_id, c.ident FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, ident)
CROSS JOIN LATERAL (
  SELECT * FROM customers WHERE customers.program_id = u.program_id AND customers.ident = u.ident
  OFFSET 0 FOR NO KEY UPDATE) AS c";

const READ_LEADS: &str = "/* read_leads */
SELECT l.program_id, l.ident, l.facts, l.embedded FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, ident)
CROSS JOIN LATERAL (
  SELECT program_id, ident, facts, true AS embedded FROM customers
  WHERE customers.program_id = u.program_id AND customers.ident = u.ident AND facts IS NOT NULL
  UNION ALL
  SELECT program_id, ident, facts, false FROM leads
  WHERE leads.program_id = u.program_id AND leads.ident = u.ident AND NOT leads.echo
  OFFSET 0) AS l";

/// Locks and loads what the scope names.
pub(super) async fn load(connection: &mut PgConnection, scope: &Scope, events: &[Event]) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded { clicks: lock_clicks(connection, scope).await?, ..Loaded::default() };
    loaded.asked = scope.customers_to_lock(&loaded.clicks);
    insert_shells(connection, scope, events).await?;
    if !loaded.asked.is_empty() {
        let (programs, idents) = places(&loaded.asked);
        let rows = sqlx::query(LOCK_CUSTOMERS).bind(programs).bind(idents).fetch_all(&mut *connection).await?;
        for row in rows {
            loaded.customers.insert(place(&row)?, Vec::new());
        }
    }
    all_are_there(scope.customers.keys(), &loaded.customers)?;
    for (place, lead) in read_leads(connection, loaded.customers.keys()).await? {
        loaded.customers.entry(place).or_default().push(lead);
    }
    read_unlocked(connection, &mut loaded).await?;
    Ok(loaded)
}

/// A row that was there when it was to be made may be gone when it is locked: test events are forgotten. The next
/// attempt makes it.
fn all_are_there<'a, T>(
    mut wanted: impl Iterator<Item = &'a Place>,
    found: &BTreeMap<Place, T>,
) -> Result<(), StoreError> {
    if wanted.all(|place| found.contains_key(place)) {
        return Ok(());
    }
    Err(StoreError::Busy("a row was removed while it was waited for".to_owned()))
}

async fn lock_clicks(connection: &mut PgConnection, scope: &Scope) -> Result<BTreeMap<Place, ClickRow>, StoreError> {
    let wanted = scope.clicks_to_lock();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (programs, idents) = places(scope.clicks.keys());
    sqlx::query(INSERT_STUBS)
        .bind(programs)
        .bind(idents)
        .bind(scope.clicks.values().map(|click| click.event.uuid()).collect::<Vec<_>>())
        .bind(scope.clicks.values().map(|click| click.partner.map(i64::from)).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    let (programs, idents) = places(&wanted);
    sqlx::query(LOCK_CLICKS).bind(programs).bind(idents).execute(&mut *connection).await?;
    let facts = read_clicks(connection, &wanted).await?;
    let mut rows: BTreeMap<Place, ClickRow> = facts
        .into_iter()
        .map(|(place, facts)| {
            (place, ClickRow { arrival: facts.arrival, owner: facts.owner, waiters: BTreeSet::new() })
        })
        .collect();
    all_are_there(scope.clicks.keys(), &rows)?;
    if !scope.arriving.is_empty() {
        let (programs, idents) = places(&scope.arriving);
        for row in sqlx::query(READ_WAITERS)
            .bind(programs)
            .bind(idents)
            .bind(WOKEN_AT_ONCE as i64)
            .fetch_all(connection)
            .await?
        {
            let waiter = Ident::from_uuid(row.try_get("ident")?);
            rows.entry(place(&row)?).or_default().waiters.insert(waiter);
        }
    }
    Ok(rows)
}

async fn read_clicks(
    connection: &mut PgConnection,
    wanted: &BTreeSet<Place>,
) -> Result<BTreeMap<Place, ClickFacts>, StoreError> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (programs, idents) = places(wanted);
    let rows = sqlx::query(READ_CLICKS).bind(programs).bind(idents).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((place(row)?, click_facts(row)?))).collect()
}

fn click_facts(row: &PgRow) -> Result<ClickFacts, StoreError> {
    let link = row.try_get::<Option<i64>, _>("link_id")?.and_then(LinkId::new);
    let arrival = Arrival { link, bot: row.try_get("bot")? };
    let seen: bool = row.try_get("seen")?;
    let owner = row.try_get::<Option<Uuid>, _>("owner")?.map(Ident::from_uuid);
    let class = row.try_get::<Option<i16>, _>("owner_class")?.and_then(Class::from_code);
    let event = row.try_get::<Option<Uuid>, _>("owner_event")?.and_then(facts::event_id);
    let owner = match (owner, class, event) {
        (Some(ident), Some(class), Some(event)) if ident.is_keyed() => {
            Some(Owner { ident, rank: Rank { class, event } })
        }
        _ => None,
    };
    Ok(ClickFacts { arrival: seen.then_some(arrival), owner })
}

async fn insert_shells(connection: &mut PgConnection, scope: &Scope, events: &[Event]) -> Result<(), StoreError> {
    if scope.customers.is_empty() {
        return Ok(());
    }
    let leads: Vec<_> = scope.customers.values().map(|position| lead_at(events, *position)).collect();
    let keys: Vec<Option<String>> =
        leads.iter().map(|lead| Some(lead.as_ref()?.customer_key.as_ref()?.as_str().to_owned())).collect();
    let tests: Vec<bool> = leads.iter().map(|lead| lead.is_some_and(|lead| lead.test)).collect();
    let (programs, idents) = places(scope.customers.keys());
    sqlx::query(INSERT_SHELLS).bind(programs).bind(idents).bind(keys).bind(tests).execute(connection).await?;
    Ok(())
}

async fn read_leads<'a>(
    connection: &mut PgConnection,
    wanted: impl Iterator<Item = &'a Place>,
) -> Result<Vec<(Place, LiveLead)>, StoreError> {
    let (programs, idents) = places(wanted);
    if programs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(READ_LEADS).bind(programs).bind(idents).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let facts = facts::decode(row.try_get("facts")?)?;
            Ok((place(row)?, LiveLead { facts, embedded: row.try_get("embedded")? }))
        })
        .collect()
}

/// What the loaded leads name beyond the locked rows. Whoever changes it for one of our customers needs that
/// customer's lock, which we hold.
pub(super) async fn read_unlocked(connection: &mut PgConnection, loaded: &mut Loaded) -> Result<(), StoreError> {
    let keyless = unlocked_customers(loaded.customers.iter(), &loaded.asked);
    let mut other_leads: BTreeMap<Place, Vec<LeadFacts>> = BTreeMap::new();
    for (place, lead) in read_leads(connection, keyless.iter()).await? {
        other_leads.entry(place).or_default().push(lead.facts);
    }
    loaded.other_leads = other_leads;
    let locked = loaded.customers.iter().flat_map(|(place, leads)| leads.iter().map(|lead| (*place, &lead.facts)));
    let others = loaded.other_leads.iter().flat_map(|(place, leads)| leads.iter().map(|lead| (*place, lead)));
    let named = unlocked_clicks(locked.chain(others), &loaded.clicks);
    loaded.other_clicks = read_clicks(connection, &named).await?;
    Ok(())
}

//! The slow transaction's second half: writes what the fold decided, set-based. Every row that changes is locked by
//! now; only a lead may be added by another worker at the same moment, who has it a second time.

use super::rows::{LeadColumns, LeadRow, StateColumns, StateRow, lead_at, places};
use crate::StoreError;
use domain::attribution::LeadFacts;
use domain::event::{ClickEvent, Event};
use domain::merge::{Applied, Changes, NewLead, Place, Scope};
use domain::outcome::Outcome;
use sqlx::{PgConnection, Row};
use std::collections::HashSet;
use uuid::Uuid;

const SEE_CLICKS: &str = "/* see_clicks */
INSERT INTO clicks (program_id, click, event_id, link_id, bot, replaces, detail, recorded_at)
SELECT *, now() FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::boolean[], $6::uuid[], $7::text[])
ON CONFLICT (program_id, click) DO UPDATE SET link_id = excluded.link_id, bot = excluded.bot,
  replaces = excluded.replaces, detail = excluded.detail, recorded_at = excluded.recorded_at";

/// An upsert finds each row by its key whatever the planner believes; the rows exist.
const OWN_CLICKS: &str = "/* own_clicks */
INSERT INTO clicks (program_id, click, event_id, contested, owner, owner_class, owner_event)
SELECT program_id, click, event_id, true, owner, owner_class, owner_event
FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[], $6::uuid[])
  AS u (program_id, click, event_id, owner, owner_class, owner_event)
ON CONFLICT (program_id, click) DO UPDATE SET contested = true, owner = excluded.owner,
  owner_class = excluded.owner_class, owner_event = excluded.owner_event";

const DELETE_WAITERS: &str = "/* delete_waiters */
DELETE FROM waiters WHERE ctid = ANY (ARRAY(
  SELECT w.ctid FROM unnest($1::bigint[], $2::uuid[], $3::uuid[]) AS u (program_id, click, ident)
  CROSS JOIN LATERAL (SELECT waiters.ctid FROM waiters
    WHERE waiters.program_id = u.program_id AND waiters.click = u.click AND waiters.ident = u.ident OFFSET 0) AS w))";

const INSERT_WAITERS: &str = "/* insert_waiters */
INSERT INTO waiters (program_id, click, ident) SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::uuid[])
ON CONFLICT DO NOTHING";

/// An echo is not read before it is written again; a redelivered one collides here.
const INSERT_LEADS: &str = "/* insert_leads */
INSERT INTO leads (program_id, ident, event_id, class, click, facts, detail, test, echo)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::smallint[], $5::uuid[], $6::bytea[], $7::text[],
  $8::boolean[], $9::boolean[])
ON CONFLICT DO NOTHING RETURNING event_id";

const MARK_ECHOES: &str = "/* mark_echoes */
UPDATE leads SET echo = true WHERE ctid = ANY (ARRAY(
  SELECT l.ctid FROM unnest($1::bigint[], $2::uuid[], $3::uuid[]) AS u (program_id, ident, event_id)
  CROSS JOIN LATERAL (SELECT leads.ctid FROM leads WHERE leads.program_id = u.program_id
    AND leads.ident = u.ident AND leads.event_id = u.event_id OFFSET 0) AS l))";

const JUDGE_CUSTOMERS: &str = "/* judge_customers */
INSERT INTO customers (program_id, ident, counted_event, counted_class, status, reason, verdict_click, partner_id,
  link_id, flags, email_digest, email_mask)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::smallint[], $5::smallint[], $6::smallint[],
  $7::uuid[], $8::bigint[], $9::bigint[], $10::smallint[], $11::bytea[], $12::text[])
ON CONFLICT (program_id, ident) DO UPDATE SET counted_event = excluded.counted_event,
  counted_class = excluded.counted_class, status = excluded.status, reason = excluded.reason,
  verdict_click = excluded.verdict_click, partner_id = excluded.partner_id, link_id = excluded.link_id,
  flags = excluded.flags, email_digest = excluded.email_digest, email_mask = excluded.email_mask";

const PROVE_ALIVE: &str = "/* prove_alive */ SELECT 1 AS alive";

/// Writes the changes and says what became of each event.
pub(super) async fn write(
    connection: &mut PgConnection,
    events: &[Event],
    scope: &Scope,
    changes: Changes,
) -> Result<Vec<Applied>, StoreError> {
    let inserted = insert_leads(connection, events, changes.leads.clone()).await?;
    see_clicks(connection, events, &changes).await?;
    own_clicks(connection, scope, &changes).await?;
    write_waiters(connection, &changes).await?;
    mark_echoes(connection, &changes).await?;
    judge_customers(connection, &changes).await?;
    Ok(told(&changes, &inserted).collect())
}

/// What became of each event, now that the leads at these positions have been added: what collided has been there.
pub(super) fn told(changes: &Changes, added: &HashSet<usize>) -> impl Iterator<Item = Applied> {
    let collided: HashSet<usize> =
        changes.leads.iter().map(|lead| lead.position).filter(|position| !added.contains(position)).collect();
    changes.applied.iter().map(move |applied| match collided.contains(&applied.position) {
        true => Applied { outcome: Outcome::Redelivered, ..*applied },
        false => *applied,
    })
}

/// A statement that fails in an aborted transaction, where COMMIT would pretend to have worked.
pub(super) async fn prove_alive(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query(PROVE_ALIVE).fetch_one(connection).await?.try_get::<i32, _>("alive")?;
    Ok(())
}

async fn see_clicks(connection: &mut PgConnection, events: &[Event], changes: &Changes) -> Result<(), StoreError> {
    let clicks: Vec<(&Place, &ClickEvent)> = changes
        .arrived
        .iter()
        .filter_map(|(place, position)| match &events[*position] {
            Event::Click(click) => Some((place, click)),
            Event::Lead(_) => None,
        })
        .collect();
    if clicks.is_empty() {
        return Ok(());
    }
    let (programs, idents) = places(clicks.iter().map(|(place, _)| *place));
    sqlx::query(SEE_CLICKS)
        .bind(programs)
        .bind(idents)
        .bind(clicks.iter().map(|(_, click)| click.click.event.uuid()).collect::<Vec<_>>())
        .bind(clicks.iter().map(|(_, click)| click.link.map(i64::from)).collect::<Vec<_>>())
        .bind(clicks.iter().map(|(_, click)| click.bot).collect::<Vec<_>>())
        .bind(clicks.iter().map(|(_, click)| click.replaces.map(|event| event.uuid())).collect::<Vec<_>>())
        .bind(clicks.iter().map(|(_, click)| click.detail.0.clone()).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn own_clicks(
    connection: &mut PgConnection,
    scope: &Scope,
    changes: &Changes,
) -> Result<(), StoreError> {
    let named: Vec<_> =
        changes.named.iter().filter_map(|(place, owner)| Some((place, scope.clicks.get(place)?, owner))).collect();
    if named.is_empty() {
        return Ok(());
    }
    let (programs, idents) = places(named.iter().map(|(place, _, _)| *place));
    sqlx::query(OWN_CLICKS)
        .bind(programs)
        .bind(idents)
        .bind(named.iter().map(|(_, click, _)| click.event.uuid()).collect::<Vec<_>>())
        .bind(named.iter().map(|(_, _, owner)| owner.map(|owner| owner.ident.uuid())).collect::<Vec<Option<Uuid>>>())
        .bind(named.iter().map(|(_, _, owner)| owner.map(|owner| owner.rank.class.code())).collect::<Vec<_>>())
        .bind(named.iter().map(|(_, _, owner)| owner.map(|owner| owner.rank.event.uuid())).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_waiters(connection: &mut PgConnection, changes: &Changes) -> Result<(), StoreError> {
    if !changes.woken.is_empty() {
        let (programs, clicks) = places(changes.woken.iter().map(|(click, _)| click));
        let idents: Vec<Uuid> = changes.woken.iter().map(|(_, ident)| ident.uuid()).collect();
        sqlx::query(DELETE_WAITERS).bind(programs).bind(clicks).bind(idents).execute(&mut *connection).await?;
    }
    if !changes.waiting.is_empty() {
        let (programs, clicks) = places(changes.waiting.iter().map(|(click, _)| click));
        let idents: Vec<Uuid> = changes.waiting.iter().map(|(_, ident)| ident.uuid()).collect();
        sqlx::query(INSERT_WAITERS).bind(programs).bind(clicks).bind(idents).execute(connection).await?;
    }
    Ok(())
}

/// Adds the leads, in the order of their keys: another worker may be adding the same one. Gives back the positions of
/// those that were not there; of one that comes twice, the first.
pub(super) async fn insert_leads(
    connection: &mut PgConnection,
    events: &[Event],
    mut leads: Vec<NewLead>,
) -> Result<HashSet<usize>, StoreError> {
    if leads.is_empty() {
        return Ok(HashSet::new());
    }
    let key = |lead: &NewLead| (lead.place, events[lead.position].id());
    leads.sort_unstable_by_key(|lead| (key(lead), lead.position));
    leads.dedup_by_key(|lead| key(lead));
    let mut columns = LeadColumns::default();
    for lead in &leads {
        if let Some(event) = lead_at(events, lead.position) {
            columns.push(LeadRow::of(event, &LeadFacts::from(event))?);
        }
    }
    let (programs, idents) = places(leads.iter().map(|lead| &lead.place));
    let rows = columns
        .bind(sqlx::query(INSERT_LEADS).bind(programs).bind(idents))
        .bind(leads.iter().map(|lead| lead.echo).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let inserted = rows.iter().map(|row| row.try_get("event_id")).collect::<Result<HashSet<Uuid>, _>>()?;
    let is_new = |lead: &&NewLead| inserted.contains(&events[lead.position].id().uuid());
    Ok(leads.iter().filter(is_new).map(|lead| lead.position).collect())
}

pub(super) async fn mark_echoes(connection: &mut PgConnection, changes: &Changes) -> Result<(), StoreError> {
    if changes.echoes.is_empty() {
        return Ok(());
    }
    let (programs, idents) = places(changes.echoes.iter().map(|(place, _)| place));
    let events: Vec<Uuid> = changes.echoes.iter().map(|(_, event)| event.uuid()).collect();
    sqlx::query(MARK_ECHOES).bind(programs).bind(idents).bind(events).execute(connection).await?;
    Ok(())
}

pub(super) async fn judge_customers(connection: &mut PgConnection, changes: &Changes) -> Result<(), StoreError> {
    if changes.customers.is_empty() {
        return Ok(());
    }
    let mut states = StateColumns::default();
    changes.customers.values().for_each(|state| states.push(StateRow::of(state.as_ref())));
    let (programs, idents) = places(changes.customers.keys());
    states.bind(sqlx::query(JUDGE_CUSTOMERS).bind(programs).bind(idents)).execute(connection).await?;
    Ok(())
}

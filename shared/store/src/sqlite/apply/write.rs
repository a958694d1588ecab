//! Writes what the fold decided, set-based.

use super::rows::{blob, hex, hex_or_null, parameter, row, state_row};
use crate::StoreError;
use crate::facts;
use domain::attribution::LeadFacts;
use domain::event::Event;
use domain::merge::{Applied, Changes, NewLead, Scope};
use domain::outcome::Outcome;
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection};
use std::collections::HashSet;
use uuid::Uuid;

const SEE_CLICKS: &str = "/* see_clicks */
UPDATE clicks SET link_id = u.value ->> 2, bot = u.value ->> 3, replaces = unhex(u.value ->> 4), detail = u.value ->> 5,
  recorded_at = ?2
FROM json_each(?1) AS u WHERE clicks.program_id = u.value ->> 0 AND clicks.click = unhex(u.value ->> 1)";

const OWN_CLICKS: &str = "/* own_clicks */
UPDATE clicks SET owner = unhex(u.value ->> 2), owner_class = u.value ->> 3, owner_event = unhex(u.value ->> 4)
FROM json_each(?1) AS u WHERE clicks.program_id = u.value ->> 0 AND clicks.click = unhex(u.value ->> 1)";

const DELETE_WAITERS: &str = "/* delete_waiters */
DELETE FROM waiters WHERE (program_id, click) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1))";

const INSERT_WAITERS: &str = "/* insert_waiters */
INSERT INTO waiters (program_id, click, ident)
SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2) FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING";

/// An echo is not read before it is written again; a redelivered one collides here.
const INSERT_LEADS: &str = "/* insert_leads */
INSERT INTO leads (program_id, ident, event_id, class, click, facts, detail, test, echo, recorded_at)
SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2), value ->> 3, unhex(value ->> 4), unhex(value ->> 5),
  value ->> 6, value ->> 7, value ->> 8, ?2 FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING RETURNING event_id";

const MARK_ECHOES: &str = "/* mark_echoes */
UPDATE leads SET echo = 1 FROM json_each(?1) AS u
WHERE leads.program_id = u.value ->> 0 AND leads.ident = unhex(u.value ->> 1) AND leads.event_id = unhex(u.value ->> 2)";

const JUDGE_CUSTOMERS: &str = "/* judge_customers */
UPDATE customers SET counted_event = unhex(u.value ->> 2), counted_class = u.value ->> 3, status = u.value ->> 4,
  reason = u.value ->> 5, verdict_click = unhex(u.value ->> 6), partner_id = u.value ->> 7, link_id = u.value ->> 8,
  flags = u.value ->> 9, email_digest = unhex(u.value ->> 10), email_mask = u.value ->> 11
FROM json_each(?1) AS u WHERE customers.program_id = u.value ->> 0 AND customers.ident = unhex(u.value ->> 1)";

/// Writes the changes and says what became of each event.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    events: &[Event],
    scope: &Scope,
    changes: Changes,
    now: i64,
) -> Result<Vec<Applied>, StoreError> {
    write_clicks(connection, events, &changes, now).await?;
    let waiting = changes.waiting.iter().map(|(click, ident)| row(click, [hex(ident.uuid())]));
    run(connection, INSERT_WAITERS, waiting.collect()).await?;
    debug_assert!(changes.named.keys().all(|place| scope.clicks.contains_key(place)));
    let inserted = insert_leads(connection, events, &changes.leads, now).await?;
    let echoes = changes.echoes.iter().map(|(place, event)| row(place, [hex(event.uuid())]));
    run(connection, MARK_ECHOES, echoes.collect()).await?;
    let customers = changes.customers.iter().map(|(place, state)| state_row(place, state.as_ref()));
    run(connection, JUDGE_CUSTOMERS, customers.collect()).await?;
    let redelivered: HashSet<usize> = changes
        .leads
        .iter()
        .map(|lead| lead.position)
        .filter(|position| !inserted.contains(&events[*position].id().uuid()))
        .collect();
    let told = |mut applied: Applied| {
        if redelivered.contains(&applied.position) {
            applied.outcome = Outcome::Redelivered;
        }
        applied
    };
    Ok(changes.applied.into_iter().map(told).collect())
}

async fn run(connection: &mut SqliteConnection, statement: &'static str, rows: Vec<Value>) -> Result<(), StoreError> {
    if !rows.is_empty() {
        sqlx::query(statement).bind(parameter(rows)).execute(connection).await?;
    }
    Ok(())
}

async fn write_clicks(
    connection: &mut SqliteConnection,
    events: &[Event],
    changes: &Changes,
    now: i64,
) -> Result<(), StoreError> {
    let seen: Vec<Value> = changes
        .arrived
        .iter()
        .filter_map(|(place, position)| match &events[*position] {
            Event::Click(click) => Some(row(
                place,
                [
                    json!(click.link.map(i64::from)),
                    json!(i64::from(click.bot)),
                    hex_or_null(click.replaces.map(|event| event.uuid())),
                    json!(click.detail.0),
                ],
            )),
            Event::Lead(_) => None,
        })
        .collect();
    if !seen.is_empty() {
        let arrived = changes.arrived.keys().map(|place| row(place, []));
        run(connection, DELETE_WAITERS, arrived.collect()).await?;
        sqlx::query(SEE_CLICKS).bind(parameter(seen)).bind(now).execute(&mut *connection).await?;
    }
    let owned = changes.named.iter().map(|(place, owner)| {
        row(
            place,
            [
                hex_or_null(owner.map(|owner| owner.ident.uuid())),
                json!(owner.map(|owner| owner.rank.class.code())),
                hex_or_null(owner.map(|owner| owner.rank.event.uuid())),
            ],
        )
    });
    run(connection, OWN_CLICKS, owned.collect()).await
}

async fn insert_leads(
    connection: &mut SqliteConnection,
    events: &[Event],
    leads: &[NewLead],
    now: i64,
) -> Result<HashSet<Uuid>, StoreError> {
    let rows: Vec<Value> = leads
        .iter()
        .filter_map(|new| match &events[new.position] {
            Event::Lead(lead) => Some((new, lead)),
            Event::Click(_) => None,
        })
        .map(|(new, lead)| {
            let known = LeadFacts::from(lead);
            let click = known.click.map(|click| known.place_of(click).uuid());
            let columns = [
                hex(lead.id.uuid()),
                json!(lead.class().code()),
                hex_or_null(click),
                blob(&facts::encode(&known)?),
                json!(lead.detail.0),
                json!(i64::from(lead.test)),
                json!(i64::from(new.echo)),
            ];
            Ok(row(&new.place, columns))
        })
        .collect::<Result<_, StoreError>>()?;
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let inserted = sqlx::query(INSERT_LEADS).bind(parameter(rows)).bind(now).fetch_all(connection).await?;
    Ok(inserted.iter().map(|row| row.try_get("event_id")).collect::<Result<_, _>>()?)
}

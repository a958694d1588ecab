//! Reads what the touched rows hold, and makes stubs and shells for those that do not exist.

use super::rows::{hex, key, parameter, place, row};
use crate::StoreError;
use crate::facts;
use domain::attribution::{Arrival, LeadFacts};
use domain::event::{Class, Event, Rank};
use domain::journey::{ClickFacts, Owner};
use domain::merge::{ClickRow, LiveLead, Loaded, Place, Scope, unlocked_clicks, unlocked_customers};
use domain::{Ident, LinkId};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const INSERT_STUBS: &str = "/* insert_stubs */
INSERT INTO clicks (program_id, click, event_id, partner_id)
SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2), value ->> 3 FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING";

const READ_CLICKS: &str = "/* read_clicks */
SELECT c.program_id, c.click, c.link_id, c.bot, c.recorded_at IS NOT NULL AS seen, c.owner, c.owner_class, c.owner_event
FROM json_each(?1) AS u CROSS JOIN clicks AS c
  ON c.program_id = u.value ->> 0 AND c.click = unhex(u.value ->> 1)";

const READ_WAITERS: &str = "/* read_waiters */
SELECT w.program_id, w.click, w.ident FROM json_each(?1) AS u CROSS JOIN waiters AS w
  ON w.program_id = u.value ->> 0 AND w.click = unhex(u.value ->> 1)";

const INSERT_SHELLS: &str = "/* insert_shells */
INSERT INTO customers (program_id, ident, customer_key, test)
SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3 FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING";

const READ_CUSTOMERS: &str = "/* read_customers */
SELECT c.program_id, c.ident FROM json_each(?1) AS u CROSS JOIN customers AS c
  ON c.program_id = u.value ->> 0 AND c.ident = unhex(u.value ->> 1)";

const READ_LEADS: &str = "/* read_leads */
SELECT l.program_id, l.ident, l.facts FROM json_each(?1) AS u CROSS JOIN leads AS l
  ON l.program_id = u.value ->> 0 AND l.ident = unhex(u.value ->> 1) AND NOT l.echo";

/// Loads what the scope names.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    events: &[Event],
) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded { clicks: clicks(connection, scope).await?, ..Loaded::default() };
    loaded.asked = scope.customers_to_lock(&loaded.clicks);
    insert_shells(connection, scope, events).await?;
    let asked = keys(&loaded.asked);
    for row in sqlx::query(READ_CUSTOMERS).bind(&asked).fetch_all(&mut *connection).await? {
        loaded.customers.insert(place(&row, "ident")?, Vec::new());
    }
    for (place, facts) in read_leads(connection, &loaded.asked).await? {
        loaded.customers.entry(place).or_default().push(LiveLead { facts, embedded: false });
    }
    read_beyond(connection, &mut loaded).await?;
    Ok(loaded)
}

fn keys<'a>(places: impl IntoIterator<Item = &'a Place>) -> String {
    parameter(places.into_iter().map(|place| Value::from(key(place).to_vec())).collect())
}

async fn clicks(connection: &mut SqliteConnection, scope: &Scope) -> Result<BTreeMap<Place, ClickRow>, StoreError> {
    let stubs = scope
        .clicks
        .iter()
        .map(|(place, click)| row(place, [hex(click.event.uuid()), json!(click.partner.map(i64::from))]));
    let stubs = parameter(stubs.collect());
    sqlx::query(INSERT_STUBS).bind(stubs).execute(&mut *connection).await?;
    let facts = read_clicks(connection, &scope.clicks_to_lock()).await?;
    let mut rows: BTreeMap<Place, ClickRow> = facts
        .into_iter()
        .map(|(place, facts)| {
            (place, ClickRow { arrival: facts.arrival, owner: facts.owner, waiters: BTreeSet::new() })
        })
        .collect();
    for row in sqlx::query(READ_WAITERS).bind(keys(&scope.arriving)).fetch_all(connection).await? {
        let waiter = Ident::from_uuid(row.try_get("ident")?);
        rows.entry(place(&row, "click")?).or_default().waiters.insert(waiter);
    }
    Ok(rows)
}

async fn read_clicks(
    connection: &mut SqliteConnection,
    wanted: &BTreeSet<Place>,
) -> Result<BTreeMap<Place, ClickFacts>, StoreError> {
    let rows = sqlx::query(READ_CLICKS).bind(keys(wanted)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((place(row, "click")?, click_facts(row)?))).collect()
}

fn click_facts(row: &SqliteRow) -> Result<ClickFacts, StoreError> {
    let link = row.try_get::<Option<i64>, _>("link_id")?.and_then(LinkId::new);
    let arrival = Arrival { link, bot: row.try_get("bot")? };
    let seen: bool = row.try_get("seen")?;
    let ident = row.try_get::<Option<Uuid>, _>("owner")?.map(Ident::from_uuid);
    let class = row.try_get::<Option<i16>, _>("owner_class")?.and_then(Class::from_code);
    let event = row.try_get::<Option<Uuid>, _>("owner_event")?.and_then(facts::event_id);
    let owner = ident.zip(class.zip(event)).map(|(ident, (class, event))| Owner { ident, rank: Rank { class, event } });
    Ok(ClickFacts { arrival: seen.then_some(arrival), owner })
}

async fn insert_shells(connection: &mut SqliteConnection, scope: &Scope, events: &[Event]) -> Result<(), StoreError> {
    let shells = scope.customers.iter().filter_map(|(place, position)| match &events[*position] {
        Event::Lead(lead) => {
            let key = lead.customer_key.as_ref().map(domain::CustomerKey::as_str);
            Some(row(place, [json!(key), json!(i64::from(lead.test))]))
        }
        Event::Click(_) => None,
    });
    let shells = parameter(shells.collect());
    sqlx::query(INSERT_SHELLS).bind(shells).execute(connection).await?;
    Ok(())
}

async fn read_leads(
    connection: &mut SqliteConnection,
    wanted: &BTreeSet<Place>,
) -> Result<Vec<(Place, LeadFacts)>, StoreError> {
    let rows = sqlx::query(READ_LEADS).bind(keys(wanted)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((place(row, "ident")?, facts::decode(row.try_get("facts")?)?))).collect()
}

/// What the loaded leads name beyond the loaded rows.
async fn read_beyond(connection: &mut SqliteConnection, loaded: &mut Loaded) -> Result<(), StoreError> {
    let keyless = unlocked_customers(loaded.customers.iter(), &loaded.asked);
    let mut other_leads: BTreeMap<Place, Vec<LeadFacts>> = BTreeMap::new();
    for (place, facts) in read_leads(connection, &keyless).await? {
        other_leads.entry(place).or_default().push(facts);
    }
    loaded.other_leads = other_leads;
    let known = loaded.customers.iter().flat_map(|(place, leads)| leads.iter().map(|lead| (*place, &lead.facts)));
    let others = loaded.other_leads.iter().flat_map(|(place, leads)| leads.iter().map(|lead| (*place, lead)));
    let named = unlocked_clicks(known.chain(others), &loaded.clicks);
    loaded.other_clicks = read_clicks(connection, &named).await?;
    Ok(())
}

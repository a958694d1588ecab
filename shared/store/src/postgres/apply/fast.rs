//! The fast transaction: clicks nobody has named yet, and leads whose customer is new and whose click nobody else
//! has named. It waits for no row that is only locked, but for one that another worker is inserting or changing; what a
//! statement does not give back is left over for the slow one.

use super::rows::{LeadColumns, StateColumns, lead_at, places};
use super::{ledger, write};
use crate::StoreError;
use crate::batch::Batch;
use crate::meters::{self, Transaction};
use domain::attribution::{Arrival, LeadFacts};
use domain::event::Event;
use domain::journey::CustomerState;
use domain::merge::{Place, Solo, solo_lead};
use domain::outcome::{Outcome, Reason};
use domain::{Ident, LinkId};
use sqlx::{Connection, PgConnection, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Instant;
use uuid::Uuid;

/// A click that is there already, as a stub or as a redelivery, collides and is left over.
const INSERT_CLICKS: &str = "/* insert_clicks */
INSERT INTO clicks (program_id, click, event_id, partner_id, link_id, bot, replaces, detail, recorded_at)
SELECT *, now() FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::boolean[],
  $7::uuid[], $8::text[])
ON CONFLICT DO NOTHING RETURNING program_id, click";

/// Holding the lock until commit makes a worker on the slow path, who wants the same click, see the claim made here.
/// LATERAL with OFFSET 0 keeps the plan one index probe per click whatever the statistics say.
const LOCK_QUIET_CLICKS: &str = "/* lock_quiet_clicks */
SELECT c.program_id, c.click, c.link_id, c.bot
FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, click)
CROSS JOIN LATERAL (
  SELECT * FROM clicks WHERE clicks.program_id = u.program_id AND clicks.click = u.click
    AND clicks.recorded_at IS NOT NULL AND NOT clicks.contested
  OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) AS c";

/// A customer who is there already, or a click that is claimed already, collides and is left over. Two workers with
/// the same new customer meet here: the second waits for the first to commit, then collides.
const INSERT_CUSTOMERS: &str = "/* insert_customers */
INSERT INTO customers (program_id, ident, customer_key, claim, event_id, class, click, facts, detail, test,
  counted_event, counted_class, status, reason, verdict_click, partner_id, link_id, flags, email_digest, email_mask,
  recorded_at)
SELECT *, now() FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::smallint[], $7::uuid[],
  $8::bytea[], $9::text[], $10::boolean[], $11::uuid[], $12::smallint[], $13::smallint[], $14::smallint[],
  $15::uuid[], $16::bigint[], $17::bigint[], $18::smallint[], $19::bytea[], $20::text[])
ON CONFLICT DO NOTHING RETURNING program_id, ident";

struct NewCustomer {
    position: usize,
    solo: Solo,
    facts: LeadFacts,
    state: CustomerState,
}

/// Gives back the positions of the events that are left over. If there are none, the batch is closed.
pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &Batch,
    outcomes: &mut [Outcome],
) -> Result<Vec<usize>, StoreError> {
    let mut done: HashSet<usize> = HashSet::new();
    let begun = Instant::now();
    let mut transaction = connection.begin().await?;
    for position in insert_clicks(&mut transaction, &batch.events).await? {
        outcomes[position] = Outcome::ClickRecorded;
        done.insert(position);
    }
    let solos = solos(&batch.events);
    let seen = lock_quiet_clicks(&mut transaction, solos.values()).await?;
    let customers = new_customers(&batch.events, solos, &seen);
    let mut verdicts = Vec::new();
    for (position, reason) in insert_customers(&mut transaction, &batch.events, customers).await? {
        outcomes[position] = Outcome::LeadRecorded;
        done.insert(position);
        verdicts.push(reason);
    }
    let left_over: Vec<usize> = (0..batch.events.len()).filter(|position| !done.contains(position)).collect();
    let set_aside = if left_over.is_empty() {
        ledger::close(&mut transaction, batch).await?
    } else {
        write::prove_alive(&mut transaction).await?;
        Vec::new()
    };
    transaction.commit().await?;
    Transaction::Fast.committed(begun);
    meters::judged(&verdicts);
    meters::set_aside(&set_aside);
    Ok(left_over)
}

/// Leads that may stand alone and whose customer and click no other lead of this batch names.
fn solos(events: &[Event]) -> BTreeMap<usize, Solo> {
    let mut named: HashMap<Place, usize> = HashMap::new();
    for event in events {
        if let Event::Lead(lead) = event {
            let at = |ident| Place { program: lead.program, ident };
            let clicks = lead.click.iter().chain(&lead.click_ids);
            let clicks = clicks.map(|click| at(Ident::of_click(lead.test, *click)));
            let places: BTreeSet<Place> = clicks.chain([at(lead.ident())]).collect();
            places.into_iter().for_each(|place| *named.entry(place).or_default() += 1);
        }
    }
    let is_alone = |solo: &Solo| {
        [Some(solo.customer), solo.click].into_iter().flatten().all(|place| named.get(&place) == Some(&1))
    };
    (0..events.len())
        .filter_map(|position| Some((position, lead_at(events, position).and_then(solo_lead)?)))
        .filter(|(_, solo)| is_alone(solo))
        .collect()
}

async fn insert_clicks(connection: &mut PgConnection, events: &[Event]) -> Result<Vec<usize>, StoreError> {
    let mut clicks = BTreeMap::new();
    for (position, event) in events.iter().enumerate() {
        if let Event::Click(click) = event {
            let place =
                Place { program: click.click.program, ident: Ident::of_click(click.click.is_test(), click.click) };
            clicks.entry(place).or_insert((position, click));
        }
    }
    if clicks.is_empty() {
        return Ok(Vec::new());
    }
    let (programs, idents) = places(clicks.keys());
    let column =
        |of: fn(&domain::ClickEvent) -> Option<i64>| clicks.values().map(|(_, click)| of(click)).collect::<Vec<_>>();
    let rows = sqlx::query(INSERT_CLICKS)
        .bind(programs)
        .bind(idents)
        .bind(clicks.values().map(|(_, click)| click.click.event.uuid()).collect::<Vec<_>>())
        .bind(column(|click| click.click.partner.map(i64::from)))
        .bind(column(|click| click.link.map(i64::from)))
        .bind(clicks.values().map(|(_, click)| click.bot).collect::<Vec<_>>())
        .bind(clicks.values().map(|(_, click)| click.replaces.map(|event| event.uuid())).collect::<Vec<_>>())
        .bind(clicks.values().map(|(_, click)| click.detail.0.clone()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let inserted = rows.iter().map(|row| write::place(row, "click")).collect::<Result<Vec<_>, _>>()?;
    Ok(inserted.iter().filter_map(|place| clicks.get(place)).map(|(position, _)| *position).collect())
}

async fn lock_quiet_clicks(
    connection: &mut PgConnection,
    solos: impl Iterator<Item = &Solo>,
) -> Result<HashMap<Place, Arrival>, StoreError> {
    let wanted: BTreeSet<Place> = solos.filter_map(|solo| solo.click).collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let (programs, clicks) = places(&wanted);
    let rows = sqlx::query(LOCK_QUIET_CLICKS).bind(programs).bind(clicks).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let link = row.try_get::<Option<i64>, _>("link_id")?.and_then(LinkId::new);
            Ok((write::place(row, "click")?, Arrival { link, bot: row.try_get("bot")? }))
        })
        .collect()
}

fn new_customers(
    events: &[Event],
    solos: BTreeMap<usize, Solo>,
    seen: &HashMap<Place, Arrival>,
) -> BTreeMap<Place, NewCustomer> {
    let judged = solos.into_iter().filter_map(|(position, solo)| {
        let arrival = solo.click.and_then(|click| seen.get(&click).copied());
        if solo.click.is_some() && arrival.is_none() {
            return None;
        }
        let facts = LeadFacts::from(lead_at(events, position)?);
        let state = solo.state(&facts, arrival)?;
        Some((solo.customer, NewCustomer { position, solo, facts, state }))
    });
    judged.collect()
}

async fn insert_customers(
    connection: &mut PgConnection,
    events: &[Event],
    customers: BTreeMap<Place, NewCustomer>,
) -> Result<Vec<(usize, Reason)>, StoreError> {
    if customers.is_empty() {
        return Ok(Vec::new());
    }
    let (programs, idents) = places(customers.keys());
    let (mut keys, mut claims) = (Vec::new(), Vec::<Option<Uuid>>::new());
    let (mut leads, mut states) = (LeadColumns::default(), StateColumns::default());
    for customer in customers.values() {
        if let Some(lead) = lead_at(events, customer.position) {
            keys.push(lead.customer_key.as_ref().map(|key| key.as_str().to_owned()));
            claims.push(customer.solo.click.map(|click| click.ident.uuid()));
            leads.push(lead, &customer.facts)?;
            states.push(Some(&customer.state));
        }
    }
    let statement = sqlx::query(INSERT_CUSTOMERS).bind(programs).bind(idents).bind(keys).bind(claims);
    let rows = states.bind(leads.bind(statement)).fetch_all(connection).await?;
    let inserted = rows.iter().map(|row| write::place(row, "ident")).collect::<Result<Vec<_>, _>>()?;
    let inserted = inserted.iter().filter_map(|place| customers.get(place));
    Ok(inserted.map(|customer| (customer.position, customer.state.verdict.reason)).collect())
}

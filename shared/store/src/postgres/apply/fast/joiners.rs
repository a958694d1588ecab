//! Leads that say something new of a customer who is there already: the server's after the browser's. Taken here when
//! what they touch can be locked at once, and left over when not; the rules are those of the slow transaction.

use super::clicks::QuietClick;
use super::known::{self, Known};
use crate::StoreError;
use crate::postgres::apply::{load, write};
use domain::event::Event;
use domain::merge::{Changes, LiveLead, Loaded, Party, Place, Scope, fold};
use domain::outcome::Outcome;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What another worker changed before the lock was taken is in the row that is given back, so this may lock and read
/// at once. The customers' further leads are other rows, and are read after.
const LOCK_KNOWN: &str = "/* lock_known */
SELECT c.program_id, c.ident, c.facts FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, ident)
CROSS JOIN LATERAL (
  SELECT program_id, ident, facts FROM customers
  WHERE customers.program_id = u.program_id AND customers.ident = u.ident
  OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) AS c";

/// What the leads change.
#[derive(Default)]
pub(super) struct Joined {
    /// The clicks they name.
    pub(super) scope: Scope,
    /// Positions are those of the whole batch.
    pub(super) changes: Changes,
}

impl Joined {
    /// Writes what changes beside the leads that are added.
    pub(super) async fn write(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        write::own_clicks(connection, &self.scope, &self.changes).await?;
        write::mark_echoes(connection, &self.changes).await?;
        write::judge_customers(connection, &self.changes).await
    }

    /// What became of the leads, now that those at these positions have been added.
    pub(super) fn told(&self, added: &HashSet<usize>) -> impl Iterator<Item = (usize, Outcome)> {
        write::told(&self.changes, added).map(|applied| (applied.position, applied.outcome))
    }
}

/// Whether the party may join its customer: nobody else has named its click.
fn may_join(party: &Party, known: &Known, clicks: &HashMap<Place, QuietClick>) -> bool {
    let is_free = |click: Place| {
        clicks.get(&click).is_some_and(|click| click.holder.is_none_or(|holder| holder.ident == party.customer.ident))
    };
    party.is_apart && known.has_news(party) && party.click.is_none_or(is_free)
}

/// Locks the customers and judges them again. To be called after the last customer was inserted: who waits for an
/// insert must not hold a customer.
pub(super) async fn join(
    connection: &mut PgConnection,
    events: &[Event],
    parties: &[Party],
    known: &Known,
    clicks: &HashMap<Place, QuietClick>,
) -> Result<Joined, StoreError> {
    let mut joiners: Vec<&Party> = parties.iter().filter(|party| may_join(party, known, clicks)).collect();
    let mut loaded = Loaded { customers: lock(connection, &joiners).await?, ..Loaded::default() };
    joiners.retain(|party| loaded.customers.contains_key(&party.customer));
    if joiners.is_empty() {
        return Ok(Joined::default());
    }
    let named: BTreeSet<Place> = joiners.iter().filter_map(|party| party.click).collect();
    loaded.clicks = named.iter().filter_map(|click| Some((*click, clicks.get(click)?.row()))).collect();
    // Nobody is known by a click alone that another customer is the only one to name.
    loaded.asked = loaded.customers.keys().copied().chain(named).collect();
    load::read_unlocked(connection, &mut loaded).await?;
    let positions: Vec<usize> = joiners.iter().flat_map(|party| known.news(party)).collect();
    let events: Vec<Event> = positions.iter().map(|position| events[*position].clone()).collect();
    let Ok(mut changes) = fold(&events, &loaded) else { return Ok(Joined::default()) };
    changes.leads.iter_mut().for_each(|lead| lead.position = positions[lead.position]);
    changes.applied.iter_mut().for_each(|applied| applied.position = positions[applied.position]);
    Ok(Joined { scope: Scope::of(&events), changes })
}

/// The customers that are free, with their leads.
async fn lock(connection: &mut PgConnection, joiners: &[&Party]) -> Result<BTreeMap<Place, Vec<LiveLead>>, StoreError> {
    let mut locked: BTreeMap<Place, Vec<LiveLead>> = BTreeMap::new();
    let customers = joiners.iter().map(|party| &party.customer);
    for (customer, facts) in known::read_leads(connection, LOCK_KNOWN, customers).await? {
        locked.entry(customer).or_default().extend(facts.map(|facts| LiveLead { facts, embedded: true }));
    }
    for (customer, facts) in known::read_leads(connection, known::READ_LIVE, locked.keys()).await? {
        locked.entry(customer).or_default().extend(facts.map(|facts| LiveLead { facts, embedded: false }));
    }
    Ok(locked)
}

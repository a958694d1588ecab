//! Customers who are there already, and those of their leads that say nothing new: an echo of what is stored can
//! never change a thing, so it is added without a lock. It relies on real leads staying where they are.

use crate::StoreError;
use crate::facts;
use crate::postgres::apply::rows::{place, places};
use domain::attribution::LeadFacts;
use domain::merge::{NewLead, Party, PartyLead, Place};
use domain::outcome::Outcome;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use std::collections::{HashMap, HashSet};

const READ_KNOWN: &str = "/* read_known */
SELECT c.program_id, c.ident, c.facts FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, ident)
CROSS JOIN LATERAL (
  SELECT program_id, ident, facts FROM customers
  WHERE customers.program_id = u.program_id AND customers.ident = u.ident OFFSET 0) AS c";

pub(super) const READ_LIVE: &str = "/* read_live */
SELECT l.program_id, l.ident, l.facts FROM unnest($1::bigint[], $2::uuid[]) AS u (program_id, ident)
CROSS JOIN LATERAL (
  SELECT program_id, ident, facts FROM leads
  WHERE leads.program_id = u.program_id AND leads.ident = u.ident AND NOT leads.echo OFFSET 0) AS l";

/// What is known of the customers whom a batch's leads speak of.
#[derive(Default)]
pub(super) struct Known {
    /// Those who are there, each with leads that are not echoes; perhaps not with all of them.
    pub(super) customers: HashMap<Place, Vec<LeadFacts>>,
    /// Leads to add to them.
    pub(super) echoes: Vec<NewLead>,
    /// The positions of leads that are stored.
    redelivered: Vec<usize>,
}

impl Known {
    fn take(&mut self, leads: Vec<(Place, Option<LeadFacts>)>) {
        for (customer, facts) in leads {
            self.customers.entry(customer).or_default().extend(facts);
        }
    }

    /// Whether the customer is there and the party says nothing more than is known.
    pub(super) fn is_old_news(&self, party: &Party) -> bool {
        self.customers.contains_key(&party.customer) && !self.has_news(party)
    }

    /// Whether the customer is there and the party has more to say than is known.
    pub(super) fn has_news(&self, party: &Party) -> bool {
        self.news(party).next().is_some()
    }

    /// The leads that say something new of a customer who is there.
    pub(super) fn news<'a>(&'a self, party: &'a Party) -> impl Iterator<Item = &'a PartyLead> {
        let stored = self.customers.get(&party.customer);
        stored.into_iter().flat_map(|stored| party.leads.iter().filter(|lead| is_news(lead, stored)))
    }

    /// What became of their leads, now that those at these positions have been added: what collided has been there.
    pub(super) fn told(&self, added: &HashSet<usize>) -> impl Iterator<Item = (usize, Outcome)> {
        let redelivered = self.redelivered.iter().map(|position| (*position, Outcome::Redelivered));
        let is_new = |position: usize| added.contains(&position);
        redelivered.chain(self.echoes.iter().map(move |lead| {
            (lead.position, if is_new(lead.position) { Outcome::LeadDuplicate } else { Outcome::Redelivered })
        }))
    }
}

/// Looks the customers up, and finds the echoes among their leads.
pub(super) async fn read(connection: &mut PgConnection, parties: &[Party]) -> Result<Known, StoreError> {
    let mut known = Known::default();
    known.take(read_leads(connection, READ_KNOWN, parties.iter().map(|party| &party.customer)).await?);
    if known.customers.is_empty() {
        return Ok(known);
    }
    let with_news = parties.iter().filter(|party| known.has_news(party)).map(|party| &party.customer);
    let live = read_leads(connection, READ_LIVE, with_news).await?;
    known.take(live);
    for party in parties {
        let Some(stored) = known.customers.get(&party.customer) else { continue };
        for PartyLead { position, facts } in party.leads.iter().filter(|lead| !is_news(lead, stored)) {
            if is_stored(facts, stored) {
                known.redelivered.push(*position);
            } else {
                known.echoes.push(NewLead { place: party.customer, position: *position, echo: true });
            }
        }
    }
    Ok(known)
}

/// Test leads are forgotten some day, so what is stored of them must be locked before it is relied upon.
fn is_news(lead: &PartyLead, stored: &[LeadFacts]) -> bool {
    !is_stored(&lead.facts, stored) && (lead.facts.test || !lead.is_echo_of(stored))
}

fn is_stored(lead: &LeadFacts, stored: &[LeadFacts]) -> bool {
    stored.iter().any(|stored| stored.rank.event == lead.rank.event)
}

/// The customers that the statement finds, each with one lead of it or none.
pub(super) async fn read_leads<'a>(
    connection: &mut PgConnection,
    statement: &'static str,
    asked: impl Iterator<Item = &'a Place>,
) -> Result<Vec<(Place, Option<LeadFacts>)>, StoreError> {
    let (programs, idents) = places(asked);
    if programs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(statement).bind(programs).bind(idents).fetch_all(connection).await?;
    let lead = |row: &PgRow| {
        let facts = row.try_get::<Option<&[u8]>, _>("facts")?.map(facts::decode).transpose()?;
        Ok((place(row)?, facts))
    };
    rows.iter().map(lead).collect()
}

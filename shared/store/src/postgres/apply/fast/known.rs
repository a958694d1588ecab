//! Customers who are there already, and those of their leads that say nothing new: an echo of what is stored can
//! never change a thing, so it is added without a lock. It relies on real leads staying where they are.

use crate::StoreError;
use crate::facts;
use crate::postgres::apply::rows::{place, places};
use domain::EventId;
use domain::attribution::LeadFacts;
use domain::merge::{NewLead, Party, Place};
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

/// What is known of the customers whom a batch's leads speak of, and what that makes of the leads.
#[derive(Default)]
pub(super) struct Known {
    customers: HashSet<Place>,
    /// The positions of leads that say something new of a customer who is there.
    news: HashSet<usize>,
    /// Leads to add to such customers.
    pub(super) echoes: Vec<NewLead>,
    /// The positions of leads that are stored.
    redelivered: Vec<usize>,
}

impl Known {
    /// Whether the customer is there.
    pub(super) fn has(&self, customer: &Place) -> bool {
        self.customers.contains(customer)
    }

    /// Whether the customer is there and the party says nothing more than is known.
    pub(super) fn is_old_news(&self, party: &Party) -> bool {
        self.has(&party.customer) && !self.has_news(party)
    }

    /// Whether the customer is there and the party has more to say than is known.
    pub(super) fn has_news(&self, party: &Party) -> bool {
        self.news(party).next().is_some()
    }

    /// The positions of the leads that say something new of a customer who is there.
    pub(super) fn news(&self, party: &Party) -> impl Iterator<Item = usize> {
        party.leads.iter().map(|lead| lead.position).filter(|position| self.news.contains(position))
    }

    fn add(&mut self, party: &Party, beside: Vec<Beside>) {
        self.customers.insert(party.customer);
        for (lead, beside) in party.leads.iter().zip(beside) {
            let position = lead.position;
            match beside {
                Beside::Stored => self.redelivered.push(position),
                Beside::Echo => self.echoes.push(NewLead { place: party.customer, position, echo: true }),
                Beside::News => drop(self.news.insert(position)),
            }
        }
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

/// What a lead is beside what is stored of its customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Stored,
    Echo,
    News,
}

/// Looks the customers up, each with its first lead; with more of their leads those for whom that one does not say
/// everything.
pub(super) async fn read(connection: &mut PgConnection, parties: &[Party]) -> Result<Known, StoreError> {
    let mut known = Known::default();
    let asked = parties.iter().map(|party| &party.customer);
    let mut stored = by_customer(read_leads(connection, READ_KNOWN, asked).await?);
    if stored.is_empty() {
        return Ok(known);
    }
    let mut with_news = Vec::new();
    for party in parties {
        let Some(first) = stored.get(&party.customer) else { continue };
        let beside = beside(party, first);
        if beside.contains(&Beside::News) {
            with_news.push(party);
        } else {
            known.add(party, beside);
        }
    }
    let asked = with_news.iter().map(|party| &party.customer);
    for (customer, live) in by_customer(read_leads(connection, READ_LIVE, asked).await?) {
        stored.entry(customer).or_default().extend(live);
    }
    for party in with_news {
        known.add(party, beside(party, &stored[&party.customer]));
    }
    Ok(known)
}

fn by_customer(leads: Vec<(Place, Option<LeadFacts>)>) -> HashMap<Place, Vec<LeadFacts>> {
    let mut of_customer: HashMap<Place, Vec<LeadFacts>> = HashMap::with_capacity(leads.len());
    for (customer, facts) in leads {
        of_customer.entry(customer).or_default().extend(facts);
    }
    of_customer
}

/// Test leads are forgotten some day, so what is stored of them must be locked before it is relied upon.
fn beside(party: &Party, stored: &[LeadFacts]) -> Vec<Beside> {
    let events: HashSet<EventId> = stored.iter().map(|lead| lead.rank.event).collect();
    let leads = party.leads.iter().map(|lead| &lead.facts).zip(party.echoes_of(stored));
    let beside = leads.map(|(lead, is_echo)| match is_echo && !lead.test {
        _ if events.contains(&lead.rank.event) => Beside::Stored,
        true => Beside::Echo,
        false => Beside::News,
    });
    beside.collect()
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

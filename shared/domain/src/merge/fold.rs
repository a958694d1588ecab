//! The fold: loaded rows and new events in, changes out. The one place where events meet what is stored.

use super::echo::echoes;
use super::scope::{arrival_place, own_clicks};
use super::{ClickRow, LiveLead, Loaded, Place, Scope};
use crate::attribution::{Arrival, LeadFacts};
use crate::event::{ClickEvent, Event, LeadEvent};
use crate::event_id::EventId;
use crate::identity::Ident;
use crate::journey::{ClickFacts, CustomerState, Journey, Owner};
use crate::outcome::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// What to write. Everything is keyed by rows that are locked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Clicks seen for the first time, by the position of their event.
    pub arrived: BTreeMap<Place, usize>,
    /// Waiters who wait no longer.
    pub woken: BTreeSet<(Place, Ident)>,
    /// Clicks whose owner may have changed, and that are from now on contested.
    pub named: BTreeMap<Place, Option<Owner>>,
    /// Customers that wait for clicks not seen yet.
    pub waiting: BTreeSet<(Place, Ident)>,
    /// Leads to add.
    pub leads: Vec<NewLead>,
    /// Stored leads that have become echoes.
    pub echoes: BTreeSet<(Place, EventId)>,
    /// Every customer that may have changed; `None` when it belongs to another.
    pub customers: BTreeMap<Place, Option<CustomerState>>,
    /// What became of each event that may be new, by position.
    pub applied: Vec<Applied>,
}

/// A lead to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLead {
    /// The customer under whom it is kept.
    pub place: Place,
    /// The position of its event.
    pub position: usize,
    /// Whether it can never matter.
    pub echo: bool,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The position of the event.
    pub position: usize,
    /// Its fate.
    pub outcome: Outcome,
}

struct Fold<'a> {
    events: &'a [Event],
    loaded: &'a Loaded,
    clicks: BTreeMap<Place, ClickRow>,
    leads: BTreeMap<Place, Vec<(LiveLead, Option<usize>)>>,
    touched: BTreeSet<Place>,
    changes: Changes,
}

/// Applies the events to the loaded rows.
///
/// # Errors
/// The rows that must be locked as well: roll back, widen the scope, begin again. The scope only grows, so that
/// this ends.
pub fn fold(events: &[Event], loaded: &Loaded) -> Result<Changes, Scope> {
    let mut fold = Fold {
        events,
        loaded,
        clicks: loaded.clicks.clone(),
        leads: loaded
            .customers
            .iter()
            .map(|(place, leads)| (*place, leads.iter().map(|lead| (lead.clone(), None)).collect()))
            .collect(),
        touched: BTreeSet::new(),
        changes: Changes::default(),
    };
    for (position, event) in events.iter().enumerate() {
        if let Event::Click(click) = event {
            fold.see(position, click);
        }
    }
    for (position, event) in events.iter().enumerate() {
        if let Event::Lead(lead) = event {
            fold.add(position, lead);
        }
    }
    fold.touch_owners_of_keyless()?;
    fold.mark_echoes();
    fold.judge();
    fold.tell();
    Ok(fold.changes)
}

impl Fold<'_> {
    fn see(&mut self, position: usize, click: &ClickEvent) {
        let place = arrival_place(click.click);
        let row = self.clicks.entry(place).or_default();
        // Whoever still waits for a click that is there was one too many for the transaction in which it came.
        self.touched.extend(row.waiters.iter().map(|ident| Place { program: place.program, ident: *ident }));
        self.changes.woken.extend(row.waiters.iter().map(|ident| (place, *ident)));
        let outcome = if row.arrival.is_some() {
            Outcome::Redelivered
        } else {
            row.arrival = Some(Arrival { link: click.link, bot: click.bot });
            self.changes.arrived.insert(place, position);
            Outcome::ClickRecorded
        };
        self.changes.applied.push(Applied { position, outcome });
    }

    fn add(&mut self, position: usize, lead: &LeadEvent) {
        let place = Place { program: lead.program, ident: lead.ident() };
        let leads = self.leads.entry(place).or_default();
        if leads.iter().any(|(known, _)| known.facts.rank.event == lead.id) {
            self.changes.applied.push(Applied { position, outcome: Outcome::Redelivered });
            return;
        }
        leads.push((LiveLead { facts: LeadFacts::from(lead), embedded: false }, Some(position)));
        self.touched.insert(place);
        for (click_place, click) in own_clicks(lead) {
            let row = self.clicks.entry(click_place).or_default();
            if lead.click == Some(click) && lead.customer_key.is_some() {
                let claim = Owner { ident: place.ident, rank: lead.rank() };
                let previous = row.owner;
                if previous.is_none_or(|owner| claim.rank < owner.rank) {
                    row.owner = Some(claim);
                }
                if previous.is_none_or(|owner| owner.ident != place.ident) && row.owner == Some(claim) {
                    let loser = previous.map(|owner| Place { program: place.program, ident: owner.ident });
                    self.touched.extend(loser);
                    self.touched.insert(click_place);
                }
            }
            if row.arrival.is_none() && click.is_test() == lead.test {
                self.changes.waiting.insert((click_place, place.ident));
            }
            self.changes.named.insert(click_place, row.owner);
        }
    }

    /// A customer known by a click only speaks for the click's owner, if there is one; to know that for sure the
    /// click must be locked.
    fn touch_owners_of_keyless(&mut self) -> Result<(), Scope> {
        let mut more = Scope::default();
        let keyless: Vec<Place> = self.touched.iter().filter(|place| place.ident.is_click()).copied().collect();
        for place in keyless {
            match self.clicks.get(&place) {
                Some(row) => {
                    self.touched.extend(row.owner.map(|owner| Place { program: place.program, ident: owner.ident }))
                }
                None => {
                    more.more_clicks.insert(place);
                }
            }
        }
        let unlocked = self.touched.iter().filter(|place| !self.loaded.asked.contains(place));
        more.more_customers.extend(unlocked);
        if more == Scope::default() { Ok(()) } else { Err(more) }
    }

    fn mark_echoes(&mut self) {
        for (place, leads) in &mut self.leads {
            if leads.iter().all(|(_, new)| new.is_none()) {
                continue;
            }
            leads.sort_by_key(|(lead, _)| lead.facts.rank);
            let flags = echoes(leads.iter().map(|(lead, _)| &lead.facts));
            for ((lead, new), echo) in leads.iter().zip(flags) {
                match new {
                    Some(position) => self.changes.leads.push(NewLead { place: *place, position: *position, echo }),
                    None if echo && !lead.embedded => {
                        self.changes.echoes.insert((*place, lead.facts.rank.event));
                    }
                    None => {}
                }
            }
        }
    }

    fn judge(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        for place in touched {
            let own: Vec<&LeadFacts> = self.leads_of(place).collect();
            if own.is_empty() {
                continue;
            }
            let is_absorbed = place.ident.is_click() && self.click(place).owner.is_some();
            let state = if is_absorbed { None } else { self.state(place, &own) };
            self.changes.customers.insert(place, state);
        }
    }

    fn state(&self, place: Place, own: &[&LeadFacts]) -> Option<CustomerState> {
        let at = |ident| Place { program: place.program, ident };
        let owned: BTreeSet<Place> = own
            .iter()
            .filter(|_| place.ident.is_keyed())
            .filter_map(|lead| lead.click.map(|click| at(lead.place_of(click))))
            .filter(|click| self.click(*click).owner.is_some_and(|owner| owner.ident == place.ident))
            .collect();
        let adopted: Vec<&LeadFacts> = owned.iter().flat_map(|click| self.leads_of(*click)).collect();
        let journey = Journey { program: place.program, ident: place.ident, own, adopted: &adopted };
        journey.state(&|ident| self.click(at(ident)))
    }

    /// The leads kept under a place: locked if it is, else as read after the locks were taken.
    fn leads_of(&self, place: Place) -> Box<dyn Iterator<Item = &LeadFacts> + '_> {
        match self.leads.get(&place) {
            Some(leads) => Box::new(leads.iter().map(|(lead, _)| &lead.facts)),
            None => Box::new(self.loaded.other_leads.get(&place).into_iter().flatten()),
        }
    }

    fn click(&self, place: Place) -> ClickFacts {
        match self.clicks.get(&place) {
            Some(row) => ClickFacts::from(row),
            None => self.loaded.other_clicks.get(&place).copied().unwrap_or_default(),
        }
    }

    /// Says of each new lead whether it is the one that counts.
    fn tell(&mut self) {
        for lead in &self.changes.leads {
            let id = self.events[lead.position].id();
            let state = self.changes.customers.get(&lead.place).cloned().flatten();
            let state = state.or_else(|| {
                let owner = self.click(lead.place).owner?;
                let at = Place { program: lead.place.program, ident: owner.ident };
                self.changes.customers.get(&at).cloned().flatten()
            });
            let counts = state.is_some_and(|state| state.counted.event == id);
            let outcome = if counts { Outcome::LeadRecorded } else { Outcome::LeadDuplicate };
            self.changes.applied.push(Applied { position: lead.position, outcome });
        }
    }
}

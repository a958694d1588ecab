//! What a set of events means, by naive loops over the whole set: the oracle that every test compares with.
//!
//! Written from the meaning alone. It shares the event types with the real rules and none of the rules
//! themselves, and it is never called in production: it is slow on purpose. The tests of the core and of
//! both stores call it.

mod verdict;

use crate::click_id::ClickId;
use crate::email::EmailMark;
use crate::event::{ClickEvent, Event, LeadEvent, Source};
use crate::event_id::EventId;
use crate::identity::{CustomerKey, Ident};
use crate::outcome::{EventState, Reason, Status};
use crate::program::{LeadAuth, LinkId, ProgramId};
use crate::timestamp::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
pub(crate) use verdict::{Verdict, has_candidate_other_than, verdict};

/// One program in the real or in the test world: nothing in one realm can change another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm {
    /// Whose events these are.
    pub program: ProgramId,
    /// Whether this is the program's test world.
    pub test: bool,
}

/// The final state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// Everybody of whom there is a lead.
    pub customers: BTreeMap<(Realm, Ident), ModelCustomer>,
    /// The keys of the customers that have one.
    pub keys: BTreeMap<(Realm, Ident), CustomerKey>,
    /// Every click that arrived in the realm, or that one of the realm's leads names as its `click`.
    /// A click named from the other world stands in the realm of the lead, where it is never seen.
    pub clicks: BTreeMap<(Realm, ClickId), ModelClick>,
    /// Clicks that arrived and that no lead names as its `click`: visitors in status `click`, no customers.
    pub visitors: BTreeSet<(Realm, ClickId)>,
    /// What became of each event.
    pub events: BTreeMap<EventId, ModelEvent>,
}

/// One customer. The partner of an attributed one is that of `click`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCustomer {
    /// Known by key, else by click, else by the one test lead.
    pub ident: Ident,
    /// The lead that counts.
    pub counted: EventId,
    /// How far the customer has come.
    pub status: Status,
    /// Why the customer is or is not attributed.
    pub reason: Reason,
    /// The click that attributes, or the one the reason speaks of.
    pub click: Option<ClickId>,
    /// The link of the click that attributes.
    pub link: Option<LinkId>,
    /// One of its own leads names a click that another customer owns.
    pub shared_click: bool,
    /// A server's lead counts, and a browser's brought the click that attributes.
    pub click_from_browser: bool,
    /// The first in order that any of its leads has.
    pub email: Option<EmailMark>,
    /// Its own leads and those it adopted with its clicks.
    pub leads: BTreeSet<EventId>,
}

/// One click, as seen from one realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelClick {
    /// Whether it has arrived in this realm.
    pub seen: bool,
    /// The keyed customer to whom it belongs.
    pub owner: Option<Ident>,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelEvent {
    /// What became of it.
    pub state: EventState,
    /// The lead that counts instead.
    pub duplicate_of: Option<EventId>,
}

/// The state that these events mean, in whatever order and however often each is given.
pub fn world(events: &[Event]) -> World {
    let mut world = World::default();
    for facts in every_realm(events) {
        facts.tell_clicks(&mut world);
        facts.tell_customers(&mut world);
    }
    world
}

/// The events of one realm, each once.
pub(crate) struct Facts<'a> {
    pub(crate) realm: Realm,
    pub(crate) clicks: Vec<&'a ClickEvent>,
    /// The best first.
    pub(crate) leads: Vec<&'a LeadEvent>,
}

pub(crate) fn every_realm(events: &[Event]) -> Vec<Facts<'_>> {
    let each_once: BTreeMap<EventId, &Event> = events.iter().map(|event| (event.id(), event)).collect();
    let realms: BTreeSet<Realm> = events.iter().map(realm_of).collect();
    let facts = |realm| {
        let mut facts = Facts { realm, clicks: Vec::new(), leads: Vec::new() };
        for event in each_once.values().filter(|event| realm_of(event) == realm) {
            match event {
                Event::Click(click) => facts.clicks.push(click),
                Event::Lead(lead) => facts.leads.push(lead),
            }
        }
        facts.leads.sort_by_key(|lead| standing(lead));
        facts
    };
    realms.into_iter().map(facts).collect()
}

fn realm_of(event: &Event) -> Realm {
    match event {
        Event::Click(click) => Realm { program: click.click.program, test: click.click.is_test() },
        Event::Lead(lead) => Realm { program: lead.program, test: lead.test },
    }
}

/// Server before browser before provisional, then time received, then event id.
fn standing(lead: &LeadEvent) -> (u8, Timestamp, EventId) {
    let class = match (lead.source, lead.terms.lead_auth) {
        (Source::Server, LeadAuth::BrowserAllowed | LeadAuth::ServerRequired) => 0,
        (Source::Browser, LeadAuth::BrowserAllowed) => 1,
        (Source::Browser, LeadAuth::ServerRequired) => 2,
    };
    (class, lead.id.received_at(), lead.id)
}

pub(crate) fn is_from_server(lead: &LeadEvent) -> bool {
    lead.source == Source::Server
}

pub(crate) fn is_provisional(lead: &LeadEvent) -> bool {
    lead.source == Source::Browser && lead.terms.lead_auth == LeadAuth::ServerRequired
}

impl<'a> Facts<'a> {
    /// The leads of that customer, the best first.
    pub(crate) fn leads_of(&self, customer: Ident) -> Vec<&'a LeadEvent> {
        self.leads.iter().copied().filter(|lead| self.customer_of(lead) == customer).collect()
    }

    fn customer_of(&self, lead: &LeadEvent) -> Ident {
        match (&lead.customer_key, lead.click) {
            (Some(key), _) => Ident::of_key(self.realm.test, key),
            (None, Some(click)) => self.owner(click).unwrap_or(Ident::of_click(self.realm.test, click)),
            (None, None) => Ident::of_event(lead.id),
        }
    }

    /// Whose best lead that names the click comes first; leads without a key own nothing.
    fn owner(&self, click: ClickId) -> Option<Ident> {
        for lead in self.leads.iter().filter(|lead| lead.click == Some(click)) {
            if let Some(key) = &lead.customer_key {
                return Some(Ident::of_key(self.realm.test, key));
            }
        }
        None
    }

    fn tell_clicks(&self, world: &mut World) {
        let named: BTreeSet<ClickId> = self.leads.iter().filter_map(|lead| lead.click).collect();
        let arrived: BTreeSet<ClickId> = self.clicks.iter().map(|event| event.click).collect();
        for click in named.union(&arrived).copied() {
            let told = ModelClick { seen: arrived.contains(&click), owner: self.owner(click) };
            world.clicks.insert((self.realm, click), told);
        }
        for click in arrived {
            world.events.insert(click.event, ModelEvent { state: EventState::Recorded, duplicate_of: None });
            if !named.contains(&click) {
                world.visitors.insert((self.realm, click));
            }
        }
    }

    fn tell_customers(&self, world: &mut World) {
        for lead in &self.leads {
            let ident = self.customer_of(lead);
            let leads = self.leads_of(ident);
            let counted = leads[0].id;
            let told = if lead.id == counted {
                ModelEvent { state: EventState::Recorded, duplicate_of: None }
            } else {
                ModelEvent { state: EventState::Duplicate, duplicate_of: Some(counted) }
            };
            world.events.insert(lead.id, told);
            if let Some(key) = &lead.customer_key {
                world.keys.insert((self.realm, ident), key.clone());
            }
            world.customers.insert((self.realm, ident), self.customer(ident, &leads));
        }
    }

    fn customer(&self, ident: Ident, leads: &[&LeadEvent]) -> ModelCustomer {
        let by_key = leads.iter().any(|lead| lead.customer_key.is_some());
        let own = || leads.iter().filter(|lead| lead.customer_key.is_some() == by_key);
        let waits_for_server = own().all(|lead| is_provisional(lead));
        let names_anothers = |lead: &&LeadEvent| lead.click.and_then(|click| self.owner(click)) != Some(ident);
        let found = if waits_for_server { Verdict::provisional() } else { verdict(leads, &self.clicks) };
        let brought_by = leads.iter().find(|lead| Some(lead.id) == found.decided_by);
        ModelCustomer {
            ident,
            counted: leads[0].id,
            status: if waits_for_server { Status::Click } else { Status::Lead },
            reason: found.reason,
            click: found.click,
            link: found.link,
            shared_click: by_key && own().any(|lead| lead.click.is_some() && names_anothers(lead)),
            click_from_browser: is_from_server(leads[0]) && brought_by.is_some_and(|lead| !is_from_server(lead)),
            email: leads.iter().find_map(|lead| lead.email.clone()),
            leads: leads.iter().map(|lead| lead.id).collect(),
        }
    }
}

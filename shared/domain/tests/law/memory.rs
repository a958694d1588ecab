//! A store in maps: loads only what it is asked for and writes only what it is told, like the real ones.

use domain::attribution::{Arrival, LeadFacts};
use domain::event::Event;
use domain::identity::Ident;
use domain::journey::{ClickFacts, CustomerState, Owner};
use domain::merge::{
    Changes, ClickRow, LiveLead, Loaded, Party, Place, Scope, fold, parties, unlocked_clicks, unlocked_customers,
};
use domain::model::{ModelCustomer, Realm};
use domain::{EventId, ProgramId};
use std::collections::{BTreeMap, BTreeSet};

/// So few that customers often wait for the next time.
const WOKEN_AT_ONCE: usize = 2;

#[derive(Default)]
struct Click {
    arrival: Option<Arrival>,
    owner: Option<Owner>,
    contested: bool,
    /// Who claims it by the customer's own row.
    holder: Option<Owner>,
}

struct Lead {
    facts: LeadFacts,
    echo: bool,
    embedded: bool,
}

#[derive(Default)]
pub(crate) struct Memory {
    clicks: BTreeMap<Place, Click>,
    waiters: BTreeSet<(Place, Ident)>,
    leads: BTreeMap<Place, Vec<Lead>>,
    states: BTreeMap<Place, Option<CustomerState>>,
    pub(crate) widened: usize,
    pub(crate) joined: usize,
}

impl Memory {
    pub(crate) fn apply(&mut self, events: &[Event]) {
        let mut done = BTreeSet::new();
        let parties = parties(events);
        for party in &parties {
            done.extend(self.add_echoes(party));
            if party.is_apart && self.settle(party) {
                done.extend(party.leads.iter().map(|lead| lead.position));
            }
        }
        done.extend(self.join(events, &parties, &done));
        let is_left_over = |(position, event): (usize, &Event)| (!done.contains(&position)).then(|| event.clone());
        let left_over: Vec<Event> = events.iter().enumerate().filter_map(is_left_over).collect();
        while self.apply_slow(&left_over) {}
    }

    /// Whether the events have to come again for those of their clicks' waiters who were too many.
    fn apply_slow(&mut self, left_over: &[Event]) -> bool {
        let mut scope = Scope::of(left_over);
        loop {
            let loaded = self.load(&scope);
            match fold(left_over, &loaded) {
                Ok(changes) => {
                    let woken = changes.woken.len();
                    self.write(left_over, changes);
                    return woken == WOKEN_AT_ONCE;
                }
                Err(wider) => {
                    let before = scope.clone();
                    scope.widen(wider);
                    assert_ne!(scope, before, "a fold must not ask for what it has");
                    self.widened += 1;
                }
            }
        }
    }

    /// The short way for a known customer: only the lead in the customer's own row is looked at.
    fn add_echoes(&mut self, party: &Party) -> Vec<usize> {
        let Some(leads) = self.leads.get_mut(&party.customer) else { return Vec::new() };
        let known: Vec<LeadFacts> = leads.iter().filter(|lead| lead.embedded).map(|lead| lead.facts.clone()).collect();
        let is_known = |event: EventId| known.iter().any(|lead| lead.rank.event == event);
        let mut done = Vec::new();
        for (lead, is_echo) in party.leads.iter().zip(party.echoes_of(&known)) {
            let event = lead.facts.rank.event;
            if is_known(event) {
                done.push(lead.position);
            } else if is_echo {
                done.push(lead.position);
                if leads.iter().all(|stored| stored.facts.rank.event != event) {
                    leads.push(Lead { facts: lead.facts.clone(), echo: true, embedded: false });
                }
            }
        }
        done
    }

    /// The short way for what is new of known customers whose click nobody else has named: all of them in one fold of
    /// their own, with no other rows.
    fn join(&mut self, events: &[Event], parties: &[Party], done: &BTreeSet<usize>) -> Vec<usize> {
        let mut loaded = Loaded::default();
        let mut positions = Vec::new();
        for party in parties.iter().filter(|party| party.is_apart && self.states.contains_key(&party.customer)) {
            let news: Vec<usize> =
                party.leads.iter().map(|lead| lead.position).filter(|position| !done.contains(position)).collect();
            let is_free = party.click.is_none_or(|click| self.is_free_for(click, party.customer.ident));
            if news.is_empty() || !is_free {
                continue;
            }
            positions.extend(news);
            loaded.customers.insert(party.customer, self.live(&party.customer).collect());
            loaded.asked.extend([party.customer].into_iter().chain(party.click));
            if let Some(place) = party.click {
                let click = &self.clicks[&place];
                let owner = click.holder.filter(|holder| holder.ident.is_keyed());
                let row = ClickRow { arrival: click.arrival, owner, waiters: BTreeSet::new() };
                loaded.clicks.insert(place, row);
            }
        }
        self.load_unlocked(&mut loaded);
        let news: Vec<Event> = positions.iter().map(|position| events[*position].clone()).collect();
        let Ok(changes) = fold(&news, &loaded) else { return Vec::new() };
        self.joined += news.len();
        self.write(&news, changes);
        positions
    }

    fn is_free_for(&self, click: Place, ident: Ident) -> bool {
        self.clicks.get(&click).is_some_and(|click| {
            let is_quiet = click.arrival.is_some() && !click.contested;
            is_quiet && click.holder.is_none_or(|holder| holder.ident == ident)
        })
    }

    /// The short way of a store with locks: a new customer who claims a quiet click.
    fn settle(&mut self, party: &Party) -> bool {
        if self.states.contains_key(&party.customer) {
            return false;
        }
        let mut arrival = None;
        if let Some(click) = party.click {
            let Some(click) = self.clicks.get(&click) else { return false };
            if click.arrival.is_none() || click.contested || click.holder.is_some() {
                return false;
            }
            arrival = click.arrival;
        }
        let settled = party.settle(arrival).expect("a party has a lead");
        if let Some(click) = party.click.and_then(|click| self.clicks.get_mut(&click)) {
            let ident = party.customer.ident;
            let claim = Owner { ident, rank: party.leads[settled.embedded].facts.rank };
            click.holder = Some(claim);
            click.owner = Some(claim).filter(|_| ident.is_keyed());
        }
        let leads = party.leads.iter().zip(settled.echoes).enumerate().map(|(number, (lead, echo))| Lead {
            facts: lead.facts.clone(),
            echo,
            embedded: number == settled.embedded,
        });
        self.leads.insert(party.customer, leads.collect());
        self.states.insert(party.customer, Some(settled.state));
        true
    }

    fn load(&mut self, scope: &Scope) -> Loaded {
        for place in scope.clicks.keys() {
            self.clicks.entry(*place).or_insert(Click { contested: true, ..Click::default() });
        }
        let mut loaded = Loaded::default();
        let waiting = self.waiters.iter().filter(|(at, _)| scope.arriving.contains(at));
        let waiting: Vec<(Place, Ident)> = waiting.take(WOKEN_AT_ONCE).copied().collect();
        for place in scope.clicks_to_lock() {
            let click = &self.clicks[&place];
            let waiters = waiting.iter().filter(|(at, _)| *at == place).map(|(_, ident)| *ident).collect();
            loaded.clicks.insert(place, ClickRow { arrival: click.arrival, owner: click.owner, waiters });
        }
        loaded.asked = scope.customers_to_lock(&loaded.clicks);
        for place in scope.customers.keys() {
            self.states.entry(*place).or_default();
        }
        for place in loaded.asked.iter().filter(|place| self.states.contains_key(place)) {
            loaded.customers.insert(*place, self.live(place).collect());
        }
        self.load_unlocked(&mut loaded);
        loaded
    }

    fn load_unlocked(&self, loaded: &mut Loaded) {
        for place in unlocked_customers(loaded.customers.iter(), &loaded.asked) {
            loaded.other_leads.insert(place, self.live(&place).map(|lead| lead.facts).collect());
        }
        let own = loaded.customers.iter().flat_map(|(place, leads)| leads.iter().map(|lead| (*place, &lead.facts)));
        let others = loaded.other_leads.iter().flat_map(|(place, leads)| leads.iter().map(|lead| (*place, lead)));
        for place in unlocked_clicks(own.chain(others), &loaded.clicks) {
            if let Some(click) = self.clicks.get(&place) {
                loaded.other_clicks.insert(place, ClickFacts { arrival: click.arrival, owner: click.owner });
            }
        }
    }

    fn live(&self, place: &Place) -> impl Iterator<Item = LiveLead> {
        let leads = self.leads.get(place).into_iter().flatten().filter(|lead| !lead.echo || lead.embedded);
        leads.map(|lead| LiveLead { facts: lead.facts.clone(), embedded: lead.embedded })
    }

    fn write(&mut self, events: &[Event], changes: Changes) {
        for (place, position) in changes.arrived {
            let Event::Click(event) = &events[position] else { panic!("only clicks arrive") };
            let click = self.clicks.get_mut(&place).expect("locked");
            click.arrival = Some(Arrival { link: event.link, bot: event.bot });
        }
        self.waiters.retain(|waiter| !changes.woken.contains(waiter));
        for (place, owner) in changes.named {
            let click = self.clicks.get_mut(&place).expect("locked");
            (click.owner, click.contested) = (owner, true);
        }
        self.waiters.extend(changes.waiting);
        for (place, event) in changes.echoes {
            let leads = self.leads.get_mut(&place).expect("locked");
            leads.iter_mut().filter(|lead| lead.facts.rank.event == event).for_each(|lead| lead.echo = true);
        }
        for new in changes.leads {
            let Event::Lead(event) = &events[new.position] else { panic!("only leads are added") };
            let leads = self.leads.entry(new.place).or_default();
            if leads.iter().all(|lead| lead.facts.rank.event != event.id) {
                leads.push(Lead { facts: LeadFacts::from(event), echo: new.echo, embedded: false });
            }
        }
        self.states.extend(changes.customers);
    }

    /// The state as the model tells it.
    pub(crate) fn customers(&self) -> BTreeMap<(Realm, Ident), ModelCustomer> {
        let known = self.states.iter().filter_map(|(place, state)| Some((place, state.as_ref()?)));
        known.map(|(place, state)| self.customer(*place, state)).collect()
    }

    fn customer(&self, place: Place, state: &CustomerState) -> ((Realm, Ident), ModelCustomer) {
        let own: Vec<&LeadFacts> = self.leads[&place].iter().map(|lead| &lead.facts).collect();
        let owned = own.iter().filter_map(|lead| {
            let click = at(place.program, lead.place_of(lead.click?));
            self.clicks[&click].owner.filter(|owner| owner.ident == place.ident).map(|_| click)
        });
        let owned: BTreeSet<Place> = owned.collect();
        let adopted = owned.iter().filter_map(|click| self.leads.get(click)).flatten().map(|lead| &lead.facts);
        let leads: BTreeSet<EventId> = own.iter().copied().chain(adopted).map(|lead| lead.rank.event).collect();
        let customer = ModelCustomer {
            ident: place.ident,
            counted: state.counted.event,
            status: state.status,
            reason: state.verdict.reason,
            click: state.verdict.click,
            link: state.verdict.link,
            shared_click: state.flags.shared_click,
            click_from_browser: state.flags.click_from_browser,
            email: state.email.clone(),
            leads,
        };
        ((Realm { program: place.program, test: own[0].test }, place.ident), customer)
    }
}

fn at(program: ProgramId, ident: Ident) -> Place {
    Place { program, ident }
}

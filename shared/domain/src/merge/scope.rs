//! Which rows a batch touches: what to lock before anything is decided, and in which order to find it out.

use super::{ClickRow, LiveLead, Place};
use crate::attribution::LeadFacts;
use crate::click_id::ClickId;
use crate::event::{Event, LeadEvent};
use crate::identity::Ident;
use std::collections::{BTreeMap, BTreeSet};

/// The rows to lock, each set in lock order; it only ever grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Clicks that the batch names or brings; a stub is made for one that has no row.
    pub clicks: BTreeMap<Place, ClickId>,
    /// Clicks that arrive with the batch: their waiters are needed.
    pub arriving: BTreeSet<Place>,
    /// Further clicks to lock, which have a row.
    pub more_clicks: BTreeSet<Place>,
    /// Customers the batch's leads speak of, each with the position of such a lead; a shell is made for one without a row.
    pub customers: BTreeMap<Place, usize>,
    /// Further customers to lock if they exist.
    pub more_customers: BTreeSet<Place>,
}

impl Scope {
    /// The rows that the events name themselves.
    pub fn of(events: &[Event]) -> Self {
        let mut scope = Scope::default();
        for (position, event) in events.iter().enumerate() {
            match event {
                Event::Click(click) => {
                    let place = arrival_place(click.click);
                    scope.clicks.insert(place, click.click);
                    scope.arriving.insert(place);
                }
                Event::Lead(lead) => {
                    scope.customers.insert(Place { program: lead.program, ident: lead.ident() }, position);
                    scope.clicks.extend(own_clicks(lead));
                }
            }
        }
        scope
    }

    /// Every click to lock, in lock order.
    pub fn clicks_to_lock(&self) -> BTreeSet<Place> {
        self.clicks.keys().chain(&self.more_clicks).copied().collect()
    }

    /// Every customer to lock, in lock order, now that the clicks are locked: those the leads speak of, the owner and
    /// the keyless customer of each click, and whoever waited for one that arrives.
    pub fn customers_to_lock(&self, clicks: &BTreeMap<Place, ClickRow>) -> BTreeSet<Place> {
        let mut customers: BTreeSet<Place> = self.customers.keys().chain(&self.more_customers).copied().collect();
        for (place, row) in clicks {
            let at = |ident| Place { program: place.program, ident };
            customers.insert(*place);
            customers.extend(row.owner.map(|owner| at(owner.ident)));
            customers.extend(row.waiters.iter().map(|ident| at(*ident)));
        }
        customers
    }

    /// Takes in what a [`super::fold`] found missing.
    pub fn widen(&mut self, more: Scope) {
        self.more_clicks.extend(more.more_clicks);
        self.more_customers.extend(more.more_customers);
    }
}

/// The clicks that these leads name, which are neither locked nor loaded yet: load them, without a lock, in a
/// statement that begins after the customers are locked.
pub fn unlocked_clicks<'a>(
    leads: impl Iterator<Item = (Place, &'a LeadFacts)>,
    locked: &BTreeMap<Place, ClickRow>,
) -> BTreeSet<Place> {
    let places = leads.flat_map(|(place, facts)| named_places(place, facts));
    places.filter(|place| !locked.contains_key(place)).collect()
}

/// The keyless customers whose leads a loaded keyed customer may have adopted, which are not locked.
pub fn unlocked_customers<'a>(
    customers: impl Iterator<Item = (&'a Place, &'a Vec<LiveLead>)>,
    asked: &BTreeSet<Place>,
) -> BTreeSet<Place> {
    let keyed = customers.filter(|(place, _)| place.ident.is_keyed());
    let clicks = keyed.flat_map(|(place, leads)| {
        let named = leads.iter().filter_map(|lead| lead.facts.click.map(|click| lead.facts.place_of(click)));
        named.map(|ident| Place { program: place.program, ident })
    });
    clicks.filter(|place| !asked.contains(place)).collect()
}

/// Where a click stands that was seen in its own world.
pub(super) fn arrival_place(click: ClickId) -> Place {
    Place { program: click.program, ident: Ident::of_click(click.is_test(), click) }
}

/// The clicks of the lead's own program, with their places in the lead's world.
pub(super) fn own_clicks(lead: &LeadEvent) -> impl Iterator<Item = (Place, ClickId)> {
    let named = lead.click.into_iter().chain(lead.click_ids.iter().copied());
    let own = named.filter(|click| click.program == lead.program);
    own.map(|click| (Place { program: lead.program, ident: Ident::of_click(lead.test, click) }, click))
}

fn named_places(place: Place, facts: &LeadFacts) -> impl Iterator<Item = Place> {
    let own = facts.clicks().filter(move |click| click.program == place.program);
    own.map(move |click| Place { program: place.program, ident: facts.place_of(click) })
}

//! The events of a drain in the order in which they wait: which clicks the leads name, how many leads are sent twice,
//! how many come before their click. Says too what must have become of them.

use super::world::{World, scatter};
use domain::ClickId;
use domain::event::{Event, Source};
use domain::identity::BadCustomerKey;

/// Around a lead the clicks that other leads name at the time.
const NEWEST: u64 = 100_000;
/// How many leads later a site's server, or a late click, follows at most: half of them meet in one batch.
const FOLLOWS_WITHIN: u64 = 2_000;
const SEED: u64 = 0x5eed;

/// Which of the stored clicks the leads name, each a click of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Named {
    /// At any time the newest 100,000.
    Newest,
    /// All of them, at random.
    Anywhere,
}

/// What waits.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Mix {
    /// Leads, those that are sent twice included.
    pub(in crate::bench) leads: u64,
    /// Clicks that are stored before.
    pub(in crate::bench) stored_clicks: u64,
    /// Which of them are named.
    pub(in crate::bench) named: Named,
    /// Percent of the leads that are their customer's second: the browser's comes first, then the server's.
    pub(in crate::bench) duplicates: u64,
    /// Percent of the leads that come before their click.
    pub(in crate::bench) late: u64,
}

/// What is stored, or what must be there after a drain beside what was there before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::bench) struct Stored {
    /// Events in all.
    pub(in crate::bench) events: u64,
    /// Leads in all.
    pub(in crate::bench) leads: u64,
    /// Customers with a lead that counts.
    pub(in crate::bench) customers: u64,
    /// Those of them that are attributed.
    pub(in crate::bench) attributed: u64,
    /// Clicks.
    pub(in crate::bench) clicks: u64,
}

impl Stored {
    /// So many leads, each of a customer of its own that names a stored click.
    pub(in crate::bench) fn of_new_customers(leads: u64) -> Stored {
        Stored { events: leads, leads, customers: leads, attributed: leads, clicks: 0 }
    }

    /// Both together.
    pub(in crate::bench) fn and(&self, other: &Stored) -> Stored {
        Stored {
            events: self.events + other.events,
            leads: self.leads + other.leads,
            customers: self.customers + other.customers,
            attributed: self.attributed + other.attributed,
            clicks: self.clicks + other.clicks,
        }
    }
}

impl Mix {
    /// New customers, each with a recent click. How many is for the caller to say.
    pub(in crate::bench) const PLAIN: Mix =
        Mix { leads: 0, stored_clicks: 0, named: Named::Newest, duplicates: 0, late: 0 };

    /// The events in their order, and what must be stored of them. There must be as many clicks as leads.
    ///
    /// # Errors
    /// Never for numbers.
    pub(in crate::bench) fn events(&self, world: &World) -> Result<(Vec<Event>, Stored), BadCustomerKey> {
        let twice = self.leads * self.duplicates / 100;
        let (customers, late) = (self.leads - twice, self.leads * self.late / 100);
        let mut stored = self.clicks(world, customers).into_iter();
        let mut order: Vec<(u64, Sent)> = Vec::new();
        for customer in 0..customers {
            let follows = customer + 1 + scatter(SEED, customer) % FOLLOWS_WITHIN;
            let is_late = is_chosen(customer, late, customers);
            let click = if is_late { Some(world.click_with(customer)) } else { stored.next() };
            if let Some(click) = click.filter(|_| is_late) {
                order.push((follows, Sent::Click(click)));
            }
            if is_chosen(customer, twice, customers) {
                order.push((customer, Sent::Lead(customer, click, Source::Browser)));
                order.push((follows, Sent::Lead(customer, click, Source::Server)));
            } else {
                order.push((customer, Sent::Lead(customer, click, Source::Server)));
            }
        }
        order.sort_by_key(|(place, _)| *place);
        let events = order.len() as u64;
        let sent = Stored { events, leads: self.leads, customers, attributed: customers, clicks: late };
        let events: Result<Vec<Event>, _> =
            order.into_iter().zip(0..).map(|((_, sent), number)| sent.event(world, number)).collect();
        Ok((events?, sent))
    }

    /// The clicks that are named, in the order of the leads. A lead never names a click that another has named.
    fn clicks(&self, world: &World, wanted: u64) -> Vec<ClickId> {
        let wanted = wanted.min(self.stored_clicks);
        let (first, window) = match self.named {
            Named::Newest => (self.stored_clicks.saturating_sub(wanted + NEWEST), NEWEST),
            Named::Anywhere => (0, self.stored_clicks),
        };
        let mut coming = first..self.stored_clicks;
        let mut near: Vec<u64> = coming.by_ref().take(usize::try_from(window).unwrap_or(usize::MAX)).collect();
        let mut named = Vec::new();
        while (named.len() as u64) < wanted && !near.is_empty() {
            let place = (scatter(SEED ^ 1, named.len() as u64) % near.len() as u64) as usize;
            let number = match coming.next() {
                Some(newer) => std::mem::replace(&mut near[place], newer),
                None => near.swap_remove(place),
            };
            named.push(world.old_click(number, self.stored_clicks));
        }
        named
    }
}

enum Sent {
    Lead(u64, Option<ClickId>, Source),
    Click(ClickId),
}

impl Sent {
    fn event(self, world: &World, number: u64) -> Result<Event, BadCustomerKey> {
        match self {
            Sent::Lead(customer, click, source) => world.lead(number, customer, click, source),
            Sent::Click(click) => Ok(world.click(click)),
        }
    }
}

/// Chooses `chosen` of `all`, evenly.
fn is_chosen(number: u64, chosen: u64, all: u64) -> bool {
    number * chosen / all != (number + 1) * chosen / all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::collections::{HashMap, HashSet};

    const PLAIN: Mix = Mix { leads: 3_000, stored_clicks: 5_000, named: Named::Newest, duplicates: 0, late: 0 };

    fn made(mix: Mix) -> (Vec<Event>, Stored) {
        mix.events(&World::of_test()).unwrap()
    }

    fn stored(events: u64, customers: u64, clicks: u64) -> Stored {
        Stored { events, leads: 3_000, customers, attributed: customers, clicks }
    }

    #[test]
    fn new_customers_name_a_click_each_that_is_older_than_they_are() {
        for named in [Named::Newest, Named::Anywhere] {
            let (events, sent) = made(Mix { named, ..PLAIN });
            assert_eq!(sent, stored(3_000, 3_000, 0));
            let leads: Vec<_> = events
                .iter()
                .filter_map(|event| match event {
                    Event::Lead(lead) => Some(lead),
                    Event::Click(_) => None,
                })
                .collect();
            assert_eq!(leads.iter().map(|lead| lead.click.unwrap()).collect::<HashSet<_>>().len(), 3_000);
            assert!(leads.iter().all(|lead| lead.click.unwrap().event < lead.id && leads[0].id <= lead.id));
        }
    }

    #[test]
    fn a_lead_that_is_sent_twice_comes_from_the_browser_first() {
        let (events, sent) = made(Mix { duplicates: 20, ..PLAIN });
        assert_eq!(sent, stored(3_000, 2_400, 0));
        let mut by_key: HashMap<_, Vec<Source>> = HashMap::new();
        for event in events {
            let Event::Lead(lead) = event else { panic!("{event:?}") };
            by_key.entry(lead.customer_key).or_default().push(lead.source);
        }
        let twice = by_key.values().filter(|sources| **sources == [Source::Browser, Source::Server]).count();
        assert_eq!((by_key.len(), twice), (2_400, 600));
    }

    #[test]
    fn a_late_click_comes_after_the_lead_that_names_it() {
        let (events, sent) = made(Mix { late: 10, ..PLAIN });
        assert_eq!(sent, stored(3_300, 3_000, 300));
        let mut named = HashSet::new();
        for event in events {
            match event {
                Event::Lead(lead) => drop(named.insert(lead.click.unwrap())),
                Event::Click(click) => assert!(named.contains(&click.click)),
            }
        }
    }
}

//! The short way: leads of one customer who is new, and whose only click nobody else has named.
//!
//! A store may take it when inserting the customer's row fails, rather than waits, if any of that is untrue. What it
//! gives is what [`super::fold`] would.

use super::Place;
use super::echo::{echoes, echoes_of};
use super::scope::own_clicks;
use crate::attribution::{Arrival, LeadFacts};
use crate::event::{Event, LeadEvent};
use crate::identity::Ident;
use crate::journey::{ClickFacts, CustomerState, Journey};
use std::collections::HashMap;

/// All leads of a batch that speak of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The customer's place.
    pub customer: Place,
    /// The one click they name; it must have been seen, must be locked, and the customer claims it.
    pub click: Option<Place>,
    /// The leads, best first.
    pub leads: Vec<PartyLead>,
    /// Whether they may take the short way if the customer is new: no other lead of the batch names what they name,
    /// they name no click of their program or the same one only, seen in its own world, and none comes twice.
    pub is_apart: bool,
}

/// A lead of a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyLead {
    /// The position of its event.
    pub position: usize,
    /// What the rules read of it.
    pub facts: LeadFacts,
}

/// What a party makes of its new customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The customer's state.
    pub state: CustomerState,
    /// Which of the leads lives in the customer's own row: the one by which the click is claimed.
    pub embedded: usize,
    /// Of each lead, whether it is an echo.
    pub echoes: Vec<bool>,
}

/// The batch's leads, customer by customer, in lock order.
pub fn parties(events: &[Event]) -> Vec<Party> {
    let mut parties: Vec<Party> = Vec::new();
    let mut of_customer: HashMap<Place, usize> = HashMap::with_capacity(events.len());
    let mut of_click: HashMap<Place, usize> = HashMap::with_capacity(events.len());
    for (position, event) in events.iter().enumerate() {
        let Event::Lead(lead) = event else { continue };
        let customer = Place { program: lead.program, ident: lead.ident() };
        let own = *of_customer.entry(customer).or_insert_with(|| {
            parties.push(Party { customer, click: None, leads: Vec::with_capacity(1), is_apart: true });
            parties.len() - 1
        });
        for (click, _) in own_clicks(lead) {
            let other = *of_click.entry(click).or_insert(own);
            if other != own {
                parties[other].is_apart = false;
                parties[own].is_apart = false;
            }
        }
        parties[own].add(position, lead);
    }
    parties.iter_mut().for_each(Party::put_in_order);
    parties.sort_unstable_by_key(|party| party.customer);
    parties
}

impl Party {
    fn add(&mut self, position: usize, lead: &LeadEvent) {
        match click_of(lead) {
            Ok(click) if click.is_none() || self.click.is_none() || click == self.click => {
                self.click = self.click.or(click);
            }
            _ => self.is_apart = false,
        }
        self.leads.push(PartyLead { position, facts: LeadFacts::from(lead) });
    }

    /// One lead that comes twice stays in the order in which it came.
    fn put_in_order(&mut self) {
        self.leads.sort_by_key(|lead| lead.facts.rank);
        self.is_apart &= self.leads.windows(2).all(|pair| pair[0].facts.rank != pair[1].facts.rank);
    }

    /// Of each of the leads, whether it is an echo of those that are stored of the customer. It stays one whatever else
    /// is or will be stored, so that this may be asked without a lock, and of some of the stored leads only.
    pub fn echoes_of(&self, stored: &[LeadFacts]) -> Vec<bool> {
        echoes_of(self.leads.iter().map(|lead| &lead.facts), stored)
    }

    /// What the leads alone make of their customer, if they are apart; `arrival` is their click's.
    pub fn settle(&self, arrival: Option<Arrival>) -> Option<Settled> {
        let click = |ident: Ident| ClickFacts {
            arrival: arrival.filter(|_| self.click.is_some_and(|click| click.ident == ident)),
            owner: None,
        };
        let own: Vec<&LeadFacts> = self.leads.iter().map(|lead| &lead.facts).collect();
        let journey = Journey { program: self.customer.program, ident: self.customer.ident, own: &own, adopted: &[] };
        Some(Settled {
            state: journey.state(&click)?,
            embedded: own.iter().position(|lead| self.claims_by(lead)).unwrap_or_default(),
            echoes: echoes(own.into_iter()),
        })
    }

    /// Another program's click is nobody's to claim.
    fn claims_by(&self, lead: &LeadFacts) -> bool {
        lead.click.is_some_and(|click| click.program == self.customer.program)
    }
}

/// The one click of its program that the lead names, seen in its own world; an error when the lead is not so simple.
fn click_of(lead: &LeadEvent) -> Result<Option<Place>, ()> {
    let mut clicks = own_clicks(lead);
    match (clicks.next(), clicks.next()) {
        (None, _) => Ok(None),
        (Some((place, id)), None) if lead.click == Some(id) && id.is_test() == lead.test => Ok(Some(place)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::scenario::{OTHER_PROGRAM, browser, click, server};

    #[test]
    fn a_lead_is_an_echo_of_better_ones_only_and_only_of_what_they_say() {
        let stored = [server(5).key("usr_1").click(&click(1)), browser(2).key("usr_1").email(1)];
        let stored = stored.map(|draft| LeadFacts::from(draft.lead()));
        let leads = [
            server(4).key("usr_1").event(),
            server(6).key("usr_1").click(&click(1)).event(),
            server(7).key("usr_1").email(1).event(),
            browser(1).key("usr_1").email(1).event(),
            browser(3).key("usr_1").click(&click(1)).email(2).event(),
            browser(4).key("usr_1").click(&click(2)).event(),
        ];
        assert_eq!(parties(&leads)[0].echoes_of(&stored), [false, true, false, false, true, false]);
    }

    #[test]
    fn a_lead_that_comes_twice_makes_its_party_no_simple_one() {
        let lead = server(1).key("usr_1").event();
        let other = browser(2).key("usr_1").event();
        assert!(parties(&[lead.clone(), other.clone()])[0].is_apart);
        assert!(!parties(&[lead.clone(), other, lead])[0].is_apart);
    }

    /// The row's rank is the one by which the click is owned.
    #[test]
    fn a_click_is_claimed_by_the_lead_that_names_it_not_by_one_that_names_another_programs() {
        let leads = [
            server(1).key("usr_1").click(&click(1).in_program(OTHER_PROGRAM)).event(),
            browser(2).key("usr_1").click(&click(2)).event(),
        ];
        let parties = parties(&leads);
        assert!(parties[0].is_apart);
        assert_eq!(parties[0].settle(None).unwrap().embedded, 1);
    }
}

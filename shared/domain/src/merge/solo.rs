//! The short way: a lead whose customer is new and whose click nobody else has named.
//!
//! A store may take it when inserting the customer's row fails, rather than waits, if any of that is untrue.

use super::Place;
use super::scope::own_clicks;
use crate::attribution::{Arrival, LeadFacts};
use crate::event::LeadEvent;
use crate::identity::Ident;
use crate::journey::{ClickFacts, CustomerState, Journey};

/// A lead that may stand alone, and what it needs for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solo {
    /// The customer's place.
    pub customer: Place,
    /// The one click that must have been seen, must be locked, and that the customer claims.
    pub click: Option<Place>,
}

/// Whether the lead may take the short way: it names no click of its program, or one only, seen in its own world.
pub fn solo_lead(lead: &LeadEvent) -> Option<Solo> {
    let customer = Place { program: lead.program, ident: lead.ident() };
    let mut clicks = own_clicks(lead);
    let click = clicks.next();
    let is_only_click = clicks.next().is_none();
    match click {
        None => Some(Solo { customer, click: None }),
        Some((place, id)) if is_only_click && lead.click == Some(id) && id.is_test() == lead.test => {
            Some(Solo { customer, click: Some(place) })
        }
        Some(_) => None,
    }
}

impl Solo {
    /// What the lead alone makes of its customer.
    pub fn state(&self, lead: &LeadFacts, arrival: Option<Arrival>) -> Option<CustomerState> {
        let facts = |ident: Ident| ClickFacts {
            arrival: arrival.filter(|_| self.click.is_some_and(|click| click.ident == ident)),
            owner: None,
        };
        let own = [lead];
        Journey { program: self.customer.program, ident: self.customer.ident, own: &own, adopted: &[] }.state(&facts)
    }
}

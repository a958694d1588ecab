//! What a customer's events make of the customer: which lead counts, how far the customer came, the verdict.
//!
//! Sees one customer at a time; who belongs to whom is decided in `merge`.

use crate::attribution::{Arrival, Court, LeadFacts, Verdict};
use crate::email::EmailMark;
use crate::event::{Class, Rank};
use crate::identity::Ident;
use crate::outcome::{Reason, Status};
use crate::program::ProgramId;

/// The keyed customer to whom a click, and every lead without a key that names it, belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The customer.
    pub ident: Ident,
    /// The best of the customer's leads that names the click; the best over all customers owns it.
    pub rank: Rank,
}

/// What the store knows of a click when a customer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClickFacts {
    /// `None` while the click is named but not seen.
    pub arrival: Option<Arrival>,
    /// `None` while no lead with a key names the click.
    pub owner: Option<Owner>,
}

/// What is remarkable about a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Flags {
    /// Named a click that another customer owns.
    pub shared_click: bool,
    /// A server lead counts, and the click that attributes it was named by a browser only.
    pub click_from_browser: bool,
}

/// A customer as the set of events makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerState {
    /// The lead that counts.
    pub counted: Rank,
    /// How far the customer came.
    pub status: Status,
    /// To which click the customer is owed, and why.
    pub verdict: Verdict,
    /// What is remarkable.
    pub flags: Flags,
    /// The first in order that is known.
    pub email: Option<EmailMark>,
}

/// One customer's leads.
#[derive(Debug, Clone, Copy)]
pub struct Journey<'a> {
    /// The customer's program.
    pub program: ProgramId,
    /// Where the customer stands.
    pub ident: Ident,
    /// The leads that name the customer.
    pub own: &'a [&'a LeadFacts],
    /// The leads without a key whose click the customer owns.
    pub adopted: &'a [&'a LeadFacts],
}

impl Journey<'_> {
    /// The state; `None` while there is no lead.
    pub fn state(&self, clicks: &impl Fn(Ident) -> ClickFacts) -> Option<CustomerState> {
        let mut leads: Vec<&LeadFacts> = self.own.iter().chain(self.adopted).copied().collect();
        leads.sort_by_key(|lead| lead.rank);
        let counted = *leads.first()?;
        let email = leads.iter().find_map(|lead| lead.email.clone());
        let shared_click = self.names_a_click_of_another(clicks);
        if self.is_provisional() {
            let verdict = Verdict { reason: Reason::Provisional, click: None, link: None, decided_by: None };
            let flags = Flags { shared_click, click_from_browser: false };
            return Some(CustomerState { counted: counted.rank, status: Status::Click, verdict, flags, email });
        }
        let court = Court { program: self.program, counted };
        let verdict = court.judge(leads.iter().copied(), &|click| clicks(counted.place_of(click)).arrival);
        let from_browser = verdict.decided_by.is_some_and(|lead| lead.class != Class::Server);
        let click_from_browser = counted.rank.class == Class::Server && from_browser;
        let flags = Flags { shared_click, click_from_browser };
        Some(CustomerState { counted: counted.rank, status: Status::Lead, verdict, flags, email })
    }

    /// A lead without a key never confirms a provisional one: only the customer's own leads are asked.
    fn is_provisional(&self) -> bool {
        self.own.iter().all(|lead| lead.rank.class == Class::Provisional)
    }

    fn names_a_click_of_another(&self, clicks: &impl Fn(Ident) -> ClickFacts) -> bool {
        self.ident.is_keyed()
            && self.own.iter().any(|lead| {
                let owner = lead.click.and_then(|click| clicks(lead.place_of(click)).owner);
                owner.is_some_and(|owner| owner.ident != self.ident)
            })
    }
}

impl Flags {
    /// The flags as bits, for stores.
    pub const fn bits(self) -> i16 {
        self.shared_click as i16 | (self.click_from_browser as i16) << 1
    }

    /// Reads [`Flags::bits`].
    pub const fn from_bits(bits: i16) -> Self {
        Flags { shared_click: bits & 1 != 0, click_from_browser: bits & 2 != 0 }
    }

    /// The names of those that are set.
    pub fn names(self) -> Vec<&'static str> {
        let named = [(self.shared_click, "shared_click"), (self.click_from_browser, "click_from_browser")];
        named.into_iter().filter_map(|(set, name)| set.then_some(name)).collect()
    }
}

//! The wire form of an accepted event: what `ingest` publishes and `worker` applies. Versioned; see `pack`.
//!
//! An event carries everything it is judged by, so that its verdict never depends on a later setting.

use crate::click_id::ClickId;
use crate::email::EmailMark;
use crate::event_id::EventId;
use crate::identity::{CustomerKey, Ident};
use crate::program::{LeadAuth, LinkId, ProgramId, Terms};
use serde::{Deserialize, Serialize};

/// One accepted event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A visit through a referral link.
    Click(ClickEvent),
    /// A signup.
    Lead(LeadEvent),
}

/// A visit through a referral link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClickEvent {
    /// Its id, which is also the event's; it holds program, partner, time and test mark.
    pub click: ClickId,
    /// The link that was opened; `None` for a test click that named none.
    pub link: Option<LinkId>,
    /// A crawler, prefetch or preview that named itself.
    pub bot: bool,
    /// The click that this one replaced in the visitor's cookie.
    pub replaces: Option<EventId>,
    /// What is shown to people and never judged by.
    pub detail: Detail,
}

/// A signup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadEvent {
    /// Its id; it holds the time it was received.
    pub id: EventId,
    /// The program whose customer it is.
    pub program: ProgramId,
    /// Whether it belongs to the test world.
    pub test: bool,
    /// Who sent it.
    pub source: Source,
    /// The settings it is judged by.
    pub terms: Terms,
    /// The advertiser's own id of the customer.
    pub customer_key: Option<CustomerKey>,
    /// The click it names, always of its own program.
    pub click: Option<ClickId>,
    /// Further clicks that may attribute it; of any program, sorted, without `click`.
    pub click_ids: Vec<ClickId>,
    /// Whether it named a click id that is not ours.
    pub foreign_click: bool,
    /// What is kept of the email address.
    pub email: Option<EmailMark>,
    /// What is shown to people and never judged by.
    pub detail: Detail,
}

/// Who sent a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The advertiser's server, with the program's API key.
    Server,
    /// A browser.
    Browser,
}

/// What people may want to see of an event: JSON text of an object, already bounded and free of addresses and keys.
///
/// It is kept as text because nothing is ever decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Detail(pub Option<String>);

/// Leads of a customer stand in this order: what the server said comes first, provisional ones last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Sent with the program's API key.
    Server,
    /// Sent by a browser, and enough.
    Browser,
    /// Sent by a browser of a program that waits for its server.
    Provisional,
}

impl Class {
    /// Every class, best first.
    pub const ALL: [Class; 3] = [Class::Server, Class::Browser, Class::Provisional];

    /// The number kept in the store.
    pub const fn code(self) -> i16 {
        match self {
            Class::Server => 0,
            Class::Browser => 1,
            Class::Provisional => 2,
        }
    }

    /// The class with that number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }

    /// Who sends leads of this class.
    pub const fn source(self) -> Source {
        match self {
            Class::Server => Source::Server,
            Class::Browser | Class::Provisional => Source::Browser,
        }
    }
}

impl Source {
    /// The name in JSON and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Server => "server",
            Source::Browser => "browser",
        }
    }
}

/// A lead's place among its customer's leads: class, then time received, then event id (the id holds the time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rank {
    /// Who sent it, and whether that is enough.
    pub class: Class,
    /// The event, which sorts by time received.
    pub event: EventId,
}

impl Event {
    /// The id given by `ingest`.
    pub fn id(&self) -> EventId {
        match self {
            Event::Click(click) => click.click.event,
            Event::Lead(lead) => lead.id,
        }
    }

    /// The program it belongs to.
    pub fn program(&self) -> ProgramId {
        match self {
            Event::Click(click) => click.click.program,
            Event::Lead(lead) => lead.program,
        }
    }

    /// Whether it belongs to the test world.
    pub fn is_test(&self) -> bool {
        match self {
            Event::Click(click) => click.click.is_test(),
            Event::Lead(lead) => lead.test,
        }
    }

    /// Whether the record is one that `ingest` can have made; what is not can never be processed.
    pub fn is_possible(&self) -> bool {
        match self {
            // Whoever is attributed to a real click is owed to somebody.
            Event::Click(click) => click.click.is_test() || (click.click.partner.is_some() && click.link.is_some()),
            Event::Lead(lead) => {
                let own_click = lead.click.is_none_or(|click| click.program == lead.program);
                let sorted = lead.click_ids.windows(2).all(|pair| pair[0] < pair[1]);
                let has_identity = lead.test || lead.customer_key.is_some() || lead.click.is_some();
                let window = lead.terms.attribution_window_days <= Terms::MAX_WINDOW_DAYS;
                let apart = lead.click.is_none_or(|click| !lead.click_ids.contains(&click));
                own_click
                    && sorted
                    && apart
                    && has_identity
                    && window
                    && lead.click_ids.len() <= LeadEvent::MAX_CLICK_IDS
            }
        }
    }
}

impl LeadEvent {
    /// The most candidate clicks that a lead may name beside its own.
    pub const MAX_CLICK_IDS: usize = 20;

    /// Who sent it, and whether that is enough.
    pub fn class(&self) -> Class {
        match (self.source, self.terms.lead_auth) {
            (Source::Server, _) => Class::Server,
            (Source::Browser, LeadAuth::BrowserAllowed) => Class::Browser,
            (Source::Browser, LeadAuth::ServerRequired) => Class::Provisional,
        }
    }

    /// Its place among its customer's leads.
    pub fn rank(&self) -> Rank {
        Rank { class: self.class(), event: self.id }
    }

    /// The customer it speaks of: by key, else by click, else (in test mode only) by itself.
    pub fn ident(&self) -> Ident {
        match (&self.customer_key, self.click) {
            (Some(key), _) => Ident::of_key(self.test, key),
            (None, Some(click)) => Ident::of_click(self.test, click),
            (None, None) => Ident::of_event(self.id),
        }
    }
}

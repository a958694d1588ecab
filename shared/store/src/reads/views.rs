//! What is shown of customers and events. Made by `assemble` from the rows; `console` turns it into JSON.

use domain::event::Source;
use domain::journey::Flags;
use domain::outcome::{EventState, Reason, Status};
use domain::{ClickId, CustomerKey, EventId, ProgramId, Timestamp};

/// The most events a [`CustomerView`] lists, newest first to be kept.
pub const EVENTS_SHOWN: usize = 100;

/// The most customers of one click that are shown; a click shared by more is a test or an attack.
pub const CUSTOMERS_SHOWN: i64 = 100;

/// A customer and what is known of the journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerView {
    /// The customer's program.
    pub program: ProgramId,
    /// `None` while the customer is known by a click only.
    pub key: Option<CustomerKey>,
    /// How far the customer came.
    pub status: Status,
    /// Why the customer is or is not attributed; `None` for a click without a lead.
    pub reason: Option<Reason>,
    /// The link that brought the customer, if attributed.
    pub partner_code: Option<String>,
    /// The click that won or that the reason speaks of, else the one that the counted lead names.
    pub click: Option<ClickId>,
    /// When the counted lead was received; `None` while there is none that counts.
    pub lead_at: Option<Timestamp>,
    /// Such as `u***@example.com`.
    pub email_mask: Option<String>,
    /// What is remarkable.
    pub flags: Flags,
    /// How many events there are, shown or not.
    pub events_total: u64,
    /// The newest [`EVENTS_SHOWN`], oldest first.
    pub events: Vec<CustomerEvent>,
}

/// Whether an event is a visit or a signup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A visit through a referral link.
    Click,
    /// A signup.
    Lead,
}

/// One event of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerEvent {
    /// Its id, which holds the time it was received.
    pub id: EventId,
    /// Visit or signup.
    pub kind: EventKind,
    /// Who sent it.
    pub source: Source,
    /// When the worker stored it.
    pub recorded_at: Timestamp,
    /// The click itself, or the one that the lead names.
    pub click: Option<ClickId>,
    /// The lead that counts in its stead; `None` for whatever is recorded in its own right.
    pub duplicate_of: Option<EventId>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Its id, which holds the time it was received.
    pub id: EventId,
    /// Visit or signup; `None` when it was set aside and cannot be read.
    pub kind: Option<EventKind>,
    /// What became of it.
    pub state: EventState,
    /// Whether it belongs to the test world.
    pub test: bool,
    /// When it was stored or set aside.
    pub recorded_at: Timestamp,
    /// The customer it belongs to now, if that one has a key.
    pub key: Option<CustomerKey>,
    /// The click itself, or the one that the lead names.
    pub click: Option<ClickId>,
    /// The verdict on its customer; `None` for clicks and for what was set aside.
    pub reason: Option<Reason>,
    /// The lead that counts in its stead.
    pub duplicate_of: Option<EventId>,
}

impl CustomerView {
    /// Whether a partner was found.
    pub fn is_attributed(&self) -> bool {
        self.reason == Some(Reason::Attributed)
    }

    /// Whether the customer waits for the server's lead.
    pub fn is_provisional(&self) -> bool {
        self.reason == Some(Reason::Provisional)
    }
}

impl EventView {
    /// Whether a partner was found for its customer; `None` for what has no verdict.
    pub fn is_attributed(&self) -> Option<bool> {
        self.reason.map(|reason| reason == Reason::Attributed)
    }
}

impl CustomerEvent {
    /// What became of it.
    pub fn state(&self) -> EventState {
        if self.duplicate_of.is_some() { EventState::Duplicate } else { EventState::Recorded }
    }
}

impl EventKind {
    /// The name in JSON and documents.
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::Click => "click",
            EventKind::Lead => "lead",
        }
    }
}

//! The rows that reads bring from either database, and how they become the rules' own types.
//!
//! Both databases answer with the same columns; a time is microseconds since the Unix epoch.

use super::views::EventKind;
use crate::StoreError;
use crate::facts;
use domain::attribution::LeadFacts;
use domain::journey::Flags;
use domain::outcome::{Reason, Status};
use domain::pack;
use domain::{ClickId, CustomerKey, Event, EventId, Ident, PartnerId, ProgramId, Timestamp};
use uuid::Uuid;

/// How many of the leads that can still matter are read at most for each identity of a customer. Each of them
/// names a click that no other does, so only a hostile customer has more.
pub(crate) const LIVE_LEADS_READ: i64 = 200;

/// subject, ident, customer_key, facts, recorded_at, counted_event, status, reason, verdict_click, flags, email_mask,
/// partner_code
pub(crate) type CustomerTuple = (
    Uuid,
    Uuid,
    Option<String>,
    Option<Vec<u8>>,
    Option<i64>,
    Option<Uuid>,
    Option<i16>,
    Option<i16>,
    Option<Uuid>,
    i16,
    Option<String>,
    Option<String>,
);

/// ident, facts, recorded_at
pub(crate) type LeadTuple = (Uuid, Vec<u8>, i64);

/// ident, facts, recorded_at, how many leads the identity has beside the one in its own row
pub(crate) type NewestTuple = (Uuid, Vec<u8>, i64, i64);

/// event_id, partner_id, recorded_at, partner_code
pub(crate) type ClickTuple = (Uuid, Option<i64>, Option<i64>, Option<String>);

/// kind, ident, test, facts, recorded_at, owner, partner_id, body
pub(crate) type EventTuple =
    (i16, Option<Uuid>, bool, Option<Vec<u8>>, i64, Option<Uuid>, Option<i64>, Option<Vec<u8>>);

/// A customer's own row, or the row of a click that belongs to the customer.
#[derive(Debug, Clone)]
pub(super) struct CustomerRow {
    /// The customer asked for.
    pub(super) subject: Ident,
    /// Whose row it is: the subject's own, or a click's.
    pub(super) ident: Ident,
    pub(super) key: Option<CustomerKey>,
    /// The lead that lives in the row.
    pub(super) lead: Option<LeadRow>,
    /// `None` when the row is a shell or belongs to another customer.
    pub(super) state: Option<StateRow>,
}

/// What the worker made of a customer's leads.
#[derive(Debug, Clone)]
pub(super) struct StateRow {
    pub(super) status: Status,
    pub(super) reason: Reason,
    pub(super) counted: EventId,
    pub(super) verdict_click: Option<EventId>,
    pub(super) flags: Flags,
    pub(super) email_mask: Option<String>,
    pub(super) partner_code: Option<String>,
}

/// A lead, wherever it lives.
#[derive(Debug, Clone)]
pub(super) struct LeadRow {
    pub(super) ident: Ident,
    pub(super) facts: LeadFacts,
    pub(super) recorded_at: Timestamp,
}

/// A click, seen or only named.
#[derive(Debug, Clone)]
pub(super) struct ClickRow {
    pub(super) click: ClickId,
    /// `None` for a stub.
    pub(super) recorded_at: Option<Timestamp>,
    pub(super) partner_code: Option<String>,
}

/// One event, wherever it lives.
#[derive(Debug)]
pub(super) enum EventRow {
    Lead { lead: Box<LeadRow>, test: bool, owner: Option<Ident> },
    Click(ClickRow),
    DeadLetter { kind: Option<EventKind>, recorded_at: Timestamp },
}

impl CustomerRow {
    pub(super) fn read(row: CustomerTuple) -> Result<Self, StoreError> {
        let (subject, ident, key, facts, recorded_at, counted, status, reason, verdict_click, flags, mask, code) = row;
        let ident = Ident::from_uuid(ident);
        let lead = match (facts, recorded_at) {
            (Some(facts), Some(recorded_at)) => Some(LeadRow::read((ident.uuid(), facts, recorded_at))?),
            _ => None,
        };
        let state = match (status, reason, counted) {
            (Some(status), Some(reason), Some(counted)) => Some(StateRow {
                status: Status::from_code(status).ok_or_else(unreadable)?,
                reason: Reason::from_code(reason).ok_or_else(unreadable)?,
                counted: event_id(counted)?,
                verdict_click: verdict_click.map(event_id).transpose()?,
                flags: Flags::from_bits(flags),
                email_mask: mask,
                partner_code: code,
            }),
            _ => None,
        };
        let key = key.map(CustomerKey::try_from).transpose().map_err(|_| unreadable())?;
        Ok(CustomerRow { subject: Ident::from_uuid(subject), ident, key, lead, state })
    }
}

impl LeadRow {
    pub(super) fn read((ident, facts, recorded_at): LeadTuple) -> Result<Self, StoreError> {
        let facts = facts::decode(&facts).map_err(|bad| StoreError::Misconfigured(bad.to_string()))?;
        Ok(LeadRow { ident: Ident::from_uuid(ident), facts, recorded_at: Timestamp::from_micros(recorded_at) })
    }
}

impl ClickRow {
    pub(super) fn read(program: ProgramId, row: ClickTuple) -> Result<Self, StoreError> {
        let (event, partner, recorded_at, partner_code) = row;
        let partner = partner.map(|number| PartnerId::new(number).ok_or_else(unreadable)).transpose()?;
        let click = ClickId { event: event_id(event)?, program, partner };
        Ok(ClickRow { click, recorded_at: recorded_at.map(Timestamp::from_micros), partner_code })
    }
}

impl EventRow {
    /// The numbers that the statements give to the kinds; an event that was set aside and later recorded is both.
    pub(super) fn read(program: ProgramId, event: EventId, row: EventTuple) -> Result<Self, StoreError> {
        let (kind, ident, test, facts, recorded_at, owner, partner, body) = row;
        match (kind, ident, facts) {
            (1, Some(ident), Some(facts)) => {
                let lead = Box::new(LeadRow::read((ident, facts, recorded_at))?);
                Ok(EventRow::Lead { lead, test, owner: owner.map(Ident::from_uuid) })
            }
            (2, ..) => {
                let click = (event.uuid(), partner, Some(recorded_at), None);
                Ok(EventRow::Click(ClickRow::read(program, click)?))
            }
            (3, ..) => {
                let kind = body.and_then(|body| kind_of(&body));
                Ok(EventRow::DeadLetter { kind, recorded_at: Timestamp::from_micros(recorded_at) })
            }
            _ => Err(unreadable()),
        }
    }
}

/// What a record that was set aside would have been, if that much of it can be read.
fn kind_of(body: &[u8]) -> Option<EventKind> {
    match pack::decode_record(body).ok()? {
        Event::Click(_) => Some(EventKind::Click),
        Event::Lead(_) => Some(EventKind::Lead),
    }
}

fn event_id(uuid: Uuid) -> Result<EventId, StoreError> {
    EventId::from_uuid(uuid).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Misconfigured("a row was written by a newer version or damaged: bring this process up to date".into())
}

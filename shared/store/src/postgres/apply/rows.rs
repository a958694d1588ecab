//! Columns: how places, leads and results are bound as arrays, one array a column.

use crate::StoreError;
use crate::facts;
use domain::attribution::LeadFacts;
use domain::event::{Event, LeadEvent};
use domain::journey::CustomerState;
use domain::merge::Place;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

/// A statement that takes one array a column.
type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// Program ids and idents of places, in the order given.
pub(super) fn places<'a>(places: impl IntoIterator<Item = &'a Place>) -> (Vec<i64>, Vec<Uuid>) {
    places.into_iter().map(|place| (place.program.get(), place.ident.uuid())).unzip()
}

/// The lead at that position; a click has no business where this is asked.
pub(super) fn lead_at(events: &[Event], position: usize) -> Option<&LeadEvent> {
    match &events[position] {
        Event::Lead(lead) => Some(lead),
        Event::Click(_) => None,
    }
}

/// What is stored of leads.
#[derive(Default)]
pub(super) struct LeadColumns {
    pub(super) event: Vec<Uuid>,
    pub(super) class: Vec<i16>,
    pub(super) click: Vec<Option<Uuid>>,
    pub(super) facts: Vec<Vec<u8>>,
    pub(super) detail: Vec<Option<String>>,
    pub(super) test: Vec<bool>,
}

impl LeadColumns {
    pub(super) fn push(&mut self, lead: &LeadEvent, facts: &LeadFacts) -> Result<(), StoreError> {
        self.event.push(lead.id.uuid());
        self.class.push(lead.class().code());
        self.click.push(facts.click.map(|click| facts.place_of(click).uuid()));
        self.facts.push(facts::encode(facts)?);
        self.detail.push(lead.detail.0.clone());
        self.test.push(lead.test);
        Ok(())
    }
}

impl LeadColumns {
    /// Binds event, class, click, facts, detail and test, in this order.
    pub(super) fn bind(self, statement: Statement<'_>) -> Statement<'_> {
        let statement = statement.bind(self.event).bind(self.class).bind(self.click);
        statement.bind(self.facts).bind(self.detail).bind(self.test)
    }
}

/// What is stored of a customer's state; all null for a customer that belongs to another.
#[derive(Default)]
pub(super) struct StateColumns {
    pub(super) counted_event: Vec<Option<Uuid>>,
    pub(super) counted_class: Vec<Option<i16>>,
    pub(super) status: Vec<Option<i16>>,
    pub(super) reason: Vec<Option<i16>>,
    pub(super) verdict_click: Vec<Option<Uuid>>,
    pub(super) partner: Vec<Option<i64>>,
    pub(super) link: Vec<Option<i64>>,
    pub(super) flags: Vec<i16>,
    pub(super) email_digest: Vec<Option<Vec<u8>>>,
    pub(super) email_mask: Vec<Option<String>>,
}

impl StateColumns {
    pub(super) fn push(&mut self, state: Option<&CustomerState>) {
        let verdict = state.map(|state| &state.verdict);
        let winner = verdict.filter(|verdict| verdict.decided_by.is_some());
        let email = state.and_then(|state| state.email.as_ref());
        self.counted_event.push(state.map(|state| state.counted.event.uuid()));
        self.counted_class.push(state.map(|state| state.counted.class.code()));
        self.status.push(state.map(|state| state.status.code()));
        self.reason.push(verdict.map(|verdict| verdict.reason.code()));
        self.verdict_click.push(verdict.and_then(|verdict| verdict.click).map(|click| click.event.uuid()));
        self.partner.push(winner.and_then(|verdict| verdict.click?.partner).map(i64::from));
        self.link.push(winner.and_then(|verdict| verdict.link).map(i64::from));
        self.flags.push(state.map(|state| state.flags.bits()).unwrap_or_default());
        self.email_digest.push(email.map(facts::email_digest));
        self.email_mask.push(email.map(|email| email.mask.clone()));
    }
}

impl StateColumns {
    /// Binds the columns in the order in which they are listed above.
    pub(super) fn bind(self, statement: Statement<'_>) -> Statement<'_> {
        let statement = statement.bind(self.counted_event).bind(self.counted_class).bind(self.status);
        let statement = statement.bind(self.reason).bind(self.verdict_click).bind(self.partner).bind(self.link);
        statement.bind(self.flags).bind(self.email_digest).bind(self.email_mask)
    }
}

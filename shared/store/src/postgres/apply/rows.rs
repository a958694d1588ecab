//! Rows: what is stored of leads and states, and how it is bound as arrays, one a column.

use crate::StoreError;
use crate::facts;
use domain::attribution::LeadFacts;
use domain::event::{Event, LeadEvent};
use domain::journey::CustomerState;
use domain::merge::Place;
use domain::{Ident, ProgramId};
use sqlx::Row;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use uuid::Uuid;

/// A statement that takes one array a column.
type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// Program ids and idents of places, in the order given.
pub(super) fn places<'a>(places: impl IntoIterator<Item = &'a Place>) -> (Vec<i64>, Vec<Uuid>) {
    places.into_iter().map(|place| (place.program.get(), place.ident.uuid())).unzip()
}

/// The key of a returned row: its first two columns.
pub(super) fn place(row: &PgRow) -> Result<Place, StoreError> {
    let program = ProgramId::new(row.try_get(0)?);
    let program = program.ok_or_else(|| StoreError::Invalid("a row has an impossible program_id".into()))?;
    Ok(Place { program, ident: Ident::from_uuid(row.try_get(1)?) })
}

/// The lead at that position; a click has no business where this is asked.
pub(super) fn lead_at(events: &[Event], position: usize) -> Option<&LeadEvent> {
    match &events[position] {
        Event::Lead(lead) => Some(lead),
        Event::Click(_) => None,
    }
}

/// What is stored of a lead.
pub(super) struct LeadRow<'a> {
    pub(super) event: Uuid,
    pub(super) class: i16,
    pub(super) click: Option<Uuid>,
    pub(super) facts: Vec<u8>,
    pub(super) detail: Option<&'a str>,
    pub(super) test: bool,
}

impl<'a> LeadRow<'a> {
    pub(super) fn of(lead: &'a LeadEvent, facts: &LeadFacts) -> Result<Self, StoreError> {
        Ok(LeadRow {
            event: lead.id.uuid(),
            class: lead.class().code(),
            click: facts.click.map(|click| facts.place_of(click).uuid()),
            facts: facts::encode(facts)?,
            detail: lead.detail.0.as_deref(),
            test: lead.test,
        })
    }
}

/// What is stored of a customer's state; all null for a customer that belongs to another.
#[derive(Default)]
pub(super) struct StateRow<'a> {
    pub(super) counted_event: Option<Uuid>,
    pub(super) counted_class: Option<i16>,
    pub(super) status: Option<i16>,
    pub(super) reason: Option<i16>,
    pub(super) verdict_click: Option<Uuid>,
    pub(super) partner: Option<i64>,
    pub(super) link: Option<i64>,
    pub(super) flags: i16,
    pub(super) email_digest: Option<Vec<u8>>,
    pub(super) email_mask: Option<&'a str>,
}

impl<'a> StateRow<'a> {
    pub(super) fn of(state: Option<&'a CustomerState>) -> Self {
        let Some(state) = state else { return StateRow::default() };
        let verdict = &state.verdict;
        let winner = verdict.decided_by.is_some();
        StateRow {
            counted_event: Some(state.counted.event.uuid()),
            counted_class: Some(state.counted.class.code()),
            status: Some(state.status.code()),
            reason: Some(verdict.reason.code()),
            verdict_click: verdict.click.map(|click| click.event.uuid()),
            partner: verdict.click.filter(|_| winner).and_then(|click| click.partner).map(i64::from),
            link: verdict.link.filter(|_| winner).map(i64::from),
            flags: state.flags.bits(),
            email_digest: state.email.as_ref().map(facts::email_digest),
            email_mask: state.email.as_ref().map(|email| email.mask.as_str()),
        }
    }
}

/// Leads, column by column.
#[derive(Default)]
pub(super) struct LeadColumns {
    event: Vec<Uuid>,
    class: Vec<i16>,
    click: Vec<Option<Uuid>>,
    facts: Vec<Vec<u8>>,
    detail: Vec<Option<String>>,
    test: Vec<bool>,
}

impl LeadColumns {
    pub(super) fn push(&mut self, row: LeadRow<'_>) {
        self.event.push(row.event);
        self.class.push(row.class);
        self.click.push(row.click);
        self.facts.push(row.facts);
        self.detail.push(row.detail.map(str::to_owned));
        self.test.push(row.test);
    }

    /// Binds event, class, click, facts, detail and test, in this order.
    pub(super) fn bind(self, statement: Statement<'_>) -> Statement<'_> {
        let statement = statement.bind(self.event).bind(self.class).bind(self.click);
        statement.bind(self.facts).bind(self.detail).bind(self.test)
    }
}

/// States, column by column.
#[derive(Default)]
pub(super) struct StateColumns {
    counted_event: Vec<Option<Uuid>>,
    counted_class: Vec<Option<i16>>,
    status: Vec<Option<i16>>,
    reason: Vec<Option<i16>>,
    verdict_click: Vec<Option<Uuid>>,
    partner: Vec<Option<i64>>,
    link: Vec<Option<i64>>,
    flags: Vec<i16>,
    email_digest: Vec<Option<Vec<u8>>>,
    email_mask: Vec<Option<String>>,
}

impl StateColumns {
    pub(super) fn push(&mut self, row: StateRow<'_>) {
        self.counted_event.push(row.counted_event);
        self.counted_class.push(row.counted_class);
        self.status.push(row.status);
        self.reason.push(row.reason);
        self.verdict_click.push(row.verdict_click);
        self.partner.push(row.partner);
        self.link.push(row.link);
        self.flags.push(row.flags);
        self.email_digest.push(row.email_digest);
        self.email_mask.push(row.email_mask.map(str::to_owned));
    }

    /// Binds the columns in the order in which they are listed above.
    pub(super) fn bind(self, statement: Statement<'_>) -> Statement<'_> {
        let statement = statement.bind(self.counted_event).bind(self.counted_class).bind(self.status);
        let statement = statement.bind(self.reason).bind(self.verdict_click).bind(self.partner).bind(self.link);
        statement.bind(self.flags).bind(self.email_digest).bind(self.email_mask)
    }
}

//! From rows to views, without a database: which leads are a customer's, which of them counts, what is shown.

use super::rows::{ClickRow, CustomerRow, EventRow, LeadRow, StateRow};
use super::views::{CustomerEvent, CustomerView, EVENTS_SHOWN, EventKind, EventView};
use domain::event::Source;
use domain::journey::Flags;
use domain::outcome::{EventState, Status};
use domain::{ClickId, EventId, Ident, ProgramId};
use std::collections::{BTreeMap, BTreeSet};

/// What was read of some customers.
pub(super) struct Gathered {
    pub(super) program: ProgramId,
    pub(super) customers: Vec<CustomerRow>,
    pub(super) newest: Vec<(LeadRow, u64)>,
    pub(super) live: Vec<LeadRow>,
    pub(super) clicks: Vec<ClickRow>,
}

impl Gathered {
    pub(super) fn empty(program: ProgramId) -> Self {
        Gathered { program, customers: Vec::new(), newest: Vec::new(), live: Vec::new(), clicks: Vec::new() }
    }

    /// The identities under which the customers' leads live.
    pub(super) fn places(&self) -> Vec<Ident> {
        let places: BTreeSet<Ident> = self.customers.iter().map(|row| row.ident).collect();
        places.into_iter().collect()
    }

    /// The clicks that may be shown: those of the program itself that were not made in test mode.
    pub(super) fn clicks_to_look_up(&self, asked: Option<ClickId>) -> Vec<Ident> {
        let embedded = self.customers.iter().filter_map(|row| row.lead.as_ref());
        let named = self.newest.iter().map(|(lead, _)| lead).chain(&self.live).chain(embedded);
        let clicks = named.flat_map(|lead| lead.facts.clicks()).filter(|click| self.is_shown(*click));
        let places: BTreeSet<Ident> = clicks.chain(asked).map(|click| Ident::of_click(false, click)).collect();
        let spoken_of = self.customers.iter().filter_map(|row| row.state.as_ref()?.verdict_click);
        places.into_iter().chain(spoken_of.map(|event| Ident::from_uuid(event.uuid()))).collect()
    }

    /// One of the customers; `None` for whom there is no state: never seen, or part of another customer.
    pub(super) fn customer(&self, subject: Ident) -> Option<CustomerView> {
        let rows = || self.customers.iter().filter(move |row| row.subject == subject);
        let own = rows().find(|row| row.ident == subject)?;
        let state = own.state.as_ref()?;
        let places: BTreeSet<Ident> = rows().map(|row| row.ident).collect();
        let leads = self.leads(&places);
        let named: BTreeSet<ClickId> = leads.values().flat_map(|lead| lead.facts.clicks()).collect();
        let seen: Vec<&ClickRow> = self.clicks.iter().filter(|row| named.contains(&row.click)).collect();

        let clicks = seen.iter().filter_map(|row| self.click_event(row));
        let mut events: Vec<CustomerEvent> = clicks.collect();
        let events_total = events.len() as u64 + self.leads_total(&places);
        events.extend(leads.values().map(|lead| lead_event(lead, state.counted)));
        events.sort_by_key(|event| event.id);
        events.drain(..events.len().saturating_sub(EVENTS_SHOWN));

        let counted = leads.get(&state.counted).and_then(|lead| lead.facts.click);
        Some(CustomerView {
            program: self.program,
            key: own.key.clone(),
            status: state.status,
            reason: Some(state.reason),
            partner_code: state.partner_code.clone(),
            click: self.verdict_click(state, &named).or(counted),
            lead_at: (state.status != Status::Click).then(|| state.counted.received_at()),
            email_mask: state.email_mask.clone(),
            flags: state.flags,
            events_total,
            events,
        })
    }

    /// A click that was seen and that no lead has named.
    pub(super) fn visitor(&self, click: ClickId) -> Option<CustomerView> {
        let row = self.clicks.iter().find(|row| row.click == click)?;
        let event = self.click_event(row)?;
        Some(CustomerView {
            program: self.program,
            key: None,
            status: Status::Click,
            reason: None,
            partner_code: row.partner_code.clone(),
            click: Some(click),
            lead_at: None,
            email_mask: None,
            flags: Flags::default(),
            events_total: 1,
            events: vec![event],
        })
    }

    /// The leads that were read of these identities. A live one may also be among the newest.
    fn leads(&self, places: &BTreeSet<Ident>) -> BTreeMap<EventId, &LeadRow> {
        let embedded = self.customers.iter().filter_map(|row| row.lead.as_ref());
        let further = self.newest.iter().map(|(lead, _)| lead).chain(&self.live);
        let own = embedded.chain(further).filter(|lead| places.contains(&lead.ident));
        own.map(|lead| (lead.facts.rank.event, lead)).collect()
    }

    fn leads_total(&self, places: &BTreeSet<Ident>) -> u64 {
        let embedded: BTreeSet<Ident> =
            self.customers.iter().filter(|row| row.lead.is_some()).map(|row| row.ident).collect();
        let further: BTreeMap<Ident, u64> = self.newest.iter().map(|(lead, total)| (lead.ident, *total)).collect();
        let of = |place: &Ident| u64::from(embedded.contains(place)) + further.get(place).copied().unwrap_or_default();
        places.iter().map(of).sum()
    }

    /// The whole id of the click that the verdict speaks of: another program's is known from the leads alone.
    fn verdict_click(&self, state: &StateRow, named: &BTreeSet<ClickId>) -> Option<ClickId> {
        let event = state.verdict_click?;
        let stored = self.clicks.iter().map(|row| row.click);
        named.iter().copied().chain(stored).find(|click| click.event == event)
    }

    fn click_event(&self, row: &ClickRow) -> Option<CustomerEvent> {
        let recorded_at = row.recorded_at.filter(|_| self.is_shown(row.click))?;
        Some(CustomerEvent {
            id: row.click.event,
            kind: EventKind::Click,
            source: Source::Browser,
            recorded_at,
            click: Some(row.click),
            duplicate_of: None,
        })
    }

    fn is_shown(&self, click: ClickId) -> bool {
        click.program == self.program && !click.is_test()
    }
}

fn lead_event(lead: &LeadRow, counted: EventId) -> CustomerEvent {
    let rank = lead.facts.rank;
    CustomerEvent {
        id: rank.event,
        kind: EventKind::Lead,
        source: rank.class.source(),
        recorded_at: lead.recorded_at,
        click: lead.facts.click,
        duplicate_of: (rank.event != counted).then_some(counted),
    }
}

/// An event; of `customers` the first that has a state is the one it belongs to.
pub(super) fn event(event: EventId, row: EventRow, customers: &[CustomerRow]) -> EventView {
    let blank = EventView {
        id: event,
        kind: None,
        state: EventState::Recorded,
        test: false,
        recorded_at: event.received_at(),
        key: None,
        click: None,
        reason: None,
        duplicate_of: None,
    };
    match row {
        EventRow::Lead { lead, test, owner } => {
            let of = |ident: Ident| customers.iter().find(|row| row.ident == ident && row.state.is_some());
            let customer = of(lead.ident).or_else(|| owner.and_then(of));
            let state = customer.and_then(|row| row.state.as_ref());
            let duplicate_of = state.map(|state| state.counted).filter(|counted| *counted != event);
            EventView {
                kind: Some(EventKind::Lead),
                state: if duplicate_of.is_some() { EventState::Duplicate } else { EventState::Recorded },
                test,
                recorded_at: lead.recorded_at,
                key: customer.and_then(|row| row.key.clone()),
                click: lead.facts.click,
                reason: state.map(|state| state.reason),
                duplicate_of,
                ..blank
            }
        }
        EventRow::Click(row) => EventView {
            kind: Some(EventKind::Click),
            test: row.click.is_test(),
            recorded_at: row.recorded_at.unwrap_or(blank.recorded_at),
            click: Some(row.click),
            ..blank
        },
        EventRow::DeadLetter { kind, recorded_at } => {
            EventView { kind, state: EventState::DeadLettered, recorded_at, ..blank }
        }
    }
}

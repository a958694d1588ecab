//! How often each reason and each rule occurred in the sets a test has tried, as the model sees it.
//!
//! A test that found no difference has shown nothing about a rule that never occurred: so it prints this table
//! and fails when a row is zero.

use crate::event::{Event, LeadEvent};
use crate::event_id::EventId;
use crate::model::{Facts, ModelCustomer, World, every_realm, has_candidate_other_than};
use crate::model::{is_from_server, is_provisional, verdict, world};
use crate::outcome::{EventState, Reason, Status};
use crate::program::AttributionModel;
use crate::scenario::DAY;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

macro_rules! rules {
    ($($name:ident, $text:literal;)*) => {
        /// What can happen between the events of a set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $text] $name,)* }

        impl Rule {
            /// Every one of them.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];

            /// As a sentence.
            pub const fn text(self) -> &'static str {
                match self { $(Rule::$name => $text,)* }
            }
        }
    };
}

rules!(
    Redelivered, "an event came again";
    BetterLeadDisplaced, "a better lead took the place of the counted one";
    ProvisionalConfirmed, "a provisional customer was confirmed";
    ProvisionalNotConfirmed, "a lead without a key did not confirm a provisional one";
    KeylessAdopted, "a lead without a key belongs to a keyed customer";
    KeylessCounts, "a lead without a key counts for a keyed customer";
    KeylessBroughtClick, "a lead without a key brought a keyed customer's click";
    KeylessMoved, "a customer known by a click got a key";
    OwnershipMoved, "a click passed to another customer";
    LateClickJudged, "a click came after its leads, which were judged again";
    EmailMerged, "the email is not the counted lead's";
    ClickMerged, "the click is not the counted lead's";
    BrowserDidNotDisplace, "a browser's other click did not displace the server's";
    LastClickChosen, "the newest of several candidates was chosen";
    FirstClickChosen, "the oldest of several candidates was chosen";
    OtherProgramNamed, "a candidate of another program was passed over";
    OtherWorldNamed, "a click of the other world was named";
    ForeignNamed, "a click id that is not ours was named";
    WithinTolerance, "a click after the lead attributed, within the tolerance";
    AtWindowEdge, "a click exactly as old as the window attributed";
    Visitor, "a click came without a lead";
    NamedNobody, "a test lead named nobody";
);

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// Customers with that reason.
    Reason(Reason),
    /// Customers in that status.
    Status(Status),
    /// Events in that state.
    State(EventState),
    /// Customers flagged `shared_click`.
    SharedClick,
    /// Customers flagged `click_from_browser`.
    ClickFromBrowser,
    /// Occasions of that rule.
    Rule(Rule),
}

/// Counts what occurred in the sets that were added.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    sets: u64,
    counts: BTreeMap<Row, u64>,
}

impl Row {
    /// Every row that must occur: sales and dead letters cannot come of accepted clicks and leads.
    pub fn expected() -> Vec<Row> {
        let reasons = Reason::ALL.iter().copied().map(Row::Reason);
        let statuses = [Status::Click, Status::Lead].map(Row::Status);
        let states = [EventState::Recorded, EventState::Duplicate].map(Row::State);
        let flags = [Row::SharedClick, Row::ClickFromBrowser];
        let rules = Rule::ALL.iter().copied().map(Row::Rule);
        reasons.chain(statuses).chain(states).chain(flags).chain(rules).collect()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Row::Reason(reason) => write!(f, "reason {}", reason.name()),
            Row::Status(status) => write!(f, "status {}", status.name()),
            Row::State(state) => write!(f, "event {}", state.name()),
            Row::SharedClick => f.write_str("flag shared_click"),
            Row::ClickFromBrowser => f.write_str("flag click_from_browser"),
            Row::Rule(rule) => f.write_str(rule.text()),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>9}  sets of events", self.sets)?;
        for row in Row::expected() {
            writeln!(f, "{:>9}  {row}", self.count(row))?;
        }
        Ok(())
    }
}

impl Tally {
    /// Adds one set as it was delivered, batch by batch.
    pub fn add(&mut self, deliveries: &[Vec<Event>]) {
        self.sets += 1;
        let (mut known, mut ids, mut state) = (Vec::new(), BTreeSet::new(), World::default());
        for batch in deliveries {
            for event in batch {
                if ids.insert(event.id()) {
                    known.push(event.clone());
                } else {
                    self.rule(Rule::Redelivered, true);
                }
            }
            let before = std::mem::replace(&mut state, world(&known));
            self.add_changes(&before, &state);
        }
        self.add_state(&state);
        for facts in every_realm(&known) {
            self.add_realm(&facts, &state);
        }
    }

    /// How often that occurred.
    pub fn count(&self, row: Row) -> u64 {
        self.counts.get(&row).copied().unwrap_or_default()
    }

    /// What never occurred.
    pub fn missing(&self) -> Vec<Row> {
        Row::expected().into_iter().filter(|row| self.count(*row) == 0).collect()
    }

    fn row(&mut self, row: Row, occurred: bool) {
        *self.counts.entry(row).or_default() += u64::from(occurred);
    }

    fn rule(&mut self, rule: Rule, occurred: bool) {
        self.row(Row::Rule(rule), occurred);
    }

    fn add_changes(&mut self, before: &World, after: &World) {
        for (place, was) in &before.customers {
            if let Some(is) = after.customers.get(place) {
                let displaced = was.counted != is.counted && is.leads.contains(&was.counted);
                let judged = was.leads == is.leads && was.reason == Reason::ClickNotFound && was.reason != is.reason;
                self.rule(Rule::BetterLeadDisplaced, displaced);
                self.rule(Rule::LateClickJudged, judged);
                self.rule(Rule::ProvisionalConfirmed, was.status == Status::Click && is.status == Status::Lead);
            } else {
                self.rule(Rule::KeylessMoved, true);
            }
        }
        for (place, was) in &before.clicks {
            let is = after.clicks.get(place).and_then(|click| click.owner);
            self.rule(Rule::OwnershipMoved, was.owner.is_some() && was.owner != is);
        }
    }

    fn add_state(&mut self, state: &World) {
        for customer in state.customers.values() {
            self.row(Row::Reason(customer.reason), true);
            self.row(Row::Status(customer.status), true);
            self.row(Row::SharedClick, customer.shared_click);
            self.row(Row::ClickFromBrowser, customer.click_from_browser);
        }
        for event in state.events.values() {
            self.row(Row::State(event.state), true);
        }
        *self.counts.entry(Row::Rule(Rule::Visitor)).or_default() += state.visitors.len() as u64;
    }

    fn add_realm(&mut self, facts: &Facts<'_>, state: &World) {
        for lead in &facts.leads {
            let named: Vec<_> = lead.click.iter().chain(&lead.click_ids).collect();
            let own = |test| named.iter().any(|click| click.program == lead.program && click.is_test() == test);
            let others = named.iter().any(|click| click.program != lead.program);
            self.rule(Rule::OtherProgramNamed, others && own(lead.test));
            self.rule(Rule::OtherWorldNamed, own(!lead.test));
            self.rule(Rule::ForeignNamed, lead.foreign_click);
            self.rule(Rule::NamedNobody, lead.customer_key.is_none() && lead.click.is_none());
        }
        let customers = state.customers.iter().filter(|((realm, _), _)| *realm == facts.realm);
        for (_, customer) in customers {
            let leads = facts.leads_of(customer.ident);
            self.add_merge(customer, &leads);
            if customer.reason == Reason::Attributed {
                self.add_choice(customer, &leads, facts);
            }
        }
    }

    fn add_merge(&mut self, customer: &ModelCustomer, leads: &[&LeadEvent]) {
        let keyless: Vec<_> = leads.iter().filter(|lead| is_adopted(customer, lead)).collect();
        let could_confirm = keyless.iter().any(|lead| !is_provisional(lead));
        self.rule(Rule::KeylessAdopted, !keyless.is_empty());
        self.rule(Rule::KeylessCounts, is_adopted(customer, leads[0]));
        self.rule(Rule::ProvisionalNotConfirmed, customer.status == Status::Click && could_confirm);
        self.rule(Rule::EmailMerged, customer.email.is_some() && leads[0].email.is_none());
    }

    fn add_choice(&mut self, customer: &ModelCustomer, leads: &[&LeadEvent], facts: &Facts<'_>) {
        let (counted, found) = (leads[0], verdict(leads, &facts.clicks));
        let decided = leads.iter().find(|lead| Some(lead.id) == found.decided_by);
        let (Some(click), Some(decided)) = (found.click, decided) else { return };
        let mut browsers = leads.iter().filter(|lead| !is_from_server(lead));
        let browsers_other = browsers.any(|lead| has_candidate_other_than(click, lead, counted, &facts.clicks));
        let several = found.candidates > 1;
        let last = counted.terms.attribution_model == AttributionModel::LastClick;
        let age = micros(counted.id) - micros(click.event);
        self.rule(Rule::BrowserDidNotDisplace, is_from_server(decided) && browsers_other);
        self.rule(Rule::ClickMerged, decided.id != counted.id);
        self.rule(Rule::KeylessBroughtClick, is_adopted(customer, decided));
        self.rule(Rule::LastClickChosen, several && last);
        self.rule(Rule::FirstClickChosen, several && !last);
        self.rule(Rule::WithinTolerance, age < 0);
        self.rule(Rule::AtWindowEdge, age == i64::from(counted.terms.attribution_window_days) * DAY);
    }
}

fn is_adopted(customer: &ModelCustomer, lead: &LeadEvent) -> bool {
    customer.ident.is_keyed() && lead.customer_key.is_none()
}

fn micros(event: EventId) -> i64 {
    event.received_at().micros()
}

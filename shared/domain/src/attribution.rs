//! Which click, if any, a customer is owed to: candidates in, verdict and reason out.
//!
//! Called by `journey`, which knows the customer's leads; this file knows only clicks and one order of leads.

use crate::click_id::ClickId;
use crate::email::EmailMark;
use crate::event::{LeadEvent, Rank};
use crate::identity::Ident;
use crate::outcome::Reason;
use crate::program::{AttributionModel, LinkId, ProgramId};
use crate::timestamp::{Span, Timestamp};

/// How much later than the lead a click may have been made: the clocks of two `ingest` may differ.
pub const CLOCK_TOLERANCE: Span = Span::seconds(5);

/// What the rules read of a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadFacts {
    /// Its place among its customer's leads.
    pub rank: Rank,
    /// Whether it belongs to the test world.
    pub test: bool,
    /// How many days a click may be older than the counted lead.
    pub attribution_window_days: u16,
    /// Which of several candidates wins.
    pub attribution_model: AttributionModel,
    /// The click it names.
    pub click: Option<ClickId>,
    /// Further clicks that may attribute it.
    pub click_ids: Vec<ClickId>,
    /// Whether it named a click id that is not ours.
    pub foreign_click: bool,
    /// What is kept of the email address.
    pub email: Option<EmailMark>,
}

/// What is known of a click that has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The link that was opened.
    pub link: Option<LinkId>,
    /// A crawler, prefetch or preview that named itself.
    pub bot: bool,
}

/// Whether a customer is attributed, to which click, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// The click that won, or the one the reason speaks of.
    pub click: Option<ClickId>,
    /// The link of the click that won.
    pub link: Option<LinkId>,
    /// The lead that named the click that won.
    pub decided_by: Option<Rank>,
}

/// The program in which clicks are judged, and the lead that sets the terms.
#[derive(Debug, Clone, Copy)]
pub struct Court<'a> {
    /// The customer's program.
    pub program: ProgramId,
    /// The lead that counts; its world, time, window and model are those judged by.
    pub counted: &'a LeadFacts,
}

impl From<&LeadEvent> for LeadFacts {
    fn from(lead: &LeadEvent) -> Self {
        LeadFacts {
            rank: lead.rank(),
            test: lead.test,
            attribution_window_days: lead.terms.attribution_window_days,
            attribution_model: lead.terms.attribution_model,
            click: lead.click,
            click_ids: lead.click_ids.clone(),
            foreign_click: lead.foreign_click,
            email: lead.email.clone(),
        }
    }
}

impl LeadFacts {
    /// When `ingest` received it.
    pub fn received_at(&self) -> Timestamp {
        self.rank.event.received_at()
    }

    /// Where a click stands in the lead's world.
    pub fn place_of(&self, click: ClickId) -> Ident {
        Ident::of_click(self.test, click)
    }

    /// Every click it names.
    pub fn clicks(&self) -> impl Iterator<Item = ClickId> {
        self.click.into_iter().chain(self.click_ids.iter().copied())
    }
}

impl Court<'_> {
    /// Walks the leads in their order: the first that has a candidate decides; else the first that names a click
    /// gives the reason.
    pub fn judge<'a>(
        &self,
        leads: impl Iterator<Item = &'a LeadFacts> + Clone,
        arrival: &impl Fn(ClickId) -> Option<Arrival>,
    ) -> Verdict {
        for lead in leads.clone() {
            let candidates = lead.clicks().filter(|click| self.fault(*click, arrival(*click)).is_none());
            if let Some(click) = self.pick(candidates) {
                let link = arrival(click).and_then(|arrival| arrival.link);
                return Verdict { reason: Reason::Attributed, click: Some(click), link, decided_by: Some(lead.rank) };
            }
        }
        let naming = leads.clone().find(|lead| lead.clicks().next().is_some());
        let unattributed = |reason, click| Verdict { reason, click, link: None, decided_by: None };
        match naming.and_then(|lead| self.spokesman(lead, arrival)) {
            Some(click) => {
                let reason = self.fault(click, arrival(click)).unwrap_or(Reason::ClickNotFound);
                unattributed(reason, Some(click))
            }
            None if leads.clone().any(|lead| lead.foreign_click) => unattributed(Reason::ClickNotFound, None),
            None => unattributed(Reason::NoClickId, None),
        }
    }

    /// What keeps a click from being a candidate; all but arrival and bot can be read from the id itself.
    pub fn fault(&self, click: ClickId, arrival: Option<Arrival>) -> Option<Reason> {
        let age = self.counted.received_at() - click.clicked_at();
        if click.program != self.program {
            Some(Reason::ClickInOtherProgram)
        } else if click.is_test() && !self.counted.test {
            Some(Reason::TestClick)
        } else if arrival.is_some_and(|arrival| arrival.bot) {
            Some(Reason::BotClick)
        } else if click.clicked_at() > self.counted.received_at() + CLOCK_TOLERANCE {
            Some(Reason::ClickAfterLead)
        } else if age > Span::days(self.counted.attribution_window_days) {
            Some(Reason::WindowExpired)
        } else if arrival.is_none() {
            Some(Reason::ClickNotFound)
        } else {
            None
        }
    }

    /// Of several faulty clicks the one that gives the reason: seen before unseen, another program's last.
    fn spokesman(&self, lead: &LeadFacts, arrival: &impl Fn(ClickId) -> Option<Arrival>) -> Option<ClickId> {
        let distance = |click: ClickId| match arrival(click) {
            _ if click.program != self.program => 2,
            Some(_) => 0,
            None => 1,
        };
        let nearest = lead.clicks().map(distance).min()?;
        self.pick(lead.clicks().filter(|click| distance(*click) == nearest))
    }

    fn pick(&self, clicks: impl Iterator<Item = ClickId>) -> Option<ClickId> {
        match self.counted.attribution_model {
            AttributionModel::LastClick => clicks.max(),
            AttributionModel::FirstClick => clicks.min(),
        }
    }
}

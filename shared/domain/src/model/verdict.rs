//! The model's own walk from a customer's leads to a click, or to the reason why there is none.
//!
//! Called by `model` for its customers, and by the tally of `universe` to see what could have been chosen.

use crate::click_id::ClickId;
use crate::event::{ClickEvent, LeadEvent};
use crate::event_id::EventId;
use crate::outcome::Reason;
use crate::program::{AttributionModel, LinkId};

const TOLERANCE_MICROS: i64 = 5_000_000;
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

pub(crate) struct Verdict {
    pub(crate) reason: Reason,
    pub(crate) click: Option<ClickId>,
    pub(crate) link: Option<LinkId>,
    /// The lead whose candidate won.
    pub(crate) decided_by: Option<EventId>,
    /// Among how many candidates of that lead the program's model chose.
    pub(crate) candidates: usize,
}

impl Verdict {
    pub(crate) fn provisional() -> Self {
        Self::unattributed(Reason::Provisional, None)
    }

    fn unattributed(reason: Reason, click: Option<ClickId>) -> Self {
        Verdict { reason, click, link: None, decided_by: None, candidates: 0 }
    }
}

/// Of a customer's leads, the best first and at least one, and the clicks that arrived in its realm.
pub(crate) fn verdict(leads: &[&LeadEvent], arrived: &[&ClickEvent]) -> Verdict {
    let counted = leads[0];
    for lead in leads {
        let candidates = candidates(lead, counted, arrived);
        if let Some(winner) = choose(counted, &candidates) {
            return Verdict {
                reason: Reason::Attributed,
                click: Some(winner),
                link: arrival(winner, arrived).and_then(|event| event.link),
                decided_by: Some(lead.id),
                candidates: candidates.len(),
            };
        }
    }
    for lead in leads {
        if let Some((click, reason)) = complaint(lead, counted, arrived) {
            return Verdict::unattributed(reason, Some(click));
        }
    }
    let foreign = leads.iter().any(|lead| lead.foreign_click);
    Verdict::unattributed(if foreign { Reason::ClickNotFound } else { Reason::NoClickId }, None)
}

/// Whether the lead, with `counted` as its customer's counted lead, has a candidate beside that click.
pub(crate) fn has_candidate_other_than(
    click: ClickId,
    lead: &LeadEvent,
    counted: &LeadEvent,
    arrived: &[&ClickEvent],
) -> bool {
    candidates(lead, counted, arrived).iter().any(|candidate| *candidate != click)
}

fn candidates(lead: &LeadEvent, counted: &LeadEvent, arrived: &[&ClickEvent]) -> Vec<ClickId> {
    named(lead).into_iter().filter(|click| fault(*click, counted, arrived).is_none()).collect()
}

/// What the integrator is told of a lead without candidates: its most telling click, and what is wrong with it.
fn complaint(lead: &LeadEvent, counted: &LeadEvent, arrived: &[&ClickEvent]) -> Option<(ClickId, Reason)> {
    let (mut seen, mut unseen, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for click in named(lead) {
        if click.program != counted.program {
            elsewhere.push(click);
        } else if arrival(click, arrived).is_some() {
            seen.push(click);
        } else {
            unseen.push(click);
        }
    }
    let group = [seen, unseen, elsewhere].into_iter().find(|group| !group.is_empty())?;
    let click = choose(counted, &group)?;
    Some((click, fault(click, counted, arrived)?))
}

fn named(lead: &LeadEvent) -> Vec<ClickId> {
    lead.click.iter().chain(&lead.click_ids).copied().collect()
}

fn choose(counted: &LeadEvent, clicks: &[ClickId]) -> Option<ClickId> {
    match counted.terms.attribution_model {
        AttributionModel::LastClick => clicks.iter().max().copied(),
        AttributionModel::FirstClick => clicks.iter().min().copied(),
    }
}

fn arrival<'a>(click: ClickId, arrived: &[&'a ClickEvent]) -> Option<&'a ClickEvent> {
    arrived.iter().copied().find(|event| event.click == click)
}

/// The first thing that is wrong with a click, for a customer whose counted lead that is.
fn fault(click: ClickId, counted: &LeadEvent, arrived: &[&ClickEvent]) -> Option<Reason> {
    let lead_at = counted.id.received_at().micros();
    let clicked_at = click.clicked_at().micros();
    let window = i64::from(counted.terms.attribution_window_days) * DAY_MICROS;
    let arrival = arrival(click, arrived);
    if click.program != counted.program {
        Some(Reason::ClickInOtherProgram)
    } else if click.is_test() && !counted.test {
        Some(Reason::TestClick)
    } else if arrival.is_some_and(|event| event.bot) {
        Some(Reason::BotClick)
    } else if clicked_at > lead_at + TOLERANCE_MICROS {
        Some(Reason::ClickAfterLead)
    } else if lead_at - clicked_at > window {
        Some(Reason::WindowExpired)
    } else if arrival.is_none() {
        Some(Reason::ClickNotFound)
    } else {
        None
    }
}

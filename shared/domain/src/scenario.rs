//! Clicks and leads as a story tells them, for examples and generated universes; never used in production.
//!
//! A draft starts as the most ordinary event of its kind and is changed step by step. Numbers stand for order in
//! time: click `n` is made `n` minutes after the day before [`ZERO`], lead `n` is received `n` minutes after it.

use crate::click_id::ClickId;
use crate::email::EmailMark;
use crate::event::{ClickEvent, Detail, Event, LeadEvent, Source};
use crate::event_id::EventId;
use crate::identity::CustomerKey;
use crate::program::{AttributionModel, LeadAuth, LinkId, PartnerId, ProgramId, Terms};
use crate::timestamp::Timestamp;

/// The program of every draft that names no other.
pub const PROGRAM: ProgramId = program(1);
/// Another program.
pub const OTHER_PROGRAM: ProgramId = program(2);
/// The moment around which every story takes place.
pub const ZERO: Timestamp = Timestamp::from_micros(1_780_000_000_000_000);
/// A second, in microseconds.
pub const SECOND: i64 = 1_000_000;
/// A minute, in microseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// A day, in microseconds.
pub const DAY: i64 = 24 * 60 * MINUTE;

const TEST_BIT: u32 = 55;
/// Keeps a lead apart from the click of the same number and moment.
const LEAD_ENTROPY: u64 = 1 << 40;

/// Decided by the compiler: a number out of range does not build.
const fn program(number: i64) -> ProgramId {
    match ProgramId::new(number) {
        Some(program) => program,
        None => unreachable!(),
    }
}

/// A click id with no secret behind it: its key version is `0`, and whoever wants its text needs a ring with that id.
pub fn click_id(program: ProgramId, partner: Option<PartnerId>, test: bool, at: Timestamp, entropy: u64) -> ClickId {
    let bits = (u64::from(test) << TEST_BIT) | (entropy & ((1 << TEST_BIT) - 1));
    ClickId { event: EventId::mint(at, bits), program, partner }
}

/// A mark that stands for the `number`th address.
pub fn email_mark(number: u8) -> EmailMark {
    EmailMark { pepper: '0', digest: [number; 32], mask: format!("{number}***@example.com") }
}

/// The moment that many microseconds after [`ZERO`].
pub fn moment(micros: i64) -> Timestamp {
    Timestamp::from_micros(ZERO.micros().saturating_add(micros))
}

/// A click to be told of.
#[derive(Debug, Clone, Copy)]
pub struct ClickDraft {
    number: u32,
    at: Timestamp,
    program: ProgramId,
    test: bool,
    bot: bool,
    linked: bool,
}

/// A visitor's real click, made a day before the leads, through link `number` of partner `number`.
pub fn click(number: u32) -> ClickDraft {
    let at = moment(i64::from(number) * MINUTE - DAY);
    ClickDraft { number, at, program: PROGRAM, test: false, bot: false, linked: true }
}

impl ClickDraft {
    /// Made that many microseconds after [`ZERO`].
    pub fn at(self, micros: i64) -> Self {
        ClickDraft { at: moment(micros), ..self }
    }

    /// Made in another program.
    pub fn in_program(self, program: ProgramId) -> Self {
        ClickDraft { program, ..self }
    }

    /// Made in test mode.
    pub fn test(self) -> Self {
        ClickDraft { test: true, ..self }
    }

    /// Made by a crawler.
    pub fn bot(self) -> Self {
        ClickDraft { bot: true, ..self }
    }

    /// Made without a link, as test clicks may be.
    pub fn without_link(self) -> Self {
        ClickDraft { linked: false, ..self }
    }

    /// Its id, which can be named whether the click arrives or not.
    pub fn id(&self) -> ClickId {
        let partner = if self.linked { PartnerId::new(i64::from(self.number)) } else { None };
        click_id(self.program, partner, self.test, self.at, u64::from(self.number))
    }

    /// The link that was opened.
    pub fn link(&self) -> Option<LinkId> {
        if self.linked { LinkId::new(i64::from(self.number)) } else { None }
    }

    /// The event.
    pub fn event(&self) -> Event {
        Event::Click(ClickEvent {
            click: self.id(),
            link: self.link(),
            bot: self.bot,
            replaces: None,
            detail: Detail(None),
        })
    }
}

/// A lead to be told of.
#[derive(Debug, Clone)]
pub struct LeadDraft(LeadEvent);

/// A real lead sent by the advertiser's server.
pub fn server(number: u32) -> LeadDraft {
    LeadDraft(LeadEvent {
        id: EventId::mint(moment(i64::from(number) * MINUTE), LEAD_ENTROPY | u64::from(number)),
        program: PROGRAM,
        test: false,
        source: Source::Server,
        terms: Terms::default(),
        customer_key: None,
        click: None,
        click_ids: Vec::new(),
        foreign_click: false,
        email: None,
        detail: Detail(None),
    })
}

/// A real lead sent by a browser, and enough.
pub fn browser(number: u32) -> LeadDraft {
    server(number).changed(|lead| lead.source = Source::Browser)
}

/// A real lead sent by a browser in a program that waits for its server.
pub fn provisional(number: u32) -> LeadDraft {
    browser(number).changed(|lead| lead.terms.lead_auth = LeadAuth::ServerRequired)
}

impl LeadDraft {
    /// Received that many microseconds after [`ZERO`].
    pub fn at(self, micros: i64) -> Self {
        self.changed(|lead| lead.id = EventId::mint(moment(micros), lead.id.number()))
    }

    /// Of another program.
    pub fn in_program(self, program: ProgramId) -> Self {
        self.changed(|lead| lead.program = program)
    }

    /// Sent in test mode.
    pub fn test(self) -> Self {
        self.changed(|lead| lead.test = true)
    }

    /// With that customer key.
    pub fn key(self, key: &str) -> Self {
        self.changed(|lead| lead.customer_key = CustomerKey::parse(key).ok())
    }

    /// Naming that click as its `click_id`.
    pub fn click(self, click: &ClickDraft) -> Self {
        self.changed(|lead| lead.click = Some(click.id()))
    }

    /// Naming those clicks in its `click_ids`.
    pub fn candidates<const N: usize>(self, clicks: [&ClickDraft; N]) -> Self {
        self.changed(|lead| {
            lead.click_ids = clicks.map(ClickDraft::id).to_vec();
            lead.click_ids.sort();
        })
    }

    /// Having sent a click id that is not ours.
    pub fn foreign_click(self) -> Self {
        self.changed(|lead| lead.foreign_click = true)
    }

    /// With the `number`th address.
    pub fn email(self, number: u8) -> Self {
        self.changed(|lead| lead.email = Some(email_mark(number)))
    }

    /// Carrying an attribution window of that many days.
    pub fn window(self, days: u16) -> Self {
        self.changed(|lead| lead.terms.attribution_window_days = days)
    }

    /// Carrying the model under which the oldest click wins.
    pub fn first_click(self) -> Self {
        self.changed(|lead| lead.terms.attribution_model = AttributionModel::FirstClick)
    }

    /// The lead itself.
    pub fn lead(&self) -> &LeadEvent {
        &self.0
    }

    /// The event.
    pub fn event(&self) -> Event {
        Event::Lead(self.0.clone())
    }

    fn changed(mut self, change: impl FnOnce(&mut LeadEvent)) -> Self {
        change(&mut self.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drafted_click_holds_its_mark_and_its_time() {
        for draft in [click(1), click(1).test(), click(1).without_link().test()] {
            assert_eq!((draft.id().is_test(), draft.id().clicked_at()), (draft.test, draft.at));
            assert_eq!(draft.id().key_version(), Some('0'));
        }
    }
}

//! Which leads of a customer can still matter.
//!
//! A lead is an echo when better ones of the same customer name every click it names, and know an email if it does:
//! then it can never decide, give the reason or the email, own a click or change the status. Echoes are not read
//! again, so that the work for a hot customer is bounded by its distinct clicks, not by its duplicates.

use crate::attribution::LeadFacts;
use crate::click_id::ClickId;
use std::collections::HashSet;

/// What the better leads have said so far.
#[derive(Default)]
struct Said {
    anything: bool,
    own_clicks: HashSet<ClickId>,
    clicks: HashSet<ClickId>,
    foreign_click: bool,
    email: bool,
}

/// For leads of one customer in order, best first: whether each is an echo of those before it.
pub(super) fn echoes<'a>(ordered: impl Iterator<Item = &'a LeadFacts>) -> Vec<bool> {
    let mut said = Said::default();
    let is_echo = |lead: &LeadFacts| {
        let covered = said.covers(lead);
        said.hear(lead);
        covered
    };
    ordered.map(is_echo).collect()
}

/// For leads of one customer in order, best first: whether each is an echo of those that are stored, in any order. Only
/// the better ones of them speak, and each is heard once.
pub(super) fn echoes_of<'a>(ordered: impl Iterator<Item = &'a LeadFacts>, stored: &[LeadFacts]) -> Vec<bool> {
    let mut stored: Vec<&LeadFacts> = stored.iter().collect();
    stored.sort_unstable_by_key(|lead| lead.rank);
    let (mut stored, mut said) = (stored.into_iter().peekable(), Said::default());
    let is_echo = |lead: &LeadFacts| {
        while let Some(better) = stored.next_if(|stored| stored.rank < lead.rank) {
            said.hear(better);
        }
        said.covers(lead)
    };
    ordered.map(is_echo).collect()
}

impl Said {
    /// Whether the lead says nothing that has not been said.
    fn covers(&self, lead: &LeadFacts) -> bool {
        self.anything
            && lead.click.is_none_or(|click| self.own_clicks.contains(&click))
            && lead.clicks().all(|click| self.clicks.contains(&click))
            && (!lead.foreign_click || self.foreign_click)
            && (lead.email.is_none() || self.email)
    }

    fn hear(&mut self, lead: &LeadFacts) {
        self.anything = true;
        self.own_clicks.extend(lead.click);
        self.clicks.extend(lead.clicks());
        self.foreign_click |= lead.foreign_click;
        self.email |= lead.email.is_some();
    }
}

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
    ordered.map(|lead| said.again(lead)).collect()
}

/// Whether a lead is an echo of those leads of its customer; only the better ones speak.
pub(super) fn is_echo<'a>(stored: impl Iterator<Item = &'a LeadFacts>, lead: &LeadFacts) -> bool {
    let mut said = Said::default();
    for better in stored.filter(|stored| stored.rank < lead.rank) {
        said.again(better);
    }
    said.again(lead)
}

impl Said {
    fn again(&mut self, lead: &LeadFacts) -> bool {
        let is_echo = self.anything
            && lead.click.is_none_or(|click| self.own_clicks.contains(&click))
            && lead.clicks().all(|click| self.clicks.contains(&click))
            && (!lead.foreign_click || self.foreign_click)
            && (lead.email.is_none() || self.email);
        self.anything = true;
        self.own_clicks.extend(lead.click);
        self.clicks.extend(lead.clicks());
        self.foreign_click |= lead.foreign_click;
        self.email |= lead.email.is_some();
        is_echo
    }
}

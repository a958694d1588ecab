//! What a batch of events changes: the state that touched rows have, in; the state they shall have, out.
//!
//! A store locks and loads what [`Scope`] names, calls [`fold`], and writes the [`Changes`]. It decides nothing.
//! `party` is the short way for leads that meet nobody but each other; [`fold`] is right for all of them.
//!
//! Leads never move: a lead lives under its own identity for ever. What moves is a click's owner (the running
//! minimum over the ranks of keyed leads that name it), and with it the keyless leads of that click.

mod echo;
mod fold;
mod party;
mod scope;

pub use fold::{Applied, Changes, NewLead, fold};
pub use party::{Party, PartyLead, Settled, parties};
pub use scope::{Scope, unlocked_clicks, unlocked_customers};

use crate::attribution::{Arrival, LeadFacts};
use crate::identity::Ident;
use crate::journey::{ClickFacts, Owner};
use crate::program::ProgramId;
use std::collections::{BTreeMap, BTreeSet};

/// The key of a click's or a customer's row. Rows are locked in this order and in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The program, which leads every key.
    pub program: ProgramId,
    /// The click or customer within it.
    pub ident: Ident,
}

/// A click's row as loaded under its lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClickRow {
    /// `None` for a stub: named, not seen.
    pub arrival: Option<Arrival>,
    /// The keyed customer it belongs to.
    pub owner: Option<Owner>,
    /// Who named it before it was seen; loaded for clicks that arrive in this batch. If not all of them are, the click
    /// has to come again until none is left.
    pub waiters: BTreeSet<Ident>,
}

/// A lead as loaded: one that can still matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLead {
    /// What the rules read of it.
    pub facts: LeadFacts,
    /// Whether it lives in the customer's own row, where it stays.
    pub embedded: bool,
}

/// What a store has loaded for one [`fold`].
#[derive(Debug, Default)]
pub struct Loaded {
    /// Clicks that are locked, stubs included.
    pub clicks: BTreeMap<Place, ClickRow>,
    /// Customers that are locked and exist (a shell exists): their leads but for the echoes.
    pub customers: BTreeMap<Place, Vec<LiveLead>>,
    /// Which customers were asked for, whether they exist or not.
    pub asked: BTreeSet<Place>,
    /// Clicks named by the loaded leads and not locked; absent means never seen.
    pub other_clicks: BTreeMap<Place, ClickFacts>,
    /// The leads of customers known by a click only, not locked, whose click a loaded customer may own.
    pub other_leads: BTreeMap<Place, Vec<LeadFacts>>,
}

impl From<&ClickRow> for ClickFacts {
    fn from(row: &ClickRow) -> Self {
        ClickFacts { arrival: row.arrival, owner: row.owner }
    }
}

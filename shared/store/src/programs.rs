//! Programs, partners, links and keys: what an operator sets and `ingest` decides by, with the rules of their values.
//!
//! What may be asked is `programs/admin.rs`, the values that are refused `programs/rules.rs`: once for both databases.
//! How they are stored is `postgres/programs.rs` and `sqlite/programs.rs`. Every change stamps its rows with a new
//! version, so that a refresh reads only what changed.

mod admin;
mod rows;
mod rules;

pub(crate) use admin::{no_partner, no_program};
pub(crate) use rows::{KeyDigestRow, KeyRow, LinkRow, PartnerRow, ProgramRow, all, origins_text};

use domain::api_key::ParsedKey;
use domain::program::{AttributionModel, LeadAuth, Terms};
use domain::{LinkId, PartnerId, ProgramId, Timestamp};
use serde::{Deserialize, Serialize};

/// An advertiser's program and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its number, which clients send.
    pub program_id: ProgramId,
    /// For people.
    pub name: String,
    /// The advertiser's domain, for people.
    pub domain: Option<String>,
    /// An inactive program takes no events.
    pub active: bool,
    /// How many days the visitor's cookie lives, `1..=3650`.
    pub cookie_window_days: u16,
    /// What its leads are judged by.
    pub terms: Terms,
    /// The only origins whose pages may send for it, canonical (`https://shop.example`); empty allows any.
    pub allowed_origins: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The settings version that changed it last.
    pub version: i64,
}

/// What a program is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProgram {
    /// 1..=200 characters.
    pub name: String,
    /// At most 253 characters.
    pub domain: Option<String>,
    /// `1..=3650`.
    pub cookie_window_days: u16,
    /// The window is `0..=3650` days.
    pub terms: Terms,
    /// At most 100, each `scheme://host[:port]` in lower case; empty allows any.
    pub allowed_origins: Vec<String>,
}

impl NewProgram {
    /// A program with the default settings: 60 days for cookie and window, last click, any origin.
    pub fn named(name: impl Into<String>) -> Self {
        NewProgram {
            name: name.into(),
            domain: None,
            cookie_window_days: 60,
            terms: Terms::default(),
            allowed_origins: Vec::new(),
        }
    }
}

/// What to change of a program; `None` leaves it as it is. The bounds are those of [`NewProgram`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgramChange {
    /// A new name.
    pub name: Option<String>,
    /// A new domain; `Some(None)` removes it.
    pub domain: Option<Option<String>>,
    /// Switches the program on or off.
    pub active: Option<bool>,
    /// A new life of the cookie.
    pub cookie_window_days: Option<u16>,
    /// A new attribution window.
    pub attribution_window_days: Option<u16>,
    /// Another model.
    pub attribution_model: Option<AttributionModel>,
    /// Another rule for browsers' leads.
    pub lead_auth: Option<LeadAuth>,
    /// The whole new list of origins.
    pub allowed_origins: Option<Vec<String>>,
}

/// Who refers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// The partner's number, unique over all programs.
    pub partner_id: PartnerId,
    /// The program it refers for.
    pub program_id: ProgramId,
    /// For people.
    pub name: String,
    /// Links of an inactive partner are inactive.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The settings version that changed it last.
    pub version: i64,
}

/// A partner's short code, the value of `?aff=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The link's number.
    pub link_id: LinkId,
    /// The program it leads to.
    pub program_id: ProgramId,
    /// Whose link it is.
    pub partner_id: PartnerId,
    /// 1..=64 of `A-Za-z0-9._-`, unique over all programs (a click names no program), compared exactly.
    pub code: String,
    /// Whether both the link and its partner are active.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The settings version that changed it last.
    pub version: i64,
}

/// An API key as it is listed: its secret is known to nobody but its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The public id.
    pub key_id: String,
    /// The only program it speaks for.
    pub program_id: ProgramId,
    /// For people.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; in the future while an old and a new key overlap.
    pub revoked_at: Option<Timestamp>,
    /// The settings version that changed it last.
    pub version: i64,
}

/// What is needed to recognise a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDigest {
    /// The public id, by which a key is found.
    pub key_id: String,
    /// The only program it speaks for.
    pub program_id: ProgramId,
    /// SHA-256 of the whole key.
    pub digest: [u8; 32],
    /// From when on it is refused, by the clock of who asks.
    pub revoked_at: Option<Timestamp>,
    /// The settings version that changed it last.
    pub version: i64,
}

impl KeyDigest {
    /// Whether `key` is this key and not yet revoked at `now`. Takes the same time whatever is wrong.
    pub fn admits(&self, key: ParsedKey<'_>, now: Timestamp) -> bool {
        key.has_digest(&self.digest) & self.revoked_at.is_none_or(|revoked_at| now < revoked_at)
    }
}

/// Programs, links and keys that changed after a version: what `ingest` decides by, without a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Everything up to this version is known to who has applied it.
    pub version: i64,
    /// Changed programs, inactive ones too.
    pub programs: Vec<Program>,
    /// Changed links, inactive ones too.
    pub links: Vec<Link>,
    /// Changed keys, revoked ones too.
    pub keys: Vec<KeyDigest>,
}

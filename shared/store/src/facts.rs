//! What the rules read of a lead, as bytes in one column: versioned, because rows outlive programs.
//!
//! Written by `apply`, read by `apply` and by the reads that explain a customer.

use domain::attribution::LeadFacts;
use domain::email::EmailMark;
use domain::event::Rank;
use domain::program::AttributionModel;
use domain::{ClickId, EventId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use thiserror::Error;

const VERSION: u8 = 1;
/// With a click and an email address.
const USUAL_BYTES: usize = 128;

/// Bytes in the facts column that this program cannot have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a lead's facts cannot be read: the row was written by a newer program or damaged")]
pub(crate) struct BadFacts;

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    rank: Rank,
    test: bool,
    attribution_window_days: u16,
    attribution_model: AttributionModel,
    click: Option<ClickId>,
    click_ids: Cow<'a, [ClickId]>,
    foreign_click: bool,
    email: Option<Cow<'a, EmailMark>>,
}

/// Facts that the encoder refuses, for a reason of its own.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a lead's facts cannot be written: {0}")]
pub(crate) struct UnwritableFacts(#[from] postcard::Error);

/// The bytes to store.
///
/// # Errors
/// Never for a lead that was decoded; the encoder's signature allows it, and an empty column could not be read again.
pub(crate) fn encode(facts: &LeadFacts) -> Result<Vec<u8>, UnwritableFacts> {
    let stored = Stored {
        rank: facts.rank,
        test: facts.test,
        attribution_window_days: facts.attribution_window_days,
        attribution_model: facts.attribution_model,
        click: facts.click,
        click_ids: Cow::Borrowed(&facts.click_ids),
        foreign_click: facts.foreign_click,
        email: facts.email.as_ref().map(Cow::Borrowed),
    };
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.push(VERSION);
    Ok(postcard::to_extend(&stored, bytes)?)
}

/// Reads [`encode`].
///
/// # Errors
/// When the bytes are of another version or damaged.
pub(crate) fn decode(bytes: &[u8]) -> Result<LeadFacts, BadFacts> {
    let body = bytes.strip_prefix(&[VERSION]).ok_or(BadFacts)?;
    let stored: Stored = postcard::from_bytes(body).map_err(|_| BadFacts)?;
    Ok(LeadFacts {
        rank: stored.rank,
        test: stored.test,
        attribution_window_days: stored.attribution_window_days,
        attribution_model: stored.attribution_model,
        click: stored.click,
        click_ids: stored.click_ids.into_owned(),
        foreign_click: stored.foreign_click,
        email: stored.email.map(Cow::into_owned),
    })
}

/// The pepper's id and the digest in one column.
pub(crate) fn email_digest(email: &EmailMark) -> Vec<u8> {
    let mut bytes = vec![email.pepper as u8];
    bytes.extend_from_slice(&email.digest);
    bytes
}

/// The event an id column holds, if it is one of ours.
pub(crate) fn event_id(uuid: uuid::Uuid) -> Option<EventId> {
    EventId::from_uuid(uuid).ok()
}

/// As when the database refuses a value: this one lead is set aside, its neighbours go through.
impl From<UnwritableFacts> for crate::StoreError {
    fn from(error: UnwritableFacts) -> Self {
        crate::StoreError::Refused { code: "encode".to_owned(), constraint: None, message: error.to_string() }
    }
}

impl From<BadFacts> for crate::StoreError {
    fn from(error: BadFacts) -> Self {
        crate::StoreError::Misconfigured(error.to_string())
    }
}

//! A lead as a client may send it: identity, mode and what is shown of it.
//!
//! Click ids are only checked for their characters: whether they are ours is a question of secrets, asked by `ingest`.

use super::additional;
use super::detail::Details;
use super::fault::{Fault, FaultCode, Faulty, IDENTITY_REQUIRED, PLACEHOLDER_KEY};
use super::json::Json;
use super::members::{Given, Members};
use super::warning::Warning;
use crate::email::{EmailMark, is_address};
use crate::event::LeadEvent;
use crate::identity::{BadCustomerKey, CustomerKey, is_placeholder, trim_ascii_space};
use crate::keyring::Keyring;
use crate::program::ProgramId;
use std::borrow::Cow;

/// The longest `click_id`, in bytes, which are characters.
pub const MAX_CLICK_ID_BYTES: usize = 128;

/// A lead that can be accepted, once it is clear whose it is.
#[derive(Debug)]
pub struct LeadRequest<'a> {
    /// The click id as sent.
    pub click_id: Option<Cow<'a, str>>,
    /// The advertiser's id of the customer.
    pub customer_key: Option<CustomerKey>,
    /// Whether a placeholder was sent as `customer_key`.
    pub placeholder_key: bool,
    /// Further click ids as sent, distinct.
    pub click_ids: Vec<Cow<'a, str>>,
    /// What is kept of the email address.
    pub email: Option<EmailMark>,
    /// The program named in the body.
    pub program: Option<ProgramId>,
    /// Whether it is a test event.
    pub test: bool,
    /// What is shown of it, with the warnings.
    pub details: Details<'a>,
}

impl<'a> LeadRequest<'a> {
    /// Reads a whole body.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn parse(body: &'a [u8], peppers: &Keyring) -> Result<Self, Faulty<'a>> {
        Self::read(Json::parse(body)?, peppers)
    }

    /// Reads one lead's tree.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn read(json: Json<'a>, peppers: &Keyring) -> Result<Self, Faulty<'a>> {
        let mut members = Members::of_body(json)?;
        let click_id = click_id(&mut members);
        let customer_key = customer_key(&mut members);
        let click_ids = click_ids(&mut members);
        let email = email(&mut members, peppers);
        let named = members.program("program_id");
        let additional = additional::take(&mut members);
        let test = members.flag("debug_mode") | additional.test_mode;
        members.flag("has_attribution");
        let program = one_program(&mut members, named, additional.program);
        let mut details = Details::of_lead(&mut members, additional.rest);
        if members.has("api_key") {
            members.warnings.push(Warning::ApiKeyIgnored);
        }
        let placeholder_key = matches!(customer_key, Given::Placeholder);
        if !test && click_id.names_nobody() && customer_key.names_nobody() && click_ids.names_nobody() {
            let fault = if placeholder_key {
                Fault::new(FaultCode::PlaceholderKey, PLACEHOLDER_KEY)
            } else {
                identity_fault(&members)
            };
            members.faults.push(fault);
        }
        let (click_id, click_ids) = (click_id.value(), click_ids.value().unwrap_or_default());
        if !members.faults.is_empty() {
            let click_ids = click_id.into_iter().chain(click_ids).collect();
            return Err(Faulty { faults: members.faults, program, click_ids, link_code: None });
        }
        details.warnings = members.warnings;
        Ok(LeadRequest {
            click_id,
            customer_key: customer_key.value(),
            placeholder_key,
            click_ids,
            email,
            program,
            test,
            details,
        })
    }
}

fn click_id<'a>(members: &mut Members<'a>) -> Given<Cow<'a, str>> {
    match members.take("click_id") {
        None => Given::Absent,
        Some(Json::Text(text)) if trim_ascii_space(&text).is_empty() => Given::Absent,
        Some(Json::Text(text)) if is_placeholder(&text) => {
            members.warnings.push(Warning::PlaceholderClickId);
            Given::Placeholder
        }
        Some(Json::Text(text)) if is_click_id(&text) => Given::Value(text),
        Some(Json::Text(_)) => {
            members.fault("click_id", "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -");
            Given::Faulty
        }
        Some(_) => {
            members.fault("click_id", "must be a string");
            Given::Faulty
        }
    }
}

fn customer_key(members: &mut Members<'_>) -> Given<CustomerKey> {
    let text = match members.take("customer_key") {
        None => return Given::Absent,
        Some(Json::Text(text)) => text,
        Some(Json::Unsigned(number)) => Cow::Owned(number.to_string()),
        Some(Json::Negative(number)) => Cow::Owned(number.to_string()),
        Some(_) => {
            members.fault("customer_key", "must be a string");
            return Given::Faulty;
        }
    };
    if is_placeholder(trim_ascii_space(&text)) {
        members.warnings.push(Warning::PlaceholderCustomerKey);
        return Given::Placeholder;
    }
    match CustomerKey::parse(&text) {
        Ok(key) => {
            if is_address(key.as_str()) {
                members.warnings.push(Warning::AddressAsCustomerKey);
            }
            Given::Value(key)
        }
        Err(BadCustomerKey::Empty) => Given::Absent,
        Err(bad @ (BadCustomerKey::TooLong | BadCustomerKey::ControlCharacters)) => {
            members.faults.push(Fault::new(FaultCode::InvalidCustomerKey, bad.to_string()));
            Given::Faulty
        }
    }
}

fn click_ids<'a>(members: &mut Members<'a>) -> Given<Vec<Cow<'a, str>>> {
    let Some(list) = members.take("click_ids") else { return Given::Absent };
    match distinct_click_ids(list) {
        Ok(ids) if ids.is_empty() => Given::Absent,
        Ok(ids) => Given::Value(ids),
        Err(rule) => {
            members.fault("click_ids", rule);
            Given::Faulty
        }
    }
}

/// The ids in the order sent; what counts as absent is left out. An error is the rule that is broken.
fn distinct_click_ids<'a>(list: Json<'a>) -> Result<Vec<Cow<'a, str>>, &'static str> {
    let Json::Array(items) = list else { return Err("must be a list of click ids") };
    let mut distinct: Vec<Cow<'a, str>> = Vec::new();
    for item in items.into_iter().filter(|item| *item != Json::Null) {
        let Json::Text(id) = item else { return Err("must hold strings only") };
        if id.is_empty() || is_placeholder(&id) || distinct.contains(&id) {
            continue;
        }
        if !is_click_id(&id) {
            return Err("must hold click ids of 1 to 128 characters of A-Z a-z 0-9 . _ : -");
        }
        if distinct.len() == LeadEvent::MAX_CLICK_IDS {
            return Err("must hold at most 20 distinct click ids");
        }
        distinct.push(id);
    }
    Ok(distinct)
}

fn email(members: &mut Members<'_>, peppers: &Keyring) -> Option<EmailMark> {
    let text = members.text("email")?;
    let address = trim_ascii_space(&text);
    if address.is_empty() {
        return None;
    }
    if address.contains(char::is_control) {
        members.fault("email", "contains control characters");
        return None;
    }
    let mark = EmailMark::of(address, peppers).filter(|_| !address.contains(crate::identity::is_forbidden));
    if mark.is_none() {
        members.warnings.push(Warning::EmailDropped);
    }
    mark
}

/// The program named at the top or in `additional_data`; both may, if they agree.
fn one_program(members: &mut Members<'_>, top: Option<ProgramId>, inner: Option<ProgramId>) -> Option<ProgramId> {
    if let (Some(top), Some(inner)) = (top, inner)
        && top != inner
    {
        members.fault("program_id", "and additional_data.program_id name different programs");
    }
    top.or(inner)
}

/// Whether a text has the length and the characters of a click id, anybody's.
fn is_click_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    (1..=MAX_CLICK_ID_BYTES).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Member names are exact; the sentence helps who wrote them another way.
fn identity_fault(members: &Members<'_>) -> Fault {
    let folded = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let message = match members.names().map(folded).find(|name| name == "customerkey" || name == "clickid") {
        Some(name) if name == "clickid" => "click_id or customer_key is required: names are exact, write click_id",
        Some(_) => "click_id or customer_key is required: names are exact, write customer_key",
        None => IDENTITY_REQUIRED,
    };
    Fault::new(FaultCode::IdentityRequired, message)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod warned;

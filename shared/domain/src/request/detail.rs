//! What is kept of a request for people to read: bounded, printable, without addresses. Nothing is judged by it.

use super::json::Json;
use super::members::{Members, is_printable};
use super::privacy::{mask_addresses, page_address};
use super::warning::Warning;
use crate::event::Detail;
use serde::Serialize;
use std::borrow::Cow;

const MAX_SESSION_CHARS: usize = 128;
const MAX_URL_CHARS: usize = 2_048;
const MAX_TITLE_CHARS: usize = 512;
const MAX_USER_AGENT_CHARS: usize = 1_024;
const MAX_LANGUAGE_CHARS: usize = 35;
const MAX_TIMEZONE_CHARS: usize = 64;

/// The readable part of a click or a lead; becomes [`Detail`].
#[derive(Debug, Default, Serialize)]
pub struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_url: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_title: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_url: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    screen_resolution: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    viewport_size: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_data: Option<Json<'a>>,
    /// What was dropped or ignored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl<'a> Details<'a> {
    /// What a lead has to show.
    pub(super) fn of_lead(members: &mut Members<'a>, additional_data: Option<Json<'a>>) -> Self {
        Details {
            session_id: members.strict_text("session_id", MAX_SESSION_CHARS).map(mask_addresses),
            page_url: address(members, "page_url", Warning::PageUrlDropped),
            additional_data,
            ..Details::default()
        }
    }

    /// What a click has to show.
    pub(super) fn of_click(members: &mut Members<'a>, additional_data: Option<Json<'a>>) -> Self {
        let title = |text: &str| is_printable(text, MAX_TITLE_CHARS);
        let agent = |text: &str| is_printable(text, MAX_USER_AGENT_CHARS);
        Details {
            page_title: members.lenient_text("page_title", Warning::PageTitleDropped, title).map(mask_addresses),
            referrer_url: address(members, "referrer_url", Warning::ReferrerUrlDropped),
            user_agent: members.lenient_text("user_agent", Warning::UserAgentDropped, agent).map(mask_addresses),
            screen_resolution: members.lenient_text("screen_resolution", Warning::ScreenResolutionDropped, is_size),
            viewport_size: members.lenient_text("viewport_size", Warning::ViewportSizeDropped, is_size),
            language: members.lenient_text("language", Warning::LanguageDropped, is_language),
            timezone: members.lenient_text("timezone", Warning::TimezoneDropped, is_timezone),
            ..Self::of_lead(members, additional_data)
        }
    }

    /// The user agent that will be kept.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Takes the header's user agent where the body gave none.
    pub fn or_user_agent(&mut self, header: &'a str) {
        if self.user_agent.is_none() && !header.is_empty() && is_printable(header, MAX_USER_AGENT_CHARS) {
            self.user_agent = Some(mask_addresses(header.into()));
        }
    }

    /// The text that travels with the event; none when there is nothing to show.
    pub fn render(&self) -> Detail {
        // Only texts, numbers and lists: a writer that cannot fail writes them.
        let text = serde_json::to_string(self).unwrap_or_default();
        Detail((text.len() > "{}".len()).then_some(text))
    }
}

fn address<'a>(members: &mut Members<'a>, name: &str, warning: Warning) -> Option<Cow<'a, str>> {
    let text = members.lenient_text(name, warning, |text| is_printable(text, MAX_URL_CHARS))?;
    Some(page_address(text))
}

/// `1920x1080`
fn is_size(text: &str) -> bool {
    let is_side = |side: &str| (1..=5).contains(&side.len()) && side.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('x').is_some_and(|(width, height)| is_side(width) && is_side(height))
}

/// `en-US`
fn is_language(text: &str) -> bool {
    text.len() <= MAX_LANGUAGE_CHARS
        && text.split('-').all(|tag| !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// `Europe/Berlin`, `Etc/GMT+1`
fn is_timezone(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-');
    text.len() <= MAX_TIMEZONE_CHARS && text.split('/').all(|part| !part.is_empty() && part.bytes().all(is_plain))
}

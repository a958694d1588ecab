//! A click as a client may send it: the link that was opened, the visitor's present click id and what is shown of it.
//!
//! The link's code is only read, not looked up.

use super::additional;
use super::detail::Details;
use super::fault::{Fault, FaultCode, Faulty};
use super::json::Json;
use super::lead::MAX_CLICK_ID_BYTES;
use super::members::Members;
use crate::program::ProgramId;
use std::borrow::Cow;
use url::Url;

/// A click that can be accepted, once its link is known.
#[derive(Debug)]
pub struct ClickRequest<'a> {
    /// The first `aff` of `affiliate_url`, decoded; absent only in test mode.
    pub link_code: Option<String>,
    /// The click id that the visitor has; what cannot be one is absent.
    pub existing_click_id: Option<Cow<'a, str>>,
    /// The program named in `additional_data`.
    pub program: Option<ProgramId>,
    /// Whether it is a test event.
    pub test: bool,
    /// What is shown of it, with the warnings.
    pub details: Details<'a>,
}

impl<'a> ClickRequest<'a> {
    /// Reads a whole body.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn parse(body: &'a [u8]) -> Result<Self, Faulty<'a>> {
        let mut members = Members::of_body(Json::parse(body)?)?;
        let address = members.text("affiliate_url");
        let existing = members.text("existing_click_id").filter(|id| id.len() <= MAX_CLICK_ID_BYTES);
        let additional = additional::take(&mut members);
        let mut details = Details::of_click(&mut members, additional.rest);
        let address_is_faulty = members.faults.iter().any(|fault| fault.code == FaultCode::InvalidAffiliateUrl);
        let link_code = match address {
            _ if address_is_faulty => None,
            Some(address) => link_code(&address).map_err(|fault| members.faults.push(fault)).ok(),
            None if additional.test_mode => None,
            None => {
                members.faults.push(Fault::new(FaultCode::AffiliateUrlRequired, "affiliate_url is required"));
                None
            }
        };
        if !members.faults.is_empty() {
            return Err(Faulty {
                faults: members.faults,
                program: additional.program,
                click_ids: Vec::new(),
                link_code,
            });
        }
        details.warnings = members.warnings;
        Ok(ClickRequest {
            link_code,
            existing_click_id: existing,
            program: additional.program,
            test: additional.test_mode,
            details,
        })
    }
}

fn link_code(address: &str) -> Result<String, Fault> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| Fault::new(FaultCode::InvalidAffiliateUrl, "Invalid affiliate_url"))?;
    let first = url.query_pairs().find(|(name, _)| name == "aff");
    match first {
        Some((_, code)) if !code.is_empty() => Ok(code.into_owned()),
        _ => Err(Fault::new(FaultCode::AffRequired, "No aff parameter found in affiliate_url")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::request::{Warning, sentence};

    fn faults(body: &str) -> (FaultCode, String) {
        let faults = ClickRequest::parse(body.as_bytes()).unwrap_err().faults;
        (faults[0].code, sentence(&faults))
    }

    fn detail(body: &str) -> (String, Vec<Warning>) {
        let request = ClickRequest::parse(body.as_bytes()).unwrap();
        (request.details.render().0.unwrap_or_default(), request.details.warnings)
    }

    #[test]
    fn the_address_is_required_and_must_be_an_absolute_http_url_with_aff() {
        use FaultCode::{AffRequired, AffiliateUrlRequired, InvalidAffiliateUrl};
        for (body, code, text) in [
            ("{}", AffiliateUrlRequired, "affiliate_url is required"),
            (r#"{"affiliate_url":""}"#, AffiliateUrlRequired, "affiliate_url is required"),
            (r#"{"affiliate_url":"not a url"}"#, InvalidAffiliateUrl, "Invalid affiliate_url"),
            (r#"{"affiliate_url":"/pricing?aff=x"}"#, InvalidAffiliateUrl, "Invalid affiliate_url"),
            (r#"{"affiliate_url":"http://"}"#, InvalidAffiliateUrl, "Invalid affiliate_url"),
            (r#"{"affiliate_url":"//h?aff=1"}"#, InvalidAffiliateUrl, "Invalid affiliate_url"),
            (r#"{"affiliate_url":"javascript:alert(1)?aff=x"}"#, InvalidAffiliateUrl, "Invalid affiliate_url"),
            (r#"{"affiliate_url":"file:///etc?aff=x"}"#, InvalidAffiliateUrl, "Invalid affiliate_url"),
            (r#"{"affiliate_url":"data:text/html,?aff=x"}"#, InvalidAffiliateUrl, "Invalid affiliate_url"),
            (r#"{"affiliate_url":1}"#, InvalidAffiliateUrl, "affiliate_url must be a string"),
            (r#"{"affiliate_url":"https://h/"}"#, AffRequired, "No aff parameter found in affiliate_url"),
            (r#"{"affiliate_url":"https://h/?aff="}"#, AffRequired, "No aff parameter found in affiliate_url"),
            (r#"{"affiliate_url":"https://h/?AFF=x"}"#, AffRequired, "No aff parameter found in affiliate_url"),
        ] {
            assert_eq!(faults(body), (code, text.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_refused_body_still_says_which_link_it_is_about() {
        let body = br#"{"affiliate_url":"https://h/?aff=A","session_id":1,"additional_data":{"program_id":7}}"#;
        let faulty = ClickRequest::parse(body).unwrap_err();
        assert_eq!((faulty.link_code.as_deref(), faulty.program.unwrap().get()), (Some("A"), 7));
    }

    #[test]
    fn the_first_aff_counts_and_is_decoded() {
        for (address, code) in [
            ("https://h/?aff=A&aff=B", "A"),
            ("https://h/?x=1&aff=A%2DB", "A-B"),
            ("http://169.254.169.254/?aff=x", "x"),
            ("https://user:pass@h/?aff=%00", "\0"),
        ] {
            let body = format!(r#"{{"affiliate_url":"{address}"}}"#);
            assert_eq!(ClickRequest::parse(body.as_bytes()).unwrap().link_code.unwrap(), code);
        }
    }

    #[test]
    fn a_test_click_needs_no_address() {
        let request = ClickRequest::parse(br#"{"additional_data":{"test_mode":true,"program_id":"7"}}"#).unwrap();
        assert_eq!((request.test, request.program.unwrap().get(), request.link_code), (true, 7, None));
    }

    #[test]
    fn what_is_not_needed_is_dropped_with_a_warning() {
        let agent = "a".repeat(3_000);
        let body = format!(
            r#"{{"affiliate_url":"https://h/?aff=A","user_agent":"{agent}","timezone":"../../","screen_resolution":"9e99x1",
            "viewport_size":"800x600","language":"en-US","page_title":"a\u0007b","referrer_url":"https://g.com/?q=secret"}}"#
        );
        let (text, warnings) = detail(&body);
        assert_eq!(
            text,
            concat!(
                r#"{"referrer_url":"https://g.com/?q","viewport_size":"800x600","language":"en-US","warnings":["#,
                r#""page_title was dropped: it is longer than 512 characters or unprintable","#,
                r#""user_agent was dropped: it is longer than 1024 characters or unprintable","#,
                r#""screen_resolution was dropped: it is not of the form 1920x1080","#,
                r#""timezone was dropped: it is not of the form Europe/Berlin"]}"#,
            )
        );
        assert_eq!(warnings.len(), 4);
    }

    #[test]
    fn the_header_gives_the_user_agent_where_the_body_does_not() {
        let mut request = ClickRequest::parse(br#"{"affiliate_url":"https://h/?aff=A"}"#).unwrap();
        request.details.or_user_agent("Mozilla/5.0 (jane@example.com)");
        assert_eq!(request.details.user_agent(), Some("Mozilla/5.0 (j***@example.com)"));
        request.details.or_user_agent("other");
        assert_eq!(request.details.user_agent(), Some("Mozilla/5.0 (j***@example.com)"));
    }
}

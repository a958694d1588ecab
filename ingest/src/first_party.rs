//! The click id as a cookie from the server, where a page reaches `ingest` through its own origin: Safari keeps it longer
//! than one that a script has set. Asked by `click`; everywhere else the tracker alone sets it.
//!
//! It must be the very cookie that the tracker would set, or the page had two: so the tracker says in the address which
//! domain its browser takes.

use axum::http::HeaderName;
use axum::http::header::{COOKIE, HeaderMap, HeaderValue, ORIGIN};
use axum::http::request::Parts;

const NAME: &str = "affitor_click_id";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const DAY_SECONDS: u32 = 86_400;

/// The `Set-Cookie` of an answer that carries this click id; nothing when the browser has it, or is on another origin.
pub(crate) fn cookie(head: &Parts, click_id: &str, days: u16) -> Option<HeaderValue> {
    // No script can set this header, and a proxy that changes `Host` leaves it alone.
    if head.headers.get(SEC_FETCH_SITE)?.as_bytes() != b"same-origin" || has(&head.headers, click_id) {
        return None;
    }
    let (scheme, authority) = head.headers.get(ORIGIN)?.to_str().ok()?.split_once("://")?;
    let host = authority.split(':').next().unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("cookie_domain="));
    let domain = asked.filter(|domain| is_domain_of(domain, host)).map(|domain| format!("; Domain={domain}"));
    let secure = if scheme == "https" { "; Secure" } else { "" };
    let seconds = u32::from(days) * DAY_SECONDS;
    let domain = domain.unwrap_or_default();
    HeaderValue::try_from(format!("{NAME}={click_id}; Path=/; SameSite=Lax; Max-Age={seconds}{domain}{secure}")).ok()
}

/// Whether the request brings that click id as its cookie.
fn has(headers: &HeaderMap, click_id: &str) -> bool {
    let values = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.any(|(name, value)| name == NAME && value == click_id)
}

/// Whether a domain is the host's own or above it. Nothing else may get into the header.
fn is_domain_of(domain: &str, host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let above = host.strip_suffix(domain);
    !domain.is_empty()
        && domain.bytes().all(is_plain)
        && above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use axum::http::Request;

    fn set(uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        cookie(&head, "cust_1_a", 60).map(|value| value.to_str().unwrap().to_owned())
    }

    const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
    const SHOP: (&str, &str) = ("origin", "https://www.shop.example");
    const PLAIN: &str = "affitor_click_id=cust_1_a; Path=/; SameSite=Lax; Max-Age=5184000";

    #[test]
    fn a_page_of_the_same_origin_gets_the_cookie_that_its_tracker_would_set() {
        let on = |domain: &str| set(&format!("/c?cookie_domain={domain}"), &[OWN, SHOP]).unwrap();
        assert_eq!(on("shop.example"), format!("{PLAIN}; Domain=shop.example; Secure"));
        assert_eq!(on("www.shop.example"), format!("{PLAIN}; Domain=www.shop.example; Secure"));
        let plain = ("origin", "http://localhost:8080");
        assert_eq!(set("/c?cookie_domain=", &[OWN, plain]).unwrap(), PLAIN);
        assert_eq!(set("/c", &[OWN, plain]).unwrap(), PLAIN);
    }

    #[test]
    fn a_domain_that_is_not_the_hosts_is_left_out() {
        for domain in ["evil.example", "hop.example", "undefined", "shop.example;%20HttpOnly", "shop.example; a=b", ""]
        {
            let uri = format!("/c?cookie_domain={}", domain.replace(' ', "%20"));
            assert_eq!(set(&uri, &[OWN, SHOP]).unwrap(), format!("{PLAIN}; Secure"), "{domain}");
        }
    }

    #[test]
    fn another_origin_a_server_and_a_browser_that_has_it_get_none() {
        assert_eq!(set("/c", &[SHOP]), None);
        assert_eq!(set("/c", &[SHOP, ("sec-fetch-site", "cross-site")]), None);
        assert_eq!(set("/c", &[SHOP, ("sec-fetch-site", "same-site")]), None);
        assert_eq!(set("/c", &[OWN]), None);
        assert_eq!(set("/c", &[OWN, SHOP, ("cookie", "a=b; affitor_click_id=cust_1_a")]), None);
        assert!(set("/c", &[OWN, SHOP, ("cookie", "affitor_click_id=cust_1_b")]).is_some());
    }
}

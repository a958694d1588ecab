//! The demo's shop: a page with two referral links and a signup form, and beside it the visitor's own journey as it is
//! recorded. Mounted by `affitor up` where there is a demo, and by nobody else: the journey is shown without a key.
//!
//! So it shows only what its visitor can name and nobody can guess: the click id of the cookie, or a key that the page
//! has made up.

use crate::answer::json;
use crate::console::{Console, in_time};
use crate::fault::Fault;
use crate::shapes::{Customer, Customers};
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use domain::{ClickId, CustomerKey, ProgramId};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("shop.html");
const STYLE: &str = include_str!("shop.css");
const SCRIPT: &str = include_str!("shop.js");

/// Everything is the page's own: it works without a network, and nothing else gets in.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The keys that the page makes up: this and 16 random hexadecimal digits.
const KEY_PREFIX: &str = "demo_";
const KEY_DIGITS: usize = 16;
/// More than a visitor of the shop makes.
const MOST_CLICKS: usize = 8;

/// What the page sells in whose name.
#[derive(Debug, Clone)]
pub struct DemoShop {
    /// The shop's program.
    pub program: ProgramId,
    /// The codes of two partners' links.
    pub codes: [String; 2],
}

#[derive(Clone)]
struct Demo {
    console: Console,
    program: ProgramId,
}

/// The page and what it needs, to be merged with the other routes on one port.
pub fn demo_router(console: Console, shop: &DemoShop) -> Router {
    let page = page(shop);
    Router::new()
        .route("/demo", file("text/html; charset=utf-8", page))
        .route("/demo/shop.css", file("text/css; charset=utf-8", STYLE.to_owned()))
        .route("/demo/shop.js", file("text/javascript; charset=utf-8", SCRIPT.to_owned()))
        .route("/demo/journey", only_get(get(journey)))
        .with_state(Demo { console, program: shop.program })
}

fn page(shop: &DemoShop) -> String {
    let [first, second] = shop.codes.each_ref().map(|code| escaped(code));
    PAGE.replace("{{program}}", &shop.program.to_string()).replace("{{first}}", &first).replace("{{second}}", &second)
}

/// Codes come from a file that its owner may have changed.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn file(kind: &'static str, text: String) -> MethodRouter<Demo> {
    only_get(get(move || {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(kind)),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        ];
        std::future::ready((headers, text.clone()).into_response())
    }))
}

fn only_get(methods: MethodRouter<Demo>) -> MethodRouter<Demo> {
    methods.fallback(async || Fault::MethodNotAllowed)
}

/// The customers that the visitor is by now: the one of the page's key, and those of the clicks, the newest first.
async fn journey(
    State(demo): State<Demo>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(query) = query.map_err(|_| Fault::InvalidClickId)?;
    let key = query.iter().find(|(name, _)| name == "customer_key").map(|(_, value)| value.as_str());
    let (store, clicks) = (demo.console.store(), demo.console.clicks());
    let mut views = Vec::new();
    if let Some(key) = key.filter(|key| is_made_up(key)).and_then(|key| CustomerKey::parse(key).ok()) {
        views.extend(in_time(store.customer(demo.program, &key)).await?);
    }
    let named = query.iter().filter(|(name, _)| name == "click_id").take(MOST_CLICKS);
    for click in named.filter_map(|(_, text)| ClickId::verify(text, clicks)) {
        views.extend(in_time(store.customers_of_click(demo.program, click)).await?);
    }
    let mut seen = BTreeSet::new();
    views.retain(|view| seen.insert((view.key.clone().map(String::from), view.click)));
    let customers = views.into_iter().map(|view| Customer::of(view, clicks)).collect();
    Ok(json(StatusCode::OK, &Customers { customers }))
}

fn is_made_up(key: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    key.strip_prefix(KEY_PREFIX).is_some_and(|digits| digits.len() == KEY_DIGITS && digits.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_its_program_and_its_codes_and_nothing_is_left_to_fill_in() {
        let program = ProgramId::new(7);
        let shop = program.map(|program| DemoShop { program, codes: ["A".to_owned(), "\"><script>".to_owned()] });
        let page = shop.map(|shop| page(&shop)).unwrap_or_default();
        assert!(page.contains(r#"data-affitor-program-id="7""#) && page.contains("?aff=A\""));
        assert!(page.contains("&quot;>&lt;script>") && !page.contains("{{"));
    }

    #[test]
    fn only_keys_that_nobody_guesses_are_shown() {
        assert!(is_made_up("demo_0123456789abcdef"));
        for key in ["usr_abc123", "demo_1", "demo_", "", "demo_shop-owner-1234", "demo_0123456789ABCDEF"] {
            assert!(!is_made_up(key), "{key}");
        }
    }
}

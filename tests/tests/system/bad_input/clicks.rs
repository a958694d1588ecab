//! Clicks with addresses that are none, links that are none, and members nobody needs.

use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline};

use super::{Expected, assert_refused};

const REQUIRED: Expected = (400, "affiliate_url_required", "affiliate_url is required");
const INVALID: Expected = (400, "invalid_affiliate_url", "Invalid affiliate_url");
const NO_AFF: Expected = (400, "aff_required", "No aff parameter found in affiliate_url");
const NO_LINK: Expected = (400, "link_not_found", "Referral link not found");

on_both_shapes! {
    addresses_that_are_none_are_refused
    links_that_are_none_are_refused
    members_that_nobody_needs_are_dropped_with_a_warning
    an_address_is_never_fetched_and_its_password_never_kept
}

async fn click(client: &Client, body: &Value) -> Answer {
    Answer::to(client.click().json(body)).await
}

async fn addresses_that_are_none_are_refused(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let rows: [(&str, Expected); 12] = [
        ("", REQUIRED),
        ("not a url", INVALID),
        ("/pricing?aff=x", INVALID),
        ("http://", INVALID),
        ("//h?aff=1", INVALID),
        ("javascript:alert(1)?aff=x", INVALID),
        ("file:///etc/passwd?aff=x", INVALID),
        ("data:text/html,x?aff=x", INVALID),
        ("ftp://h/?aff=x", INVALID),
        ("https://shop.example/", NO_AFF),
        ("https://shop.example/?aff=", NO_AFF),
        ("https://shop.example/?AFF=x", NO_AFF),
    ];
    for (address, expected) in rows {
        assert_refused(&click(&client, &json!({"affiliate_url": address})).await, expected, address);
    }
    assert_refused(&click(&client, &json!({})).await, REQUIRED, "nothing");
    assert_refused(&click(&client, &json!({"affiliate_url": null})).await, REQUIRED, "null");
    let number = click(&client, &json!({"affiliate_url": 1})).await;
    assert_eq!((number.status, number.code().as_str()), (400, "invalid_affiliate_url"));
}

async fn links_that_are_none_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let long = "x".repeat(10_000);
    for code in ["nobody", "%00", "%ff", "%F0%9F%98%80", "'%20OR%201=1--", &long, &program.code.to_lowercase()] {
        let answer = client.open_link(code).await;
        assert_refused(&answer, NO_LINK, &code[..code.len().min(40)]);
    }
}

async fn members_that_nobody_needs_are_dropped_with_a_warning(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let rows = [
        ("user_agent", "x".repeat(3_000)),
        ("timezone", "../../".to_owned()),
        ("screen_resolution", "9e99x1".to_owned()),
        ("viewport_size", "wide".to_owned()),
        ("language", "<script>".to_owned()),
        ("page_title", "a\u{7}b".to_owned()),
        ("page_url", "x".repeat(3_000)),
        ("referrer_url", "x".repeat(3_000)),
    ];
    for (member, value) in rows {
        let url = format!("https://shop.example/?aff={}", program.code);
        let answer = click(&client, &json!({"affiliate_url": url, member: value})).await;
        assert_eq!(answer.status, 200, "{member}: {answer:?}");
        let warnings = answer.warnings();
        assert!(warnings.len() == 1 && warnings[0].starts_with(&format!("{member} was dropped")), "{answer:?}");
    }
    let url = format!("https://shop.example/?aff={}", program.code);
    let html = click(&client, &json!({"affiliate_url": url, "page_title": "<script>alert(1)</script>"})).await;
    assert_eq!((html.status, html.warnings().len()), (200, 0));
}

async fn an_address_is_never_fetched_and_its_password_never_kept(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let bait = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bait.set_nonblocking(true).unwrap();
    let address = bait.local_addr().unwrap();
    let url = format!("http://user:hunter2@{address}/?aff={}", program.code);
    let answer = click(&client, &json!({"affiliate_url": url, "page_url": url, "referrer_url": url})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    client.recorded(&program, &answer.event_id()).await;
    assert!(bait.accept().is_err(), "somebody called");
    assert!(!kept(pipeline).await.contains("hunter2"));
}

/// Everything a pipeline keeps for people to read.
async fn kept(pipeline: &Pipeline) -> String {
    let stored = pipeline.stored().await;
    let details = stored.details().await;
    stored.close().await;
    details + &pipeline.output()
}

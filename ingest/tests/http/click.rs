//! `POST /api/v1/track/click`.

use crate::bench::{Bench, CLICK, LEAD, SHOP, bearer};
use domain::ClickId;
use serde_json::json;
use std::time::Duration;

fn body(code: &str, existing: &str) -> String {
    json!({"affiliate_url": format!("https://h/?aff={code}"), "existing_click_id": existing}).to_string()
}

#[tokio::test]
async fn a_click_gets_an_id_that_is_ours_and_is_durable() {
    let bench = Bench::start().await;
    let reply = bench.click(&body(&bench.open.code, "")).await;
    assert_eq!(reply.status, 200);
    let text = reply.json["click_id"].as_str().unwrap();
    let prefix = format!("cust_{}_", bench.open.program);
    assert!(text.strip_prefix(&prefix).unwrap().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(reply.json["partner_code"], json!(bench.open.code));
    assert_eq!(reply.json["cookie_window_days"], json!(60));
    let click = bench.last_click().await;
    assert_eq!(ClickId::verify(text, &bench.secrets.click), Some(click.click));
    assert_eq!(reply.header("x-event-id").unwrap(), click.click.event.to_string());
    assert_eq!(click.click.partner, Some(bench.open.partner));
    assert!(click.link.is_some() && !click.bot && click.replaces.is_none());
}

#[tokio::test]
async fn a_visitor_who_returns_through_the_same_partner_keeps_the_id() {
    let bench = Bench::start().await;
    let first = bench.click_on(&bench.open).await;
    assert_eq!(bench.events().await.len(), 1);
    let reply = bench.click(&body(&bench.open.code, &first)).await;
    assert_eq!(reply.json["click_id"], json!(first));
    assert_eq!(reply.json["partner_code"], json!(bench.open.code));
    assert_eq!(reply.header("x-event-id"), None);
    assert!(bench.events().await.is_empty(), "no new click is stored");
}

#[tokio::test]
async fn an_older_click_or_another_partners_is_replaced_and_named() {
    let bench = Bench::start().await;
    let other = bench.store.create_partner(bench.open.program, "other").await.unwrap().partner_id;
    let old = bench.click_of(&bench.open, bench.open.partner, Duration::from_secs(24 * 3_600 + 60));
    let others = bench.click_of(&bench.open, other, Duration::from_secs(1));
    for existing in [old, others] {
        let text = existing.text(&bench.secrets.click).unwrap();
        let reply = bench.click(&body(&bench.open.code, &text)).await;
        assert_ne!(reply.json["click_id"], json!(text));
        assert_eq!(bench.last_click().await.replaces, Some(existing.event));
    }
}

#[tokio::test]
async fn what_is_not_a_click_of_this_program_gives_a_new_id() {
    let bench = Bench::start().await;
    let strict = bench.click_on(&bench.strict).await;
    let mut forged = bench.click_on(&bench.open).await;
    forged.pop();
    for existing in [strict.as_str(), &forged, &"x".repeat(4_000), "cust_42_1714000000000", "\u{1}"] {
        let reply = bench.click(&body(&bench.open.code, existing)).await;
        assert_eq!(reply.status, 200, "{existing}");
        assert_eq!(bench.last_click().await.replaces, None);
    }
}

#[tokio::test]
async fn links_that_cannot_be_followed_say_so() {
    let bench = Bench::start().await;
    let long = "x".repeat(10_000);
    for code in ["nope", "%00", "%ff", &long, "😀", "' OR", &bench.open.code.to_lowercase()] {
        let reply = bench.click(&body(code, "")).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code(), reply.error()),
            (400, "link_not_found", "Referral link not found")
        );
    }
    let reply = bench.click(&body(&bench.open.inactive_code, "")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json, json!({"success": false, "message": "Referral link is inactive"}));
    for (text, error) in [
        ("{}", "affiliate_url is required"),
        (r#"{"affiliate_url":"not a url"}"#, "Invalid affiliate_url"),
        (r#"{"affiliate_url":"https://h/"}"#, "No aff parameter found in affiliate_url"),
    ] {
        assert_eq!(bench.click(text).await.error(), error);
    }
    assert!(bench.events().await.is_empty());
}

#[tokio::test]
async fn who_says_that_it_is_no_person_is_stored_as_such() {
    let bench = Bench::start().await;
    for (headers, bot) in [
        (("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)"), true),
        (("sec-purpose", "prefetch;prerender"), true),
        (("user-agent", "curl/8"), false),
    ] {
        let reply = bench.post(CLICK, &[headers], body(&bench.open.code, "")).await;
        assert!(reply.json["click_id"].is_string(), "the answer is the normal one");
        assert_eq!(bench.last_click().await.bot, bot, "{headers:?}");
    }
}

#[tokio::test]
async fn the_header_speaks_for_a_visitor_only_where_the_body_names_no_user_agent() {
    let bench = Bench::start().await;
    let (crawler, person) = ("Googlebot/2.1", "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36");
    let address = format!("https://h/?aff={}", bench.open.code);
    for (header, in_body, bot) in [(crawler, Some(person), false), (person, Some(crawler), true), (crawler, None, true)]
    {
        let click = json!({"affiliate_url": address, "user_agent": in_body}).to_string();
        bench.post(CLICK, &[("user-agent", header)], click).await;
        assert_eq!(bench.last_click().await.bot, bot, "{header}, {in_body:?}");
    }
}

#[tokio::test]
async fn a_test_click_needs_no_link_and_takes_the_programs_first() {
    let bench = Bench::start().await;
    let program = bench.strict.program;
    let request = json!({"additional_data": {"test_mode": true, "program_id": program}}).to_string();
    let reply = bench.click(&request).await;
    assert_eq!(reply.json["message"], json!("Test click event tracked successfully"));
    let click = bench.last_click().await;
    assert!(click.click.is_test() && click.click.partner == Some(bench.strict.partner));
    let text = reply.json["data"]["click_id"].as_str().unwrap();
    assert_eq!(ClickId::verify(text, &bench.secrets.click), Some(click.click));
    assert_eq!(reply.json["data"]["eventId"], json!(click.click.event.number()));
    let request = json!({"additional_data": {"test_mode": true}});
    assert_eq!(bench.click(&request.to_string()).await.code(), "program_id_required");
    let key = bearer(&bench.open);
    let reply = bench.post(CLICK, &[("authorization", &key)], request.to_string()).await;
    assert_eq!(reply.json["data"]["programId"], json!(bench.open.program));
    let real = bench.click(&body(&bench.strict.code, text)).await;
    assert_ne!(real.json["click_id"], json!(text), "a real click never continues a test one");
}

#[tokio::test]
async fn the_origin_is_echoed_to_pages_of_the_program_only() {
    let bench = Bench::start().await;
    for (shop, origin, status, granted) in [
        (&bench.open, Some("https://anything.example"), 200, true),
        (&bench.strict, Some(SHOP), 200, true),
        (&bench.strict, Some("https://evil.example"), 403, false),
        (&bench.strict, None, 200, false),
    ] {
        let headers: Vec<_> = origin.iter().map(|origin| ("origin", *origin)).collect();
        let reply = bench.post(CLICK, &headers, body(&shop.code, "")).await;
        assert_eq!(reply.status.as_u16(), status, "{origin:?}");
        assert_eq!(reply.header("access-control-allow-origin"), origin.filter(|_| granted));
        let exposed = granted.then_some("X-Event-Id, X-Affitor-Outcome, Retry-After");
        assert_eq!(reply.header("access-control-expose-headers"), exposed);
    }
    let (program, inactive) = (bench.strict.program, &bench.strict.inactive_code);
    let address = format!("https://h/?aff={}", bench.strict.code);
    let test =
        json!({"additional_data": {"test_mode": true, "program_id": program}, "affiliate_url": "https://h/?aff=NO"});
    for (body, status) in [
        (body(inactive, ""), 200),
        (json!({"affiliate_url": address, "session_id": 1}).to_string(), 400),
        (test.to_string(), 400),
    ] {
        for (origin, granted) in [(SHOP, Some(SHOP)), ("https://evil.example", None)] {
            let reply = bench.post(CLICK, &[("origin", origin)], body.clone()).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("access-control-allow-origin")),
                (status, granted),
                "{body}"
            );
        }
    }
    let stranger = bench.post(CLICK, &[("authorization", &bearer(&bench.open))], body(&bench.strict.code, "")).await;
    assert_eq!(stranger.code(), "link_not_found", "programs are sealed off from each other");
    let page = [("content-type", "text/plain;charset=UTF-8"), ("origin", SHOP)];
    assert_eq!(bench.post(CLICK, &page, body(&bench.strict.code, "")).await.status, 200);
    assert_eq!(bench.post(LEAD, &page, r#"{"customer_key":"u1","program_id":1}"#).await.status, 200);
}

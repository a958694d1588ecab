//! `POST /api/v1/track/lead` in its three modes.

use crate::bench::{Bench, LEAD, SHOP, bearer};
use domain::event::{Class, Source};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_servers_lead_is_durable_when_it_is_answered() {
    let bench = Bench::start().await;
    let click = bench.click_on(&bench.open).await;
    bench.events().await;
    let body = json!({"click_id": click, "customer_key": "usr_abc123", "email": "User@Example.com"}).to_string();
    let reply = bench.lead(&body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json, json!({"success": true, "message": "Lead tracked successfully"}));
    let lead = bench.only_lead().await;
    assert_eq!(reply.header("x-event-id").unwrap(), lead.id.to_string());
    assert_eq!((lead.program, lead.source, lead.test), (bench.open.program, Source::Server, false));
    assert_eq!(lead.customer_key.unwrap().as_str(), "usr_abc123");
    assert_eq!(lead.click.unwrap().text(&bench.secrets.click).unwrap(), click);
    assert_eq!(lead.email.unwrap().mask, "u***@example.com");
}

#[tokio::test]
async fn small_faults_come_back_as_warnings_and_are_kept() {
    let bench = Bench::start().await;
    let reply = bench.lead(r#"{"customer_key":"u1","email":"none"}"#).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json["warnings"]),
        (200, &json!(["email was dropped: it is not an address"]))
    );
    assert!(bench.only_lead().await.detail.0.unwrap().contains("email was dropped"));
    let path = format!("{LEAD}?api_key={}", bench.open.key);
    let reply = bench.post(&path, &[], r#"{"customer_key":"u1"}"#).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (401, "proof_missing"));
}

#[tokio::test]
async fn faults_of_the_body_are_told_with_code_and_text() {
    let bench = Bench::start().await;
    let strict_click = bench.click_on(&bench.strict).await;
    bench.events().await;
    let of_other = format!(r#"{{"customer_key":"u1","click_id":"{strict_click}"}}"#);
    let only_others = format!(r#"{{"click_ids":["{strict_click}"]}}"#);
    let other_program = format!(r#"{{"customer_key":"u1","program_id":{}}}"#, bench.strict.program);
    for (body, code, text) in [
        ("", "invalid_json", "Invalid JSON body"),
        ("[]", "body_not_an_object", "body must be a JSON object"),
        ("{}", "identity_required", "click_id or customer_key is required"),
        (r#"{"customer_key":1.5}"#, "invalid_customer_key", "customer_key must be a string"),
        (
            r#"{"customer_key":"undefined"}"#,
            "placeholder_key",
            "customer_key is a placeholder: send your own id of the customer, or a click_id",
        ),
        (r#"{"click_ids":["cust_1_x"]}"#, "identity_required", "click_id or customer_key is required"),
        (
            r#"{"click_id":"cust_42_1714000000000"}"#,
            "customer_not_found",
            "Customer not found. Provide a valid click_id or customer_key.",
        ),
        (&of_other, "click_of_other_program", "Customer does not belong to this program"),
        (&only_others, "click_of_other_program", "Customer does not belong to this program"),
        (&other_program, "unknown_program", "program_id does not name a program that this request may use"),
        (
            r#"{"customer_key":"u1","program_id":999}"#,
            "unknown_program",
            "program_id does not name a program that this request may use",
        ),
    ] {
        let reply = bench.lead(body).await;
        assert_eq!((reply.status.as_u16(), reply.code(), reply.error()), (400, code, text), "{body}");
        assert_eq!(reply.json["success"], json!(false));
        assert_eq!(reply.header("x-event-id"), None);
    }
    assert!(bench.events().await.is_empty(), "nothing is stored from a refusal");
}

#[tokio::test]
async fn a_click_id_that_is_not_ours_costs_no_lead_that_names_its_customer() {
    let bench = Bench::start().await;
    let strict_click = bench.click_on(&bench.strict).await;
    bench.events().await;
    let body = json!({"click_id": "cust_42_1714000000000", "customer_key": "u1", "click_ids": [strict_click]});
    assert_eq!(bench.lead(&body.to_string()).await.status, 200);
    let lead = bench.only_lead().await;
    assert!(lead.foreign_click && lead.click.is_none());
    assert_eq!(lead.click_ids.len(), 1, "another program's click is kept as a candidate that never attributes");
}

#[tokio::test]
async fn the_newest_own_member_of_click_ids_stands_in_for_a_missing_click() {
    let bench = Bench::start().await;
    let ids: Vec<_> = [30, 10, 20]
        .map(|seconds| bench.click_of(&bench.open, bench.open.partner, Duration::from_secs(seconds)))
        .into();
    let texts: Vec<_> = ids.iter().map(|click| click.text(&bench.secrets.click).unwrap()).collect();
    let reply = bench.post(LEAD, &[], json!({"click_ids": texts}).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    let lead = bench.only_lead().await;
    assert_eq!(lead.click, Some(ids[1]));
    assert_eq!(lead.click_ids, [ids[0], ids[2]]);
}

#[tokio::test]
async fn a_browser_proves_its_program_by_click_or_by_origin() {
    let bench = Bench::start().await;
    let (open, strict) = (bench.click_on(&bench.open).await, bench.click_on(&bench.strict).await);
    let by_click = |id: &str| format!(r#"{{"click_id":"{id}","customer_key":"u1"}}"#);
    let by_number = |n| format!(r#"{{"customer_key":"u1","program_id":{n}}}"#);
    let (open_number, strict_number) = (by_number(bench.open.program), by_number(bench.strict.program));
    let (evil, none) = ([("origin", "https://shop.example.evil.com")], []);
    let shop = [("origin", SHOP)];
    for (headers, body, status, code, granted) in [
        (&none[..], by_click(&open), 200, "", None),
        (&evil[..], by_click(&open), 200, "", Some(evil[0].1)),
        (&shop[..], by_click(&strict), 200, "", Some(SHOP)),
        (&none[..], by_click(&strict), 200, "", None),
        (&evil[..], by_click(&strict), 403, "origin_refused", None),
        (&[("origin", "null")][..], by_click(&strict), 403, "origin_refused", None),
        (&[("origin", "HTTPS://SHOP.EXAMPLE")][..], by_click(&strict), 403, "origin_refused", None),
        (&[("origin", "https://shop.example:443")][..], by_click(&strict), 403, "origin_refused", None),
        (&[("origin", "null")][..], open_number.clone(), 200, "", Some("null")),
        (&none[..], open_number, 401, "origin_missing", None),
        (&shop[..], strict_number, 200, "", Some(SHOP)),
        (&evil[..], by_number(bench.strict.program), 403, "origin_refused", None),
        (&shop[..], by_click("cust_42_1714000000000"), 401, "proof_missing", None),
        (&shop[..], r#"{"customer_key":"u1"}"#.to_owned(), 401, "proof_missing", None),
        (&shop[..], format!(r#"{{"click_id":"{strict}","email":1}}"#), 400, "invalid_email", Some(SHOP)),
        (&evil[..], format!(r#"{{"click_id":"{strict}","email":1}}"#), 400, "invalid_email", None),
        (
            &shop[..],
            format!(r#"{{"program_id":{},"session_id":1}}"#, bench.strict.program),
            400,
            "invalid_session_id",
            Some(SHOP),
        ),
        (
            &shop[..],
            format!(r#"{{"click_id":"{open}","program_id":{}}}"#, bench.strict.program),
            400,
            "click_of_other_program",
            Some(SHOP),
        ),
    ] {
        let reply = bench.post(LEAD, headers, body.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{headers:?} {body}");
        assert_eq!(reply.header("access-control-allow-origin"), granted, "{headers:?} {body}");
        assert_eq!(reply.header("vary"), granted.map(|_| "Origin"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn a_browsers_lead_is_provisional_where_the_server_is_required() {
    let bench = Bench::start().await;
    let click = bench.click_on(&bench.strict).await;
    bench.events().await;
    let reply = bench.post(LEAD, &[("origin", SHOP)], format!(r#"{{"click_id":"{click}","customer_key":"u1"}}"#)).await;
    assert_eq!((reply.status.as_u16(), &reply.json["provisional"]), (200, &json!(true)));
    assert_eq!(bench.only_lead().await.class(), Class::Provisional);
    let key = bearer(&bench.strict);
    let reply = bench.post(LEAD, &[("authorization", key.as_str())], r#"{"customer_key":"u1"}"#).await;
    assert_eq!(reply.json.get("provisional"), None);
}

#[tokio::test]
async fn a_test_lead_is_answered_with_its_number() {
    let bench = Bench::start().await;
    let number = bench.strict.program.get();
    let text = number.to_string();
    for (key, body) in [
        (
            None,
            json!({"click_id": "test_lead_001", "customer_key": "test_customer", "additional_data": {"test_mode": true, "program_id": number}}),
        ),
        (None, json!({"additional_data": {"test_mode": true, "program_id": text}})),
        (None, json!({"debug_mode": true, "program_id": text, "customer_key": "u1"})),
        (Some(bearer(&bench.strict)), json!({"additional_data": {"test_mode": true}})),
    ] {
        let headers: Vec<_> = key.iter().map(|key| ("authorization", key.as_str())).collect();
        let reply = bench.post(LEAD, &headers, body.to_string()).await;
        assert_eq!(reply.status, 200, "{body} {}", reply.json);
        let lead = bench.only_lead().await;
        assert!(lead.test && lead.program == bench.strict.program);
        let data = json!({"eventId": lead.id.number(), "programId": number, "test_mode": true});
        assert_eq!(
            reply.json,
            json!({"success": true, "message": "Test lead event tracked successfully", "data": data})
        );
        assert!(lead.id.number() < 1 << 53);
    }
}

#[tokio::test]
async fn a_test_lead_needs_a_program_it_may_name() {
    let bench = Bench::start().await;
    let named = |program: &str| format!(r#"{{"additional_data":{{"test_mode":true,"program_id":{program}}}}}"#);
    let strict = bench.strict.program.to_string();
    for (body, key, status, code) in [
        (r#"{"additional_data":{"test_mode":true}}"#.to_owned(), false, 400, "program_id_required"),
        (named("\"YOUR_PROGRAM_ID\""), false, 400, "invalid_program_id"),
        (named("4711"), false, 400, "unknown_program"),
        (named(&strict), true, 400, "unknown_program"),
        (r#"{"test_mode":true}"#.to_owned(), false, 400, "identity_required"),
    ] {
        let key = key.then(|| bearer(&bench.open));
        let headers: Vec<_> = key.iter().map(|key| ("authorization", key.as_str())).collect();
        let reply = bench.post(LEAD, &headers, body.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{body}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_every_mode() {
    let bench = Bench::start().await;
    let click = bench.click_on(&bench.open).await;
    let unknown = domain::ApiKey::mint([9; domain::ApiKey::ENTROPY]);
    let unknown = format!("Bearer {}", unknown.text());
    let mistyped = format!("{}x", &bearer(&bench.open)[..bearer(&bench.open).len() - 1]);
    let long = format!("Bearer {}", "k".repeat(10_000));
    for body in [
        r#"{"customer_key":"u1"}"#.to_owned(),
        format!(r#"{{"click_id":"{click}"}}"#),
        format!(r#"{{"additional_data":{{"test_mode":true,"program_id":{}}}}}"#, bench.open.program),
        "{".to_owned(),
    ] {
        for key in ["Bearer", "Bearer ", "Basic eA==", "Token x", "", &unknown, &mistyped, &long, "Bearer a b"] {
            let reply = bench.post(LEAD, &[("authorization", key)], body.clone()).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (401, "invalid_token"), "{key} {body}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
        let key = bearer(&bench.open);
        let twice = [("authorization", key.as_str()), ("authorization", key.as_str())];
        assert_eq!(bench.post(LEAD, &twice, body).await.code(), "invalid_token");
    }
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let bench = Bench::start().await;
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let key = format!("{scheme} {}", bench.open.key);
        assert_eq!(bench.post(LEAD, &[("authorization", &key)], r#"{"customer_key":"u1"}"#).await.status, 200);
    }
}

#[tokio::test]
async fn no_address_and_no_token_is_in_the_queue() {
    let bench = Bench::start().await;
    let body = json!({
        "customer_key": "u1", "email": "canary-1@pii.test", "session_id": "canary-2@pii.test",
        "page_url": "https://canary-3@pii.test/x/canary-4@pii.test?mail=canary-5@pii.test&canary-6@pii.test#canary-7@pii.test",
        "additional_data": {"mail": "Jane <canary-8@pii.test>", "canary-9@pii.test": ["canary-10@pii.test"]},
    });
    assert_eq!(bench.lead(&body.to_string()).await.status, 200);
    let agent = [("user-agent", "x canary-11@pii.test")];
    let url = format!("https://canary-12@pii.test/?aff={}&m=canary-13@pii.test", bench.open.code);
    let body = json!({"affiliate_url": url, "page_title": "canary-14@pii.test", "referrer_url": "http://x/canary-15@pii.test"});
    assert_eq!(bench.post(crate::bench::CLICK, &agent, body.to_string()).await.status, 200);
    let mut consumer = bench.queue.consumer(10);
    for _ in 0..bench.queue.depth().await.unwrap() {
        let body = consumer.next().await.unwrap().body;
        let text = String::from_utf8_lossy(&body);
        assert!(!text.contains("canary-"), "{text}");
    }
}

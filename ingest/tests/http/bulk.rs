//! Many leads in one request: each by itself, all in one pack, and what the whole is refused for.

use crate::bench::{Bench, LEADS, SHOP, bearer};
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use domain::Event;
use futures_util::stream;
use runtime::config::IngestSettings;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::task::JoinSet;
use tower::ServiceExt;

fn body_of(leads: impl IntoIterator<Item = Value>) -> String {
    json!({"leads": leads.into_iter().collect::<Vec<_>>()}).to_string()
}

fn customers(count: usize) -> String {
    body_of((0..count).map(|number| json!({"customer_key": format!("u{number}")})))
}

fn results(reply: &Value) -> &Vec<Value> {
    reply["results"].as_array().unwrap_or_else(|| panic!("no results in {reply}"))
}

#[tokio::test]
async fn a_thousand_leads_are_published_in_one_pack_in_the_order_sent() {
    let bench = Bench::start().await;
    let reply = bench.leads(customers(1_000)).await;
    assert_eq!((reply.status.as_u16(), &reply.json["accepted"]), (200, &json!(1_000)), "{}", reply.json);
    assert_eq!(reply.header("x-event-id"), None, "each lead has its own receipt");
    assert_eq!(bench.queue.depth().await.unwrap(), 1);
    let events = bench.events().await;
    let keys = events.iter().map(|event| match event {
        Event::Lead(lead) => lead.customer_key.clone().unwrap().as_str().to_owned(),
        Event::Click(_) => panic!("a click"),
    });
    assert_eq!(keys.collect::<Vec<_>>(), (0..1_000).map(|number| format!("u{number}")).collect::<Vec<_>>());
    for (index, (result, event)) in results(&reply.json).iter().zip(&events).enumerate() {
        assert_eq!(result, &json!({"index": index, "event_id": event.id().to_string()}));
    }
    let times: Vec<_> = events.iter().map(|event| event.id().received_at()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "each is received after the one before it");
}

#[tokio::test]
async fn a_lead_is_judged_as_if_it_were_sent_alone_and_takes_no_neighbour_down() {
    let bench = Bench::start().await;
    let (own, other) = (bench.click_on(&bench.open).await, bench.click_on(&bench.strict).await);
    bench.events().await;
    let rows = [
        (json!({"customer_key": "u1", "click_id": own, "email": "Jane@example.com"}), ""),
        (json!({"click_id": other, "customer_key": "u2"}), "click_of_other_program"),
        (json!({"click_id": "cust_1_forged", "customer_key": "u3"}), ""),
        (json!({"click_id": "cust_1_forged"}), "customer_not_found"),
        (json!({"customer_key": "u4", "program_id": bench.strict.program}), "unknown_program"),
        (json!({"customer_key": "undefined"}), "placeholder_key"),
        (json!({"customer_key": "u5", "x": "y".repeat(16_384)}), "body_too_large"),
        (json!([]), "body_not_an_object"),
        (json!({"additional_data": {"test_mode": true}}), ""),
        (json!({"customer_key": "u6", "email": "none"}), ""),
    ];
    let reply = bench.leads(body_of(rows.iter().map(|(lead, _)| lead.clone()))).await;
    assert_eq!((reply.status.as_u16(), &reply.json["accepted"]), (200, &json!(4)), "{}", reply.json);
    for (result, (lead, code)) in results(&reply.json).iter().zip(&rows) {
        assert_eq!(result["code"].as_str().unwrap_or_default(), *code, "{lead}");
        assert_eq!((result["event_id"].is_string(), result["error"].is_string()), (code.is_empty(), !code.is_empty()));
    }
    let result = |index: usize| &results(&reply.json)[index];
    assert_eq!(result(6)["error"], "A lead must be at most 16 KiB");
    assert_eq!(result(7)["error"], "A lead must be a JSON object");
    assert_eq!(result(8)["data"]["programId"], json!(bench.open.program));
    assert_eq!(result(9)["warnings"], json!(["email was dropped: it is not an address"]));
    assert_eq!(reply.header("retry-after"), None, "what is invalid stays invalid");
    assert_eq!(bench.events().await.len(), 4);
}

#[tokio::test]
async fn leads_need_a_key() {
    let bench = Bench::start().await;
    for headers in [vec![], vec![("origin", SHOP)], vec![("authorization", "Bearer wrong")]] {
        let reply = bench.post(LEADS, &headers, customers(1)).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (401, "invalid_token"));
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let key = bearer(&bench.open);
    let text = [("content-type", "text/plain"), ("authorization", key.as_str())];
    assert_eq!(bench.post(LEADS, &text, customers(1)).await.status, 415);
    let page = bench.post(LEADS, &[("origin", SHOP), ("authorization", &key)], customers(1)).await;
    assert_eq!((page.status.as_u16(), page.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn leads_are_posted_and_no_page_is_told_that_it_may() {
    let bench = Bench::start().await;
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        let request = Request::builder().method(method).uri(LEADS).header("origin", SHOP);
        let reply = bench.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some("POST")), "{method}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{method}");
    }
}

#[tokio::test]
async fn a_bulk_body_has_at_most_one_mebibyte() {
    let bench = Bench::start().await;
    let sized = |bytes: usize| customers(1) + &" ".repeat(bytes - customers(1).len());
    assert_eq!(bench.leads(sized(1 << 20)).await.status, 200);
    let reply = bench.leads(sized((1 << 20) + 1)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (413, "body_too_large"));
    assert_eq!(reply.error(), "The request body must be at most 1 MiB");
    let key = bearer(&bench.open);
    let announced = [("content-length", "10000000"), ("authorization", key.as_str())];
    assert_eq!(bench.post(LEADS, &announced, customers(1)).await.status, 413, "refused before a byte is read");
    let chunks = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 1_024])));
    assert_eq!(bench.leads(Body::from_stream(chunks)).await.status, 413);
}

#[tokio::test]
async fn each_lead_takes_a_token_of_the_key_and_those_beyond_it_are_to_be_sent_again() {
    let settings = IngestSettings { limit_key_per_second: 10, limit_burst_seconds: 5, ..IngestSettings::default() };
    let bench = Bench::start_with(settings).await;
    let request = |count: usize| {
        let mut request = Request::post(LEADS)
            .header("content-type", "application/json")
            .header("authorization", bearer(&bench.open))
            .body(Body::from(customers(count)))
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 1], 4_711))));
        request
    };
    let reply = bench.send(request(1_000)).await;
    let accepted = reply.json["accepted"].as_u64().unwrap();
    assert_eq!(reply.status, 200);
    assert!((50..200).contains(&accepted), "{accepted} of 50 tokens, and of what came while it was read");
    for (index, result) in results(&reply.json).iter().enumerate() {
        let expected = if (index as u64) < accepted { Value::Null } else { json!("rate_limited") };
        assert_eq!(result["code"], expected, "{index}");
    }
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(bench.events().await.len() as u64, accepted);
}

#[tokio::test]
async fn bulk_bodies_that_are_on_their_way_take_bounded_room_and_give_it_back() {
    let bench = Bench::start().await;
    let request = || {
        let endless = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let request = Request::post(LEADS).header("content-type", "application/json");
        request.header("authorization", bearer(&bench.open)).body(endless).unwrap()
    };
    assert_eq!(bench.leads(customers(1)).await.status, 200);
    let mut slow = JoinSet::new();
    let refused = loop {
        slow.spawn(bench.app.clone().oneshot(request()));
        tokio::task::yield_now().await;
        if let Some(answered) = slow.try_join_next() {
            break answered.unwrap().unwrap();
        }
    };
    assert_eq!((refused.status().as_u16(), slow.len()), (503, 56));
    assert_eq!(refused.headers()["x-affitor-outcome"], "not-accepted");
    assert_eq!(bench.lead(r#"{"customer_key":"u1"}"#).await.status, 200, "single leads need no room");
    slow.shutdown().await;
    assert_eq!(bench.leads(customers(1)).await.status, 200, "there is room again");
}

#[tokio::test]
async fn leads_that_cannot_be_made_durable_are_refused_whole() {
    let bench = Bench::start().await;
    bench.queue.close().await;
    let reply = bench.leads(body_of([json!({"customer_key": "u1"}), json!({})])).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "queue_unavailable"));
    assert_eq!((reply.header("x-affitor-outcome"), reply.header("retry-after")), (Some("not-accepted"), Some("2")));
    let invalid = bench.leads(body_of([json!({})])).await;
    assert_eq!((invalid.status.as_u16(), &invalid.json["accepted"]), (200, &json!(0)), "nothing of it is our fault");
}

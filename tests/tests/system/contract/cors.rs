//! Which pages may send and read the answer.

use reqwest::Method;
use serde_json::json;
use tests::{Answer, Client, Pipeline};

const SHOP: &str = "https://shop.example";
const ALLOW_ORIGIN: &str = "access-control-allow-origin";

on_both_shapes! {
    a_preflight_is_answered_for_any_origin
    the_origin_is_echoed_where_the_program_lists_none
    an_origin_outside_the_list_is_refused_and_cannot_read_the_answer
    only_the_exact_origin_is_in_the_list
    no_other_endpoint_speaks_to_pages
}

async fn a_preflight_is_answered_for_any_origin(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    for path in ["/api/v1/track/click", "/api/v1/track/lead"] {
        for origin in [SHOP, "https://anybody.example:8443", "null"] {
            let preflight = client.request(Method::OPTIONS, path).header("Origin", origin);
            let preflight = preflight
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization, content-type");
            let answer = Answer::to(preflight).await;
            assert!(matches!(answer.status, 200 | 204) && answer.body.is_empty(), "{answer:?}");
            assert_eq!((answer.header(ALLOW_ORIGIN), answer.header("vary")), (Some(origin), Some("Origin")));
            assert_eq!(answer.header("access-control-max-age"), Some("7200"));
            assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
            let headers = answer.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
            assert!(headers.contains("content-type") && !headers.contains("authorization"), "{headers}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
}

async fn the_origin_is_echoed_where_the_program_lists_none(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = json!({"affiliate_url": format!("https://shop.example/?aff={}", program.code)});
    let lead = json!({"program_id": program.id, "customer_key": "u1"});
    let faulty = json!({"program_id": program.id, "click_id": client.click_id(&program.code).await, "email": 1});
    let faulty_click = json!({"affiliate_url": click["affiliate_url"], "session_id": 1});
    let inactive = json!({"affiliate_url": format!("https://shop.example/?aff={}", program.inactive_code)});
    for origin in [SHOP, "null", "http://localhost:3000"] {
        for (request, status) in [
            (client.click().json(&click), 200),
            (client.click().json(&faulty_click), 400),
            (client.click().json(&inactive), 200),
            (client.lead().json(&lead), 200),
            (client.lead().json(&faulty), 400),
        ] {
            let answer = Answer::to(request.header("Origin", origin)).await;
            assert_eq!((answer.status, answer.header(ALLOW_ORIGIN)), (status, Some(origin)), "{answer:?}");
            assert_eq!(answer.header("vary"), Some("Origin"));
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(exposed, Some("X-Event-Id, X-Affitor-Outcome, Retry-After"));
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    let without = Answer::to(client.click().json(&click)).await;
    assert_eq!((without.status, without.header(ALLOW_ORIGIN)), (200, None));
}

async fn an_origin_outside_the_list_is_refused_and_cannot_read_the_answer(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let program = pipeline.program_with(|new| new.allowed_origins = vec![SHOP.to_owned()]).await;
    let click_id = client.click_id(&program.code).await;
    let lead = json!({"click_id": click_id, "customer_key": "u1"});
    let allowed = Answer::to(client.lead().header("Origin", SHOP).json(&lead)).await;
    assert_eq!((allowed.status, allowed.header(ALLOW_ORIGIN)), (200, Some(SHOP)));
    client.recorded(&program, &allowed.event_id()).await;

    let other = json!({"click_id": click_id, "customer_key": "u2"});
    let refused = Answer::to(client.lead().header("Origin", "https://evil.example").json(&other)).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "origin_refused"));
    assert_eq!((refused.header(ALLOW_ORIGIN), refused.header("x-event-id")), (None, None));
    // No origin at all is fine with a genuine click id.
    assert_eq!(Answer::to(client.lead().json(&json!({"click_id": click_id, "customer_key": "u3"}))).await.status, 200);
}

async fn only_the_exact_origin_is_in_the_list(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let program = pipeline.program_with(|new| new.allowed_origins = vec![SHOP.to_owned()]).await;
    let lead = json!({"click_id": client.click_id(&program.code).await, "customer_key": "u1"});
    for origin in [
        "null",
        "https://shop.example.evil.com",
        "https://SHOP.example",
        "https://shop.example:443",
        "https://shop.example:8443",
        "http://shop.example",
        "https://shop.example/",
        "https://sub.shop.example",
        "",
    ] {
        let refused = Answer::to(client.lead().header("Origin", origin).json(&lead)).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "origin_refused"), "{origin}");
        assert_eq!(refused.header(ALLOW_ORIGIN), None, "{origin}");
    }
    let twice = client.lead().header("Origin", SHOP).header("Origin", SHOP).json(&lead);
    assert_eq!(Answer::to(twice).await.status, 403);
}

async fn no_other_endpoint_speaks_to_pages(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let reads = Client::at(&pipeline.reads, &pipeline.reads);
    for path in ["/api/v1/customers/u1", "/api/v1/events/x", "/openapi.json"] {
        let read = reads.request(Method::GET, path).header("Origin", SHOP).bearer_auth(&program.api_key);
        assert_eq!(Answer::to(read).await.header(ALLOW_ORIGIN), None, "{path}");
    }
    let nowhere = client.request(Method::POST, "/api/v1/track/nothing").header("Origin", SHOP);
    assert_eq!(Answer::to(nowhere).await.header(ALLOW_ORIGIN), None);
}

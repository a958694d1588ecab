//! What holds for every request: methods, media types, sizes, preflights, and answers when a part of ours fails.

use crate::bench::{Bench, CLICK, LEAD, SHOP, bearer};
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;

const LEAD_BODY: &str = r#"{"customer_key":"u1"}"#;

#[tokio::test]
async fn other_methods_and_paths_are_answered_in_json() {
    let bench = Bench::start().await;
    for path in [CLICK, LEAD] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let reply = bench.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (405, "method_not_allowed"), "{method}");
            assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
        }
        let head = bench.send(Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status.as_u16(), head.header("allow")), (405, Some("POST, OPTIONS")));
    }
    let reply = bench.post("/api/v1/track/leads/x", &[], LEAD_BODY).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (404, "not_found"));
    let reply = bench.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await;
    assert!(reply.json["paths"][LEAD].is_object());
    let reply = bench.post("/openapi.json", &[], LEAD_BODY).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (405, "method_not_allowed"));
    assert!(reply.header("allow").unwrap().starts_with("GET"));
}

#[tokio::test]
async fn a_preflight_is_answered_for_any_origin() {
    let bench = Bench::start().await;
    for (path, origin) in [(CLICK, "https://anything.example"), (LEAD, "null")] {
        let request = Request::options(path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type, authorization");
        let reply = bench.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (204, Some(origin)));
        assert_eq!(reply.header("vary"), Some("Origin"));
        assert_eq!(
            reply.header("access-control-allow-headers"),
            Some("Content-Type"),
            "a key does not belong in a page"
        );
        assert_eq!(reply.header("access-control-max-age"), Some("7200"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
    let reply = bench.send(Request::options(LEAD).body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (204, None));
}

#[tokio::test]
async fn only_json_in_utf8_is_taken() {
    let bench = Bench::start().await;
    let key = bearer(&bench.open);
    for (kind, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/vnd.x+json", 200),
        ("application/json; charset=iso-8859-1", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data", 415),
        ("text/plain", 415),
    ] {
        let reply = bench.post(LEAD, &[("content-type", kind), ("authorization", &key)], LEAD_BODY).await;
        assert_eq!(reply.status.as_u16(), status, "{kind}");
    }
    let wrong = [("content-type", "text/plain"), ("authorization", "Bearer wrong")];
    assert_eq!(bench.post(LEAD, &wrong, LEAD_BODY).await.code(), "unsupported_media_type");
    let bare = Request::post(LEAD).header("authorization", &key).body(Body::from(LEAD_BODY)).unwrap();
    assert_eq!(bench.send(bare).await.status, 415);
    let wide: Vec<u8> = LEAD_BODY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(bench.post(LEAD, &[("authorization", &key)], wide).await.status, 415);
    for encoding in ["gzip", "br", "identity, gzip"] {
        let reply = bench.post(LEAD, &[("content-encoding", encoding), ("authorization", &key)], LEAD_BODY).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (415, "unsupported_encoding"), "{encoding}");
    }
    assert_eq!(
        bench.post(LEAD, &[("content-encoding", "identity"), ("authorization", &key)], LEAD_BODY).await.status,
        200
    );
}

#[tokio::test]
async fn a_body_has_at_most_sixteen_kibibytes() {
    let bench = Bench::start().await;
    let sized = |bytes: usize| format!("{LEAD_BODY:<bytes$}");
    assert_eq!(bench.lead(&sized(16_384)).await.status, 200);
    let reply = bench.lead(&sized(16_385)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (413, "body_too_large"));
    let key = bearer(&bench.open);
    let announced = [("content-length", "10000000"), ("authorization", key.as_str())];
    assert_eq!(bench.post(LEAD, &announced, LEAD_BODY).await.status, 413, "refused before a byte is read");
}

#[tokio::test]
async fn an_endless_body_is_refused_at_the_limit() {
    let bench = Bench::start().await;
    let chunks = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 1_024])));
    let endless = Body::from_stream(chunks);
    assert_eq!(bench.post(LEAD, &[("authorization", &bearer(&bench.open))], endless).await.status, 413);
}

#[tokio::test]
async fn a_closed_queue_is_said_honestly() {
    let bench = Bench::start().await;
    let click = bench.click_on(&bench.strict).await;
    bench.queue.close().await;
    let body = json!({"click_id": click, "customer_key": "u1"}).to_string();
    let reply = bench.post(LEAD, &[("origin", SHOP)], body).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "queue_unavailable"));
    assert_eq!(reply.header("x-affitor-outcome"), Some("not-accepted"));
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_eq!(reply.header("access-control-allow-origin"), Some(SHOP), "a page can read that it should send again");
}

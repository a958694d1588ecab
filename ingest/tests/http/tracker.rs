//! The tracker's script, and what only its pages need of a click's answer: to read it, and the cookie on their own origin.

use crate::bench::{Bench, CLICK, SHOP};
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

#[tokio::test]
async fn the_script_is_served_to_get_and_head_and_to_nothing_else() {
    let bench = Bench::start().await;
    for name in ["affitor-tracker.js", "a.js"] {
        for method in ["GET", "HEAD"] {
            let request =
                Request::builder().method(method).uri(format!("/js/{name}")).header("accept-encoding", "gzip");
            let reply = bench.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("content-encoding")),
                (200, Some("gzip")),
                "{method} {name}"
            );
            assert_eq!(reply.header("content-type"), Some("text/javascript; charset=utf-8"));
            assert_eq!(
                (reply.header("vary"), reply.header("access-control-allow-origin")),
                (Some("Accept-Encoding"), None)
            );
        }
    }
    let reply = bench.post("/js/affitor-tracker.js", &[], "{}").await;
    assert_eq!((reply.code(), reply.header("allow")), ("method_not_allowed", Some("GET, HEAD")));
    let reply = bench.send(Request::get("/js/other.js").body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (404, "not_found"));
}

#[tokio::test]
async fn a_page_that_names_its_program_may_read_that_there_is_no_such_link() {
    let bench = Bench::start().await;
    // What a program allows is asked of the known ones only.
    bench.click_on(&bench.open).await;
    bench.click_on(&bench.strict).await;
    let body = |program: i64| {
        json!({"affiliate_url": "https://h/?aff=NOBODY", "additional_data": {"program_id": program}}).to_string()
    };
    for (program, origin, granted) in [
        (bench.strict.program.get(), SHOP, Some(SHOP)),
        (bench.strict.program.get(), "https://evil.example", None),
        (bench.open.program.get(), "https://any.example", Some("https://any.example")),
        (999, SHOP, None),
    ] {
        let reply = bench.post(CLICK, &[("origin", origin)], body(program)).await;
        assert_eq!((reply.status.as_u16(), reply.error()), (400, "Referral link not found"), "{origin}");
        assert_eq!(reply.header("access-control-allow-origin"), granted, "{program} {origin}");
    }
}

#[tokio::test]
async fn the_program_that_a_click_names_gives_no_other_page_a_right_to_read() {
    let bench = Bench::start().await;
    let named = json!({
        "affiliate_url": format!("https://h/?aff={}", bench.strict.code),
        "additional_data": {"program_id": bench.open.program},
    });
    let reply = bench.post(CLICK, &[("origin", "https://evil.example")], named.to_string()).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("access-control-allow-origin")),
        (403, None),
        "the link says whose"
    );
}

#[tokio::test]
async fn a_click_from_the_pages_own_origin_sets_the_cookie_when_it_changes() {
    let bench = Bench::start().await;
    let own = [("origin", SHOP), ("sec-fetch-site", "same-origin")];
    let body = json!({"affiliate_url": format!("{SHOP}/?aff={}", bench.open.code)});
    let reply = bench.post(&format!("{CLICK}?cookie_domain=shop.example"), &own, body.to_string()).await;
    let click = reply.json["click_id"].as_str().unwrap().to_owned();
    let set = format!("affitor_click_id={click}; Path=/; SameSite=Lax; Max-Age=5184000; Domain=shop.example; Secure");
    assert_eq!(reply.header("set-cookie"), Some(set.as_str()));

    let again = json!({"affiliate_url": format!("{SHOP}/?aff={}", bench.open.code), "existing_click_id": click});
    let cookie = format!("affitor_click_id={click}");
    let with_cookie = [own[0], own[1], ("cookie", cookie.as_str())];
    let reply = bench.post(CLICK, &with_cookie, again.to_string()).await;
    assert_eq!((reply.json["click_id"].as_str(), reply.header("set-cookie")), (Some(click.as_str()), None));
    let reply = bench.post(CLICK, &own, again.to_string()).await;
    assert!(reply.header("set-cookie").is_some_and(|set| set.contains(&click)), "the browser has lost it");

    let other = [("origin", "https://blog.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(bench.post(CLICK, &other, body.to_string()).await.header("set-cookie"), None);
    let test = json!({"additional_data": {"test_mode": true, "program_id": bench.open.program}});
    assert_eq!(bench.post(CLICK, &own, test.to_string()).await.header("set-cookie"), None, "nobody's visit");
}

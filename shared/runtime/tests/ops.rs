//! Health and metrics as an operator's tools ask for them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use runtime::health::Health;
use runtime::http::{ops_router, read_body, readiness_router};
use runtime::telemetry::install_metrics;
use std::time::Duration;
use tower::ServiceExt;

async fn get(app: Router, path: &str) -> (StatusCode, String) {
    let answer = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let body = read_body(answer.into_body(), 1 << 20, Duration::from_secs(1)).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn readiness_follows_the_checks_and_names_the_reasons() {
    let health = Health::new();
    let queue = health.check("queue");
    let app = readiness_router(health);
    queue.not_ready("the broker is blocked");
    let (status, body) = get(app.clone(), "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, r#"{"ready":false,"reasons":["queue: the broker is blocked"]}"#);
    assert_eq!(get(app.clone(), "/healthz").await.0, StatusCode::OK);
    queue.ready();
    assert_eq!(get(app, "/readyz").await, (StatusCode::OK, r#"{"ready":true}"#.into()));
}

#[tokio::test]
async fn metrics_are_on_the_operators_port_only() {
    let metrics = install_metrics().unwrap();
    metrics::counter!("affitor_test_total").increment(3);
    let (status, body) = get(ops_router(metrics, Health::new()), "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("affitor_test_total 3"), "{body}");
    assert_eq!(get(readiness_router(Health::new()), "/metrics").await.0, StatusCode::NOT_FOUND);
}

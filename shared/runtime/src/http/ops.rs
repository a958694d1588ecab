//! Health for everybody, metrics for the operators' port alone.

use crate::health::Health;
use crate::telemetry::MetricsHandle;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;

/// `/healthz` (the process lives) and `/readyz` (it can accept work now, with reasons when not).
pub fn readiness_router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { json_answer(StatusCode::OK, &json!({"alive": true})) }))
        .route("/readyz", get(move || std::future::ready(readiness(&health))))
}

/// [`readiness_router`] and `/metrics`, for a port that the public does not reach.
pub fn ops_router(metrics: MetricsHandle, health: Health) -> Router {
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    readiness_router(health).route("/metrics", get(move || async move { (text, metrics.render()) }))
}

fn readiness(health: &Health) -> impl IntoResponse + use<> {
    let reasons = health.reasons();
    if reasons.is_empty() {
        json_answer(StatusCode::OK, &json!({"ready": true}))
    } else {
        let body = json!({"ready": false, "reasons": reasons});
        json_answer(StatusCode::SERVICE_UNAVAILABLE, &body)
    }
}

type JsonAnswer = (StatusCode, [(HeaderName, &'static str); 2], String);

fn json_answer(status: StatusCode, body: &serde_json::Value) -> JsonAnswer {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string())
}

//! JSON answers. They hold personal data of one program, so nobody between us and the client may keep them.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::Response;
use serde::Serialize;

/// The value as JSON with that status.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // Our own shapes have text keys and finite numbers, which serde_json never refuses.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

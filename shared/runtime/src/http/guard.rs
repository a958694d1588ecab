//! What is refused before any route sees it, because hyper lets it through and the contract does not.

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use axum::http::{Request, Response, StatusCode, Version};

/// Longest request target in bytes.
const MAX_TARGET: usize = 8 * 1_024;

/// The answer to a request that no route may see.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<Response<Body>> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET {
        return Some(answer(
            StatusCode::URI_TOO_LONG,
            r#"{"success":false,"error":"the address of the request must be at most 8 KiB","code":"uri_too_long"}"#,
        ));
    }
    let hosts = request.headers().get_all(HOST).iter().take(2).count();
    let needs_host = request.version() >= Version::HTTP_11;
    if hosts > 1 || (needs_host && hosts == 0) {
        return Some(answer(
            StatusCode::BAD_REQUEST,
            r#"{"success":false,"error":"the request must have exactly one Host header","code":"invalid_host"}"#,
        ));
    }
    None
}

/// Closes the connection too: a client that breaks the protocol may have more of it on the way.
fn answer(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

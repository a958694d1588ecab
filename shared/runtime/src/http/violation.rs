//! What breaks the rules of HTTP: one closed list with status, code and sentence, and what the answer looks like.
//!
//! `guard` finds those that hyper lets through; `wire` gives those that hyper refuses the same form.

use crate::request_id::{RequestId, X_REQUEST_ID};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use memchr::memmem;

/// The whole header line by which hyper's own refusals have no body.
const NO_BODY: &[u8] = b"content-length: 0\r\n";

/// Why a request reaches no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// It is no HTTP/1.1 request, or one with a header that could be read in two ways.
    Malformed,
    /// `Content-Length` and `Transfer-Encoding`: two servers could disagree on where the request ends.
    TwoLengths,
    /// A transfer encoding other than `chunked` alone.
    TransferEncoding,
    /// No `Host`, or several.
    Host,
    /// The target is too long.
    LongTarget,
    /// Too many headers, or too many bytes of them.
    LargeHeader,
}

impl Violation {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::TwoLengths | Self::TransferEncoding | Self::Host => StatusCode::BAD_REQUEST,
            Self::LongTarget => StatusCode::URI_TOO_LONG,
            Self::LargeHeader => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::Malformed => {
                r#"{"success":false,"error":"This is not a well-formed HTTP/1.1 request","code":"malformed_request"}"#
            }
            Self::TwoLengths => {
                r#"{"success":false,"error":"Send either Content-Length or Transfer-Encoding","code":"two_lengths"}"#
            }
            Self::TransferEncoding => {
                r#"{"success":false,"error":"The only Transfer-Encoding taken is chunked","code":"invalid_transfer_encoding"}"#
            }
            Self::Host => {
                r#"{"success":false,"error":"The request must have exactly one Host header","code":"invalid_host"}"#
            }
            Self::LongTarget => {
                r#"{"success":false,"error":"The address of the request must be at most 8 KiB","code":"uri_too_long"}"#
            }
            Self::LargeHeader => {
                r#"{"success":false,"error":"The request has too many or too large headers","code":"header_too_large"}"#
            }
        }
    }

    /// Closes the connection too: a client that breaks the protocol may have more of it on the way.
    pub(super) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    /// The answer to send in place of `written`, if that is a refusal of hyper's own: all others carry a request id.
    pub(super) fn in_place_of(written: &[u8]) -> Option<Vec<u8>> {
        let status = written.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        if !status.starts_with(b"4") || memmem::find(written, X_REQUEST_ID.as_str().as_bytes()).is_some() {
            return None;
        }
        let violation = match status {
            b"414" => Self::LongTarget,
            b"431" => Self::LargeHeader,
            _ => Self::Malformed,
        };
        let (before, after) = written.split_at(memmem::find(written, NO_BODY)?);
        let (id, body) = (RequestId::new(), violation.body());
        let headers = format!(
            "{CONTENT_TYPE}: application/json\r\n{CACHE_CONTROL}: no-store\r\n{X_REQUEST_ID}: {}\r\n{CONTENT_LENGTH}: {}\r\n",
            id.as_str(),
            body.len()
        );
        Some([before, headers.as_bytes(), after.strip_prefix(NO_BODY)?, body.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const HYPERS: &[u8] = b"HTTP/1.1 431 Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";

    #[test]
    fn hypers_own_refusal_gets_a_body_and_keeps_its_other_headers() {
        let text = String::from_utf8(Violation::in_place_of(HYPERS).unwrap()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Too Large\r\nconnection: close\r\n"), "{head}");
        assert!(head.contains("\r\nx-request-id: ") && head.ends_with("\r\ndate: now"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert_eq!(body, Violation::LargeHeader.body());
    }

    #[test]
    fn every_other_answer_is_left_alone() {
        for written in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx-request-id: 1\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 4",
            b"{\"a\":1}",
        ] {
            assert_eq!(Violation::in_place_of(written), None);
        }
    }
}

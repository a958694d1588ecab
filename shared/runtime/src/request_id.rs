//! The `X-Request-Id` of every request: the client's own when it is harmless, else a new one.
//!
//! `http::serve` assigns it and sets it on every answer; handlers read it from the request's extensions.

use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that carries the id, in both directions.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 64;

/// The id of one request: 1–64 of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The client's id if it sent exactly one and it is well-formed, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(X_REQUEST_ID).iter();
        match (sent.next(), sent.next()) {
            (Some(id), None) if is_harmless(id.as_bytes()) => Self(id.clone()),
            _ => Self::new(),
        }
    }

    /// For logs.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// A random half for the process and a counted half: unique without a system call a request.
    pub(crate) fn new() -> Self {
        static PROCESS: LazyLock<u64> =
            LazyLock::new(|| getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id())));
        static COUNTED: AtomicU64 = AtomicU64::new(0);
        let id = format!("{:016x}{:016x}", *PROCESS, COUNTED.fetch_add(1, Ordering::Relaxed));
        Self(HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown")))
    }
}

fn is_harmless(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for id in ids {
            headers.append(X_REQUEST_ID, HeaderValue::from_static(id));
        }
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_harmless_id_of_the_client_is_kept() {
        assert_eq!(of(&["checkout-42.a_B"]), "checkout-42.a_B");
    }

    #[test]
    fn anything_else_is_replaced_by_an_id_of_ours() {
        const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        for ids in [&[][..], &[""], &["a b"], &["<script>"], &["a", "b"], &[LONG]] {
            let id = of(ids);
            assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{ids:?} became {id}");
        }
    }

    #[test]
    fn two_new_ids_differ() {
        assert_ne!(of(&[]), of(&[]));
    }
}

//! What is refused before any route sees it, because hyper lets it through and the contract does not.

use super::violation::Violation;
use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Request, Uri};

/// Longest request target in bytes.
const MAX_TARGET: usize = 8 * 1_024;

/// What a request that hyper has read breaks. `has_length`: whether a `Content-Length` came with it, which hyper
/// takes away when there is a `Transfer-Encoding` too.
pub(super) fn violation<B>(request: &Request<B>, has_length: bool) -> Option<Violation> {
    let headers = request.headers();
    if target_length(request.uri()) > MAX_TARGET {
        return Some(Violation::LongTarget);
    }
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        if has_length {
            return Some(Violation::TwoLengths);
        }
        // hyper looks at the last one only, and would hand on what it has not decoded.
        if encodings.next().is_some() || !is_chunked(encoding) {
            return Some(Violation::TransferEncoding);
        }
    }
    let hosts = headers.get_all(HOST).iter().take(2).count();
    (hosts != 1).then_some(Violation::Host)
}

fn target_length(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |target| target.as_str().len())
}

fn is_chunked(encoding: &HeaderValue) -> bool {
    encoding.as_bytes().eq_ignore_ascii_case(b"chunked")
}

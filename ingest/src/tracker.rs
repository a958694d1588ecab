//! `GET /js/…`: the tracker, as `browser/` has built it. It knows nothing of what the script does.
//!
//! It is there under its own name, under one that says nothing, and under one that names its content and may be cached
//! for ever. A name of an earlier content leads to the present script, so that no page is left without one.

use crate::ingest::Ingest;
use crate::origin::Grant;
use crate::refusal::Refusal;
use crate::refused::Refused;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const SCRIPT: &[u8] = include_bytes!("../browser/dist/affitor-tracker.js");
const GZIP: &[u8] = include_bytes!("../browser/dist/affitor-tracker.js.gz");

const NAME: &str = "affitor-tracker.js";
/// For pages whose visitors block the other by its name.
const NEUTRAL_NAME: &str = "a.js";

/// An hour, so that a new version arrives; the old one does while it is fetched.
const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600, stale-while-revalidate=86400");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The first 16 hex digits of the script's SHA-256.
static VERSION: LazyLock<String> =
    LazyLock::new(|| Sha256::digest(SCRIPT).iter().take(8).map(|byte| format!("{byte:02x}")).collect());

/// The tracker's route, to be merged with the others.
pub(crate) fn routes() -> Router<Ingest> {
    let other_methods = async || {
        let refused = Refused::from(Refusal::MethodNotAllowed).into_response(Grant::default());
        ([(ALLOW, HeaderValue::from_static("GET, HEAD"))], refused)
    };
    Router::new().route("/js/{name}", get(script).fallback(other_methods))
}

/// The name that may be cached for ever.
pub(crate) fn versioned_name() -> String {
    format!("affitor-tracker.{}.js", *VERSION)
}

async fn script(Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    match name.as_str() {
        NAME | NEUTRAL_NAME => answer(&headers, FOR_AN_HOUR),
        name if name == versioned_name() => answer(&headers, FOR_EVER),
        name if is_version(name) => elsewhere(),
        _ => Refused::from(Refusal::NotFound).into_response(Grant::default()),
    }
}

/// Whether a name is that of some version.
fn is_version(name: &str) -> bool {
    let version = name.strip_prefix("affitor-tracker.").and_then(|rest| rest.strip_suffix(".js"));
    version
        .is_some_and(|version| version.len() == VERSION.len() && version.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn answer(headers: &HeaderMap, cache: HeaderValue) -> Response<Body> {
    let gzip = takes_gzip(headers);
    let suffix = if gzip { "-gzip" } else { "" };
    // A strong tag names the bytes, so each encoding has its own.
    let tag = format!("\"{}{suffix}\"", *VERSION);
    let fresh =
        lists(headers, IF_NONE_MATCH, |known| known == tag || known.strip_prefix("W/") == Some(&tag) || known == "*");
    let body = match (fresh, gzip) {
        (true, _) => Body::empty(),
        (false, true) => Body::from(GZIP),
        (false, false) => Body::from(SCRIPT),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, cache);
    headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
    // Pages that isolate themselves may use it too.
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// To the present script. Relative, so that it also leads there behind a proxy's path.
fn elsewhere() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(NAME));
    response.headers_mut().insert(CACHE_CONTROL, FOR_AN_HOUR);
    response
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    lists(headers, ACCEPT_ENCODING, |coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let quality: String = quality.split_whitespace().collect();
        let is_refused = quality.strip_prefix("q=0").is_some_and(|rest| rest.trim_matches(['.', '0']).is_empty());
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

/// Whether one of the members of a header's list is `wanted`.
fn lists(headers: &HeaderMap, name: HeaderName, wanted: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|member| wanted(member.trim()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::path::{Path as FilePath, PathBuf};
    use std::{fs, str};

    fn browser() -> PathBuf {
        FilePath::new(env!("CARGO_MANIFEST_DIR")).join("browser")
    }

    fn given(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    /// The build writes down the digests of what it read and what it wrote, so this needs no Node.
    #[test]
    fn the_built_script_belongs_to_its_source() {
        let listed = fs::read_to_string(browser().join("dist/SHA256SUMS")).unwrap();
        let listed: Vec<(&str, &str)> = listed.lines().map(|line| line.split_once("  ").unwrap()).collect();
        for (digest, path) in &listed {
            let found = hex(&fs::read(browser().join(path)).unwrap());
            assert_eq!(&found, digest, "{path} has changed: run `npm ci && npm run build` in ingest/browser");
        }
        for source in fs::read_dir(browser().join("src")).unwrap() {
            let name = format!("src/{}", source.unwrap().file_name().to_str().unwrap());
            assert!(listed.iter().any(|(_, path)| *path == name), "{name} is not built: run `npm run build` there");
        }
    }

    fn hex(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_script_is_small_and_plain() {
        assert!(GZIP.len() <= 2_500, "{} bytes", GZIP.len());
        let script = str::from_utf8(SCRIPT).unwrap();
        assert!(script.is_ascii(), "it is the same in every encoding of a page");
        for forbidden in ["eval(", "new Function", "innerHTML", "document.write", "?.", "??"] {
            assert!(!script.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for value in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.8", "deflate,gzip; q=0.5"] {
            assert!(takes_gzip(&given(ACCEPT_ENCODING, value)), "{value}");
        }
        for value in ["", "br", "gzip;q=0", "gzip; q=0.000", "identity", "x-gzip2"] {
            assert!(!takes_gzip(&given(ACCEPT_ENCODING, value)), "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn who_has_the_script_is_not_sent_it_again() {
        let first = script(Path(NAME.to_owned()), HeaderMap::new()).await;
        assert_eq!(
            (first.status(), first.headers()[CACHE_CONTROL].to_str().unwrap()),
            (StatusCode::OK, FOR_AN_HOUR.to_str().unwrap())
        );
        let tag = first.headers()[ETAG].clone();
        let mut known = HeaderMap::from_iter([(IF_NONE_MATCH, tag.clone())]);
        let again = script(Path(NEUTRAL_NAME.to_owned()), known.clone()).await;
        assert_eq!((again.status(), &again.headers()[ETAG]), (StatusCode::NOT_MODIFIED, &tag));
        known.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let gzip = script(Path(NAME.to_owned()), known).await;
        assert_eq!(gzip.status(), StatusCode::OK, "these are other bytes, so the tag is another");
        assert_ne!(gzip.headers()[ETAG], tag);
    }

    #[tokio::test]
    async fn a_name_of_a_version_is_cached_for_ever_and_an_earlier_one_leads_to_the_present_script() {
        let present = script(Path(versioned_name()), HeaderMap::new()).await;
        assert_eq!((present.status(), &present.headers()[CACHE_CONTROL]), (StatusCode::OK, &FOR_EVER));
        let earlier = script(Path("affitor-tracker.0123456789abcdef.js".to_owned()), HeaderMap::new()).await;
        assert_eq!(
            (earlier.status(), &earlier.headers()[LOCATION]),
            (StatusCode::FOUND, &HeaderValue::from_static(NAME))
        );
        for name in ["affitor-tracker.min.js", "b.js", "affitor-tracker.0123456789abcdeg.js"] {
            let nothing = script(Path(name.to_owned()), HeaderMap::new()).await;
            assert_eq!(nothing.status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}

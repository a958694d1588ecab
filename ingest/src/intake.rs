//! What every request passes before its body is read as anything: media type, key, limits, size, time.
//!
//! A wrong key is refused before a byte of the body is looked at, whatever mode the body would have asked for.

use crate::limits::{Limits, Place, Visitor};
use crate::mint::now;
use crate::refusal::Refusal;
use crate::refused::Refused;
use crate::snapshot::{Snapshots, StoreAway};
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use domain::ApiKey;
use domain::api_key::ParsedKey;
use runtime::http::{BodyFault, read_body};
use std::sync::Arc;
use std::time::Duration;
use store::Program;

/// The longest body of one event, in bytes; of each lead in a bulk body too.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024;

/// The longest bulk body, in bytes.
const MAX_BULK_BYTES: usize = 1024 * 1024;
const BULK_TOO_LARGE: &str = "The request body must be at most 1 MiB";

impl From<StoreAway> for Refused {
    fn from(_: StoreAway) -> Self {
        Refusal::StoreAway.into()
    }
}

/// Reads a request's body, and the program of its key if it carries one.
pub(crate) async fn receive(
    snapshots: &Snapshots,
    visitor: Visitor<'_>,
    headers: &HeaderMap,
    body: Body,
    deadline: Duration,
) -> Result<(Option<Arc<Program>>, Bytes), Refused> {
    let keyed = caller(snapshots, visitor, headers).await?;
    check_length(headers, MAX_BODY_BYTES)?;
    let body = read(body, MAX_BODY_BYTES, deadline).await?;
    Ok((keyed.map(|(_, program)| program), body))
}

/// A bulk request, of which nothing is known yet but who sends it.
pub(crate) struct Bulk<'a> {
    pub(crate) key: ParsedKey<'a>,
    pub(crate) program: Arc<Program>,
    pub(crate) body: Bytes,
}

/// Reads a bulk request's body once it is clear that a valid key sends it. The place is to be kept until the answer is
/// made.
pub(crate) async fn receive_bulk<'a>(
    snapshots: &Snapshots,
    limits: &'a Limits,
    visitor: Visitor<'_>,
    headers: &'a HeaderMap,
    body: Body,
    deadline: Duration,
) -> Result<(Place<'a>, Bulk<'a>), Refused> {
    let (key, program) = caller(snapshots, visitor, headers).await?.ok_or(Refusal::InvalidToken)?;
    let too_large = |refusal| Refused::from(refusal).worded(Refusal::BodyTooLarge, BULK_TOO_LARGE);
    check_length(headers, MAX_BULK_BYTES).map_err(too_large)?;
    let place = limits.bulk().enter(announced_length(headers))?;
    let body = read(body, MAX_BULK_BYTES, deadline).await.map_err(too_large)?;
    Ok((place, Bulk { key, program, body }))
}

/// Everything that the header tells: its media type, and the program of the key if it carries one.
async fn caller<'a>(
    snapshots: &Snapshots,
    visitor: Visitor<'_>,
    headers: &'a HeaderMap,
) -> Result<Option<(ParsedKey<'a>, Arc<Program>)>, Refused> {
    check_encoding(headers)?;
    check_media_type(headers)?;
    match token(headers)? {
        Some(token) => Ok(Some(program_of(snapshots, visitor, token).await?)),
        None => {
            visitor.address()?;
            Ok(None)
        }
    }
}

async fn read(body: Body, max_bytes: usize, deadline: Duration) -> Result<Bytes, Refusal> {
    let body = read_body(body, max_bytes, deadline).await.map_err(|fault| match fault {
        BodyFault::TooLarge => Refusal::BodyTooLarge,
        BodyFault::TooSlow => Refusal::BodyTooSlow,
        BodyFault::Cut => Refusal::ClientGone,
        BodyFault::Broken => Refusal::BodyUnreadable,
    })?;
    if is_wide(&body) { Err(Refusal::UnsupportedMediaType) } else { Ok(body) }
}

/// Compressed bodies are not taken: they could grow without bound.
fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(is_plain) { Ok(()) } else { Err(Refusal::UnsupportedEncoding) }
}

/// JSON in UTF-8; as `text/plain` too, which spares a page that is being left the preflight, but never with a key.
fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut sent = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return Err(Refusal::UnsupportedMediaType) };
    let text = value.to_str().map_err(|_| Refusal::UnsupportedMediaType)?;
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    let is_text = kind == "text/plain" && !headers.contains_key(AUTHORIZATION);
    let is_utf8 = parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
        let value = value.trim().trim_matches('"');
        !name.trim().eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8")
    });
    if (is_json || is_text) && is_utf8 { Ok(()) } else { Err(Refusal::UnsupportedMediaType) }
}

/// The token of the one `Authorization: Bearer` header.
fn token(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(Refusal::InvalidToken);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refusal::InvalidToken)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim_matches(' '))) } else { Err(Refusal::InvalidToken) }
}

/// Only a valid key has its limit, so that nobody uses up another's.
async fn program_of<'a>(
    snapshots: &Snapshots,
    visitor: Visitor<'_>,
    token: &'a str,
) -> Result<(ParsedKey<'a>, Arc<Program>), Refused> {
    let key = ApiKey::parse(token).map_err(|_| Refusal::InvalidToken)?;
    let program = snapshots.key(key, now()).await?.ok_or(Refusal::InvalidToken)?;
    visitor.key(key)?;
    Ok((key, program))
}

fn check_length(headers: &HeaderMap, max_bytes: usize) -> Result<(), Refusal> {
    let is_too_long = announced_length(headers).is_some_and(|length| length > max_bytes as u64);
    if is_too_long { Err(Refusal::BodyTooLarge) } else { Ok(()) }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the first bytes are those of JSON in UTF-16 or UTF-32.
fn is_wide(body: &[u8]) -> bool {
    match body {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, ..] => true,
        [first, 0, ..] | [0, first, ..] => matches!(first, b'{' | b'[' | b'"' | b' ' | b'\t' | b'\r' | b'\n'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::limits::Limits;
    use runtime::config::IngestSettings;

    fn headers(pairs: &[(axum::http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn json_in_utf8_is_taken_and_nothing_else() {
        for value in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON;charset=\"UTF-8\"",
            "application/vnd.x+json",
            "text/plain",
            "text/plain;charset=UTF-8",
        ] {
            assert_eq!(check_media_type(&headers(&[(CONTENT_TYPE, value)])), Ok(()), "{value}");
        }
        for value in [
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/json; charset=iso-8859-1",
            "application/json; charset=utf-16",
            "text/html",
            "",
            "json",
        ] {
            let refused = check_media_type(&headers(&[(CONTENT_TYPE, value)]));
            assert_eq!(refused, Err(Refusal::UnsupportedMediaType), "{value}");
        }
        assert!(check_media_type(&HeaderMap::new()).is_err());
        for key in ["Bearer right", "wrong"] {
            let both = headers(&[(CONTENT_TYPE, "text/plain"), (AUTHORIZATION, key)]);
            assert_eq!(check_media_type(&both), Err(Refusal::UnsupportedMediaType));
        }
    }

    #[test]
    fn the_token_is_that_of_one_bearer_header() {
        for value in ["bearer K", "BEARER K", "Bearer K", "Bearer  K"] {
            assert_eq!(token(&headers(&[(AUTHORIZATION, value)])), Ok(Some("K")), "{value}");
        }
        for value in ["Bearer", "Basic K", "Token K", "", "K"] {
            assert_eq!(token(&headers(&[(AUTHORIZATION, value)])), Err(Refusal::InvalidToken), "{value}");
        }
        assert_eq!(token(&HeaderMap::new()), Ok(None));
        let mut two = headers(&[(AUTHORIZATION, "Bearer K")]);
        two.append(AUTHORIZATION, HeaderValue::from_static("Bearer K"));
        assert_eq!(token(&two), Err(Refusal::InvalidToken));
    }

    #[test]
    fn wide_encodings_are_told_from_a_nul_in_the_body() {
        assert!(is_wide(b"{\0\"\0") && is_wide(b"\0{\0\"") && is_wide(b"\xff\xfe{\0") && is_wide(b"\0\0\0{"));
        assert!(!is_wide(b"{\"a\":\0}") && !is_wide(b"{}") && !is_wide(b"") && !is_wide(b"a\0"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_dribbles_is_given_up_at_the_deadline() {
        // A byte a second, for ever.
        let dribble = futures_util::stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let json = headers(&[(CONTENT_TYPE, "application/json")]);
        let (head, ()) = axum::http::Request::new(()).into_parts();
        let limits = Limits::new(&IngestSettings::default());
        let deadline = Duration::from_secs(10);
        let (began, body) = (tokio::time::Instant::now(), Body::from_stream(dribble));
        let received = receive(&Snapshots::default(), limits.visitor(&head), &json, body, deadline).await;
        assert_eq!(received.err(), Some(Refusal::BodyTooSlow.into()));
        // The clock stands still but for timers, which have milliseconds.
        assert_eq!(began.elapsed().as_millis() / 10, deadline.as_millis() / 10);
    }
}

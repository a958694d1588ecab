//! Who asks: the program whose API key the request carries. Without one there is no answer but 401.

use crate::console::{Console, in_time};
use crate::fault::Fault;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::ProgramId;

/// The program that asks; it sees itself and nothing else.
pub(crate) struct Caller(pub(crate) ProgramId);

impl FromRequestParts<Console> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Fault> {
        let token = bearer(&parts.headers).ok_or(Fault::InvalidToken)?;
        let program = in_time(console.keys().program_of(token)).await?;
        program.map(Caller).ok_or(Fault::InvalidToken)
    }
}

/// The token of the one `Authorization` header; two of them are none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (sent.next(), sent.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for value in ["Bearer key", "bearer key", "BEARER key", "Bearer  key"] {
            assert_eq!(of(&[value]).as_deref(), Some("key"), "{value}");
        }
    }

    #[test]
    fn other_schemes_and_two_headers_carry_no_token() {
        for values in [&[][..], &["Bearer"], &["Basic key"], &["Token key"], &["key"], &["Bearer key", "Bearer key"]] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }
}

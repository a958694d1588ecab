//! The `Origin` of a request, which programs allow it, and the CORS headers that follow.
//!
//! Origins are compared byte for byte with the canonical ones of the program's list.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use axum::http::{Response, StatusCode};
use axum::{body::Body, response::IntoResponse};
use store::Program;

/// The methods of click and lead.
pub(crate) const METHODS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// Where a request says it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    Absent,
    Given(&'a HeaderValue),
    /// More than one: no page sends that, and no program lists it.
    Several,
}

impl<'a> Origin<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut sent = headers.get_all(ORIGIN).iter();
        match (sent.next(), sent.next()) {
            (None, _) => Origin::Absent,
            (Some(origin), None) => Origin::Given(origin),
            (Some(_), Some(_)) => Origin::Several,
        }
    }

    pub(crate) fn is_absent(self) -> bool {
        self == Origin::Absent
    }

    /// Whether pages of this origin may send for the program; a program that lists none allows any.
    pub(crate) fn is_allowed_by(self, program: &Program) -> bool {
        let Origin::Given(origin) = self else { return false };
        let allowed = &program.allowed_origins;
        allowed.is_empty() || allowed.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
    }

    /// What the page needs to read an answer about that program; nothing when it may not.
    pub(crate) fn grant(self, program: &Program) -> Grant {
        match self {
            Origin::Given(origin) if self.is_allowed_by(program) => Grant(Some(origin.clone())),
            Origin::Absent | Origin::Given(_) | Origin::Several => Grant(None),
        }
    }
}

/// The origin that may read the answer, if any.
#[derive(Debug, Default)]
pub(crate) struct Grant(Option<HeaderValue>);

impl Grant {
    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        let Some(origin) = self.0 else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        let exposed = HeaderValue::from_static("X-Event-Id, X-Affitor-Outcome, Retry-After");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// The answer to a preflight: the same for every origin, and nothing is looked up for it.
///
/// `Authorization` is not among the allowed headers: an API key does not belong in a page.
pub(crate) async fn preflight(request: HeaderMap) -> Response<Body> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    if let Origin::Given(origin) = Origin::of(&request) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    }
    response
}

//! What goes back: the documented members of a success, or a refusal, with the headers of the contract.

use crate::origin::Grant;
use crate::refusal::Refusal;
use crate::refused::Refused;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use domain::request::Warning;
use domain::{EventId, ProgramId};
use runtime::refusal::X_AFFITOR_OUTCOME;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) const X_EVENT_ID: HeaderName = HeaderName::from_static("x-event-id");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Seconds after which sending again is worth it: longer than a pause between two attempts of ours.
pub(crate) const RETRY_SECONDS: u64 = 2;

/// A success, ready to be sent.
#[derive(Debug)]
pub(crate) struct Accepted {
    body: Vec<u8>,
    /// The event that was stored, if one was.
    event: Option<EventId>,
    /// Seconds after which the refused part of a bulk request is worth sending again.
    retry_seconds: Option<u64>,
}

/// The members of every success, in the order of the contract; absent ones are left out.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Success<'a> {
    pub(crate) success: bool,
    /// The lead counts once the server's arrives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provisional: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) click_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partner_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cookie_window_days: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<TestData<'a>>,
    /// What was dropped or ignored.
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) warnings: &'a [Warning],
}

/// What a test event answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestData<'a> {
    #[serde(rename = "eventId")]
    pub(crate) event_id: u64,
    #[serde(rename = "programId")]
    #[schema(value_type = i64)]
    pub(crate) program_id: ProgramId,
    pub(crate) test_mode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) click_id: Option<&'a str>,
}

impl Success<'_> {
    /// The answer about an event that is durable, or, without one, about nothing new.
    pub(crate) fn accepted(&self, event: Option<EventId>) -> Accepted {
        // Only texts, numbers and lists: a writer that cannot fail writes them.
        Accepted { body: serde_json::to_vec(self).unwrap_or_default(), event, retry_seconds: None }
    }
}

impl TestData<'_> {
    pub(crate) fn of_lead(id: EventId, program_id: ProgramId) -> Self {
        TestData { event_id: id.number(), program_id, test_mode: true, click_id: None }
    }
}

impl Accepted {
    /// The answer about many leads.
    pub(crate) fn bulk(answer: &impl Serialize, retry_seconds: Option<u64>) -> Self {
        // As above.
        Accepted { body: serde_json::to_vec(answer).unwrap_or_default(), event: None, retry_seconds }
    }

    pub(crate) fn into_response(self, grant: Grant) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(receipt) = self.event.and_then(|event| HeaderValue::try_from(event.to_string()).ok()) {
            headers.insert(X_EVENT_ID, receipt);
        }
        if let Some(seconds) = self.retry_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        grant.add_to(headers);
        response
    }
}

/// Every refusal.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failure<'a> {
    success: bool,
    /// A sentence a person can act on.
    error: &'a str,
    /// Stable, from a closed list.
    #[schema(value_type = String)]
    code: &'static str,
}

impl Refused {
    pub(crate) fn into_response(self, grant: Grant) -> Response<Body> {
        let refusal = self.refusal;
        let body = if refusal == Refusal::LinkInactive {
            Success { message: Some(refusal.message()), ..Success::default() }.accepted(None).body
        } else {
            let failure = Failure { success: false, error: self.message(), code: refusal.code() };
            serde_json::to_vec(&failure).unwrap_or_default()
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = refusal.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(outcome) = refusal.outcome() {
            headers.insert(X_AFFITOR_OUTCOME, outcome.header());
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        if let Some(limited) = self.limited {
            headers.insert(RETRY_AFTER, HeaderValue::from(limited.retry_seconds));
        }
        if refusal.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        grant.add_to(headers);
        response
    }
}

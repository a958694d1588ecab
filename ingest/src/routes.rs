//! The paths: which handler answers, and what every answer has in common.

use crate::answer::{Accepted, Success};
use crate::bulk::{self, BulkAnswer};
use crate::ingest::Ingest;
use crate::meters::{InHand, Route};
use crate::openapi::bodies::{ClickBody, LeadBody, LeadsBody};
use crate::openapi::refusals::{BulkRefusals, Refusals};
use crate::origin::{Grant, METHODS, preflight};
use crate::refusal::Refusal;
use crate::refused::Refused;
use crate::{click, lead, tracker};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::http::header::{ALLOW, HeaderMap, HeaderValue, SET_COOKIE};
use axum::routing::{MethodRouter, post};
use runtime::request_id::RequestId;

/// The method of bulk requests, which are none of a page's.
const POST: HeaderValue = HeaderValue::from_static("POST");

/// Clicks and leads, without a fallback, to be merged with other routes on one port.
pub fn router(ingest: Ingest) -> Router {
    let paths = Router::new()
        .route("/api/v1/track/click", closed(Route::Click, post(take_click)))
        .route("/api/v1/track/lead", closed(Route::Lead, post(take_lead)))
        .route("/api/v1/track/leads", only(Route::Leads, POST, post(take_leads)));
    paths.merge(tracker::routes()).with_state(ingest)
}

/// The answer at an address where there is nothing.
pub async fn not_found() -> Response<Body> {
    Refused::from(Refusal::NotFound).into_response(Grant::default())
}

/// Preflights are answered alike wherever pages may send; any other method is a 405.
fn closed(route: Route, methods: MethodRouter<Ingest>) -> MethodRouter<Ingest> {
    let ask = async move |State(ingest): State<Ingest>, headers: HeaderMap| {
        let in_hand = ingest.meters().begun(route);
        let response = preflight(headers).await;
        in_hand.answered(response.status());
        response
    };
    only(route, METHODS, methods.options(ask))
}

/// Any method but these is a 405 that names them.
fn only(route: Route, allowed: HeaderValue, methods: MethodRouter<Ingest>) -> MethodRouter<Ingest> {
    methods.fallback(async move |State(ingest): State<Ingest>| {
        let in_hand = ingest.meters().begun(route);
        let refused = Err(Refusal::MethodNotAllowed.into());
        ([(ALLOW, allowed)], finish(&ingest, in_hand, None, refused, Grant::default()))
    })
}

#[utoipa::path(
    post,
    path = "/api/v1/track/click",
    request_body(content((ClickBody = "application/json"), (ClickBody = "text/plain"))),
    responses(
        (status = 200, description = "The click id to keep; or `success` false when the link is inactive.", body = Success,
            headers(("X-Event-Id" = String, description = "The event that was stored, if one was."))),
        Refusals,
    ),
    security((), ("api_key" = []))
)]
pub(crate) async fn take_click(State(ingest): State<Ingest>, request: Request) -> Response<Body> {
    let in_hand = ingest.meters().begun(Route::Click);
    let (head, body) = request.into_parts();
    let mut grant = Grant::default();
    let mut cookie = None;
    let taken = click::take(&ingest, &head, body, &mut grant, &mut cookie).await;
    let mut response = finish(&ingest, in_hand, head.extensions.get(), taken, grant);
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

#[utoipa::path(
    post,
    path = "/api/v1/track/lead",
    request_body(content((LeadBody = "application/json"), (LeadBody = "text/plain"))),
    responses(
        (status = 200, description = "The lead is durable.", body = Success,
            headers(("X-Event-Id" = String, description = "The event that was stored, if one was."))),
        Refusals,
    ),
    security((), ("api_key" = []))
)]
pub(crate) async fn take_lead(State(ingest): State<Ingest>, request: Request) -> Response<Body> {
    let in_hand = ingest.meters().begun(Route::Lead);
    let (head, body) = request.into_parts();
    let mut grant = Grant::default();
    let taken = lead::take(&ingest, &head, body, &mut grant).await;
    finish(&ingest, in_hand, head.extensions.get(), taken, grant)
}

#[utoipa::path(
    post,
    path = "/api/v1/track/leads",
    request_body = LeadsBody,
    responses(
        (status = 200, description = "Every lead by itself: durable, or refused with its own code.", body = BulkAnswer,
            headers(("Retry-After" = u32, description = "Whole seconds, when a refused lead is to be sent again."))),
        BulkRefusals,
    ),
    security(("api_key" = []))
)]
pub(crate) async fn take_leads(State(ingest): State<Ingest>, request: Request) -> Response<Body> {
    let in_hand = ingest.meters().begun(Route::Leads);
    let (head, body) = request.into_parts();
    let taken = bulk::take(&ingest, &head, body).await;
    finish(&ingest, in_hand, head.extensions.get(), taken, Grant::default())
}

/// Counts and logs in one place. Only faults of ours are logged, and seldom: a client's are for the client.
pub(crate) fn finish(
    ingest: &Ingest,
    in_hand: InHand<'_>,
    request: Option<&RequestId>,
    taken: Result<Accepted, Refused>,
    grant: Grant,
) -> Response<Body> {
    if let Err(refused) = &taken {
        ingest.meters().refused(refused);
        if let Some(outcome) = refused.refusal.outcome()
            && let Some(left_out) = ingest.refusals_log().due()
        {
            let request = request.map(RequestId::as_str).unwrap_or_default();
            tracing::warn!(
                code = refused.refusal.code(),
                outcome = outcome.name(),
                request,
                left_out,
                "an event was not accepted"
            );
        }
    }
    let gone = matches!(&taken, Err(refused) if refused.refusal == Refusal::ClientGone);
    let response = match taken {
        Ok(accepted) => accepted.into_response(grant),
        Err(refused) => refused.into_response(grant),
    };
    if !gone {
        in_hand.answered(response.status());
    }
    response
}

//! `GET /api/v1/events/{event_id}`: what became of the event whose id was in `X-Event-Id`.

use crate::answer::json;
use crate::auth::Caller;
use crate::console::{Console, in_time};
use crate::fault::{Fault, ReadFailure};
use crate::openapi::refusals::AnyRead;
use crate::shapes::EventAnswer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::EventId;

/// What became of one event, a test event included.
#[utoipa::path(
    get,
    path = "/api/v1/events/{event_id}",
    params(("event_id" = String, Path, description = "The UUID of the header `X-Event-Id`.")),
    responses(
        (status = 200, description = "What became of it.", body = EventAnswer),
        AnyRead,
        (status = 404, description = "`not_recorded`: not processed yet, never accepted, or erased.",
         body = ReadFailure),
    ),
    security(("api_key" = []))
)]
pub(crate) async fn event(
    State(console): State<Console>,
    Caller(program): Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Fault> {
    // An id that we cannot have given is one that was never accepted.
    let Path(id) = path.map_err(|_| Fault::NotRecorded)?;
    let id: EventId = id.parse().map_err(|_| Fault::NotRecorded)?;
    let found = in_time(console.store().event(program, id)).await?.ok_or(Fault::NotRecorded)?;
    Ok(json(StatusCode::OK, &EventAnswer::of(found, console.clicks())))
}

//! What the baselines have in common: the product's own accept loop, one path for leads, and the plainest answers.

use crate::failure::Failure;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use runtime::config::Settings;
use runtime::health::Health;
use runtime::http::{Cores, HttpLimits, Seat, bind, read_body, readiness_router, serve};
use runtime::lifecycle::stop_on_signals;
use std::time::Duration;

/// Where leads are sent.
pub(super) const LEAD: &str = "/api/v1/track/lead";
const MAX_BODY_BYTES: usize = 16 * 1_024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves until SIGTERM, on the runtime that everybody has.
///
/// # Errors
/// The port cannot be had.
pub(super) async fn serve_until_stopped(settings: &Settings, app: Router) -> Result<(), Failure> {
    serve_at(settings, Seat::here(app.merge(readiness_router(Health::new())))).await
}

/// Serves until SIGTERM, as `ingest` does: each connection on one core.
///
/// # Errors
/// The port or the threads cannot be had.
pub(super) async fn serve_on_cores(settings: &Settings, app: Router) -> Result<(), Failure> {
    let cores = Cores::start().map_err(Failure::system("threads cannot be started"))?;
    let app = app.merge(readiness_router(Health::new()));
    let seats = cores.handles().iter().map(|core| Seat::new(core.clone(), app.clone()));
    serve_at(settings, seats.collect()).await
}

async fn serve_at(settings: &Settings, seats: Vec<Seat>) -> Result<(), Failure> {
    let stop = stop_on_signals().map_err(Failure::system("signals cannot be listened to"))?;
    let listener = bind(&settings.ingest.listen).await?;
    serve(listener, seats, HttpLimits::from(&settings.http), stop).await;
    Ok(())
}

/// A request's body, or nothing where it cannot be had.
pub(super) async fn whole(body: Body) -> Option<Bytes> {
    read_body(body, MAX_BODY_BYTES, BODY_TIMEOUT).await.ok()
}

/// The answer to a lead that was taken.
pub(super) fn taken() -> Response<Body> {
    json(r#"{"success":true,"message":"Lead tracked successfully"}"#)
}

/// An answer in JSON.
pub(super) fn json(text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer to whatever went wrong. The load takes it for the end of the bench.
pub(super) fn failed(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

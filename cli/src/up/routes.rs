//! Everything that `up` serves on its public port: the routes of `ingest` and `console` side by side.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use console::Console;
use ingest::Ingest;
use runtime::health::Health;
use runtime::http::readiness_router;

/// One router; the two rooms have no route in common.
pub(super) fn public(ingest: Ingest, console: Console, health: Health) -> Router {
    let contract = contract();
    let contract = move || std::future::ready(([(CONTENT_TYPE, "application/json")], contract.clone()));
    ingest::router(ingest)
        .merge(console::router(console))
        .merge(readiness_router(health))
        .route("/openapi.json", get(contract))
        .fallback(ingest::not_found)
}

/// The whole contract: both rooms' parts in one document.
fn contract() -> String {
    let mut whole = ingest::openapi();
    whole.merge(console::openapi());
    whole.to_json().unwrap_or_default()
}

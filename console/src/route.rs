//! The routes: which handler answers, and what is no route. No handler decides anything that another one decides too.

use crate::answer::json;
use crate::console::Console;
use crate::fault::Fault;
use crate::measure::{Route, measured};
use crate::{customers, events, openapi};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};

/// The read API, without a fallback and without `/openapi.json`, to be merged with `ingest`'s routes on one port.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/api/v1/customers", route(Route::CustomersOfClick, get(customers::of_click)))
        .route("/api/v1/customers/{customer_key}", route(Route::Customer, get(customers::customer)))
        .route("/api/v1/events/{event_id}", route(Route::Event, get(events::event)))
        .with_state(console)
}

/// [`router`] with its own part of the contract at `/openapi.json`, and a 404 for everything else.
pub fn standalone(console: Console) -> Router {
    let contract = || async { json(StatusCode::OK, &openapi::openapi()) };
    let rest = Router::new()
        .route("/openapi.json", route(Route::OpenApi, get(contract)))
        .fallback_service(measured(Route::Other, MethodRouter::new().fallback(fallback)));
    router(console).merge(rest)
}

/// The answer at an address where there is nothing.
pub async fn fallback() -> Fault {
    Fault::NotFound
}

/// A route that answers other methods with a 405 in JSON; axum adds `Allow`.
fn route<S: Clone + Send + Sync + 'static>(name: Route, methods: MethodRouter<S>) -> MethodRouter<S> {
    measured(name, methods.fallback(|| async { Fault::MethodNotAllowed }))
}

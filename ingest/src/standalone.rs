//! The paths of a port of our own: beside those of `routes` the contract for machines, and what is no path of ours.

use crate::ingest::Ingest;
use crate::meters::Route;
use crate::openapi::openapi;
use crate::origin::Grant;
use crate::refusal::Refusal;
use crate::routes::{finish, router};
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::routing::get;
use axum::{Json, Router};

/// [`router`] with its own part of the contract at `/openapi.json`, and a 404 for everything else.
pub fn standalone(ingest: Ingest) -> Router {
    let contract = async || Json(openapi());
    let only_get = async |State(ingest): State<Ingest>| {
        let in_hand = ingest.meters().begun(Route::Other);
        finish(&ingest, in_hand, None, Err(Refusal::MethodNotAllowed.into()), Grant::default())
    };
    let rest = Router::new().route("/openapi.json", get(contract).fallback(only_get)).fallback(nothing_here);
    router(ingest.clone()).merge(rest.with_state(ingest))
}

async fn nothing_here(State(ingest): State<Ingest>) -> Response<Body> {
    let in_hand = ingest.meters().begun(Route::Other);
    finish(&ingest, in_hand, None, Err(Refusal::NotFound.into()), Grant::default())
}

//! Everything that `up` serves on its public port: the routes of `ingest` and `console` side by side.

use crate::failure::Failure;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use console::{Console, DemoShop};
use ingest::Ingest;
use runtime::health::Health;
use runtime::http::readiness_router;
use std::io;

/// One router; the two rooms have no route in common. The demo's shop is there where there is a demo.
///
/// # Errors
/// The contract cannot be written as JSON.
pub(super) fn public(
    ingest: Ingest,
    console: Console,
    shop: Option<DemoShop>,
    health: Health,
) -> Result<Router, Failure> {
    let contract = contract()?;
    let contract = move || std::future::ready(([(CONTENT_TYPE, "application/json")], contract.clone()));
    let shop = shop.map(|shop| console::demo_router(console.clone(), &shop)).unwrap_or_default();
    let app = ingest::router(ingest)
        .merge(console::router(console))
        .merge(shop)
        .merge(readiness_router(health))
        .route("/openapi.json", get(contract))
        .fallback(ingest::not_found);
    Ok(app)
}

/// The whole contract: both rooms' parts in one document.
fn contract() -> Result<String, Failure> {
    let mut whole = ingest::openapi();
    whole.merge(console::openapi());
    let text = whole.to_json().map_err(io::Error::from);
    text.map_err(Failure::system("the contract for machines cannot be written"))
}

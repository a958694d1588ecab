//! Shows what became of every lead: the read API of one program's customers and events.
//!
//! A request's way through it: `auth` says which program asks, `customers` or `events` asks the store, `shapes`
//! turns the view into JSON, `fault` is every answer that is no success. It writes nothing and knows nothing of
//! queues. Run by its own binary, or mounted beside `ingest` on one port by `affitor up`.

mod answer;
mod auth;
mod console;
mod customers;
mod demo;
mod events;
mod fault;
mod keys;
mod measure;
mod moment;
mod openapi;
mod route;
mod service;
mod shapes;

pub use console::Console;
pub use demo::{DemoShop, demo_router};
pub use fault::Fault;
pub use openapi::openapi;
pub use route::{fallback, router, standalone};
pub use service::{StartError, run};

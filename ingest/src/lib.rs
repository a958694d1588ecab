//! Accepts clicks and leads over HTTP and makes them durable.
//!
//! A lead's way through it: `routes` → `lead` → `intake` (media type, key, body) → `domain::request` (what it says) →
//! `who` (whose it is) → `publisher` (durable in the queue) → `answer`. It writes no database and judges no lead. Run
//! by its own binary, or mounted beside `console` on one port by `affitor up`.

mod answer;
mod bulk;
mod click;
mod crawlers;
mod first_party;
mod ingest;
mod intake;
mod lead;
mod limits;
mod meters;
mod mint;
mod openapi;
mod origin;
mod publisher;
mod refusal;
mod refused;
mod routes;
mod seldom;
mod serve;
mod snapshot;
mod standalone;
mod tracker;
mod who;

pub use ingest::{Ingest, Parts, StateDirError};
pub use openapi::openapi;
pub use refusal::Refusal;
pub use routes::{not_found, router};
pub use serve::{StartError, run};
pub use standalone::standalone;

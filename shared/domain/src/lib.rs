//! What a lead means: pure rules. No async, no I/O, no clock and no randomness but what is handed in.
//!
//! `ingest` parses requests and mints events with it, `worker` and `store` decide with it,
//! `console` explains with it. It knows none of them.

pub mod api_key;
pub mod attribution;
pub mod click_id;
pub mod email;
pub mod event;
pub mod event_id;
pub mod examples;
pub mod identity;
pub mod journey;
pub mod keyring;
pub mod merge;
pub mod model;
pub mod outcome;
pub mod pack;
pub mod program;
pub mod request;
pub mod scenario;
pub mod timestamp;
pub mod universe;

pub use api_key::ApiKey;
pub use click_id::ClickId;
pub use event::{ClickEvent, Event, LeadEvent};
pub use event_id::EventId;
pub use identity::{CustomerKey, Ident};
pub use program::{LinkId, PartnerId, ProgramId};
pub use timestamp::Timestamp;

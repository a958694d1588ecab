//! What a client sent, read strictly: bytes in, a lead or a click request out, or every fault of it at once.
//!
//! Nothing is looked up here and no secret is asked but the email pepper: who the caller is and what the request
//! becomes is decided by `ingest`, the only caller. No fault repeats a value that was sent.

mod additional;
mod at_sign;
mod bounds;
mod bulk;
mod click;
mod detail;
mod fault;
mod json;
mod lead;
mod members;
mod privacy;
mod trail;
mod warning;

pub use bounds::{MAX_DEPTH, MAX_LEADS};
pub use bulk::leads_of;
pub use click::ClickRequest;
pub use detail::Details;
pub use fault::{Fault, FaultCode, Faulty, IDENTITY_REQUIRED, PLACEHOLDER_KEY, sentence};
pub use json::{Json, Object};
pub use lead::{LeadRequest, MAX_CLICK_ID_BYTES};
pub use warning::Warning;

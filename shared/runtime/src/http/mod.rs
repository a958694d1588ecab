//! HTTP as every binary speaks it: one accept loop with limits, bodies with a deadline, health and metrics.
//!
//! Routes and answers of the API are the binaries' own; here is what must hold for all of them.

mod body;
mod client_address;
mod contract;
mod cores;
mod deadlines;
mod guard;
mod header_length;
mod limits;
mod linger;
mod listener;
mod ops;
mod serve;
mod violation;
mod wire;

pub use body::{BodyFault, read_body};
pub use client_address::{X_FORWARDED_FOR, client_address};
pub use contract::health_contract;
pub use cores::Cores;
pub use limits::HttpLimits;
pub use listener::{BindError, bind};
pub use ops::{ops_router, readiness_router};
pub use serve::{Seat, serve};

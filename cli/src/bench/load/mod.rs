//! The load: a client that costs as little as it can, in a thread of its own, and keeps count of every answer.
//!
//! It speaks just enough HTTP/1.1 for servers that are known to answer well. What it sends is in `leads`.

mod connection;
mod driver;
mod leads;
mod schedule;
mod tally;

pub(super) use connection::Connection;
pub(super) use driver::{Rate, Since, closed, open};
pub(super) use leads::Leads;
pub(super) use tally::{Latency, Tally};

use std::net::SocketAddr;

/// Where leads go, and what the answer to one that was taken begins with.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) success: String,
}

impl Target {
    /// A service that answers as the product does.
    pub(super) fn at(address: SocketAddr) -> Self {
        Target { address, success: r#"{"success":true"#.to_owned() }
    }
    /// A service that answers whatever it is sent.
    pub(super) fn echo(address: SocketAddr) -> Self {
        Target { address, success: "{".to_owned() }
    }
}

//! The harness of the whole-system tests: servers, databases, processes, the pipeline that is tested and its clients, waiting, and the tally of a test run.
//! It knows no rule of the product. The tests in `tests/system` and `tests/run.sh` call it.
//!
//! A fault of the harness is a failed test, so it panics with a sentence instead of returning errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod browser;
mod client;
mod database;
mod leftovers;
mod load;
mod pipeline;
mod private;
mod process;
mod programs;
pub mod proxy;
mod servers;
mod spawning;
mod stored;
pub mod tally;
mod waiting;

pub use browser::{Seen, Site, Tab, Visitor, Weather};
pub use client::{Answer, Client, VISIBLE};
pub use database::{DatabaseGuard, fresh_database};
pub use load::{Accepted, Load};
pub use pipeline::{Pipeline, START, Shape, start_up, up_at};
pub use private::{PrivateBroker, PrivatePostgres};
pub use process::Process;
pub use programs::{TestProgram, key_entropy, now};
pub use servers::{Servers, free_port, unique_name};
pub use stored::Stored;
pub use waiting::eventually;

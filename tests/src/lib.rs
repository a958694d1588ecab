//! The harness of the whole-system tests: servers, databases, processes, waiting, and the tally of a test run.
//! It knows no rule of the product. The tests in `tests/system` and `tests/run.sh` call it.
//!
//! A fault of the harness is a failed test, so it panics with a sentence instead of returning errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod database;
mod process;
mod servers;
pub mod tally;
mod waiting;

pub use database::{DatabaseGuard, fresh_database};
pub use process::Process;
pub use servers::{Servers, free_port, unique_name};
pub use waiting::eventually;

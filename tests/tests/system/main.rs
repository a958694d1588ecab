//! All whole-system tests: one module a topic. They need the servers that `tests/run.sh` starts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

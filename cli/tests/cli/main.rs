//! The command line as people use it: the real binary, directories of its own, a plain HTTP client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod support;
mod up;

//! The command line as people use it: the real binary, directories of its own, a plain HTTP client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod bench;
mod commands;
mod dead_letters;
mod doctor;
mod maintenance;
mod support;
mod up;

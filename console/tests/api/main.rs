//! The read API as its clients see it, over a store that real batches were applied to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod customers;
mod errors;
mod events;
mod mounted;
mod stage;

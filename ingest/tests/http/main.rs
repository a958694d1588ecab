//! `ingest` over HTTP, on the embedded queue and store: what clients send, what they get, what is in the queue then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod bulk;
mod click;
mod lead;
mod programs;
mod protocol;
mod tracker;

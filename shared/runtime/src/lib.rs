//! What every binary needs: configuration, telemetry, the HTTP accept loop, start and stop.
//!
//! It knows nothing of leads beyond the keyrings that sign click ids; `ingest`, `worker`, `console`
//! and `cli` build on it.
//!
//! A binary's way through it: [`config::Settings::load`], [`process::Process::begin`], tasks of its own added to the
//! process's [`lifecycle::Supervisor`], [`process::Process::run`].

pub mod backoff;
pub mod config;
pub mod data_dir;
pub mod health;
pub mod http;
pub mod lifecycle;
pub mod process;
pub mod refusal;
pub mod request_id;
pub mod secret;
pub mod telemetry;
pub mod watch;

//! What every binary needs: configuration, telemetry, the HTTP accept loop, start and stop.
//!
//! It knows nothing of leads beyond the keyrings that sign click ids; `ingest`, `worker`, `console`
//! and `cli` build on it.
//!
//! A binary's way through it: [`config::Settings::load`] and [`config::Settings::check`],
//! [`telemetry::init_logs`], [`lifecycle::stop_on_signals`], [`http::bind`], then a
//! [`lifecycle::Supervisor`] that runs its tasks, [`http::serve`] among them.

pub mod backoff;
pub mod config;
pub mod data_dir;
pub mod health;
pub mod http;
pub mod lifecycle;
pub mod refusal;
pub mod request_id;
pub mod secret;
pub mod telemetry;

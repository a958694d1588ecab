//! Takes packs from the queue, has the store apply them, and acknowledges what is durable.
//!
//! Each lane is one consuming channel, one database connection and one batch in flight; lanes share nothing. It
//! decides nothing about leads (that is `domain`) and writes no SQL (that is `store`).

mod batch;
mod careful;
mod intake;
mod lane;
mod ledger;
mod maintenance;
mod outcomes;
mod replay;
mod serve;
pub mod servers;
mod split;
mod waiting;

pub use lane::LaneSettings;
pub use ledger::{LedgerSettings, spawn_ledger};
pub use maintenance::{MaintenanceSettings, spawn_maintenance};
pub use outcomes::describe_metrics;
pub use replay::{Replayed, StaysDead, readable, replay};
pub use serve::{WorkerError, migrate, run, spawn_lanes};

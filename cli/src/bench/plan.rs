//! How long and how often everything is measured.

use std::time::Duration;

/// What all parts measure by.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) rounds: u32,
    pub(super) turn: Duration,
    pub(super) connections: usize,
    /// Whether it is enough that everything works.
    pub(super) quick: bool,
    /// Whether a tenth of the rows will do where many are stored first.
    pub(super) small: bool,
}

impl Plan {
    /// Long enough for connections, pools and caches to be there.
    pub(super) fn warm_up(&self) -> Duration {
        Duration::from_millis(if self.quick { 100 } else { 1_000 })
    }

    /// Whether figures mean anything at all.
    pub(super) fn is_serious(&self) -> bool {
        !self.quick && !cfg!(debug_assertions)
    }
}

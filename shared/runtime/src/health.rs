//! Whether the process can accept work now, and the reasons when it cannot.
//!
//! Each part that work depends on holds one [`Check`] and sets it; `/readyz` reads them all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The readiness checks of one process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Health {
    slots: Arc<Mutex<Vec<Slot>>>,
}

#[derive(Debug)]
struct Slot {
    name: &'static str,
    /// `None` when ready.
    reason: Option<String>,
}

impl Health {
    /// No checks yet, which is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, not ready until it says so. Two parts may use the same name.
    pub fn check(&self, name: &'static str) -> Check {
        let mut slots = self.lock();
        slots.push(Slot { name, reason: Some("starting".into()) });
        Check { health: self.clone(), place: slots.len() - 1 }
    }

    /// Not ready from here on: the process is stopping. Nobody is warned of what somebody asked for.
    pub fn stopping(&self) {
        self.lock().push(Slot { name: "process", reason: Some("stopping".into()) });
    }

    /// Whether every check is ready.
    pub fn is_ready(&self) -> bool {
        self.lock().iter().all(|slot| slot.reason.is_none())
    }

    /// Why the process is not ready, `name: reason` each; empty when it is.
    pub fn reasons(&self) -> Vec<String> {
        let slots = self.lock();
        let reason = |slot: &Slot| slot.reason.as_ref().map(|why| format!("{}: {why}", slot.name));
        slots.iter().filter_map(reason).collect()
    }

    fn set(&self, place: usize, reason: Option<String>) {
        let mut slots = self.lock();
        let Some(slot) = slots.get_mut(place) else { return };
        if slot.reason == reason {
            return;
        }
        match &reason {
            None => tracing::info!(check = slot.name, "ready"),
            Some(reason) => tracing::warn!(check = slot.name, %reason, "not ready"),
        }
        slot.reason = reason;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thing that must work; cheap to set again and again.
#[derive(Clone, Debug)]
pub struct Check {
    health: Health,
    place: usize,
}

impl Check {
    /// It works.
    pub fn ready(&self) {
        self.health.set(self.place, None);
    }

    /// It does not, and why: shown to operators and to whoever asks `/readyz`, so no secrets.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.health.set(self.place, Some(reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_every_check_is() {
        let health = Health::new();
        let (queue, programs) = (health.check("queue"), health.check("programs"));
        assert_eq!(health.reasons(), ["queue: starting", "programs: starting"]);
        queue.ready();
        programs.not_ready("none loaded yet");
        assert_eq!(health.reasons(), ["programs: none loaded yet"]);
        programs.ready();
        assert!(health.is_ready());
    }

    #[test]
    fn a_stopping_process_is_not_ready_whatever_its_checks_say() {
        let health = Health::new();
        let queue = health.check("queue");
        health.stopping();
        queue.ready();
        assert_eq!(health.reasons(), ["process: stopping"]);
    }
}

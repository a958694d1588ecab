//! One thread with a runtime of its own for each core of the machine. A connection lives on one of them from its first
//! byte to its last, and so does what serves it: nothing of a request moves between cores or waits for a lock there.
//!
//! Made by `ingest`, which is busy enough to need it; `serve` hands connections out.

use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The threads. When this is dropped they end soon, and all tasks on them with them.
#[derive(Debug)]
pub struct Cores {
    handles: Vec<Handle>,
    _stop: DropGuard,
}

impl Cores {
    /// As many as the process may use at the same time.
    ///
    /// # Errors
    /// The system gives no more threads or file descriptors.
    pub fn start() -> io::Result<Self> {
        let stop = CancellationToken::new();
        // Before the first thread: when one cannot be had, those before it end too.
        let guard = stop.clone().drop_guard();
        let number = thread::available_parallelism()?.get();
        let handles = (0..number).map(|number| start(number, stop.clone())).collect::<io::Result<_>>()?;
        Ok(Cores { handles, _stop: guard })
    }

    /// Where to spawn: one of each.
    pub fn handles(&self) -> &[Handle] {
        &self.handles
    }
}

fn start(number: usize, stop: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name(format!("core-{number}")).spawn(move || runtime.block_on(stop.cancelled()))?;
    Ok(handle)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn each_core_is_a_thread_of_its_own_and_ends_with_the_last_owner() {
        let cores = Cores::start().unwrap();
        let mut names = BTreeSet::new();
        for core in cores.handles() {
            names.insert(core.spawn(async { thread::current().name().map(str::to_owned) }).await.unwrap());
        }
        assert_eq!(names.len(), cores.handles().len());
        let endless = cores.handles()[0].spawn(std::future::pending::<()>());
        drop(cores);
        assert!(endless.await.unwrap_err().is_cancelled());
    }
}

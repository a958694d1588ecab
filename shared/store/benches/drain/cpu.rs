//! Processor time of processes on this host, read from `/proc`.

use crate::database::Database;
use std::fs;
use std::time::{Duration, Instant};

/// What something took.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// The database's backends.
    pub(crate) backends: Duration,
    /// This process.
    pub(crate) own: Duration,
}

/// Runs from its making.
pub(crate) struct Clock {
    pids: Vec<i32>,
    backends: Duration,
    own: Duration,
    began: Instant,
}

impl Clock {
    pub(crate) async fn start(database: &Database) -> Clock {
        let pids = database.backends().await;
        Clock { backends: spent(&pids), own: own(), pids, began: Instant::now() }
    }

    pub(crate) fn stop(self) -> Cost {
        let wall = self.began.elapsed();
        Cost { wall, backends: spent(&self.pids).saturating_sub(self.backends), own: own().saturating_sub(self.own) }
    }
}

/// The first number of `schedstat` is the time on a processor in nanoseconds; zero for a server elsewhere.
fn spent(pids: &[i32]) -> Duration {
    let of = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).map_or(Duration::ZERO, Duration::from_nanos)
    };
    pids.iter().map(of).sum()
}

fn own() -> Duration {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ids: Vec<i32> = threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok()).collect();
    spent(&ids)
}

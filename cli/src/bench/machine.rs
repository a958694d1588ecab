//! What the kernel knows of processes: CPU time, most memory, and who listens on a port of this machine.
//!
//! Reads `/proc`; where that is missing or not allowed there is no figure, and nothing else changes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The kernel counts CPU time in this unit whatever its own clock.
const TICK: Duration = Duration::from_millis(10);

/// Lets this process and those it starts open as many files as the system allows: each connection is one.
pub(super) fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, connecting fails later, and says why.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// A process whose CPU time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process(u32);

impl Process {
    pub(super) const fn new(id: u32) -> Self {
        Process(id)
    }

    /// This process.
    pub(super) fn this() -> Self {
        Process(std::process::id())
    }

    /// Whoever listens on that port of the loopback address or of all addresses.
    pub(super) fn listening_on(port: u16) -> Option<Self> {
        let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        let inodes: Vec<String> = sockets.iter().flat_map(|table| listeners(table, port)).collect();
        let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
        processes().find(|id| holds_one_of(*id, &links)).map(Process)
    }

    /// CPU time used so far by the process and those it has waited for.
    pub(super) fn cpu(self) -> Option<Duration> {
        let stat = Stat::of(self.0)?;
        Some(TICK * stat.own + TICK * stat.ended_children)
    }

    /// The same with its present children: a database server has one for each connection.
    pub(super) fn cpu_of_family(self) -> Option<Duration> {
        let children = processes().filter_map(Stat::of).filter(|stat| stat.parent == self.0);
        let ticks: u32 = children.map(|stat| stat.own + stat.ended_children).sum();
        Some(self.cpu()? + TICK * ticks)
    }

    /// The most memory it ever had, in MiB.
    pub(super) fn peak_mib(self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kib / 1_024.0)
    }
}

/// Processes whose CPU time is shown beside a rate, each with its name in the table.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Vec<Watched>);

#[derive(Debug, Clone, Copy)]
struct Watched {
    name: &'static str,
    process: Process,
    with_children: bool,
}

impl Watch {
    /// Watches a process too.
    pub(super) fn and(mut self, name: &'static str, process: Process) -> Self {
        self.0.push(Watched { name, process, with_children: false });
        self
    }

    /// Watches the server behind a port and its children too, as far as it can be found.
    pub(super) fn and_server(mut self, name: &'static str, port: u16) -> Self {
        let found = Process::listening_on(port);
        self.0.extend(found.map(|process| Watched { name, process, with_children: true }));
        self
    }

    /// CPU time used so far.
    pub(super) fn read(&self) -> Vec<Option<Duration>> {
        let cpu = |watched: &Watched| {
            if watched.with_children { watched.process.cpu_of_family() } else { watched.process.cpu() }
        };
        self.0.iter().map(cpu).collect()
    }

    /// CPU time used since that reading; a process that cannot be read is left out.
    pub(super) fn since(&self, before: &[Option<Duration>]) -> Vec<(&'static str, Duration)> {
        let now = self.read();
        let used = self.0.iter().zip(before).zip(now).map(|((watched, before), now)| {
            let used = now.zip(*before).map(|(now, before)| now.saturating_sub(before));
            (watched.name, used)
        });
        used.filter_map(|(name, used)| Some((name, used?))).collect()
    }
}

/// The fields of `/proc/<id>/stat` that count.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: u32,
    ended_children: u32,
}

impl Stat {
    fn of(id: u32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    fn read(text: &str) -> Option<Self> {
        // The name before it may hold anything, spaces and brackets too.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u32>().ok();
        Some(Stat { parent: ticks(1)?, own: ticks(11)? + ticks(12)?, ended_children: ticks(13)? + ticks(14)? })
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn holds_one_of(id: u32, links: &[String]) -> bool {
    let files = fs::read_dir(Path::new("/proc").join(id.to_string()).join("fd")).into_iter().flatten().flatten();
    let mut held = files.filter_map(|file| fs::read_link(file.path()).ok());
    held.any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
}

/// The inodes of a table's sockets that listen on a port.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let ending = format!(":{port:04X}");
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let found = fields.get(1)?.ends_with(&ending) && *fields.get(3)? == LISTEN;
        if found { fields.get(9).map(|inode| (*inode).to_owned()) } else { None }
    };
    table.lines().filter_map(listens).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 30 4 20 0 1 0 5 6 7";
        assert_eq!(Stat::read(line), Some(Stat { parent: 7, own: 120, ended_children: 34 }));
    }

    #[test]
    fn this_process_is_found_by_its_port_and_has_used_time_and_memory() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = Process::listening_on(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(found, Process::this());
        assert!(found.cpu_of_family().unwrap() >= found.cpu().unwrap());
        assert!(found.peak_mib().unwrap() > 1.0);
    }
}

//! Servers of a test's own, to be stopped and broken: a RabbitMQ node and a PostgreSQL server from the installed
//! programs, each in a temporary directory on free ports. They end with the test, and with its process.

use std::{net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

use tempfile::TempDir;

use crate::{
    Process, eventually, free_port,
    leftovers::{Leftover, remove_at_the_end},
};

/// Longer than a start on a busy machine takes.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);

/// A RabbitMQ node that keeps its data and its address over any number of ends and starts.
#[derive(Debug)]
pub struct PrivateBroker {
    node: Process,
    _epmd: Process,
    ports: [u16; 3],
    directory: TempDir,
}

impl PrivateBroker {
    /// Starts a node and waits until it accepts connections.
    pub async fn start() -> Self {
        let (directory, ports) = (passable(), [free_port(), free_port(), free_port()]);
        // An epmd that the node starts by itself would outlive it.
        let mut epmd = Process::spawn("epmd", &rabbitmq(&directory, ports, "epmd"));
        epmd.wait_for_port(START, local(ports[2])).await;
        let node = Process::spawn("RabbitMQ", &rabbitmq(&directory, ports, "rabbitmq-server"));
        let mut broker = Self { node, _epmd: epmd, ports, directory };
        broker.accepts().await;
        broker
    }

    /// What a client connects with.
    pub fn amqp_url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports[0])
    }

    /// Stops the node where it is, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        self.node.signal(if frozen { "STOP" } else { "CONT" });
    }

    /// Ends the node at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// Starts it again and waits until it accepts connections.
    pub async fn start_again(&mut self) {
        self.node = Process::spawn("RabbitMQ", &rabbitmq(&self.directory, self.ports, "rabbitmq-server"));
        self.accepts().await;
    }

    /// Waits until the node would find its queues again after a KILL: it notes a new one down only a second later, and a
    /// queue that was not noted down is lost with all that was confirmed to be in it.
    ///
    /// # Panics
    /// When the node does not answer.
    pub async fn notes_its_queues_down(&self) {
        self.control(&["eval", "ok = dets:sync(ra_directory_reverse)."]).await;
    }

    /// Runs `rabbitmqctl` on the node.
    ///
    /// # Panics
    /// When it fails.
    pub async fn control(&self, arguments: &[&str]) {
        let mut command = rabbitmq(&self.directory, self.ports, "rabbitmqctl");
        let mut tool = Process::spawn("rabbitmqctl", command.args(arguments));
        let ended = tool.wait_for_end(START).await;
        assert!(ended.success(), "rabbitmqctl {arguments:?}: {}", tool.output());
    }

    /// Runs a shell script that calls what `RABBITMQCTL` names.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run_script(&self, script: &Path, environment: &[(&str, &str)]) {
        let tool = self.directory.path().join("rabbitmqctl");
        let words = rabbitmq(&self.directory, self.ports, "rabbitmqctl");
        let words = [words.get_program()].into_iter().chain(words.get_args());
        let words: Vec<_> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        std::fs::write(&tool, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).expect("the directory is ours");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
        let mut command = Command::new("sh");
        command.arg(script).env("RABBITMQCTL", &tool).envs(environment.iter().copied());
        let mut shell = Process::spawn("sh", &command);
        let ended = shell.wait_for_end(START).await;
        assert!(ended.success(), "{}: {}", script.display(), shell.output());
    }

    async fn accepts(&mut self) {
        self.node.wait_for_port(START, local(self.ports[0])).await;
    }
}

/// A PostgreSQL server that keeps its data and its address over any number of ends and starts.
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Process,
    port: u16,
    options: &'static [&'static str],
    directory: TempDir,
}

impl PrivatePostgres {
    /// Makes a cluster and starts its server with these options, and waits until it accepts connections.
    ///
    /// # Panics
    /// When the cluster cannot be made.
    pub async fn start(options: &'static [&'static str]) -> Self {
        let (directory, port) = (passable(), free_port());
        let mut command = postgres(&directory, "initdb");
        command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let mut initdb = Process::spawn("initdb", &command);
        assert!(initdb.wait_for_end(START).await.success(), "initdb: {}", initdb.output());
        let server = serve(&directory, port, options);
        let mut postgres = Self { server, port, options, directory };
        postgres.accepts().await;
        postgres
    }

    /// What a client connects with.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends the server without shutting anything down, as `pg_ctl stop -m immediate` does.
    pub async fn stop_immediately(&mut self) {
        self.server.signal("QUIT");
        self.server.wait_for_end(STOP).await;
    }

    /// Kills the server's first process, as `kill -9` does, and waits until the others have seen it and ended.
    pub async fn kill(&mut self) {
        let others = self.processes();
        self.server.kill();
        eventually(STOP, async || {
            let left: Vec<u32> = others.iter().copied().filter(|id| parent(*id).is_some()).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?} still run")) }
        })
        .await;
    }

    /// Kills one of its processes, as `kill -9` does.
    pub fn kill_one(&self, process: u32) {
        signal("KILL", &[process]);
    }

    /// Stops all its processes where they are, or lets them go on.
    pub fn freeze(&self, frozen: bool) {
        if frozen {
            // The first one first: it makes the others.
            self.server.signal("STOP");
            signal("STOP", &self.processes());
        } else {
            signal("CONT", &self.processes());
            self.server.signal("CONT");
        }
    }

    /// All its processes but the first.
    fn processes(&self) -> Vec<u32> {
        let ids = std::fs::read_dir("/proc").expect("the kernel's list").flatten();
        let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|id| parent(*id) == Some(self.server.id())).collect()
    }

    /// Starts it again and waits until it has recovered.
    pub async fn start_again(&mut self) {
        self.server = serve(&self.directory, self.port, self.options);
        self.accepts().await;
    }

    async fn accepts(&mut self) {
        self.server.wait_for_line(START, "ready to accept connections").await;
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // A KILL, which follows when the process is dropped, would leave shared memory behind.
        self.server.end_with("QUIT", STOP);
    }
}

/// The parent of a process that runs.
fn parent(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("State:")?.starts_with('Z') { None } else { field("PPid:")?.parse().ok() }
}

/// One that has ended in the meantime needs no signal.
fn signal(signal: &str, processes: &[u32]) {
    let ids: Vec<String> = processes.iter().map(u32::to_string).collect();
    let command = format!("kill -{signal} {} 2>/dev/null || true", ids.join(" "));
    let sent = Command::new("sh").args(["-c", &command]).status().expect("a shell");
    assert!(sent.success(), "{command}");
}

/// A temporary directory through which the servers' users may pass.
fn passable() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    remove_at_the_end(&Leftover::Directory(directory.path()));
    let mode = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(directory.path(), mode).expect("the directory is ours");
    directory
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn rabbitmq(directory: &TempDir, ports: [u16; 3], program: &str) -> Command {
    become_program(directory, &ports.map(|port| port.to_string()).join(" "), program)
}

fn postgres(directory: &TempDir, program: &str) -> Command {
    let mut command = become_program(directory, "", program);
    command.arg("-D").arg(directory.path().join("server/data"));
    command
}

fn serve(directory: &TempDir, port: u16, options: &[&str]) -> Process {
    let mut command = postgres(directory, "postgres");
    command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    Process::spawn("PostgreSQL", command.args(options))
}

fn become_program(directory: &TempDir, ports: &str, program: &str) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/become.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(directory.path().join("server")).arg(ports).arg(program);
    command
}

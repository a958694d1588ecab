//! A role of the bench in a process of its own, so that its CPU time and memory can be told from the others'.

use super::machine::Process;
use super::roles::Role;
use super::words::cannot;
use crate::failure::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child as Running, ChildStdin, Command};
use tokio::time::{sleep, timeout};

/// Within this a role is ready, or something is wrong.
const START: Duration = Duration::from_secs(15);
/// A little more than a process takes that stops well.
const STOP: Duration = Duration::from_secs(12);
const LOOK: Duration = Duration::from_millis(20);

/// A running role; killed when dropped, and it ends by itself when the bench is gone.
pub(super) struct Child {
    role: Role,
    running: Running,
    /// Open as long as the bench lives. Not left in `running`, which closes it as soon as its end is awaited.
    _lifeline: Option<ChildStdin>,
    pub(super) process: Process,
    /// Where it answers `/readyz`, and for those that take leads, where it takes them.
    pub(super) address: SocketAddr,
}

impl Child {
    /// Starts a role with that environment and waits until it is ready.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(role: Role, environment: Vec<(String, String)>) -> Result<Self, Failure> {
        let address = free_address()?;
        let program = std::env::current_exe().map_err(Failure::system("the program's own file cannot be found"))?;
        let mut command = Command::new(program);
        command.args(["bench-part", role.name()]).envs(environment).envs(role.listens_on(address));
        // Its end is how the role learns that the bench is gone, however that came about.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        let mut running = command.spawn().map_err(Failure::system("a part of the bench cannot be started"))?;
        let process = Process::new(running.id().unwrap_or_default());
        let lifeline = running.stdin.take();
        let mut child = Child { role, running, _lifeline: lifeline, process, address };
        child.wait_until_ready().await?;
        Ok(child)
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut last = "no answer".to_owned();
        while begun.elapsed() < START {
            if let Ok(Some(status)) = self.running.try_wait() {
                return Err(Failure::Found(format!("the bench's {} ended: {status}", self.role.name())));
            }
            match timeout(START, readiness(self.address)).await {
                Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
                Ok(Ok(answer)) => last = answer,
                Ok(Err(_)) | Err(_) => {}
            }
            sleep(LOOK).await;
        }
        Err(Failure::Found(format!("the bench's {} is not ready: {last}", self.role.name())))
    }

    /// Lets it stop as a service is stopped.
    ///
    /// # Errors
    /// It does not end well.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        // Waiting would close it first, and its end would tell the role that the bench is gone.
        let _open = self.running.stdin.take();
        let id = self.running.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            kill_process(id, Signal::TERM).map_err(cannot("a part of the bench cannot be stopped"))?;
        }
        match timeout(STOP, self.running.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::Found(format!("the bench's {} ended badly: {status}", self.role.name()))),
            Ok(Err(error)) => Err(cannot("a part of the bench cannot be waited for")(error)),
            Err(_) => Err(Failure::Found(format!("the bench's {} does not stop", self.role.name()))),
        }
    }
}

/// A port that is free now. Somebody else could take it before the role does; then the role says so and ends.
fn free_address() -> Result<SocketAddr, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map_err(Failure::system("no port is free"))
}

async fn readiness(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

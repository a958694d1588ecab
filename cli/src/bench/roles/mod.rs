//! What a process of the bench can be. Started by `bench` itself through a hidden command, never by a person.
//!
//! The real services run by their libraries; baselines are what else an engineer would have written, on the same
//! framework and accept loop.

mod baseline;
mod echo;
mod handler;
mod insert;
mod message;
mod textbook;

pub(super) use insert::TABLE as INSERT_TABLE;

use super::words::cannot;
use crate::arguments::{self, Command};
use crate::failure::Failure;
use clap::{Args, Parser, ValueEnum};
use runtime::config::Settings;
use std::ffi::OsStr;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The variable that names the role's own directory.
const DIRECTORY: &str = "AFFITOR_BENCH_DIRECTORY";
/// The variable that names the queue of the message-per-lead baseline.
const MESSAGE_QUEUE: &str = "AFFITOR_BENCH_MESSAGE_QUEUE";
/// The variable that holds the key that baselines accept.
const KEY: &str = "AFFITOR_BENCH_KEY";

/// `affitor bench-part ROLE`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    role: Role,
}

/// What a process of the bench is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Answers the JSON that it was sent
    Echo,
    /// The handler of leads without a queue
    Handler,
    /// The real `ingest`
    Ingest,
    /// One INSERT per request
    Insert,
    /// One message per request
    Message,
    /// One row per transaction
    Textbook,
    /// The whole pipeline in one process
    Up,
    /// The real `worker`
    Worker,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Role::Echo => "echo",
            Role::Handler => "handler",
            Role::Ingest => "ingest",
            Role::Insert => "insert",
            Role::Message => "message",
            Role::Textbook => "textbook",
            Role::Up => "up",
            Role::Worker => "worker",
        }
    }

    /// The settings by which it listens there.
    pub(super) fn listens_on(self, address: SocketAddr) -> Vec<(&'static str, String)> {
        match self {
            Role::Worker => vec![("AFFITOR_WORKER__METRICS_LISTEN", address.to_string())],
            Role::Echo | Role::Handler | Role::Ingest | Role::Insert | Role::Message | Role::Textbook | Role::Up => {
                vec![
                    ("AFFITOR_INGEST__LISTEN", address.to_string()),
                    ("AFFITOR_INGEST__METRICS_LISTEN", "127.0.0.1:0".to_owned()),
                ]
            }
        }
    }
}

/// Runs as that role until SIGTERM, or until the bench is gone.
///
/// # Errors
/// [`Failure`], which the bench passes on.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    end_with_the_bench()?;
    let settings = Settings::load(None)?;
    match arguments.role {
        Role::Echo => echo::run(&settings).await,
        Role::Handler => handler::run(&settings, &directory()).await,
        Role::Ingest => ingest::run(&settings).await.map_err(cannot("ingest")),
        Role::Insert => insert::run(&settings).await,
        Role::Message => message::run(&settings, &variable(MESSAGE_QUEUE), &variable(KEY)).await,
        Role::Textbook => textbook::run(&settings, &variable(MESSAGE_QUEUE)).await,
        Role::Up => up(&directory()).await,
        Role::Worker => worker::run(settings).await.map_err(cannot("worker")),
    }
}

/// As a person starts it, with the settings of the bench.
async fn up(directory: &Path) -> Result<(), Failure> {
    let line =
        [OsStr::new("affitor"), OsStr::new("up"), OsStr::new("--no-demo"), OsStr::new("--data"), directory.as_os_str()];
    match arguments::Arguments::try_parse_from(line).map(arguments::Arguments::into_command) {
        Ok(Command::Up(up)) => crate::up::run(&up).await,
        Ok(_) | Err(_) => Err(Failure::Usage("the bench cannot start `affitor up`".to_owned())),
    }
}

/// A bench that was killed cannot stop its parts. Its end of our standard input is closed then.
fn end_with_the_bench() -> Result<(), Failure> {
    let watch = || {
        // An end and an error mean the same.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1)
    };
    let started = std::thread::Builder::new().name("bench watch".to_owned()).spawn(watch);
    started.map(drop).map_err(Failure::system("no thread can be started"))
}

/// The variables of a role's own, beside its settings.
pub(super) fn with_directory(directory: &Path) -> (String, String) {
    (DIRECTORY.to_owned(), directory.display().to_string())
}

/// As [`with_directory`], for the message-per-lead baseline.
pub(super) fn with_queue(queue: &str, key: &str) -> [(String, String); 2] {
    [(MESSAGE_QUEUE.to_owned(), queue.to_owned()), (KEY.to_owned(), key.to_owned())]
}

fn directory() -> PathBuf {
    PathBuf::from(variable(DIRECTORY))
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

//! Why a command failed, as one sentence for the person who typed it, and the exit code that goes with it.

use runtime::config::LoadError;
use runtime::data_dir::DataDirError;
use runtime::http::BindError;
use runtime::process::ProcessError;
use runtime::telemetry::MetricsError;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use store::StoreError;
use thiserror::Error;

/// The arguments or settings cannot be meant; clap ends with the same code.
const USAGE: u8 = 2;

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// The settings cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Everything that is wrong with the settings.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// No pipeline has run in that directory.
    #[error(
        "there is no store in {0}; start `affitor up` with that directory first, or name another with --data or --database"
    )]
    NoStore(PathBuf),
    /// The schema is missing or from an older version.
    #[error("the database's schema is missing or too old; {0} brings it up to date")]
    OldSchema(&'static str),
    /// The store did not do what it was asked.
    #[error("{}", in_one_try(.0))]
    Store(#[from] StoreError),
    /// The queue cannot be opened.
    #[error(transparent)]
    Queue(#[from] queue::OpenError),
    /// What `ingest` keeps beside the store cannot be used.
    #[error(transparent)]
    StateDir(#[from] ingest::StateDirError),
    /// Metrics cannot be collected.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A file beside the store, or the system.
    #[error("{what}: {source}")]
    System {
        /// What could not be done.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no random numbers to give.
    #[error("no API key can be made: {0}")]
    NoRandomness(#[from] getrandom::Error),
    /// What was looked for is not as it should be; the details are printed.
    #[error("{0}")]
    Found(String),
    /// The process cannot start, or a part of the pipeline failed while it ran.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl Failure {
    /// Wraps what the system says.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        let what = what.into();
        |source| Failure::System { what, source }
    }

    /// 2 when the person has to write something else, 1 for everything that may work another time.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_)
            | Failure::Load(_)
            | Failure::Settings(_)
            | Failure::Process(ProcessError::Settings(_)) => ExitCode::from(USAGE),
            Failure::Bind(_)
            | Failure::DataDir(_)
            | Failure::NoStore(_)
            | Failure::OldSchema(_)
            | Failure::Store(_)
            | Failure::Queue(_)
            | Failure::StateDir(_)
            | Failure::Metrics(_)
            | Failure::System { .. }
            | Failure::NoRandomness(_)
            | Failure::Found(_)
            | Failure::Process(_) => ExitCode::FAILURE,
        }
    }
}

/// A command asks once, where a worker would go on trying.
fn in_one_try(error: &StoreError) -> String {
    match error {
        StoreError::Away(reason) => format!("the database does not answer: {reason}"),
        StoreError::Busy(reason) => format!("the database is busy, try again: {reason}"),
        StoreError::Refused { .. }
        | StoreError::Misconfigured(_)
        | StoreError::NotFound(_)
        | StoreError::Conflict(_)
        | StoreError::Invalid(_) => error.to_string(),
    }
}

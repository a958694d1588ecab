//! `affitor doctor`: looks at everything the pipeline stands on and says what to do. Changes nothing, except that the
//! broker's exchanges and queues are declared when they are missing, as by any part of the pipeline that connects.

mod broker;
mod database;
mod files;

use crate::failure::Failure;
use crate::output::{self, Column};
use crate::store_choice::StoreArguments;
use clap::Args;
use runtime::secret::Secret;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

const COLUMNS: &[Column; 4] = &[("state", "STATE"), ("check", "CHECK"), ("found", "FOUND"), ("remedy", "WHAT TO DO")];

/// `affitor doctor …`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// RabbitMQ. AFFITOR_QUEUE__AMQP_URL says the same without showing it in the list of processes
    #[arg(long, value_name = "URL")]
    amqp: Option<Secret>,
    /// Where an `ingest` of this machine keeps its programs [default: `ingest.state_dir`, if it is there]
    #[arg(long = "state-dir", value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// It works, and will not for ever or not safely; or it cannot be seen from here.
    Warning,
    /// It does not work.
    Fault,
}

/// One line of the report.
#[derive(Debug)]
struct Check {
    name: &'static str,
    state: State,
    found: String,
    remedy: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Check { name, state: State::Ok, found: found.into(), remedy: None }
    }

    fn warning(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Check { name, state: State::Warning, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn fault(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Check { name, state: State::Fault, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn record(&self) -> [Value; 4] {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Fault => "fault",
        };
        [json!(state), json!(self.name), json!(self.found), json!(self.remedy)]
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Found`] when there is a fault.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut settings = arguments.store.settings()?;
    if let Some(url) = &arguments.amqp {
        settings.queue.amqp_url = url.clone();
    }
    let directory = arguments.store.embedded(&settings);
    let mut checks = Vec::new();
    if directory.is_none() {
        broker::check(&settings, &mut checks).await;
    }
    let store = match arguments.store.open_any(&settings).await {
        Ok(store) => Some(store),
        Err(failure) => {
            checks.push(Check::fault("database", failure.to_string(), "see the settings of `store`, or --data"));
            None
        }
    };
    if let Some(store) = &store {
        database::check(store, directory.is_some(), &mut checks).await;
    }
    // A snapshot beside an embedded store may be behind it for as long as nothing runs there: a start reads both.
    let version = match (&store, directory) {
        (Some(store), None) => store.settings_version().await.ok(),
        _ => None,
    };
    files::secrets(&settings, directory, &mut checks);
    let state_dir = arguments.state_dir.as_deref().or(directory).unwrap_or(&settings.ingest.state_dir);
    let expected = arguments.state_dir.is_some() || directory.is_some();
    let patience = Duration::from_millis(2 * settings.ingest.snapshot_refresh_ms);
    files::snapshot(state_dir, expected, version, patience, &mut checks).await;
    files::disk(state_dir, &mut checks);
    if let Some(store) = store {
        store.close().await;
    }
    output::print(&output::all(arguments.store.json, COLUMNS, checks.iter().map(Check::record), "nothing to check"))?;
    match checks.iter().filter(|check| check.state == State::Fault).count() {
        0 => Ok(()),
        1 => Err(Failure::Found("there is a fault".to_owned())),
        faults => Err(Failure::Found(format!("there are {faults} faults"))),
    }
}

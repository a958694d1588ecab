//! `affitor up`: the whole pipeline in one process, wired in order. The parts are other crates' business.

mod backend;
mod greeting;
mod ports;
mod routes;
mod settings;

use crate::demo::Demo;
use crate::failure::Failure;
use crate::store_choice::DEFAULT_DATA;
use backend::Backend;
use clap::Args;
use console::Console;
use ingest::{Ingest, Parts};
use ports::Ports;
use runtime::config::Settings;
use runtime::data_dir::DataDir;
use runtime::health::Health;
use runtime::http::HttpLimits;
use runtime::lifecycle::{Supervisor, stop_on_signals};
use runtime::secret::{Secret, Secrets};
use runtime::telemetry;
use std::path::PathBuf;
use worker::{LaneSettings, LedgerSettings};

/// Options of `affitor up`.
#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    /// Directory for the store, the secrets and the demo's facts; made if it is missing
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA)]
    data: PathBuf,
    /// Address of the API [default: `ingest.listen` of the settings, which is 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Address of metrics and health [default: 127.0.0.1:9100; with a settings file its `ingest.metrics_listen`]
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<String>,
    /// Put a demo into an empty store also when other machines can reach the API
    #[arg(long, conflicts_with = "no_demo")]
    demo: bool,
    /// Put no demo into an empty store
    #[arg(long)]
    no_demo: bool,
    /// RabbitMQ instead of the embedded queue, as `amqp://user:password@host:5672/vhost`; only together with a database
    #[arg(long, value_name = "URL")]
    amqp: Option<Secret>,
    /// PostgreSQL instead of the embedded store, as `postgres://user:password@host:5432/database`
    #[arg(long, value_name = "URL")]
    database: Option<Secret>,
    /// Settings file; AFFITOR_… variables win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs until SIGTERM or Ctrl-C.
///
/// # Errors
/// [`Failure`], which says what to do.
pub(crate) async fn run(arguments: &UpArguments) -> Result<(), Failure> {
    let settings = settings::settle(arguments)?;
    telemetry::init_logs(&settings.log).map_err(|error| Failure::Usage(format!("the log filter: {error}")))?;
    // Ports before files: a busy port leaves nothing behind.
    let ports = Ports::bind(&settings.ingest).await?;
    // Before queue and store are opened: they make their series then.
    telemetry::install_metrics()?;
    let data = DataDir::open(&arguments.data)?;
    let secrets = secrets(&settings, &data)?;
    let backend = Backend::open(&settings, data.path()).await?;
    let demo = if arguments.wants_demo(&ports) {
        Demo::prepare(&backend.store, &data, ports.base_url.clone(), ports.metrics_url.clone()).await?
    } else {
        None
    };
    let greeting = greeting::text(&ports.base_url, &ports.metrics_url, data.path(), demo.as_ref());

    let stop = stop_on_signals().map_err(Failure::system("signals cannot be listened to"))?;
    let health = Health::new();
    let mut supervisor = Supervisor::new(stop.clone());
    start(&mut supervisor, ports, &backend, &settings, secrets, &health).await?;
    let (ended, ()) = tokio::join!(supervisor.run(), greeting::say_when_ready(greeting, health, stop));
    backend.close().await;
    Ok(ended?)
}

impl UpArguments {
    /// A demo's key is in plain text in a file: nothing to make, unasked, where others can reach it.
    fn wants_demo(&self, ports: &Ports) -> bool {
        self.demo || (ports.are_local() && !self.no_demo)
    }
}

/// The directory's own, unless the settings bring others.
fn secrets(settings: &Settings, data: &DataDir) -> Result<Secrets, Failure> {
    if settings.secrets.any_given() {
        settings.secrets.parse().map_err(Failure::Settings)
    } else {
        Ok(data.load_or_create_secrets()?)
    }
}

/// Starts the three rooms and serves them.
async fn start(
    supervisor: &mut Supervisor,
    ports: Ports,
    backend: &Backend,
    settings: &Settings,
    secrets: Secrets,
    health: &Health,
) -> Result<(), Failure> {
    let metrics = telemetry::install_metrics()?;
    let limits = HttpLimits::from(&settings.http);
    let console = Console::new(backend.store.clone(), secrets.click.clone());
    let parts = Parts {
        queue: &backend.queue,
        store: &backend.store,
        secrets,
        settings: &settings.ingest,
        body_timeout: limits.body_timeout,
        health,
    };
    let ingest = Ingest::start(parts, supervisor).await?;
    let lane = LaneSettings {
        batch_events: settings.worker.batch_events,
        prefetch: settings.worker.prefetch,
        ..LaneSettings::default()
    };
    worker::spawn_lanes(supervisor, &backend.queue, &backend.store, backend.lanes, lane, health);
    worker::spawn_ledger(supervisor, &backend.queue, &backend.store, LedgerSettings::from(&settings.worker));
    ports.serve(supervisor, routes::public(ingest.clone(), console, health.clone()), ingest, metrics, health, limits);
    Ok(())
}

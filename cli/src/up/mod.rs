//! `affitor up`: the whole pipeline in one process, wired in order. The parts are other crates' business.

mod backend;
mod greeting;
mod places;
mod routes;
mod settings;

use crate::demo::{Demo, DemoState};
use crate::failure::Failure;
use crate::store_choice::DEFAULT_DATA;
use backend::Backend;
use clap::Args;
use console::{Console, DemoShop};
use ingest::{Ingest, Parts};
use places::Place;
use runtime::config::{Role, Settings};
use runtime::data_dir::DataDir;
use runtime::http::{Seat, bind};
use runtime::process::Process;
use runtime::secret::{Secret, Secrets};
use std::path::PathBuf;
use store::Store;
use tokio::net::TcpListener;
use worker::{LaneSettings, LedgerSettings, MaintenanceSettings};

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
    // Ports before files: a busy port leaves nothing behind.
    let mut process = Process::begin(&settings, Role::Up, &settings.ingest.metrics_listen).await?;
    let listener = bind(&settings.ingest.listen).await?;
    let (api, metrics) = (Place::of(&listener)?, Place::of(process.ops())?);
    let data = DataDir::open(&arguments.data)?;
    let secrets = secrets(&settings, &data)?;
    let backend = Backend::open(&settings, data.path()).await?;
    let demo = arguments.demo(&backend.store, &data, api, metrics).await?;
    let greeting = greeting::text(api, metrics, data.path(), &demo);

    start(&mut process, listener, &backend, &settings, secrets, demo.shop()).await?;
    let (health, stop) = (process.health.clone(), process.tasks.stop());
    let (ended, ()) = tokio::join!(process.run(), greeting::say_when_ready(greeting, health, stop));
    backend.close().await;
    tracing::info!("affitor has stopped");
    Ok(ended?)
}

impl UpArguments {
    /// A demo's key is in plain text in a file: nothing to make, unasked, where others can reach it.
    async fn demo(&self, store: &Store, data: &DataDir, api: Place, metrics: Place) -> Result<DemoState, Failure> {
        if self.demo || (api.is_local() && !self.no_demo) {
            Demo::prepare(store, data, api.url(), format!("{}/metrics", metrics.url())).await
        } else if !self.no_demo && store.is_empty().await? {
            Ok(DemoState::Withheld)
        } else {
            Ok(DemoState::None)
        }
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
    process: &mut Process,
    listener: TcpListener,
    backend: &Backend,
    settings: &Settings,
    secrets: Secrets,
    shop: Option<DemoShop>,
) -> Result<(), Failure> {
    let console = Console::new(backend.store.clone(), secrets.click.clone());
    let parts = Parts {
        queue: &backend.queue,
        store: &backend.store,
        secrets,
        settings: &settings.ingest,
        body_timeout: process.limits().body_timeout,
        health: &process.health,
    };
    let ingest = Ingest::start(parts, &mut process.tasks).await?;
    let lane = LaneSettings {
        batch_events: settings.worker.batch_events,
        prefetch: settings.worker.prefetch,
        ..LaneSettings::default()
    };
    let (tasks, health) = (&mut process.tasks, &process.health);
    worker::spawn_lanes(tasks, &backend.queue, &backend.store, backend.lanes, lane, health);
    worker::spawn_ledger(tasks, &backend.queue, &backend.store, LedgerSettings::from(&settings.worker));
    worker::spawn_maintenance(tasks, &backend.store, MaintenanceSettings::from(&settings.worker));
    let app = routes::public(ingest.clone(), console, shop, health.clone())?;
    process.serve(listener, Seat::here(app), move || ingest.finish());
    Ok(())
}

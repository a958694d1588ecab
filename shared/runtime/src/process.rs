//! A process from its start to its end, the same for every role: settings, logs, metrics and health, signals, stop.
//!
//! What the process does is its own: it adds tasks between [`Process::begin`] and [`Process::run`]. Called by `ingest`,
//! `worker`, `console` and `affitor up`.

use crate::config::{Role, Settings};
use crate::health::Health;
use crate::http::{BindError, HttpLimits, Seat, bind, ops_router, serve};
use crate::lifecycle::{RunError, Supervisor, cancel_on_signals};
use crate::telemetry::{MetricsError, MetricsHandle, init_logs, install_metrics};
use std::convert::Infallible;
use std::io;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why a process did not start, or did not end well.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// Everything that is wrong with the settings.
    #[error("the settings cannot be used:\n  {}", .0.join("\n  "))]
    Settings(Vec<String>),
    /// Metrics cannot be collected.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Signals cannot be listened to.
    #[error("the system does not let the process listen for signals: {0}")]
    Signals(io::Error),
    /// A task failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A process that has its settings, its logs and its port for metrics, and serves nothing yet.
#[derive(Debug)]
pub struct Process {
    /// Whether it can accept work.
    pub health: Health,
    /// What it cannot be without.
    pub tasks: Supervisor,
    limits: HttpLimits,
    metrics: MetricsHandle,
    ops: TcpListener,
}

impl Process {
    /// Checks the settings, begins to log and to count, and takes the port of metrics and health: `ops` of them.
    ///
    /// # Errors
    /// [`ProcessError`], a sentence that says what to do.
    pub async fn begin(settings: &Settings, role: Role, ops: &str) -> Result<Self, ProcessError> {
        settings.check(role).map_err(ProcessError::Settings)?;
        init_logs(&settings.log).map_err(|error| ProcessError::Settings(vec![error.to_string()]))?;
        Ok(Process {
            health: Health::new(),
            tasks: Supervisor::new(CancellationToken::new()),
            limits: HttpLimits::from(&settings.http),
            metrics: install_metrics()?,
            ops: bind(ops).await?,
        })
    }

    /// The limits of everything that it serves.
    pub fn limits(&self) -> HttpLimits {
        self.limits
    }

    /// The port of metrics and health.
    pub fn ops(&self) -> &TcpListener {
        &self.ops
    }

    /// Serves `seats` until the stop; `finished` is called when no request is in hand any more.
    pub fn serve(&mut self, listener: TcpListener, seats: Vec<Seat>, finished: impl FnOnce() + Send + 'static) {
        let (stop, limits) = (self.tasks.stop(), self.limits);
        self.tasks.spawn("http", async move {
            serve(listener, seats, limits, stop).await;
            finished();
            Ok::<_, Infallible>(())
        });
    }

    /// Serves metrics and health and waits for SIGTERM or SIGINT, or for a task that fails; then for the tasks' ends.
    /// Until it is called a signal ends the process at once.
    ///
    /// # Errors
    /// [`ProcessError::Signals`], or [`ProcessError::Run`] with the first fault.
    pub async fn run(self) -> Result<(), ProcessError> {
        let Process { health, mut tasks, limits, metrics, ops } = self;
        let stop = tasks.stop();
        cancel_on_signals(&stop).map_err(ProcessError::Signals)?;
        tasks.spawn("metrics", {
            let (app, stop) = (ops_router(metrics, health.clone()), stop.clone());
            async move {
                serve(ops, Seat::here(app), limits, stop).await;
                Ok::<_, Infallible>(())
            }
        });
        tasks.spawn("readiness", async move {
            stop.cancelled().await;
            health.stopping();
            Ok::<_, Infallible>(())
        });
        Ok(tasks.run().await?)
    }
}

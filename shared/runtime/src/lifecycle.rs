//! Start and stop of a process: signals become a token, tasks are watched, and a stop has an end.

use std::error::Error;
use std::future::Future;
use std::io;
use std::time::Duration;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long tasks have to finish once the process stops.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What a task ends with when it fails.
pub type TaskError = Box<dyn Error + Send + Sync>;

/// A token that SIGTERM or SIGINT cancels; a second signal ends the process at once (143 or 130).
///
/// # Errors
/// The system does not let the process listen for signals.
pub fn stop_on_signals() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    cancel_on_signals(&stop)?;
    Ok(stop)
}

/// [`stop_on_signals`] for a token that is there already.
pub(crate) fn cancel_on_signals(stop: &CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            }
        };
        next().await;
        tracing::info!("stopping; a second signal stops at once");
        token.cancel();
        std::process::exit(next().await);
    });
    Ok(())
}

/// Why a run did not end well.
#[derive(Debug, Error)]
pub enum RunError {
    /// A task ended though nobody asked it to.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
    /// A task failed.
    #[error("{task} failed: {source}")]
    Failed {
        /// Which.
        task: &'static str,
        /// Why.
        source: TaskError,
    },
    /// A task panicked; the panic itself is on standard error.
    #[error("{0} panicked; please report this")]
    Panicked(&'static str),
    /// Tasks were still at work when the time to stop was over.
    #[error("did not finish within {} s: {}", STOP_LIMIT.as_secs(), .0.join(", "))]
    Unfinished(Vec<&'static str>),
}

/// Runs the tasks that a process cannot be without.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    limit: Duration,
    tasks: JoinSet<Result<(), TaskError>>,
    names: Vec<(Id, &'static str)>,
}

impl Supervisor {
    /// A supervisor whose tasks are to end when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, limit: STOP_LIMIT, tasks: JoinSet::new(), names: Vec::new() }
    }

    /// The token that every task watches.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task, which may end only after the stop.
    pub fn spawn<E: Into<TaskError>>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.spawn_on(name, task, &Handle::current());
    }

    /// [`Supervisor::spawn`] on another runtime. Whoever ends that runtime aborts what has not finished on it.
    pub fn spawn_on<E: Into<TaskError>>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
        runtime: &Handle,
    ) {
        let handle = self.tasks.spawn_on(async move { task.await.map_err(Into::into) }, runtime);
        self.names.push((handle.id(), name));
    }

    /// Waits for the stop, or stops everything when a task ends before it; then waits for all to finish.
    ///
    /// What has not finished within [`STOP_LIMIT`] is named and left running, never aborted: it may be in
    /// the middle of a transaction, and the process is about to end anyway.
    ///
    /// # Errors
    /// [`RunError`], the first fault: what came after it is usually its consequence, and is logged.
    pub async fn run(mut self) -> Result<(), RunError> {
        let mut first = None;
        if !self.tasks.is_empty() {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                Some(ended) = self.tasks.join_next_with_id() => {
                    let fault = self.fault(ended).unwrap_or_else(RunError::Ended);
                    tracing::error!(%fault, "stopping");
                    first = Some(fault);
                    self.stop.cancel();
                }
            }
        }
        self.finish(first).await
    }

    async fn finish(mut self, mut first: Option<RunError>) -> Result<(), RunError> {
        let deadline = tokio::time::Instant::now() + self.limit;
        while !self.tasks.is_empty() {
            match tokio::time::timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(Some(ended)) => {
                    if let Ok(fault) = self.fault(ended) {
                        tracing::error!(%fault, "while stopping");
                        first.get_or_insert(fault);
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    let fault = RunError::Unfinished(self.names.iter().map(|(_, name)| *name).collect());
                    tracing::error!(%fault, "stopping anyway");
                    self.tasks.detach_all();
                    first.get_or_insert(fault);
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// The fault a task ended with, or the name of one that ended well.
    fn fault(&mut self, ended: Result<(Id, Result<(), TaskError>), JoinError>) -> Result<RunError, &'static str> {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let place = self.names.iter().position(|(known, _)| *known == id);
        let task = place.map_or("a task", |place| self.names.swap_remove(place).1);
        match ended {
            Ok((_, Ok(()))) => Err(task),
            Ok((_, Err(source))) => Ok(RunError::Failed { task, source }),
            Err(_) => Ok(RunError::Panicked(task)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn supervisor() -> Supervisor {
        Supervisor::new(CancellationToken::new())
    }

    /// A task that does what it should: ends after the stop.
    fn obedient(supervisor: &mut Supervisor, name: &'static str) {
        let stop = supervisor.stop();
        supervisor.spawn(name, async move {
            stop.cancelled().await;
            Ok::<_, TaskError>(())
        });
    }

    #[tokio::test]
    async fn tasks_that_end_after_the_stop_are_a_good_end() {
        let mut supervisor = supervisor();
        obedient(&mut supervisor, "http");
        obedient(&mut supervisor, "publisher");
        supervisor.stop().cancel();
        supervisor.run().await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_fails_stops_the_others_and_is_named() {
        let mut supervisor = supervisor();
        obedient(&mut supervisor, "http");
        supervisor.spawn("publisher", async { Err("the broker is gone") });
        let error = supervisor.run().await.unwrap_err();
        assert_eq!(error.to_string(), "publisher failed: the broker is gone");
    }

    #[tokio::test]
    async fn a_task_that_ends_early_or_panics_is_a_fault() {
        let mut ends = supervisor();
        ends.spawn("snapshot", async { Ok::<_, TaskError>(()) });
        assert!(matches!(ends.run().await, Err(RunError::Ended("snapshot"))));

        let mut panics = supervisor();
        panics.spawn::<TaskError>("snapshot", async { panic!("on purpose") });
        assert!(matches!(panics.run().await, Err(RunError::Panicked("snapshot"))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_finish_in_time_is_named() {
        let mut supervisor = supervisor();
        obedient(&mut supervisor, "http");
        supervisor.spawn("lane 1", std::future::pending::<Result<(), TaskError>>());
        supervisor.stop().cancel();
        let error = supervisor.run().await.unwrap_err();
        assert_eq!(error.to_string(), "did not finish within 10 s: lane 1");
    }
}

//! The queue on RabbitMQ: a supervised connection for publishing and another one for consuming,
//! each made when first needed. Called by `queue.rs` only.

mod consuming;
mod link;
mod pause;
mod policies;
mod publishing;
mod settings;
mod supervisor;
mod topology;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapin::uri::AMQPUri;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::meters;
use crate::{DepthError, OpenError, Policies, Readiness, SourceQueue};
use supervisor::{Side, Supervisor};

pub(crate) use consuming::Consumer;
pub(crate) use publishing::PublishingChannel;
pub use settings::RabbitMqSettings;
pub use topology::TopologyNames;

/// For both supervisors to say goodbye.
const CLOSE_DEADLINE: Duration = Duration::from_secs(4);

#[derive(Clone)]
pub(crate) struct RabbitMq(Arc<Shared>);

struct Shared {
    settings: RabbitMqSettings,
    address: AMQPUri,
    names: TopologyNames,
    publishing: OnceLock<Side>,
    consuming: OnceLock<Side>,
    supervisors: TaskTracker,
    stop: CancellationToken,
    /// Supervisors end with the last user of the queue, also when nobody calls `close`.
    _stop_when_dropped: DropGuard,
}

impl RabbitMq {
    pub(crate) fn open(settings: RabbitMqSettings) -> Result<Self, OpenError> {
        settings.check_prefix()?;
        let stop = CancellationToken::new();
        Ok(Self(Arc::new(Shared {
            address: settings.address()?,
            names: TopologyNames::new(&settings.prefix),
            settings,
            publishing: OnceLock::new(),
            consuming: OnceLock::new(),
            supervisors: TaskTracker::new(),
            _stop_when_dropped: stop.clone().drop_guard(),
            stop,
        })))
    }

    pub(crate) fn readiness(&self) -> watch::Receiver<Readiness> {
        self.0.publishing().readiness()
    }

    pub(crate) fn publishing_channel(&self) -> PublishingChannel {
        PublishingChannel::new(Arc::clone(&self.0), self.0.publishing().clone())
    }

    pub(crate) fn consumer(&self, source: SourceQueue, prefetch: u16) -> Consumer {
        Consumer::new(Arc::clone(&self.0), self.0.consuming().clone(), source, prefetch)
    }

    /// Asks on a connection that is there already, if one is.
    pub(crate) async fn depth(&self, source: SourceQueue) -> Result<u64, DepthError> {
        let (shared, mut side) = (&self.0, self.0.used());
        let ask = async {
            let link = side.next_link().await.ok_or("the queue is closed".to_owned())?;
            let asked = async {
                let channel = link.channel().await?;
                topology::waiting(channel.amqp(), shared.names.queue(source)).await
            };
            asked.await.map_err(|error| error.to_string())
        };
        match timeout(shared.settings.connect_timeout, ask).await {
            Ok(Ok(waiting)) => Ok(u64::from(waiting)),
            Ok(Err(reason)) => Err(DepthError(reason)),
            Err(_) => Err(DepthError("RabbitMQ did not answer in time".to_owned())),
        }
    }

    pub(crate) async fn policies(&self) -> Policies {
        let mut side = self.0.used();
        match timeout(self.0.settings.connect_timeout, side.next_link()).await {
            Ok(Some(link)) => policies::ask(&link, &self.0.names).await,
            Ok(None) => Policies::Unknown("the queue is closed".to_owned()),
            Err(_) => Policies::Unknown("RabbitMQ is away".to_owned()),
        }
    }

    pub(crate) fn warn_of_missing_policies(&self) {
        // Not the queue itself: the task must not keep it alive.
        let (side, names, stop) = (self.0.used(), self.0.names.clone(), self.0.stop.clone());
        self.0.supervisors.spawn(async move { stop.run_until_cancelled(policies::warn_if_missing(side, names)).await });
    }

    pub(crate) async fn close(&self) {
        self.0.stop.cancel();
        self.0.supervisors.close();
        if timeout(CLOSE_DEADLINE, self.0.supervisors.wait()).await.is_err() {
            tracing::warn!("RabbitMQ did not say goodbye in time");
        }
    }
}

impl Shared {
    /// A connection that is in use already, if one is.
    fn used(&self) -> Side {
        let used = || [self.consuming.get(), self.publishing.get()].into_iter().flatten();
        let ready = used().find(|side| side.link().is_ok());
        ready.or_else(|| used().next()).unwrap_or_else(|| self.consuming()).clone()
    }

    fn publishing(&self) -> &Side {
        self.publishing.get_or_init(|| self.supervise(meters::PUBLISHING))
    }

    fn consuming(&self) -> &Side {
        self.consuming.get_or_init(|| self.supervise(meters::CONSUMING))
    }

    fn supervise(&self, side: &'static str) -> Side {
        let (supervisor, seen) = Supervisor::new(
            self.address.clone(),
            self.names.clone(),
            side,
            self.settings.connect_timeout,
            self.stop.clone(),
        );
        self.supervisors.spawn(supervisor.run());
        seen
    }
}

//! Keeps one connection to the broker: connects, declares the topology, looks twice a second
//! whether everything is there and answering, and starts over after any fault.
//!
//! The connection is offered to channels only while all is well, so `Ready` and "a publish is
//! tried" are the same thing. One supervisor per side, since a blocked publishing connection must
//! not keep acknowledgements from being written. Does not publish or consume.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use lapin::uri::AMQPUri;
use lapin::{ErrorKind, Event};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::link::{Channel, Link};
use super::pause::Pause;
use super::topology::TopologyNames;
use crate::{Readiness, meters};

/// Between two looks, and how long a look may take: together they keep "within a second".
const INTERVAL: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_millis(500);

/// What the rest of `rabbitmq` sees of a supervised connection.
#[derive(Clone)]
pub(super) struct Side {
    link: watch::Receiver<Option<Arc<Link>>>,
    readiness: watch::Receiver<Readiness>,
}

impl Side {
    pub(super) fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// The connection if it can be used now, or why not.
    pub(super) fn link(&self) -> Result<Arc<Link>, String> {
        let offered = self.link.borrow().clone();
        match offered {
            Some(link) if link.takes_writes() => Ok(link),
            Some(_) => Err("the connection to RabbitMQ has just failed or been blocked".into()),
            None => Err(match &*self.readiness.borrow() {
                Readiness::NotReady(reason) => reason.clone(),
                Readiness::Ready => "the connection to RabbitMQ is just being rebuilt".into(),
            }),
        }
    }

    /// Waits for a usable connection; `None` once the queue is closed.
    pub(super) async fn next_link(&mut self) -> Option<Arc<Link>> {
        let offered = self.link.wait_for(Option::is_some).await.ok()?;
        offered.clone()
    }
}

pub(super) struct Supervisor {
    address: AMQPUri,
    names: TopologyNames,
    /// `publishing` or `consuming`: for logs, metrics and the broker's list of connections.
    side: &'static str,
    connect_timeout: Duration,
    stop: CancellationToken,
    link: watch::Sender<Option<Arc<Link>>>,
    readiness: watch::Sender<Readiness>,
}

impl Supervisor {
    pub(super) fn new(
        address: AMQPUri,
        names: TopologyNames,
        side: &'static str,
        connect_timeout: Duration,
        stop: CancellationToken,
    ) -> (Self, Side) {
        let link = watch::Sender::new(None);
        let readiness = watch::Sender::new(Readiness::NotReady("connecting to RabbitMQ".into()));
        let seen = Side { link: link.subscribe(), readiness: readiness.subscribe() };
        (Self { address, names, side, connect_timeout, stop, link, readiness }, seen)
    }

    /// Runs until the queue is closed.
    pub(super) async fn run(self) {
        let reconnects = meters::reconnects(self.side);
        let name = format!("{} {}", self.names.events_queue, self.side);
        let mut pause = Pause::default();
        while !self.stop.is_cancelled() {
            let connect = Link::open(self.address.clone(), &name, self.connect_timeout);
            let opened = tokio::select! {
                opened = connect => opened,
                () = self.stop.cancelled() => break,
            };
            match opened {
                Ok(link) => {
                    self.tend(&Arc::new(link), &mut pause).await;
                    reconnects.increment(u64::from(!self.stop.is_cancelled()));
                }
                Err(reason) => self.withdraw(format!("RabbitMQ is away: {reason}")),
            }
            tokio::select! {
                () = sleep(pause.next()) => {}
                () = self.stop.cancelled() => {}
            }
        }
        self.withdraw("the queue is closed".into());
    }

    /// Watches over a connection until it fails or the queue is closed, then gets rid of it.
    async fn tend(&self, link: &Arc<Link>, pause: &mut Pause) {
        let status = link.connection().status();
        let mut events = pin!(link.connection().events_listener());
        let mut look = self.look(link, Probe::default(), Duration::ZERO);
        while status.connected() {
            tokio::select! {
                () = self.stop.cancelled() => {
                    self.withdraw("the queue is closed".into());
                    return link.close().await;
                }
                event = events.next() => if let Some(Event::ConnectionBlocked(why)) = event {
                    self.withdraw(format!("RabbitMQ takes no messages: {why}"));
                },
                seen = timeout(INTERVAL + PATIENCE, &mut look) => match seen {
                    Ok((probe, verdict)) => {
                        match verdict {
                            // The broker may have blocked us since it answered.
                            Ok(()) if !link.takes_writes() => {}
                            Ok(()) => {
                                self.offer(link);
                                pause.reset();
                            }
                            Err(reason) => self.withdraw(reason),
                        }
                        look = self.look(link, probe, INTERVAL);
                    }
                    // The look goes on; while blocked it cannot even be sent.
                    Err(_) if status.blocked() => {}
                    Err(_) => self.withdraw("RabbitMQ does not answer".into()),
                },
            }
        }
        self.withdraw("the connection to RabbitMQ was lost".into());
        link.cut();
    }

    /// One look at the broker, after a while. Not bounded by itself: `tend` goes on without it.
    fn look<'a>(
        &'a self,
        link: &'a Arc<Link>,
        mut probe: Probe,
        after: Duration,
    ) -> BoxFuture<'a, (Probe, Result<(), String>)> {
        Box::pin(async move {
            sleep(after).await;
            let verdict = self.declare_and_check(link, &mut probe).await;
            if verdict.is_err() {
                probe = Probe::default();
            }
            let verdict = verdict.map_err(|error| self.explain(&error));
            (probe, verdict)
        })
    }

    async fn declare_and_check(&self, link: &Arc<Link>, probe: &mut Probe) -> lapin::Result<()> {
        let channel = match &mut probe.channel {
            Some(channel) => channel,
            None => probe.channel.insert(link.channel().await?),
        };
        if !probe.declared {
            self.names.declare(channel.amqp()).await?;
            probe.declared = true;
        }
        self.names.check(channel.amqp()).await
    }

    fn explain(&self, error: &lapin::Error) -> String {
        let ErrorKind::ProtocolError(refusal) = error.kind() else {
            return format!("RabbitMQ cannot be used: {error}");
        };
        let text = refusal.get_message();
        match refusal.get_id() {
            404 => format!("a queue or exchange is missing, it is declared again: {text}"),
            406 => format!(
                "a queue or exchange exists with other arguments; delete it when it is empty, or \
                 choose another prefix, and move tunables into policies: {text}"
            ),
            _ => format!("RabbitMQ refuses: {error}"),
        }
    }

    fn offer(&self, link: &Arc<Link>) {
        if self.link.borrow().is_some() {
            return;
        }
        tracing::info!(side = self.side, "RabbitMQ is ready");
        self.link.send_replace(Some(Arc::clone(link)));
        self.readiness.send_replace(Readiness::Ready);
    }

    fn withdraw(&self, reason: String) {
        let reason = Readiness::NotReady(reason);
        if *self.readiness.borrow() == reason {
            return;
        }
        if let Readiness::NotReady(reason) = &reason {
            tracing::warn!(side = self.side, reason, "RabbitMQ is not ready");
        }
        self.readiness.send_replace(reason);
        self.link.send_replace(None);
    }
}

/// The supervisor's own channel, and whether the topology was declared since the last fault.
#[derive(Default)]
struct Probe {
    channel: Option<Channel>,
    declared: bool,
}

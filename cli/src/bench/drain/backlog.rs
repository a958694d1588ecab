//! Fills the queue as `ingest` would at load: packs of many events, several publishing channels, each with its account.
//!
//! Called before a drain is timed, and by the parts that keep a steady stream going.

use super::stream::{Mix, Stored};
use super::world::World;
use crate::bench::place::Place;
use crate::bench::words::cannot;
use crate::failure::Failure;
use domain::event::Event;
use domain::pack::{PackHeader, PackWriter, encode_record};
use queue::{Message, PublishingChannel, Queue, Readiness};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

/// What `ingest` puts into a message under load.
pub(in crate::bench) const EVENTS_PER_PACK: usize = 256;
/// Channels that publish at a time.
const CHANNELS: usize = 8;
const CONNECT: Duration = Duration::from_secs(10);

/// One publishing channel and the account of its run.
pub(in crate::bench) struct Run {
    channel: PublishingChannel,
    run: Uuid,
    number: u64,
    confirmed: u64,
}

impl Run {
    /// A run of its own.
    pub(in crate::bench) fn on(queue: &Queue) -> Self {
        Run { channel: queue.publishing_channel(), run: Uuid::new_v4(), number: 0, confirmed: 0 }
    }

    /// Publishes the events as one pack; at most as many as a pack may have.
    ///
    /// # Errors
    /// The queue does not take it.
    pub(in crate::bench) async fn publish(&mut self, events: &[Event]) -> Result<(), Failure> {
        self.number += 1;
        let (run, number, confirmed_before) = (self.run, self.number, self.confirmed);
        let mut pack = PackWriter::new(&PackHeader { run, number, confirmed_before, unconfirmed: Vec::new() });
        for event in events {
            let record = encode_record(event).map_err(cannot("an event cannot be encoded"))?;
            if !pack.push(&record) {
                return Err(Failure::Found("a pack of the bench is larger than a pack may be".to_owned()));
            }
        }
        let events = pack.events();
        let message = Message { id: Uuid::new_v4(), body: pack.finish(), events, traceparent: None };
        self.channel.publish(message).await.map_err(cannot("the queue does not take a pack"))?;
        self.confirmed += u64::from(events);
        Ok(())
    }
}

/// Publishes the events of a mix to the bench's queue. Returns what must be stored of them.
///
/// # Errors
/// The queue does not take them.
pub(in crate::bench) async fn fill_with(place: &Place, world: &World, mix: &Mix) -> Result<Stored, Failure> {
    let (events, sent) = mix.events(world).map_err(cannot("a lead cannot be made"))?;
    let queue = place.servers()?.queue().await?;
    let published = fill(&queue, events).await;
    queue.close().await;
    published.map(|_| sent)
}

/// Waits until the queue takes messages: it connects when it is first asked.
///
/// # Errors
/// It does not in time.
pub(in crate::bench) async fn ready(queue: &Queue) -> Result<(), Failure> {
    let mut readiness = queue.readiness();
    let waited = timeout(CONNECT, readiness.wait_for(|readiness| *readiness == Readiness::Ready)).await;
    match waited {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Failure::Found("the queue does not become ready".to_owned())),
    }
}

/// Publishes all events, in about their order, over several channels. Returns how many there were.
///
/// # Errors
/// The queue does not take them.
pub(in crate::bench) async fn fill(queue: &Queue, events: impl IntoIterator<Item = Event>) -> Result<u64, Failure> {
    ready(queue).await?;
    let mut publishing = JoinSet::new();
    let mut lines = Vec::new();
    for _ in 0..CHANNELS {
        let (line, mut packs) = mpsc::channel::<Vec<Event>>(2);
        let mut run = Run::on(queue);
        lines.push(line);
        publishing.spawn(async move {
            while let Some(events) = packs.recv().await {
                run.publish(&events).await?;
            }
            Ok::<u64, Failure>(run.confirmed)
        });
    }
    let mut events = events.into_iter();
    for line in lines.iter().cycle() {
        let pack: Vec<Event> = events.by_ref().take(EVENTS_PER_PACK).collect();
        // A channel that gave up says why when it is joined.
        if pack.is_empty() || line.send(pack).await.is_err() {
            break;
        }
    }
    drop(lines);
    let mut published = 0;
    while let Some(ended) = publishing.join_next().await {
        published += ended.map_err(cannot("publishing was interrupted"))??;
    }
    Ok(published)
}

//! Five million events wait in RabbitMQ: what it costs to add to them, and how soon and how fast a worker stores them.

use super::Sizes;
use crate::bench::drain::backlog::{Run, fill, ready};
use crate::bench::drain::ground::Ground;
use crate::bench::drain::product::{Workers, processed, until_processed};
use crate::bench::drain::world::World;
use crate::bench::place::Place;
use crate::bench::report::{Goal, Report};
use crate::bench::words::{cannot, say};
use crate::failure::Failure;
use domain::event::{Event, Source};
use lapin::options::QueuePurgeOptions;
use queue::{Queue, TopologyNames};
use std::time::{Duration, Instant};

/// Packs of which the median confirm is taken.
const CONFIRMS: u64 = 300;

/// What was seen with so many waiting.
struct Seen {
    confirm: Duration,
    first_commit: Duration,
    per_second: f64,
}

pub(super) async fn run(place: &Place, sizes: Sizes, report: &mut Report) -> Result<(), Failure> {
    let few = turn(place, sizes.leads, sizes.leads).await?;
    let many = turn(place, sizes.waiting, sizes.leads).await?;
    let name = format!("{} events waiting in RabbitMQ", sizes.waiting);
    let against = format!("{} waiting", sizes.leads);
    let seconds = |one: Duration, other: Duration| one.as_secs_f64() - other.as_secs_f64();
    let confirm = many.confirm.as_secs_f64() / few.confirm.as_secs_f64();
    report.compare(&format!("{name}: median confirm"), &against, confirm, Goal::AtMost(2.0));
    let later = seconds(many.first_commit, few.first_commit);
    report.compare(&format!("{name}: seconds later the first commit"), &against, later, Goal::AtMost(1.0));
    report.compare(&format!("{name}: drain"), &against, many.per_second / few.per_second, Goal::AtLeast(0.7));
    Ok(())
}

/// Lets so many wait, adds a few more, then has a worker store some of them.
async fn turn(place: &Place, waiting: u64, drained: u64) -> Result<Seen, Failure> {
    say(format_args!("growth: {waiting} events are put into RabbitMQ"));
    let ground = Ground::empty(place.servers()?, "waiting").await?;
    let (queue, world) = (place.servers()?.queue().await?, World::of(place, 1));
    fill(&queue, leads(&world, 0..waiting)).await?;
    let confirm = confirm(&queue, &world, waiting).await?;
    let mut connection = ground.connect().await?;
    let begun = Instant::now();
    let workers = Workers::ONE.start(place, &ground).await?;
    until_processed(&mut connection, 1, 1).await?;
    let first_commit = begun.elapsed();
    let (before, begun) = (processed(&mut connection).await?, Instant::now());
    let more = drained.min(waiting.saturating_sub(before));
    until_processed(&mut connection, before + more, more).await?;
    let per_second = more as f64 / begun.elapsed().as_secs_f64();
    for worker in workers {
        worker.stop().await?;
    }
    queue.close().await;
    empty(place).await?;
    ground.drop().await?;
    Ok(Seen { confirm, first_commit, per_second })
}

fn leads(world: &World, numbers: std::ops::Range<u64>) -> impl Iterator<Item = Event> {
    numbers.filter_map(|number| world.lead(number, number, None, Source::Server).ok())
}

/// The median confirm of a small pack.
async fn confirm(queue: &Queue, world: &World, first: u64) -> Result<Duration, Failure> {
    ready(queue).await?;
    let mut run = Run::on(queue);
    let mut took = Vec::new();
    for number in first..first + CONFIRMS {
        let pack: Vec<Event> = leads(world, number..number + 1).collect();
        let begun = Instant::now();
        run.publish(&pack).await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took[took.len() / 2])
}

async fn empty(place: &Place) -> Result<(), Failure> {
    let servers = place.servers()?;
    let broker = servers.broker().await?;
    let purged = async {
        let queue = TopologyNames::new(&servers.prefix).events_queue;
        let channel = broker.create_channel().await?;
        channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?;
        broker.close(200, "done".into()).await
    };
    purged.await.map_err(cannot("the queue cannot be emptied"))
}

//! The product's own worker processes, timed from the first message they take until everything is stored.

use super::ground::Ground;
use crate::bench::child::Child;
use crate::bench::machine::Watch;
use crate::bench::place::Place;
use crate::bench::roles::Role;
use crate::bench::round::Turn;
use crate::bench::words::cannot;
use crate::failure::Failure;
use queue::Queue;
use sqlx::PgConnection;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What the account of packs holds, whether or not it is folded.
const PROCESSED: &str = "SELECT ((SELECT coalesce(sum(events), 0) FROM packs)
  + (SELECT coalesce(sum(events), 0) FROM pack_ranges))::bigint";
const LOOK_AT_QUEUE: Duration = Duration::from_millis(2);
const LOOK_AT_STORE: Duration = Duration::from_millis(20);
/// No drain takes longer, whatever the machine: so few events a second are a fault.
const LEAST_PER_SECOND: u64 = 500;
const PATIENCE: Duration = Duration::from_secs(60);

/// The workers of a drain.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Workers {
    pub(in crate::bench) processes: usize,
    /// Lanes of each, if not the default.
    pub(in crate::bench) lanes: Option<u32>,
}

impl Workers {
    /// One, as it comes.
    pub(in crate::bench) const ONE: Workers = Workers { processes: 1, lanes: None };

    /// Starts them on that database.
    ///
    /// # Errors
    /// One does not start.
    pub(in crate::bench) async fn start(self, place: &Place, ground: &Ground<'_>) -> Result<Vec<Child>, Failure> {
        let mut environment = place.environment();
        environment.push(ground.environment());
        environment.extend(self.lanes.map(|lanes| ("AFFITOR_WORKER__LANES".to_owned(), lanes.to_string())));
        let starting = (0..self.processes).map(|_| Child::start(Role::Worker, environment.clone()));
        futures_util::future::try_join_all(starting).await
    }
}

/// Drains the queue into that database. `events` wait, `leads` of them are counted; `peak` becomes the most memory that
/// a worker had.
///
/// # Errors
/// A worker ends, or takes far too long.
pub(in crate::bench) async fn drain(
    place: &Place,
    ground: &Ground<'_>,
    workers: Workers,
    (events, leads): (u64, u64),
    peak: &mut Option<f64>,
) -> Result<Turn, Failure> {
    let servers = place.servers()?;
    let queue = servers.queue().await?;
    let watch = servers_of(place)?;
    let mut connection = ground.connect().await?;
    let wanted = processed(&mut connection).await? + events;
    let waiting = depth(&queue).await?;
    let (children, (begun, before)) =
        tokio::try_join!(workers.start(place, ground), first_taken(&queue, waiting, watch.clone()))?;
    until_processed(&mut connection, wanted, events).await?;
    let took = begun.elapsed();
    let mut cpu = vec![("worker", children.iter().filter_map(|child| child.process.cpu()).sum())];
    cpu.extend(watch.since(&before));
    let most = children.iter().filter_map(|child| child.process.peak_mib()).fold(0.0, f64::max);
    *peak = Some(peak.unwrap_or_default().max(most));
    for child in children {
        child.stop().await?;
    }
    queue.close().await;
    Ok(Turn { leads, took, cpu, latency: None })
}

/// Broker and database server.
///
/// # Errors
/// None were named.
pub(in crate::bench) fn servers_of(place: &Place) -> Result<Watch, Failure> {
    let servers = place.servers()?;
    let watch = Watch::default().and_server("broker", servers.amqp_port);
    Ok(watch.and_server("postgres", servers.database_port))
}

/// Waits until a worker has taken the first of the messages that waited; the moment, and the CPU time up to it.
async fn first_taken(queue: &Queue, waiting: u64, watch: Watch) -> Result<(Instant, Vec<Option<Duration>>), Failure> {
    while depth(queue).await? >= waiting.max(1) {
        sleep(LOOK_AT_QUEUE).await;
    }
    Ok((Instant::now(), watch.read()))
}

async fn depth(queue: &Queue) -> Result<u64, Failure> {
    queue.depth().await.map_err(cannot("the queue does not tell what waits"))
}

/// Events that the account of packs holds.
///
/// # Errors
/// The database does not answer.
pub(in crate::bench) async fn processed(connection: &mut PgConnection) -> Result<u64, Failure> {
    let sum: i64 = sqlx::query_scalar(PROCESSED).fetch_one(connection).await.map_err(cannot("no account of packs"))?;
    Ok(sum.unsigned_abs())
}

/// Waits until so many events are in the account of packs.
///
/// # Errors
/// It takes far too long.
pub(in crate::bench) async fn until_processed(
    connection: &mut PgConnection,
    wanted: u64,
    events: u64,
) -> Result<(), Failure> {
    let limit = PATIENCE + Duration::from_secs(events / LEAST_PER_SECOND);
    let begun = Instant::now();
    loop {
        let processed = processed(connection).await?;
        if processed >= wanted {
            return Ok(());
        }
        if begun.elapsed() > limit {
            let missing = wanted - processed;
            return Err(Failure::Found(format!("{missing} of {events} events are not stored after {limit:?}")));
        }
        sleep(LOOK_AT_STORE).await;
    }
}

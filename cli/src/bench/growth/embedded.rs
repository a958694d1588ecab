//! Five million events wait in the queue of `affitor up`, a table in SQLite: how soon it is open, what it costs to add to
//! them and to take them.

use super::Sizes;
use crate::bench::drain::backlog::{Run, fill};
use crate::bench::drain::world::World;
use crate::bench::place::Place;
use crate::bench::report::{Goal, Report};
use crate::bench::words::{cannot, say};
use crate::failure::Failure;
use crate::store_choice::STORE_FILE;
use domain::event::{Event, Source};
use queue::{EmbeddedSettings, Queue};
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Store, StoreError};

/// Packs that are added and taken while the others wait.
const PACKS: u64 = 200;
/// As a lane of the worker has by default.
const PREFETCH: u16 = 64;

/// What was seen with so many waiting.
struct Seen {
    open: Duration,
    added_per_second: f64,
    taken_per_second: f64,
}

pub(super) async fn run(place: &Place, sizes: Sizes, report: &mut Report) -> Result<(), Failure> {
    let few = turn(place, "few", sizes.leads).await?;
    let many = turn(place, "many", sizes.waiting).await?;
    let name = format!("{} events waiting in SQLite", sizes.waiting);
    let against = format!("{} waiting", sizes.leads);
    let longer = many.open.as_secs_f64() - few.open.as_secs_f64();
    report.compare(&format!("{name}: seconds more to open"), &against, longer, Goal::AtMost(1.0));
    let added = many.added_per_second / few.added_per_second;
    report.compare(&format!("{name}: packs added"), &against, added, Goal::AtLeast(0.7));
    let taken = many.taken_per_second / few.taken_per_second;
    report.compare(&format!("{name}: packs taken"), &against, taken, Goal::AtLeast(0.7));
    Ok(())
}

async fn turn(place: &Place, name: &str, waiting: u64) -> Result<Seen, Failure> {
    say(format_args!("growth: {waiting} events are put into SQLite"));
    let directory = place.directory.path().join(format!("waiting-{name}"));
    std::fs::create_dir(&directory).map_err(Failure::system("no directory for a store"))?;
    let file = directory.join(STORE_FILE);
    let world = World::of(place, 1);
    let leads = |first: u64, count: u64| {
        (first..first + count).filter_map(|number| world.lead(number, number, None, Source::Server).ok())
    };
    let (store, queue) = open(&file).await?;
    fill(&queue, leads(0, waiting)).await?;
    close(store, queue).await;
    let begun = Instant::now();
    let (store, queue) = open(&file).await?;
    let open = begun.elapsed();
    let packs: Vec<Vec<Event>> = (0..PACKS).map(|pack| leads(waiting + pack, 1).collect()).collect();
    let added_per_second = added(&queue, &packs).await?;
    let taken_per_second = taken(&queue).await?;
    close(store, queue).await;
    std::fs::remove_dir_all(&directory).map_err(Failure::system("a directory is left behind"))?;
    Ok(Seen { open, added_per_second, taken_per_second })
}

async fn open(file: &Path) -> Result<(Store, Queue), Failure> {
    let store = Store::sqlite(file).await?;
    let no_file = || StoreError::Misconfigured("the embedded queue needs the SQLite file".to_owned());
    let writer = store.sqlite_writer().ok_or_else(no_file)?;
    let queue = Queue::embedded(writer, EmbeddedSettings::default()).await?;
    Ok((store, queue))
}

async fn close(store: Store, queue: Queue) {
    queue.close().await;
    store.close().await;
}

async fn added(queue: &Queue, packs: &[Vec<Event>]) -> Result<f64, Failure> {
    let mut run = Run::on(queue);
    let begun = Instant::now();
    for pack in packs {
        run.publish(pack).await?;
    }
    Ok(packs.len() as f64 / begun.elapsed().as_secs_f64())
}

async fn taken(queue: &Queue) -> Result<f64, Failure> {
    let mut consumer = queue.consumer(PREFETCH);
    let begun = Instant::now();
    for _ in 0..PACKS {
        let delivery = consumer.next().await.map_err(cannot("the queue cannot be read"))?;
        consumer.ack_through(delivery.tag).await.map_err(cannot("the queue cannot be emptied"))?;
    }
    let took = begun.elapsed();
    consumer.close().await;
    Ok(PACKS as f64 / took.as_secs_f64())
}

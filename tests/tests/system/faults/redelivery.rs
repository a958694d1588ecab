//! A worker that is asked to stop in the middle of a backlog: what it was handed it has applied and acknowledged, and
//! nothing that it leaves to others looks as if it had killed a worker.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use domain::pack;
use lapin::{
    Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueDeclareOptions},
    types::FieldTable,
};
use queue::TopologyNames;
use sqlx::{Connection as _, Executor, PgConnection, PgPool};
use tests::{Client, Load, Pipeline, Process, START, VISIBLE, eventually, free_port};

/// How long a program may take to stop when it is asked to.
const STOP: Duration = Duration::from_secs(10);
/// How many workers are stopped, one after the other.
const STOPS: usize = 6;

/// Each transaction that stores a pack takes so long that a worker has a backlog in hand whenever it is stopped.
const SLOW: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
     'BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END'; \
     CREATE TRIGGER slow AFTER INSERT ON packs FOR EACH STATEMENT EXECUTE FUNCTION slow()";

/// A worker with a port of its own.
struct Worker {
    process: Process,
    metrics: String,
}

impl Worker {
    async fn start(pipeline: &Pipeline) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let more = [
            ("AFFITOR_WORKER__METRICS_LISTEN", listen.as_str()),
            ("AFFITOR_WORKER__BATCH_EVENTS", "1"),
            ("AFFITOR_WORKER__PREFETCH", "8"),
        ];
        let mut process = pipeline.process("worker", &[], &more);
        process.wait_for_url(START, &format!("http://{listen}/readyz")).await;
        Self { process, metrics: format!("http://{listen}/metrics") }
    }

    /// How many messages it was handed that somebody may have had before it.
    async fn redelivered(&self) -> u64 {
        let text = reqwest::get(&self.metrics).await.unwrap().text().await.unwrap();
        let shown =
            text.lines().find_map(|line| line.strip_prefix("affitor_queue_redelivered_total{queue=\"events\"} "));
        shown.expect("the series").parse().unwrap()
    }
}

/// How many messages nobody holds.
async fn backlog(broker: &Connection, queue: &str) -> u32 {
    let channel = broker.create_channel().await.unwrap();
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap().message_count()
}

#[tokio::test]
async fn workers_that_are_stopped_one_after_the_other_in_a_backlog_leave_nothing_that_comes_again() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    let load = Load::new(Load::usual() / 2, 8, &pipeline.directory.path().join("books"));
    load.run(&client, &program).await;
    let settings = pipeline.settings();
    let mut database = PgConnection::connect(settings.store.database_url.expose()).await.unwrap();
    database.execute(SLOW).await.unwrap();
    let address = settings.queue.amqp_url.expose();
    let broker = Connection::connect(address, ConnectionProperties::default()).await.unwrap();
    let events = TopologyNames::new(&settings.queue.name_prefix).events_queue;

    let mut workers = VecDeque::from([Worker::start(&pipeline).await, Worker::start(&pipeline).await]);
    let (mut redelivered, mut longest, mut left) = (0, Duration::ZERO, 0);
    for _ in 0..STOPS {
        let mut worker = workers.pop_front().expect("two are there");
        redelivered += worker.redelivered().await;
        let began = Instant::now();
        assert_eq!(worker.process.terminate(STOP).await.code(), Some(0), "{}", worker.process.output());
        longest = longest.max(began.elapsed());
        left = backlog(&broker, &events).await;
        workers.push_back(Worker::start(&pipeline).await);
    }
    database.execute("DROP TRIGGER slow ON packs").await.unwrap();
    let (accepted, stored) = (load.accepted(), pipeline.stored().await);
    let line = eventually(VISIBLE, || accepted.compare(&stored, &program)).await;
    for worker in &workers {
        redelivered += worker.redelivered().await;
    }
    println!(
        "{STOPS} workers stopped: {line} redelivered {redelivered} slowest_stop {longest:.1?} backlog_at_the_last {left}"
    );
    assert!(left > 0, "the last one was to be stopped in the middle too");
    assert_eq!(redelivered, 0);
    stored.close().await;
}

#[tokio::test]
async fn a_worker_that_stops_while_the_database_does_not_answer_ends_in_time_and_loses_nothing() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    let load = Load::new(50, 8, &pipeline.directory.path().join("books"));
    let database = PgPool::connect(pipeline.settings().store.database_url.expose()).await.unwrap();
    let mut lock = database.begin().await.unwrap();
    lock.execute("LOCK TABLE packs IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut worker = Worker::start(&pipeline).await;
    load.run(&client, &program).await;
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'packs'::regclass";
    eventually(VISIBLE, async || match sqlx::query_scalar::<_, i64>(waiting).fetch_one(&database).await.unwrap() {
        0 => Err("no worker waits"),
        _ => Ok(()),
    })
    .await;
    let began = Instant::now();
    assert_eq!(worker.process.terminate(STOP).await.code(), Some(0), "{}", worker.process.output());
    println!("worker stopped while the database did not answer: {:.1?}", began.elapsed());
    lock.rollback().await.unwrap();
    let _worker = pipeline.start("worker").await;
    let (accepted, stored) = (load.accepted(), pipeline.stored().await);
    println!("{}", eventually(VISIBLE, || accepted.compare(&stored, &program)).await);
    stored.close().await;
    database.close().await;
}

/// The event ids of all that the queue still holds, none of which anybody may have had before.
async fn waiting(pipeline: &Pipeline) -> Vec<uuid::Uuid> {
    let settings = &pipeline.settings().queue;
    let broker = Connection::connect(settings.amqp_url.expose(), ConnectionProperties::default()).await.unwrap();
    let (channel, queue) = (broker.create_channel().await.unwrap(), TopologyNames::new(&settings.name_prefix));
    let mut events = Vec::new();
    while let Some(message) =
        channel.basic_get(queue.events_queue.as_str().into(), BasicGetOptions::default()).await.unwrap()
    {
        assert!(!message.delivery.redelivered, "what was not begun is marked");
        let pack = pack::decode(&message.delivery.data).unwrap();
        events.extend(pack.records.into_iter().map(|event| event.unwrap().id().uuid()));
    }
    // What was taken and not acknowledged goes back.
    broker.close(200, "done".into()).await.unwrap();
    events
}

#[tokio::test]
async fn nothing_that_a_stopping_worker_has_applied_comes_again() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    let load = Load::new(Load::usual(), 8, &pipeline.directory.path().join("books"));
    load.run(&client, &program).await;
    let (stored, all) = (pipeline.stored().await, load.leads());
    let mut worker = pipeline.process("worker", &[], &[("AFFITOR_WORKER__BATCH_EVENTS", "1")]);
    let begun = eventually(VISIBLE, async || match stored.events().await {
        0 => Err("nothing is stored yet"),
        begun => Ok(begun),
    })
    .await;
    let began = Instant::now();
    assert_eq!(worker.terminate(STOP).await.code(), Some(0), "{}", worker.output());
    let (took, left) = (began.elapsed(), waiting(&pipeline).await);
    let done: Vec<_> = stored.leads(program.id.get()).await.into_iter().map(|(_, event)| event).collect();
    println!("worker stopped: stored {} of {all}, left {}, {took:.1?}", done.len(), left.len());
    assert!(begun > 0 && !left.is_empty(), "the worker was to be stopped in the middle");
    assert_eq!(left.iter().filter(|event| done.contains(event)).count(), 0);
    assert_eq!(done.len() + left.len(), all);
    stored.close().await;
}

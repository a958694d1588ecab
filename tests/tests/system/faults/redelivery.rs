//! A worker that is asked to stop in the middle of a backlog: what it has applied it has acknowledged.

use std::time::{Duration, Instant};

use domain::pack;
use lapin::{Connection, ConnectionProperties, options::BasicGetOptions};
use queue::TopologyNames;
use tests::{Client, Load, Pipeline, VISIBLE, eventually};

/// How long a program may take to stop when it is asked to.
const STOP: Duration = Duration::from_secs(10);

/// The event ids of all that the queue still holds.
async fn waiting(pipeline: &Pipeline) -> Vec<uuid::Uuid> {
    let settings = &pipeline.settings().queue;
    let broker = Connection::connect(settings.amqp_url.expose(), ConnectionProperties::default()).await.unwrap();
    let (channel, queue) = (broker.create_channel().await.unwrap(), TopologyNames::new(&settings.name_prefix));
    let mut events = Vec::new();
    while let Some(message) =
        channel.basic_get(queue.events_queue.as_str().into(), BasicGetOptions::default()).await.unwrap()
    {
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

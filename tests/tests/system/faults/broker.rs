//! A RabbitMQ node that is killed, in alarm, that ends connections and loses its queue.

use std::time::Duration;

use lapin::{Connection, ConnectionProperties, options::QueueDeleteOptions};
use queue::TopologyNames;
use serde_json::{Value, json};
use tests::{Pipeline, PrivateBroker, START, VISIBLE, eventually, fresh_database};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::{A_SECOND, Scene, figure};

/// How soon after its end a fault may be over for clients.
const RECOVERY: Duration = Duration::from_secs(5);
/// Packs that may be in the hands of a lane, or be confirmed while the queue is being deleted.
const IN_HAND: u64 = 16;

/// One node for all tests here, one after the other: it takes seconds to start.
pub(super) async fn broker() -> MutexGuard<'static, PrivateBroker> {
    static BROKER: OnceCell<Mutex<PrivateBroker>> = OnceCell::const_new();
    BROKER.get_or_init(async || Mutex::new(PrivateBroker::start().await)).await.lock().await
}

#[tokio::test]
async fn a_broker_that_is_killed_and_started_again_costs_no_accepted_lead() {
    let (mut broker, database) = (broker().await, fresh_database().await);
    let scene = Scene::start(Pipeline::prepared_on(&broker.amqp_url(), database.url()).await).await;
    let nemesis = async {
        scene.begun(30).await;
        broker.kill();
        scene.readiness("ingest", A_SECOND, Some("queue")).await;
        scene.refuses(100).await;
        broker.start_again().await;
        scene.accepts().await
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("broker killed", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_broker_without_memory_refuses_leads_and_goes_on_handing_them_over() {
    let (broker, database) = (broker().await, fresh_database().await);
    let scene = Scene::start(Pipeline::prepared_on(&broker.amqp_url(), database.url()).await).await;
    let nemesis = async {
        // So that something is in the queue when the alarm comes.
        scene.begun(20).await;
        scene.worker.signal("STOP");
        scene.begun(40).await;
        broker.control(&["set_vm_memory_high_watermark", "absolute", "1MB"]).await;
        scene.readiness("ingest", A_SECOND, Some("takes no messages")).await;
        // What was on its way when the alarm came has its deadline; what comes later is refused at once.
        scene.refuses(100).await;
        scene.worker.signal("CONT");
        println!("broker without memory: drained during the alarm in {:.1?}", scene.drained().await);
        broker.control(&["set_vm_memory_high_watermark", "0.4"]).await;
        scene.accepts().await
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("broker without memory", recovered).await;
    assert!(recovered < A_SECOND, "{recovered:?}");
}

#[tokio::test]
async fn connections_that_the_broker_ends_again_and_again_cost_no_accepted_lead() {
    let (broker, database) = (broker().await, fresh_database().await);
    let scene = Scene::start(Pipeline::prepared_on(&broker.amqp_url(), database.url()).await).await;
    let nemesis = async {
        let mut longest = Duration::ZERO;
        for percent in [10, 40, 70] {
            scene.begun(percent).await;
            broker.control(&["close_all_connections", "test"]).await;
            longest = longest.max(scene.accepts().await);
        }
        longest
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("connections ended by the broker", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_queue_that_is_deleted_under_load_takes_only_what_was_in_it_and_the_ledger_names_that() {
    let mut pipeline = Pipeline::prepared().await;
    // What a worker holds already is not lost with the queue.
    pipeline.environment.push(("AFFITOR_WORKER__PREFETCH".into(), "1".into()));
    let scene = Scene::start(pipeline).await;
    let (broker, events) = admin(&scene.pipeline).await;
    let nemesis = async {
        // So that something is in the queue.
        scene.begun(20).await;
        scene.worker.signal("STOP");
        scene.begun(50).await;
        let channel = broker.create_channel().await.unwrap();
        let deleted = channel.queue_delete(events.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
        scene.worker.signal("CONT");
        (u64::from(deleted), scene.accepts().await)
    };
    let (deleted, recovered) = scene.under_load(nemesis).await;
    let accepted = scene.load.accepted();
    let (lost, audit) = eventually(VISIBLE, async || {
        let line = accepted.compare(&scene.stored, &scene.program).await.unwrap_or_else(|line| line);
        let audit = audit(&scene.pipeline).await;
        let lost = figure(&line, "lost");
        let is_named = audit["waiting_messages"] == 0 && audit["waiting_events"] == json!(lost);
        if is_named && lost > 0 { Ok((line, audit)) } else { Err(format!("{line} {audit}")) }
    })
    .await;
    let missing = audit["missing_packs"].as_u64().unwrap();
    println!("queue deleted: {lost} deleted_packs {deleted} missing_packs {missing} recovered {recovered:.1?}");
    // Nothing that was published later is lost.
    assert!((deleted..=deleted + IN_HAND).contains(&missing));
    assert_eq!((figure(&lost, "doubled"), figure(&lost, "made_up"), figure(&lost, "dead")), (0, 0, 0));
    assert_eq!(accepted.unanswered, 0);
    assert!(recovered < RECOVERY, "{recovered:?}");
}

async fn admin(pipeline: &Pipeline) -> (Connection, String) {
    let settings = &pipeline.settings().queue;
    let connection = Connection::connect(settings.amqp_url.expose(), ConnectionProperties::default()).await.unwrap();
    (connection, TopologyNames::new(&settings.name_prefix).events_queue)
}

async fn audit(pipeline: &Pipeline) -> Value {
    let mut affitor = pipeline.process("affitor", &["audit", "--grace", "0", "--json"], &[]);
    affitor.wait_for_end(START).await;
    let said = affitor.output();
    serde_json::from_str(said.split_once("affitor:").map_or(&*said, |(json, _)| json)).unwrap_or_default()
}

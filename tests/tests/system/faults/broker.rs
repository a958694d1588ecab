//! A RabbitMQ node that is killed, in alarm, that ends connections and loses its queue.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use domain::pack;
use lapin::{
    Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use queue::TopologyNames;
use serde_json::{Value, json};
use tests::{Pipeline, PrivateBroker, START, VISIBLE, eventually, fresh_database};
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use uuid::Uuid;

use super::{A_SECOND, Scene, figure};

/// How soon after its end a fault may be over for clients.
const RECOVERY: Duration = Duration::from_secs(5);

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
        scene.begun(10).await;
        broker.notes_its_queues_down().await;
        scene.begun(30).await;
        broker.kill();
        scene.readiness("ingest", A_SECOND, Some("queue")).await;
        scene.refuses(100).await;
        broker.start_again().await;
        (scene.accepts().await, scene.drained().await)
    };
    let (recovered, drained) = scene.under_load(nemesis).await;
    println!("broker killed: drained {drained:.1?} after it accepted");
    scene.is_whole("broker killed", recovered).await;
    assert!(recovered < RECOVERY && drained < RECOVERY, "{recovered:?} {drained:?}");
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

/// A pack by its run and number.
type Place = (Uuid, u64);

/// What lies in the queue while nobody uses it: its packs, and the events in them. They are left there.
async fn lying_in(broker: &Connection, queue: &str) -> (BTreeSet<Place>, BTreeSet<Uuid>) {
    let channel = broker.create_channel().await.unwrap();
    let (mut packs, mut events) = (BTreeSet::new(), BTreeSet::new());
    while let Some(message) = channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap() {
        let pack = pack::decode(&message.delivery.data).unwrap();
        packs.insert((pack.header.run, pack.header.number));
        events.extend(pack.records.into_iter().map(|event| event.unwrap().id().uuid()));
    }
    channel.close(200, "done".into()).await.unwrap();
    let channel = broker.create_channel().await.unwrap();
    eventually(VISIBLE, async || {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let shown = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap();
        match shown.message_count() as usize {
            back if back == packs.len() => Ok(()),
            back => Err(format!("{back} of {} packs are back", packs.len())),
        }
    })
    .await;
    (packs, events)
}

/// Which packs the audit names, once it says that all that was lost is missing and nothing is on its way.
async fn named(pipeline: &Pipeline, lost: usize) -> BTreeSet<Place> {
    let audit = eventually(VISIBLE, async || {
        let audit = audit(pipeline).await;
        let is_told = audit["waiting_messages"] == 0 && audit["waiting_events"] == json!(lost);
        if is_told { Ok(audit) } else { Err(format!("{lost} lost; {audit}")) }
    })
    .await;
    let gap = |gap: &Value| {
        let run: Uuid = gap["run"].as_str().unwrap().parse().unwrap();
        (gap["first"].as_u64().unwrap()..=gap["last"].as_u64().unwrap()).map(move |number| (run, number))
    };
    let named: BTreeSet<_> = audit["missing"].as_array().unwrap().iter().flat_map(gap).collect();
    assert_eq!(json!(named.len()), audit["missing_packs"]);
    named
}

/// What is lost with a queue is what lay in it, and what was confirmed while it was being deleted: of that the broker
/// says that it is safe, though it is gone. What a worker holds is not lost, nor what is sent later.
#[tokio::test]
async fn a_queue_that_is_deleted_under_load_takes_only_what_was_in_it_and_the_ledger_names_that() {
    let mut pipeline = Pipeline::prepared().await;
    // So that most of the packs are in the queue and not in a worker's hands.
    pipeline.environment.push(("AFFITOR_WORKER__PREFETCH".into(), "1".into()));
    let scene = Scene::start(pipeline).await;
    let (broker, queue) = admin(&scene.pipeline).await;
    let nemesis = async {
        // So that something is in the queue.
        scene.begun(20).await;
        scene.worker.signal("STOP");
        scene.begun(40).await;
        scene.ingest.signal("STOP");
        let (lying, channel) = (lying_in(&broker, &queue).await, broker.create_channel().await.unwrap());
        // Every client has waited: packs are published while the queue is being deleted.
        scene.ingest.signal("CONT");
        let deleted = channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
        let end = SystemTime::now();
        scene.worker.signal("CONT");
        (lying, deleted as usize, end, scene.accepts().await)
    };
    let ((packs, events), deleted, end, recovered) = scene.under_load(nemesis).await;
    let accepted = scene.load.accepted();
    // By then all that is in a queue or in a hand is stored: the audit says so below.
    let lost = eventually(VISIBLE, async || {
        let line = accepted.compare(&scene.stored, &scene.program).await.unwrap_or_else(|line| line);
        let wanted = [("doubled", 0), ("made_up", 0), ("dead", 0)];
        assert!(wanted.iter().all(|(name, count)| figure(&line, name) == *count), "{line}");
        let stored: BTreeSet<_> =
            scene.stored.leads(scene.program.id.get()).await.into_iter().map(|(_, id)| id).collect();
        let lost: BTreeSet<_> = accepted.events.keys().copied().filter(|event| !stored.contains(event)).collect();
        let waiting = audit(&scene.pipeline).await["waiting_events"].clone();
        if waiting == json!(lost.len()) { Ok(lost) } else { Err(format!("{line}; {waiting} wait")) }
    })
    .await;
    let named = named(&scene.pipeline, lost.len()).await;
    println!(
        "queue deleted: seen_in_it {} packs, deleted {deleted}, named {} packs, lost {} events, recovered {recovered:.1?}",
        packs.len(),
        named.len(),
        lost.len()
    );
    assert!(!packs.is_empty() && packs.is_subset(&named), "a pack that lay in the queue is not named");
    assert!(deleted >= packs.len() && named.len() >= deleted, "deleted {deleted}");
    let lying: BTreeSet<_> = events.into_iter().filter(|event| accepted.events.contains_key(event)).collect();
    assert!(lying.is_subset(&lost), "an event that lay in the queue is stored");
    let end = end.duration_since(UNIX_EPOCH).unwrap().as_millis();
    assert!(lost.iter().all(|event| event.as_u128() >> 80 <= end), "something that was sent later is lost");
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

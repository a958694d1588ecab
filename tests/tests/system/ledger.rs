//! The account of what was accepted: a pack that is really lost is named by run and number, and what is not lost is
//! never called so. The packs are taken out of the real broker behind the programs' backs.

use std::time::Duration;

use domain::pack::{self, PackHeader};
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueuePurgeOptions},
};
use queue::TopologyNames;
use serde_json::{Value, json};
use tests::{Client, Load, Pipeline, Process, START, TestProgram, VISIBLE, eventually};

/// Each lead a pack of its own in one run; the ledger looked at often, and without patience.
const PARTS: [(&str, &str); 3] = [
    ("AFFITOR_INGEST__PUBLISH_SLOTS", "1"),
    ("AFFITOR_WORKER__LEDGER_INTERVAL_MS", "200"),
    ("AFFITOR_WORKER__LEDGER_GRACE_MS", "0"),
];

/// The broker, past our own programs.
struct Broker {
    _connection: Connection,
    channel: Channel,
    events: String,
}

impl Broker {
    async fn of(pipeline: &Pipeline) -> Self {
        let settings = &pipeline.settings().queue;
        let connection = Connection::connect(settings.amqp_url.expose(), ConnectionProperties::default()).await;
        let connection = connection.expect("the broker");
        let channel = connection.create_channel().await.expect("a channel");
        let events = TopologyNames::new(&settings.name_prefix).events_queue;
        Self { _connection: connection, channel, events }
    }

    /// Takes the second message away and leaves the others as they were; gives what was in it.
    async fn lose_second(&self) -> PackHeader {
        let get = async || {
            let got = self.channel.basic_get(self.events.as_str().into(), BasicGetOptions::default()).await;
            got.expect("an answer").expect("a message").delivery
        };
        let (first, second) = (get().await, get().await);
        second.acker.ack(BasicAckOptions::default()).await.expect("acknowledged");
        let back = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        first.acker.nack(back).await.expect("given back");
        pack::decode(&second.data).expect("a pack").header
    }

    async fn purge(&self) -> u32 {
        self.channel.queue_purge(self.events.as_str().into(), QueuePurgeOptions::default()).await.expect("purged")
    }
}

async fn start(pipeline: &Pipeline, binary: &str) -> Process {
    let mut process = pipeline.process(binary, &[], &PARTS);
    process.wait_for_url(START, &format!("{}/readyz", pipeline.metrics(binary))).await;
    process
}

/// Sends leads one after the other; each is confirmed before the next is sent.
async fn send(client: &Client, program: &TestProgram, names: &[&str]) -> Vec<String> {
    let mut events = Vec::new();
    for name in names {
        let answer = client.send_lead(program, &json!({"customer_key": name})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        events.push(answer.event_id());
    }
    events
}

/// Runs `affitor audit` with these arguments: exit code and output.
async fn audit(pipeline: &Pipeline, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<&str> = ["audit"].iter().chain(arguments).copied().collect();
    let mut affitor = pipeline.process("affitor", &arguments, &[]);
    let status = affitor.wait_for_end(START).await;
    (status.code(), affitor.output())
}

async fn balanced(pipeline: &Pipeline) -> Value {
    eventually(VISIBLE, || async {
        match audit(pipeline, &["--grace", "0", "--json"]).await {
            (Some(0), said) => {
                let audit: Value = serde_json::from_str(&said).expect("JSON");
                if audit["verdict"] == "balanced" { Ok(audit) } else { Err(said) }
            }
            (code, said) => Err(format!("{code:?}: {said}")),
        }
    })
    .await
}

/// Waits until the worker's metrics have that line.
async fn shows(pipeline: &Pipeline, line: &str) {
    let url = format!("{}/metrics", pipeline.metrics("worker"));
    eventually(VISIBLE, || async {
        let text = reqwest::get(&url).await.map_err(|error| error.to_string())?.text().await.unwrap_or_default();
        let ledger: Vec<&str> = text.lines().filter(|line| line.starts_with("affitor_ledger")).collect();
        if ledger.contains(&line) { Ok(()) } else { Err(ledger.join("; ")) }
    })
    .await;
}

#[tokio::test]
async fn a_pack_that_is_really_lost_is_named_by_run_and_number() {
    let pipeline = Pipeline::prepared().await;
    let (program, client, broker) = (pipeline.program().await, Client::of(&pipeline), Broker::of(&pipeline).await);
    let _ingest = start(&pipeline, "ingest").await;
    let events = send(&client, &program, &["a", "b", "c", "d"]).await;
    let lost = broker.lose_second().await;
    let (code, said) = audit(&pipeline, &["--grace", "0", "--json"]).await;
    let waiting: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &waiting["verdict"], &waiting["waiting_messages"]), (Some(0), &json!("waiting"), &json!(3)));

    let (_worker, _console) = (start(&pipeline, "worker").await, pipeline.start("console").await);
    client.recorded(&program, &events[3]).await;
    shows(&pipeline, "affitor_ledger_missing_packs 1").await;
    shows(&pipeline, "affitor_ledger_waiting_events 1").await;
    let (code, said) = audit(&pipeline, &["--grace", "0"]).await;
    assert_eq!(code, Some(1), "{said}");
    let named = said.lines().find(|line| line.starts_with(&lost.run.to_string())).expect("a line of the run");
    let number = lost.number.to_string();
    assert_eq!(named.split_whitespace().skip(1).take(3).collect::<Vec<_>>(), [&number, &number, "1"], "{said}");
    assert!(
        said.contains("1 packs with 1 events were accepted and have not arrived and no queue holds them"),
        "{said}"
    );
    // Within the time that a pack may take, it is not called lost.
    let (code, said) = audit(&pipeline, &["--grace", "3600"]).await;
    assert!(code == Some(0) && said.contains("on its way"), "{said}");
}

#[tokio::test]
async fn a_purged_queue_is_missed_as_soon_as_the_run_goes_on() {
    let pipeline = Pipeline::prepared().await;
    let (program, client, broker) = (pipeline.program().await, Client::of(&pipeline), Broker::of(&pipeline).await);
    let _ingest = start(&pipeline, "ingest").await;
    let (mut worker, _console) = (start(&pipeline, "worker").await, pipeline.start("console").await);
    let first = send(&client, &program, &["a"]).await;
    client.recorded(&program, &first[0]).await;
    worker.terminate(START).await;
    send(&client, &program, &["b", "c", "d"]).await;
    assert_eq!(broker.purge().await, 3);
    // What no later pack has told of, nobody can know.
    assert_eq!(balanced(&pipeline).await["accepted"], 1);

    let _worker = start(&pipeline, "worker").await;
    let last = send(&client, &program, &["e"]).await;
    client.recorded(&program, &last[0]).await;
    shows(&pipeline, "affitor_ledger_missing_packs 3").await;
    let (code, said) = audit(&pipeline, &["--grace", "0", "--json"]).await;
    let audit: Value = serde_json::from_str(said.split_once("affitor:").map_or(&*said, |(json, _)| json)).unwrap();
    assert_eq!((code, &audit["accepted"], &audit["processed"]), (Some(1), &json!(5), &json!(2)));
    let missing = &audit["missing"][0];
    assert_eq!((&missing["first"], &missing["last"], &missing["packs"]), (&json!(2), &json!(4), &json!(3)));
}

#[tokio::test]
async fn the_account_stays_honest_when_ingest_and_worker_are_killed_under_load() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let (mut ingest, mut worker) = (pipeline.start("ingest").await, start(&pipeline, "worker").await);
    let load = Load::new(Load::usual(), 32, &pipeline.directory.path().join("books"));
    let begun = async |percent: usize| {
        eventually(Duration::from_secs(120), || async {
            let begun = load.begun() * 100 / load.leads();
            if begun >= percent { Ok(()) } else { Err(format!("{begun} %")) }
        })
        .await;
    };
    let nemesis = async {
        begun(30).await;
        ingest.kill();
        ingest = pipeline.start("ingest").await;
        begun(60).await;
        worker.kill();
        worker = start(&pipeline, "worker").await;
    };
    tokio::join!(load.run(&client, &program), nemesis);
    let (accepted, stored) = (load.accepted(), pipeline.stored().await);
    eventually(VISIBLE, || accepted.compare(&stored, &program)).await;
    stored.close().await;
    let audit = balanced(&pipeline).await;
    // The killed process may have had packs confirmed whose clients heard nothing of it.
    assert!(audit["accepted"].as_u64().unwrap() >= accepted.events.len() as u64, "{audit}");
    assert_eq!(audit["accepted"], audit["processed"], "{audit}");
    let sum = ["recorded", "duplicate", "dead_lettered"].iter().map(|name| audit[*name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(json!(sum), audit["processed"], "{audit}");
    assert_eq!(audit["runs"], 2, "one of each process");
    shows(&pipeline, "affitor_ledger_missing_packs 0").await;
}

#[tokio::test]
async fn the_doctor_finds_the_servers_well() {
    let pipeline = Pipeline::prepared().await;
    let _ingest = pipeline.start("ingest").await;
    let mut affitor = pipeline.process("affitor", &["doctor", "--json"], &[]);
    assert!(affitor.wait_for_end(START).await.success(), "{}", affitor.output());
    let checks: Vec<Value> = serde_json::from_str(&affitor.output()).expect("JSON");
    let well = |name: &str| checks.iter().any(|check| check["check"] == name && check["state"] == "ok");
    for name in [
        "broker version",
        "broker",
        "queue events",
        "queue unrouted",
        "queue dead",
        "database",
        "database schema",
        "database version",
        "database settings",
        "database clock",
        "secrets",
    ] {
        assert!(well(name), "{name}: {}", affitor.output());
    }
}

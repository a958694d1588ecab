//! A scene that moves every panel: clients of all kinds, a poisoned pack, one that took the way around, a database that
//! is locked and then loses its sessions, a broker whose connections are cut.

use super::text;
use domain::pack::{PACK_TYPE, PackHeader, PackWriter};
use futures_util::future::join_all;
use lapin::{BasicProperties, Connection, ConnectionProperties, options::BasicPublishOptions};
use queue::TopologyNames;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tests::{Answer, Client, Pipeline, Process, START, Servers, TestProgram, proxy::Proxy};
use uuid::Uuid;

/// Longer than two scrapes, so that what lasts this long is seen.
const A_WHILE: Duration = Duration::from_millis(2_500);

/// Enough that events meet in a pack.
const CLIENTS: usize = 8;

/// A pipeline behind a proxy that can be cut.
pub(super) struct Scene {
    pub(super) pipeline: Pipeline,
    proxy: Proxy,
    program: TestProgram,
    _processes: [Process; 3],
}

impl Scene {
    pub(super) async fn start() -> Self {
        let pipeline = Pipeline::prepared().await;
        let proxy = Proxy::before_broker(&Servers::from_env().amqp_url).await;
        let processes = ["ingest", "worker", "console"]
            .map(|binary| (binary, pipeline.process(binary, &[], &[("AFFITOR_QUEUE__AMQP_URL", proxy.url())])));
        let mut ready = Vec::new();
        for (binary, mut process) in processes {
            process.wait_for_url(START, &format!("{}/readyz", pipeline.metrics(binary))).await;
            ready.push(process);
        }
        let program = pipeline.program().await;
        let _processes = ready.try_into().expect("three processes");
        Self { pipeline, proxy, program, _processes }
    }

    /// The series of all processes.
    pub(super) async fn series(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for binary in ["ingest", "worker", "console"] {
            all.extend(text::series(&self.pipeline.metrics(binary)).await);
        }
        all
    }

    /// Plays it, and says from when until when, in seconds since 1970. The load still ran at the end.
    pub(super) async fn play(&self) -> (f64, f64) {
        let (began, over) = (seconds(), AtomicBool::new(false));
        let rounds = AtomicUsize::new(0);
        let client = async || {
            let client = Client::of(&self.pipeline);
            while !over.load(Ordering::Relaxed) {
                self.round(&client, rounds.fetch_add(1, Ordering::Relaxed)).await;
            }
        };
        let faults = async {
            self.poison().await;
            self.lock_the_database().await;
            self.proxy.cut();
            // The load goes on, so that the faults are seen to end.
            tokio::time::sleep(2 * A_WHILE).await;
            let ended = seconds();
            tokio::time::sleep(A_WHILE / 2).await;
            over.store(true, Ordering::Relaxed);
            ended
        };
        let (ended, _) = tokio::join!(faults, join_all((0..CLIENTS).map(|_| client())));
        assert!(rounds.into_inner() > 20, "there was no load to speak of");
        (began, ended)
    }

    /// A visitor who signs up, twice, and a few clients that do it wrong. While the broker is away all may get a 503.
    async fn round(&self, client: &Client, number: usize) {
        let click = client.open_link(&self.program.code).await;
        let click_id = click.json()["click_id"].clone();
        let lead = json!({"customer_key": format!("u{number}"), "click_id": click_id});
        let wrong = [
            client.lead().bearer_auth(&self.program.api_key).body("{").header("Content-Type", "application/json"),
            client.lead().bearer_auth("wrong").json(&lead),
            client.request(Method::GET, "/nothing"),
        ];
        client.send_lead(&self.program, &lead).await;
        client.send_lead(&self.program, &lead).await;
        for request in wrong {
            Answer::to(request).await;
        }
        client.customer(&self.program, &format!("u{number}")).await;
    }

    /// A pack with a record that nobody can read, and one without records that no binding takes.
    async fn poison(&self) {
        let pack = |records: &[&[u8]]| {
            let header = PackHeader { run: Uuid::new_v4(), number: 1, confirmed_before: 0, unconfirmed: Vec::new() };
            let mut writer = PackWriter::new(&header);
            assert!(records.iter().all(|record| writer.push(record)));
            writer.finish()
        };
        let broker = Connection::connect(&Servers::from_env().amqp_url, ConnectionProperties::default()).await.unwrap();
        let channel = broker.create_channel().await.unwrap();
        let names = TopologyNames::new(&self.pipeline.settings().queue.name_prefix);
        for (route, body) in [(names.events_queue.as_str(), pack(&[&[1, 0xff]])), ("nowhere", pack(&[]))] {
            let exchange = names.events_exchange.as_str().into();
            let options = BasicPublishOptions::default();
            let properties = BasicProperties::default().with_type(PACK_TYPE.into()).with_delivery_mode(2);
            channel.basic_publish(exchange, route.into(), options, &body, properties).await.unwrap().await.unwrap();
        }
        broker.close(200, "done".into()).await.unwrap();
    }

    /// Nothing can be committed for a while; then every session of the workers ends.
    async fn lock_the_database(&self) {
        let url = self.pipeline.settings().store.database_url.expose();
        let mut connection = PgConnection::connect(url).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        sqlx::query("LOCK TABLE packs IN ACCESS EXCLUSIVE MODE").execute(&mut *transaction).await.unwrap();
        tokio::time::sleep(A_WHILE).await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction.rollback().await.unwrap();
        connection.close().await.unwrap();
    }
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

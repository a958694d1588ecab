//! What only somebody between a program and its server can do to both: lose an answer that was given, give one that was
//! not, let one direction pass and not the other. The servers themselves stay whole, and other tests use them too.

mod acknowledgements;
mod channels;
mod commits;
mod confirms;
mod partitions;
mod refusals;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tests::{
    Pipeline, Servers, VISIBLE, eventually,
    proxy::{Proxy, Rule},
};

use super::{A_SECOND, CONNECTIONS, Scene};

/// "Within three seconds", and what a busy machine adds.
const RECOVERY: Duration = Duration::from_secs(6);

const BROKER: &str = "AFFITOR_QUEUE__AMQP_URL";
const DATABASE: &str = "AFFITOR_STORE__DATABASE_URL";

/// Has a worker take a database for gone that is not done with a batch in two seconds, and has it take small ones.
const IMPATIENT: [(&str, &str); 3] = [
    ("AFFITOR_STORE__STATEMENT_TIMEOUT_MS", "1000"),
    ("AFFITOR_STORE__LOCK_TIMEOUT_MS", "1000"),
    ("AFFITOR_WORKER__BATCH_EVENTS", "100"),
];

/// A pipeline with a proxy between `ingest` and the broker.
async fn before_ingest() -> (Scene, Proxy) {
    let (pipeline, proxy) = (Pipeline::prepared().await, broker().await);
    let scene = Scene::start_with(pipeline, &[(BROKER, proxy.url())], &[]).await;
    (scene, proxy)
}

/// A pipeline with a proxy between the worker and the broker, and with these settings of the worker.
async fn before_worker(settings: &[(&str, &str)]) -> (Scene, Proxy) {
    let (pipeline, proxy) = (Pipeline::prepared().await, broker().await);
    let settings = [settings, &[(BROKER, proxy.url())]].concat();
    let scene = Scene::start_with(pipeline, &[], &settings).await;
    (scene, proxy)
}

/// A pipeline with a proxy between the worker and the database, and with these settings of the worker.
async fn before_database(settings: &[(&str, &str)]) -> (Scene, Proxy) {
    let pipeline = Pipeline::prepared().await;
    let proxy = Proxy::before_database(pipeline.settings().store.database_url.expose()).await;
    let settings = [settings, &[(DATABASE, proxy.url())]].concat();
    let scene = Scene::start_with(pipeline, &[], &settings).await;
    (scene, proxy)
}

async fn broker() -> Proxy {
    Proxy::before_broker(&Servers::from_env().amqp_url).await
}

/// Has the rule decide, and lets the test look at it.
fn watched<R: Rule + 'static>(proxy: &Proxy, rule: R) -> Arc<Mutex<R>> {
    let rule = Arc::new(Mutex::new(rule));
    proxy.rule(Arc::clone(&rule));
    rule
}

fn look<R>(rule: &Mutex<R>) -> MutexGuard<'_, R> {
    rule.lock().unwrap()
}

/// Waits until the rule has done what it is for.
async fn until<R>(rule: &Mutex<R>, is_done: impl Fn(&R) -> bool) {
    eventually(VISIBLE * 3, async || if is_done(&look(rule)) { Ok(()) } else { Err("the fault has not happened yet") })
        .await;
}

impl Scene {
    /// How many leads there are in the database: those that were accepted, and those of which nobody was told.
    async fn leads_stored(&self) -> usize {
        self.stored.leads(self.program.id.get()).await.len()
    }
}

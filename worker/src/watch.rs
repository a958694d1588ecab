//! Whether this worker can work now: the database answers, takes writes and has the schema.
//!
//! The question is asked in a task of its own and never cancelled; an answer that does not come counts as a no.

use runtime::health::Check;
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(1);

type Answer = (Instant, Result<(), String>);

/// Keeps `check` true until `stop`.
pub(crate) async fn run(store: Store, check: Check, stop: CancellationToken) {
    let (said, mut answers) = watch::channel::<Option<Answer>>(None);
    tokio::spawn(ask(store, said, stop.clone()));
    while !stop.is_cancelled() {
        match &*answers.borrow_and_update() {
            Some((at, _)) if at.elapsed() >= PATIENCE => check.not_ready("the database does not answer"),
            Some((_, Ok(()))) => check.ready(),
            Some((_, Err(reason))) => check.not_ready(reason.clone()),
            None => {}
        }
        tokio::select! {
            () = stop.cancelled() => break,
            told = answers.changed() => if told.is_err() { break },
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }
}

async fn ask(store: Store, said: watch::Sender<Option<Answer>>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let answer = usable(&store).await;
        said.send_replace(Some((Instant::now(), answer)));
        tokio::time::sleep(EVERY).await;
    }
}

async fn usable(store: &Store) -> Result<(), String> {
    store.ping().await.map_err(|error| error.to_string())?;
    match store.schema_is_current().await {
        Ok(true) => Ok(()),
        Ok(false) => Err("the schema is too old: run `worker migrate`".into()),
        Err(error) => Err(error.to_string()),
    }
}

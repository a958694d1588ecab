//! A database that has committed, or begun, and whose answer is lost or late: nobody knows, and nothing may be stored
//! twice or vanish.

use std::{
    collections::HashSet,
    time::{Duration, UNIX_EPOCH},
};

use sqlx::PgPool;
use tests::{
    Load, Pipeline, Stored, VISIBLE, eventually,
    proxy::{
        Fate, Passing, Proxy, Rule, Side,
        postgres::{READY, done},
    },
};

use super::{
    A_SECOND, BROKER, CONNECTIONS, DATABASE, IMPATIENT, RECOVERY, Scene, before_database, broker, look, until, watched,
};

/// A worker takes a message with care.
const CAREFUL: &[u8] = b"/* note_attempt */";

/// Ends the connection instead of every third answer to a commit, until so many are lost.
#[derive(Default)]
struct LostCommits {
    left: usize,
    seen: usize,
    /// Whether anything was taken with care since the last look.
    careful: bool,
}

impl Rule for LostCommits {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        if message.from == Side::Client {
            self.careful |= message.bytes.windows(CAREFUL.len()).any(|window| window == CAREFUL);
        } else if done(message.bytes) == Some("COMMIT") {
            self.seen += 1;
            if self.left > 0 && self.seen.is_multiple_of(3) {
                self.left -= 1;
                return Fate::Ends(Vec::new());
            }
        }
        Fate::Passes
    }
}

/// Lets the answer to a BEGIN wait, at random.
struct LateBegins {
    random: u64,
    begun: HashSet<u64>,
    late: usize,
}

impl LateBegins {
    const AT_MOST: usize = 16;
    /// In milliseconds.
    const LATEST: u64 = 4_000;

    fn new() -> Self {
        let seed = UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
        println!("late begins: seed {seed}");
        Self { random: seed, begun: HashSet::new(), late: 0 }
    }

    /// Marsaglia's xorshift.
    fn next(&mut self) -> u64 {
        for (left, by) in [(true, 13), (false, 7), (true, 17)] {
            self.random ^= if left { self.random << by } else { self.random >> by };
        }
        self.random
    }
}

impl Rule for LateBegins {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        if message.from == Side::Client {
            return Fate::Passes;
        }
        if done(message.bytes) == Some("BEGIN") {
            self.begun.insert(message.connection);
        }
        let answers_begin = message.bytes.first() == Some(&READY) && self.begun.remove(&message.connection);
        if answers_begin && self.late < Self::AT_MOST && self.next().is_multiple_of(4) {
            self.late += 1;
            return Fate::Waits(Duration::from_millis(self.next() % Self::LATEST));
        }
        Fate::Passes
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_stored_once() {
    let (scene, proxy) = before_database(&[]).await;
    let rule = watched(&proxy, LostCommits { left: 10, ..LostCommits::default() });
    let nemesis = async {
        until(&rule, |rule| rule.left == 0).await;
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("answers to commits lost", recovered).await;
    assert_eq!(scene.leads_stored().await, scene.load.begun());
    assert!(scene.metric("worker", "affitor_worker_batches_held_total").await >= 10);
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_message_taken_with_care_survives_lost_answers_to_its_commits_whole() {
    let (mut scene, proxy) = before_database(&[]).await;
    let rule = watched(&proxy, LostCommits::default());
    // Care takes each event by itself, and a commit or two for each.
    scene.load = Load::new(Load::usual() / 20, CONNECTIONS, &scene.pipeline.directory.path().join("books"));
    // Stopped while it takes messages, so that it surely has some in hand when it is killed.
    let stopped = async {
        eventually(VISIBLE, async || if scene.stored.events().await > 0 { Ok(()) } else { Err("nothing is stored") })
            .await;
        scene.worker.signal("STOP");
    };
    scene.under_load(stopped).await;
    for _ in 0..2 {
        scene.worker.kill();
        *look(&rule) = LostCommits { left: 3, ..LostCommits::default() };
        scene.worker = scene.pipeline.start_with("worker", &[(DATABASE, proxy.url())]).await;
        until(&rule, |rule| rule.left == 0 && rule.careful).await;
    }
    let recovered = scene.drained().await;
    scene.is_whole("answers to careful commits lost", recovered).await;
    assert_eq!(scene.leads_stored().await, scene.load.begun());
}

#[tokio::test]
async fn what_comes_again_because_the_broker_was_lost_meanwhile_is_not_taken_with_care() {
    let (pipeline, to_broker) = (Pipeline::prepared().await, broker().await);
    let to_database = Proxy::before_database(pipeline.settings().store.database_url.expose()).await;
    let through = [(BROKER, to_broker.url()), (DATABASE, to_database.url())];
    let scene = Scene::start_with(pipeline, &[], &through).await;
    let rule = watched(&to_database, LostCommits::default());
    let nemesis = async {
        scene.begun(30).await;
        // The lanes have batches in hand, and messages behind them.
        to_database.hold(Side::Server, true);
        scene.begun(50).await;
        to_broker.cut();
        to_database.hold(Side::Server, false);
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("broker lost while a batch is stored", recovered).await;
    assert!(!look(&rule).careful, "each event by itself, though the worker that had them lives");
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_begin_whose_answer_is_late_loses_nothing_and_leaves_no_transaction_open() {
    // Half of what is late comes after the connection was given up.
    let (scene, proxy) = before_database(&IMPATIENT).await;
    let rule = watched(&proxy, LateBegins::new());
    let drained = async {
        scene.begun(100).await;
        scene.drained().await
    };
    scene.under_load(drained).await;
    proxy.pass_everything();
    let recovered = scene.drained().await;
    let (held, late) = (scene.metric("worker", "affitor_worker_batches_held_total").await, look(&rule).late);
    println!("answers to begins late: {late} held {held}");
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("answers to begins late", recovered).await;
    assert!(late > 0);
    no_transaction_is_open(&scene.stored).await;
}

/// Waits until none of its sessions sits in a transaction.
async fn no_transaction_is_open(stored: &Stored) {
    let Stored::Postgres(pool) = stored else { panic!("only a server has sessions") };
    let open = async |pool: &PgPool| -> Vec<String> {
        let open = "SELECT state || ' for ' || (now() - state_change)::text || ': ' || query FROM pg_stat_activity \
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        sqlx::query_scalar(open).fetch_all(pool).await.unwrap()
    };
    eventually(A_SECOND, async || {
        let open = open(pool).await;
        if open.is_empty() { Ok(()) } else { Err(format!("{open:?}")) }
    })
    .await;
}

//! Many workers on few rows.

use super::gate::{Moment, connect, hang, take_down, until_workers_are_gone};
use super::{apply, assert_as_the_model_says, batch, packed};
use crate::dump;
use crate::stage::Stage;
use domain::event::Event;
use domain::outcome::Outcome;
use domain::scenario::{browser, click, server};
use domain::universe::SplitMix64;
use sqlx::{AssertSqlSafe, Executor};
use store::StoreError;

const WORKERS: usize = 8;
const KEYS: u64 = 100;
const CLICKS: u64 = 60;
const LEADS: u32 = 2_000;
const BATCH: usize = 25;

/// A deadlock would be an error here, and a second of waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_workers_on_a_hundred_hot_keys_never_deadlock() {
    let stage = Stage::postgres().await;
    let events = crowd();
    let mut shares: Vec<Vec<Vec<Event>>> = vec![Vec::new(); WORKERS];
    for (number, events) in events.chunks(BATCH).enumerate() {
        shares[number % WORKERS].push(events.to_vec());
    }
    let workers = shares.into_iter().map(|share| {
        let mut session = stage.store.session();
        tokio::spawn(async move {
            for events in share {
                session.apply(&batch(&events)).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    until_workers_are_gone(&stage).await;
    let deadlocks: i64 =
        sqlx::query_scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            .fetch_one(&mut connect(&stage).await)
            .await
            .unwrap();
    assert_eq!(deadlocks, 0);
    assert_as_the_model_says(&stage, &events).await;
}

/// Were they judged in one transaction, it would last as long as there are customers. The second of them fails here, and
/// the click comes again.
#[tokio::test]
async fn a_crowd_that_waits_for_one_click_is_judged_in_several_transactions() {
    const CROWD: u32 = 4_500;
    const FIRST: i64 = 2_000;
    let stage = Stage::postgres().await;
    let leads: Vec<Event> =
        (1..=CROWD).map(|number| server(number).key(&format!("usr_{number}")).click(&click(1)).event()).collect();
    let mut session = stage.store.session();
    for events in leads.chunks(1_500) {
        session.apply(&batch(events)).await.unwrap();
    }
    let mut eyes = connect(&stage).await;
    let mut attributed = async || -> (i64, i64) {
        let counts = "SELECT count(*), count(DISTINCT xmin::text) FROM customers WHERE link_id IS NOT NULL";
        sqlx::query_as(counts).fetch_one(&mut eyes).await.unwrap()
    };
    let line =
        "IF (SELECT count(*) FROM waiters) < 2000 THEN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END IF";
    let moment = Moment::Before("customers");
    hang(&stage, moment, "NEW.link_id IS NOT NULL", line).await;
    // Else they would be read in the order of their keys by chance.
    connect(&stage).await.execute("ANALYZE waiters").await.unwrap();
    let arrival = packed(1, &[click(1).event(), server(CROWD + 1).key("usr_new").event()]);
    let (session, answer) = apply(session, arrival.clone()).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(attributed().await, (FIRST, 1));
    assert_eq!(dump::count(&stage, "packs").await, 0, "a pack is entered with the last of its transactions");
    let out_of_order = "SELECT ident FROM customers WHERE link_id IS NOT NULL AND ident > (SELECT ident FROM waiters
         ORDER BY ident LIMIT 1)";
    assert_eq!(dump::rows(&stage, out_of_order).await.len(), 0, "judged before somebody whose key is less");
    take_down(&stage, moment).await;
    let told = apply(session, arrival).await.1.unwrap();
    assert_eq!(told, [Outcome::Redelivered; 2]);
    assert_eq!(attributed().await, (i64::from(CROWD), 3));
    assert_eq!((dump::count(&stage, "waiters").await, dump::count(&stage, "packs").await), (0, 1));
}

/// Between two goes a worker looks whether it is to stop.
#[tokio::test]
async fn a_crowd_too_large_for_one_go_is_judged_when_its_click_comes_again() {
    const CROWD: i64 = 16_500;
    let stage = Stage::postgres().await;
    let lead = server(1).key("usr_1").click(&click(1)).event();
    let session = stage.store.session();
    let (session, answer) = apply(session, batch(std::slice::from_ref(&lead))).await;
    answer.unwrap();
    // They have no customer any more: to look at them costs a test nothing.
    let others = format!(
        "INSERT INTO waiters SELECT program_id, click, gen_random_uuid() FROM waiters, generate_series(2, {CROWD})"
    );
    connect(&stage).await.execute(AssertSqlSafe(others)).await.unwrap();
    let arrival = packed(1, &[click(1).event()]);
    let (session, answer) = apply(session, arrival.clone()).await;
    assert!(matches!(answer, Err(StoreError::Busy(_))), "{answer:?}");
    assert_eq!((dump::count(&stage, "waiters").await, dump::count(&stage, "packs").await), (CROWD - 16_000, 0));
    let told = apply(session, arrival).await.1.unwrap();
    assert_eq!(told, [Outcome::Redelivered]);
    assert_eq!((dump::count(&stage, "waiters").await, dump::count(&stage, "packs").await), (0, 1));
    assert_as_the_model_says(&stage, &[lead, click(1).event()]).await;
}

/// Clicks before and after the leads that name them.
fn crowd() -> Vec<Event> {
    let mut rng = SplitMix64::new(1);
    let mut events: Vec<Event> = (1..=LEADS)
        .map(|number| {
            let lead = if rng.chance(50) { server(number) } else { browser(number) };
            let [named, candidate] = [0, 1].map(|_| click(1 + rng.below(CLICKS) as u32));
            let lead = if rng.chance(70) {
                lead.key(&format!("usr_{}", rng.below(KEYS))).click(&named)
            } else {
                lead.click(&named)
            };
            let is_other = named.id() != candidate.id();
            if is_other && rng.chance(50) { lead.candidates([&candidate]).event() } else { lead.event() }
        })
        .collect();
    for number in 1..=CLICKS {
        events.insert(rng.below(events.len() as u64) as usize, click(number as u32).event());
    }
    events
}

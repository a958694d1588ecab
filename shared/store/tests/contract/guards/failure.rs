//! Whatever statement fails, whenever the backend dies: nothing is reported as applied that is not, and the same
//! batch again ends as the model says.

use super::gate::{Gate, Moment, connect, hang, take_down, the_waiting_one};
use super::{apply, assert_as_the_model_says, packed, worker_with};
use crate::dump;
use crate::stage::Stage;
use domain::Ident;
use domain::event::Event;
use domain::scenario::{browser, click, provisional, server};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use store::Session;
use store::batch::Batch;

/// Which of the two transactions a row is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    Fast,
    Slow,
}
use Transaction::{Fast, Slow};

/// Every table that a batch writes, each kind of row in the transaction that writes it first.
const ROWS: [(Transaction, &str, &str); 10] = [
    (Fast, "clicks", "NOT NEW.contested"),
    (Fast, "customers", "NEW.event_id IS NOT NULL"),
    (Fast, "leads", "NEW.class = 1"),
    (Fast, "clicks", "NEW.owner IS NOT NULL"),
    (Fast, "customers", "NEW.link_id % 100 = 1"),
    (Slow, "clicks", "NEW.contested AND NEW.owner IS NULL"),
    (Slow, "customers", "NEW.counted_event IS NULL"),
    (Slow, "leads", "NEW.class = 2"),
    (Slow, "waiters", "true"),
    (Slow, "packs", "true"),
];

/// Before each kind of row is written, and in the COMMIT after it.
fn moments() -> impl Iterator<Item = (u32, Transaction, Moment, &'static str)> {
    let moments = ROWS.into_iter().flat_map(|(transaction, table, which)| {
        [Moment::Before(table), Moment::AtCommit(table)].map(|moment| (transaction, moment, which))
    });
    (1..).zip(moments).map(|(number, (transaction, moment, which))| (number, transaction, moment, which))
}

#[tokio::test]
async fn an_aborted_transaction_is_never_reported_as_applied() {
    let stage = Stage::postgres().await;
    let mut session = prepared(&stage).await;
    for (number, transaction, moment, which) in moments() {
        let batch = packed(number, &everything_written(number));
        hang(&stage, moment, which, "RAISE EXCEPTION 'out of order' USING ERRCODE = 'disk_full'").await;
        let answer;
        (session, answer) = apply(session, batch.clone()).await;
        assert!(answer.is_err(), "{moment:?} {which}: a batch that failed was reported as applied: {answer:?}");
        take_down(&stage, moment).await;
        session = assert_nothing_is_lost(&stage, session, number, transaction, batch).await;
    }
}

#[tokio::test]
async fn a_backend_killed_at_any_statement_loses_nothing() {
    let stage = Stage::postgres().await;
    let mut session = prepared(&stage).await;
    for (number, transaction, moment, which) in moments() {
        let batch = packed(number, &everything_written(number));
        let gate = Gate::close(&stage, moment, which).await;
        let worker = worker_with(session, batch.clone());
        kill_the_waiting_one(&stage).await;
        let answer;
        (session, answer) = worker.await.unwrap();
        assert!(answer.is_err(), "{moment:?} {which}: a batch whose backend died was reported as applied: {answer:?}");
        gate.open().await;
        take_down(&stage, moment).await;
        session = assert_nothing_is_lost(&stage, session, number, transaction, batch).await;
    }
}

/// Of the batch that failed the first transaction is there or not, as it should, and all of it once it comes again.
async fn assert_nothing_is_lost(
    stage: &Stage,
    session: Session,
    number: u32,
    failed: Transaction,
    batch: Batch,
) -> Session {
    let alone = format!("SELECT event_id FROM customers WHERE customer_key = 'usr_{number}_alone'");
    assert_eq!(dump::rows(stage, &alone).await.len(), usize::from(failed == Slow), "batch {number}");
    let session = applied(session, batch).await;
    let everything: Vec<Event> = (1..=number).flat_map(everything_written).chain(prepared_events()).collect();
    assert_as_the_model_says(stage, &everything).await;
    assert_eq!(dump::count(stage, "packs").await, i64::from(number), "packs in the ledger");
    session
}

/// The customers whom batches know.
fn prepared_events() -> Vec<Event> {
    moments().map(|(number, ..)| server(number).key(&format!("usr_{number}_known")).event()).collect()
}

async fn prepared(stage: &Stage) -> Session {
    applied(stage.store.session(), Batch { events: prepared_events(), ..Batch::default() }).await
}

#[tokio::test]
async fn a_backend_killed_between_the_two_transactions_loses_nothing() {
    let stage = Stage::postgres().await;
    let seen = [click(1).event(), click(2).event()];
    let session = applied(stage.store.session(), packed(1, &seen)).await;
    let leads =
        [server(1).key("usr_1").click(&click(1)).candidates([&click(2)]).event(), server(2).key("usr_2").event()];
    let mut other = hold_click(&stage).await;
    let worker = worker_with(session, packed(2, &leads));
    kill_the_waiting_one(&stage).await;
    let (session, answer) = worker.await.unwrap();
    assert!(answer.is_err(), "a batch whose backend died was reported as applied: {answer:?}");
    assert_as_the_model_says(&stage, &[&seen[..], &leads[1..]].concat()).await;
    assert_eq!(dump::count(&stage, "packs").await, 1, "a pack is entered with the last of its events");
    other.execute("ROLLBACK").await.unwrap();
    applied(session, packed(2, &leads)).await;
    assert_as_the_model_says(&stage, &[&seen[..], &leads].concat()).await;
    assert_eq!(dump::count(&stage, "packs").await, 2);
}

/// Why the last statement before COMMIT must return a row: COMMIT itself does not tell.
#[tokio::test]
async fn the_driver_reports_the_commit_of_an_aborted_transaction_as_done() {
    use sqlx::Connection;
    let stage = Stage::postgres().await;
    let mut connection = connect(&stage).await;
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute("SELECT 1 / 0").await.unwrap_err();
    let proof = sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(&mut *transaction).await.unwrap_err();
    assert_eq!(proof.as_database_error().unwrap().code().as_deref(), Some("25P02"));
    transaction.commit().await.unwrap();
}

/// Events that write every table in both transactions, and meet no other batch's.
fn everything_written(number: u32) -> Vec<Event> {
    let first = 100 * number;
    let key = |which: &str| format!("usr_{number}_{which}");
    vec![
        click(first).event(),
        click(first + 1).event(),
        server(first).key(&key("seen")).click(&click(first)).event(),
        browser(first + 1).key(&key("seen")).email(1).event(),
        server(first + 2).key(&key("alone")).event(),
        server(first + 3).key(&key("known")).click(&click(first + 1)).event(),
        server(first + 4).key(&key("waits")).click(&click(first + 2)).event(),
        provisional(first + 5).key(&key("waits")).email(1).event(),
    ]
}

async fn applied(session: Session, batch: Batch) -> Session {
    let (session, answer) = apply(session, batch).await;
    answer.unwrap();
    session
}

async fn kill_the_waiting_one(stage: &Stage) {
    let pid = the_waiting_one(stage).await;
    let mut killer = connect(stage).await;
    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut killer).await.unwrap();
}

async fn hold_click(stage: &Stage) -> PgConnection {
    let mut other = connect(stage).await;
    let click = Ident::of_click(false, click(1).id()).uuid();
    let statement = format!("BEGIN; SELECT 1 FROM clicks WHERE click = '{click}' FOR UPDATE");
    other.execute(AssertSqlSafe(statement)).await.unwrap();
    other
}

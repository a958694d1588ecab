//! Whatever statement fails, whenever the backend dies: nothing is reported as applied that is not, and the same
//! batch again ends as the model says.

use super::gate::{Gate, Moment, connect, hang, take_down, the_waiting_one};
use super::{apply, assert_as_the_model_says, packed, worker_with};
use crate::dump;
use crate::stage::Stage;
use domain::Ident;
use domain::event::Event;
use domain::scenario::{browser, click, server};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

/// Every table that a batch writes, in both transactions, and the COMMIT of each.
const MOMENTS: [Moment; 10] = [
    Moment::Before("clicks"),
    Moment::Before("customers"),
    Moment::Before("leads"),
    Moment::Before("waiters"),
    Moment::Before("packs"),
    Moment::AtCommit("clicks"),
    Moment::AtCommit("customers"),
    Moment::AtCommit("leads"),
    Moment::AtCommit("waiters"),
    Moment::AtCommit("packs"),
];

#[tokio::test]
async fn an_aborted_transaction_is_never_reported_as_applied() {
    let stage = Stage::postgres().await;
    let mut session = stage.store.session();
    let mut everything = Vec::new();
    for (number, moment) in (1..).zip(MOMENTS) {
        let events = everything_written(number);
        let batch = packed(number, &events);
        hang(&stage, moment, "true", "RAISE EXCEPTION 'out of order' USING ERRCODE = 'disk_full'").await;
        let answer;
        (session, answer) = apply(session, batch.clone()).await;
        assert!(answer.is_err(), "{moment:?}: a batch that failed was reported as applied: {answer:?}");
        take_down(&stage, moment).await;
        session = applied(session, batch).await;
        everything.extend(events);
        assert_as_the_model_says(&stage, &everything).await;
        assert_eq!(dump::count(&stage, "packs").await, i64::from(number), "{moment:?}: packs in the ledger");
    }
}

#[tokio::test]
async fn a_backend_killed_at_any_statement_loses_nothing() {
    let stage = Stage::postgres().await;
    let mut session = stage.store.session();
    let mut everything = Vec::new();
    for (number, moment) in (1..).zip(MOMENTS) {
        let events = everything_written(number);
        let batch = packed(number, &events);
        let gate = Gate::close(&stage, moment, "true").await;
        let worker = worker_with(session, batch.clone());
        kill_the_waiting_one(&stage).await;
        let answer;
        (session, answer) = worker.await.unwrap();
        assert!(answer.is_err(), "{moment:?}: a batch whose backend died was reported as applied: {answer:?}");
        gate.open().await;
        take_down(&stage, moment).await;
        session = applied(session, batch).await;
        everything.extend(events);
        assert_as_the_model_says(&stage, &everything).await;
        assert_eq!(dump::count(&stage, "packs").await, i64::from(number), "{moment:?}: packs in the ledger");
    }
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

/// Events that write every table, and meet no others.
fn everything_written(number: u32) -> Vec<Event> {
    let first = 10 * number;
    let key = |which: &str| format!("usr_{number}_{which}");
    vec![
        click(first).event(),
        server(first).key(&key("seen")).click(&click(first)).event(),
        server(first + 1).key(&key("waits")).click(&click(first + 1)).event(),
        browser(first + 2).key(&key("waits")).email(1).event(),
        server(first + 3).key(&key("alone")).event(),
    ]
}

async fn applied(session: store::Session, batch: store::batch::Batch) -> store::Session {
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

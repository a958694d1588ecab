//! What a statement reads is bounded by its batch, whatever the planner believes of the tables.

use super::batch;
use super::gate::{connect, until_workers_are_gone};
use crate::stage::Stage;
use domain::event::Event;
use domain::scenario::{browser, click, server};
use sqlx::Executor;

const SMALL_BATCHES: u32 = 20;
const CUSTOMERS: u32 = 4_000;
const BATCH: u32 = 100;
/// Rows read for one event: a click, a customer, its leads, its waiters, each a few times.
const BOUND: i64 = 40;

const ROWS_READ: &str = "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint \
     + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint";

/// The worker's plans are made on tables that were analysed while empty, and nobody analyses them again.
#[tokio::test]
async fn a_plan_made_while_the_tables_were_empty_does_not_read_them_whole_later() {
    let stage = Stage::postgres().await;
    let mut eyes = connect(&stage).await;
    for table in ["clicks", "customers", "leads", "waiters"] {
        let statement = format!("ALTER TABLE {table} SET (autovacuum_enabled = false); ANALYZE {table}");
        eyes.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    let mut session = stage.store.session();
    for number in 1..=SMALL_BATCHES {
        session.apply(&batch(&visit(number))).await.unwrap();
    }
    let mut events = 0;
    for first in (SMALL_BATCHES..CUSTOMERS).step_by(BATCH as usize) {
        let visits: Vec<Event> = (first + 1..=first + BATCH).flat_map(visit).collect();
        events += visits.len() as i64;
        session.apply(&batch(&visits)).await.unwrap();
    }
    drop(session);
    until_workers_are_gone(&stage).await;
    let read: i64 = sqlx::query_scalar(ROWS_READ).fetch_one(&mut eyes).await.unwrap();
    assert!(read < BOUND * events, "{read} rows read for {events} events");
}

/// A customer who came, signed up twice, and whose second click is late.
fn visit(number: u32) -> Vec<Event> {
    let (seen, late) = (click(2 * number), click(2 * number + 1));
    let key = format!("usr_{number}");
    vec![
        seen.event(),
        server(2 * number).key(&key).click(&seen).event(),
        browser(2 * number + 1).key(&key).click(&late).event(),
        late.event(),
    ]
}

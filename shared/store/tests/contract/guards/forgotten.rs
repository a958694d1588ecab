//! Forgetting test events while other workers are at work on the same rows.

use super::gate::{Gate, Moment, connect, until_waiting_or_done};
use super::{apply_each, worker};
use crate::dump;
use crate::stage::Stage;
use domain::event::Event;
use domain::scenario::{click, server};
use domain::{CustomerKey, Ident};
use sqlx::Executor;
use store::StoreError;

fn test_lead(number: u32, key: &str) -> Event {
    server(number).key(key).test().event()
}

#[tokio::test]
async fn what_another_worker_has_in_hand_is_forgotten_later_and_waited_for_by_nobody() {
    let stage = Stage::postgres().await;
    apply_each(&stage, &[test_lead(1, "usr_1"), test_lead(2, "usr_2"), test_lead(3, "usr_3")]).await;
    let mut other = connect(&stage).await;
    other.execute("BEGIN; SELECT 1 FROM customers WHERE customer_key = 'usr_1' FOR NO KEY UPDATE").await.unwrap();
    assert_eq!(stage.store.forget_tests(1, None).await.unwrap().events, 1);
    assert_eq!(dump::count(&stage, "test_events").await, 2);
    other.execute("COMMIT").await.unwrap();
    assert_eq!(stage.store.forget_tests(1, None).await.unwrap().events, 1);
    assert_eq!((dump::count(&stage, "test_events").await, dump::count(&stage, "customers").await), (1, 1));
}

/// Between making the rows that a batch needs and locking them: what was there already may be forgotten meanwhile.
#[tokio::test]
async fn a_customer_who_is_forgotten_while_a_lead_comes_is_made_again() {
    let stage = Stage::postgres().await;
    // Rows are made in this order, so the worker has found the first when it stops before the second.
    let place = |key: &&str| Ident::of_key(true, &CustomerKey::parse(key).unwrap());
    let mut keys = ["usr_1", "usr_2"];
    keys.sort_by_key(place);
    let [known, new] = keys;
    apply_each(&stage, &[test_lead(1, known), test_lead(2, "usr_3")]).await;

    let shared = click(1).test();
    let leads = [(3, known), (4, new)].map(|(number, key)| server(number).key(key).click(&shared).test().event());
    let gate = Gate::close(&stage, Moment::Before("customers"), &format!("NEW.customer_key = '{new}'")).await;
    let late = worker(&stage, &leads);
    until_waiting_or_done(&stage, 1, &late).await;
    assert_eq!(stage.store.forget_tests(1, None).await.unwrap().events, 1);
    gate.open().await;
    let answer = late.await.unwrap();
    assert!(matches!(answer, Err(StoreError::Busy(_))), "{answer:?}");

    apply_each(&stage, &leads).await;
    let made = dump::rows(&stage, "SELECT test, customer_key FROM customers WHERE status IS NOT NULL").await;
    assert!(made.iter().all(|row| row[0].as_deref() == Some("true") && row[1].is_some()), "{made:?}");
    assert_eq!(made.len(), 3);
}

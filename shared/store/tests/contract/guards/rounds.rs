//! What is held while a worker waits: nothing of its first transaction, and nothing of a round that was too narrow.

use super::gate::{connect, is_held, until_waiting_or_done};
use super::{apply_each, assert_as_the_model_says, worker};
use crate::stage::Stage;
use domain::Ident;
use domain::event::Event;
use domain::scenario::{ClickDraft, browser, click, server};
use sqlx::{AssertSqlSafe, Executor};

on_both! {
    a_late_candidate_of_a_lead_known_by_its_click_reaches_the_key_that_owns_the_click,
}

/// A lead with only a bot's click and a candidate, then a lead with a key and the same click; the candidate is late.
fn late_candidate() -> (Vec<Event>, Event) {
    let (crawled, late) = (click(1).bot(), click(2));
    let keyless = browser(1).click(&crawled).candidates([&late]).event();
    let keyed = browser(2).click(&crawled).key("usr_1").event();
    (vec![keyless, keyed, crawled.event()], late.event())
}

/// The waiter is known by a click that the batch does not name, so the rows to lock are found out in a second round.
async fn a_late_candidate_of_a_lead_known_by_its_click_reaches_the_key_that_owns_the_click(stage: &Stage) {
    let (before, late) = late_candidate();
    apply_each(stage, &before).await;
    apply_each(stage, std::slice::from_ref(&late)).await;
    assert_as_the_model_says(stage, &[before, vec![late]].concat()).await;
}

#[tokio::test]
async fn a_second_round_begins_with_empty_hands() {
    let stage = Stage::postgres().await;
    let (before, late) = late_candidate();
    apply_each(&stage, &before).await;
    let mut other = connect(&stage).await;
    other.execute(AssertSqlSafe(format!("BEGIN; {}", locking(&click(1).bot())))).await.unwrap();
    let worker = worker(&stage, std::slice::from_ref(&late));
    until_waiting_or_done(&stage, 1, &worker).await;
    assert!(!worker.is_finished(), "a worker must wait for the click its waiter is known by");
    let mut prober = connect(&stage).await;
    assert!(!is_held(&mut prober, &locking(&click(2))).await, "the later click must not be held by the earlier round");
    other.execute("ROLLBACK").await.unwrap();
    worker.await.unwrap().unwrap();
    assert_as_the_model_says(&stage, &[before, vec![late]].concat()).await;
}

#[tokio::test]
async fn what_meets_nobody_is_committed_before_a_worker_waits_for_anybody() {
    let stage = Stage::postgres().await;
    let clicks = [click(1).event(), click(2).event(), click(3).event()];
    apply_each(&stage, &clicks).await;
    let mut other = connect(&stage).await;
    other.execute(AssertSqlSafe(format!("BEGIN; {}", locking(&click(1))))).await.unwrap();
    let leads = [
        server(1).key("usr_1").click(&click(1)).candidates([&click(2)]).event(),
        server(2).key("usr_2").click(&click(3)).event(),
    ];
    let worker = worker(&stage, &leads);
    until_waiting_or_done(&stage, 1, &worker).await;
    assert!(!worker.is_finished(), "a worker must wait for the click in other hands");
    let mut prober = connect(&stage).await;
    let committed: i64 = sqlx::query_scalar("SELECT count(*) FROM customers").fetch_one(&mut prober).await.unwrap();
    assert_eq!(committed, 1, "customers committed while a worker waits");
    assert!(!is_held(&mut prober, &locking(&click(3))).await, "a claimed click must not be held while a worker waits");
    other.execute("ROLLBACK").await.unwrap();
    worker.await.unwrap().unwrap();
    assert_as_the_model_says(&stage, &[clicks.as_slice(), &leads].concat()).await;
}

/// Who has news of a customer in other hands waits for that customer in the second transaction only.
#[tokio::test]
async fn what_joins_nobody_is_committed_before_a_worker_waits_for_a_customer() {
    let stage = Stage::postgres().await;
    let known = [click(1).event(), server(1).key("usr_1").event()];
    apply_each(&stage, &known).await;
    let mut other = connect(&stage).await;
    other.execute("BEGIN; SELECT 1 FROM customers WHERE customer_key = 'usr_1' FOR NO KEY UPDATE").await.unwrap();
    let leads = [browser(2).key("usr_1").email(1).event(), server(3).key("usr_2").click(&click(1)).event()];
    let worker = worker(&stage, &leads);
    until_waiting_or_done(&stage, 1, &worker).await;
    assert!(!worker.is_finished(), "a worker must wait for the customer in other hands");
    let mut prober = connect(&stage).await;
    let committed: i64 = sqlx::query_scalar("SELECT count(*) FROM customers").fetch_one(&mut prober).await.unwrap();
    assert_eq!(committed, 2, "customers committed while a worker waits");
    assert!(!is_held(&mut prober, &locking(&click(1))).await, "a claimed click must not be held while a worker waits");
    other.execute("ROLLBACK").await.unwrap();
    worker.await.unwrap().unwrap();
    assert_as_the_model_says(&stage, &[&known[..], &leads].concat()).await;
}

fn locking(click: &ClickDraft) -> String {
    let click = Ident::of_click(false, click.id()).uuid();
    format!("SELECT 1 FROM clicks WHERE click = '{click}' FOR NO KEY UPDATE")
}

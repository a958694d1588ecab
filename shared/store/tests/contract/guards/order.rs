//! Rows are inserted and locked in the order of their keys: with the eighth in other hands, a worker has seven.

use super::gate::{connect, is_held, until_waiting_or_done};
use super::{apply_each, assert_as_the_model_says, worker};
use crate::stage::Stage;
use domain::Ident;
use domain::event::{Event, LeadEvent};
use domain::scenario::{ClickDraft, browser, click, email_mark, server};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

const ROWS: u32 = 16;
const TAKEN: usize = 7;

#[tokio::test]
async fn new_clicks_are_inserted_in_the_order_of_their_keys() {
    let stage = Stage::postgres().await;
    assert_in_order(&stage, &taking_each(INSERT_CLICK, idents(&clicks())), &shuffled(events(&clicks()))).await;
}

#[tokio::test]
async fn stubs_are_inserted_in_the_order_of_their_keys() {
    let stage = Stage::postgres().await;
    assert_in_order(&stage, &taking_each(INSERT_CLICK, idents(&clicks())), &shuffled(naming(&clicks()))).await;
}

#[tokio::test]
async fn clicks_are_locked_in_the_order_of_their_keys() {
    let stage = Stage::postgres().await;
    apply_each(&stage, &events(&clicks())).await;
    assert_in_order(&stage, &taking_each(LOCK_CLICK, idents(&clicks())), &shuffled(naming(&clicks()))).await;
}

#[tokio::test]
async fn new_customers_are_inserted_in_the_order_of_their_keys() {
    let stage = Stage::postgres().await;
    assert_in_order(&stage, &taking_each(INSERT_CUSTOMER, customers()), &shuffled(leads(1))).await;
}

#[tokio::test]
async fn shells_are_inserted_in_the_order_of_their_keys() {
    let stage = Stage::postgres().await;
    let lead = |number| server(number).key(&format!("usr_{number}")).click(&click(number)).event();
    assert_in_order(&stage, &taking_each(INSERT_CUSTOMER, customers()), &shuffled((1..=ROWS).map(lead).collect()))
        .await;
}

#[tokio::test]
async fn customers_are_locked_in_the_order_of_their_keys() {
    let stage = Stage::postgres().await;
    apply_each(&stage, &leads(1)).await;
    assert_in_order(&stage, &taking_each(LOCK_CUSTOMER, customers()), &shuffled(leads(2))).await;
}

/// Leads that say nothing new, and leads that do, each of every second customer: they come from two places.
#[tokio::test]
async fn further_leads_are_added_in_the_order_of_their_keys() {
    let stage = Stage::postgres().await;
    apply_each(&stage, &leads(1)).await;
    let further = |number| browser(200 + number).key(&format!("usr_{number}"));
    let mut events: Vec<Event> = (1..=ROWS).map(|number| further(number).event()).collect();
    events.sort_by_key(customer);
    let with_news = |(at, event)| match event {
        Event::Lead(lead) if at % 2 == 0 => Event::Lead(LeadEvent { email: Some(email_mark(1)), ..lead }),
        Event::Lead(_) | Event::Click(_) => event,
    };
    let events: Vec<Event> = events.into_iter().enumerate().map(with_news).collect();
    let takes: Vec<String> =
        events.iter().map(|event| taking(INSERT_LEAD, customer(event), event.id().uuid())).collect();
    assert_in_order(&stage, &takes, &shuffled(events)).await;
}

/// A customer may be locked by somebody who waits for a row that we have inserted.
#[tokio::test]
async fn who_waits_for_a_new_customer_holds_no_known_one() {
    let stage = Stage::postgres().await;
    let (known, new) = (server(1).key("usr_known").event(), server(2).key("usr_new").event());
    let news = browser(3).key("usr_known").email(1).event();
    apply_each(&stage, std::slice::from_ref(&known)).await;
    let taking = |take: &str, event: &Event| taking(take, customer(event), event.id().uuid());
    let mut other = connect(&stage).await;
    other.execute(AssertSqlSafe(format!("BEGIN; {}", taking(INSERT_CUSTOMER, &new)))).await.unwrap();
    let worker = worker(&stage, &[new.clone(), news.clone()]);
    until_waiting_or_done(&stage, 1, &worker).await;
    assert!(!worker.is_finished(), "a worker must wait for the customer in other hands");
    let mut prober = connect(&stage).await;
    assert!(!is_held(&mut prober, &taking(LOCK_CUSTOMER, &known)).await, "a known customer is held while waiting");
    other.execute("ROLLBACK").await.unwrap();
    worker.await.unwrap().unwrap();
    assert_as_the_model_says(&stage, &[known, new, news]).await;
}

const INSERT_CLICK: &str = "INSERT INTO clicks (program_id, click, event_id) VALUES (1, '{}', '{}')";
const LOCK_CLICK: &str = "SELECT 1 FROM clicks WHERE click = '{}' FOR NO KEY UPDATE";
const INSERT_CUSTOMER: &str = "INSERT INTO customers (program_id, ident) VALUES (1, '{}')";
const INSERT_LEAD: &str =
    "INSERT INTO leads (program_id, ident, event_id, class, facts, echo) VALUES (1, '{}', '{event}', 0, '', true)";
const LOCK_CUSTOMER: &str = "SELECT 1 FROM customers WHERE ident = '{}' FOR NO KEY UPDATE";

/// What takes the row with that key.
fn taking(take: &str, ident: Ident, event: Uuid) -> String {
    take.replace("{}", &ident.uuid().to_string()).replace("{event}", &event.to_string())
}

fn taking_each(take: &str, mut idents: Vec<Ident>) -> Vec<String> {
    idents.sort();
    idents.into_iter().map(|ident| taking(take, ident, ident.uuid())).collect()
}

/// `takes` are in the order of the keys.
async fn assert_in_order(stage: &Stage, takes: &[String], events: &[Event]) {
    let mut other = connect(stage).await;
    other.execute(AssertSqlSafe(format!("BEGIN; {}", takes[TAKEN]))).await.unwrap();
    let worker = worker(stage, events);
    until_waiting_or_done(stage, 1, &worker).await;
    let mut prober = connect(stage).await;
    for (position, take) in takes.iter().enumerate().filter(|(position, _)| *position != TAKEN) {
        let held = is_held(&mut prober, take).await;
        assert_eq!(held, position < TAKEN, "waiting for row {TAKEN}, a worker and row {position}");
    }
    other.execute("ROLLBACK").await.unwrap();
    worker.await.unwrap().unwrap();
}

fn clicks() -> Vec<ClickDraft> {
    (1..=ROWS).map(click).collect()
}

fn idents(clicks: &[ClickDraft]) -> Vec<Ident> {
    clicks.iter().map(|click| Ident::of_click(false, click.id())).collect()
}

fn events(clicks: &[ClickDraft]) -> Vec<Event> {
    clicks.iter().map(ClickDraft::event).collect()
}

/// Two leads of one customer for each click, who can take no short way.
fn naming(clicks: &[ClickDraft]) -> Vec<Event> {
    let lead = |(number, click)| server(number).key("usr_1").click(click).event();
    (1..).zip(clicks).map(lead).collect()
}

/// The `round`th lead of each of sixteen customers; after the first it has a candidate and can take no short way.
fn leads(round: u32) -> Vec<Event> {
    let lead = |number| server(round * 100 + number).key(&format!("usr_{number}"));
    (1..=ROWS)
        .map(|number| if round == 1 { lead(number) } else { lead(number).candidates([&click(1)]) }.event())
        .collect()
}

fn customers() -> Vec<Ident> {
    leads(1).iter().map(customer).collect()
}

fn customer(event: &Event) -> Ident {
    match event {
        Event::Lead(lead) => lead.ident(),
        Event::Click(_) => unreachable!("only leads are made here"),
    }
}

/// Any order but the right one, and always the same.
fn shuffled(events: Vec<Event>) -> Vec<Event> {
    let (odd, even): (Vec<_>, Vec<_>) = events.into_iter().enumerate().partition(|(at, _)| at % 2 == 1);
    odd.into_iter().rev().chain(even).map(|(_, event)| event).collect()
}

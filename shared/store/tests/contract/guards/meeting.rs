//! Two workers at the same moment on the same click or the same customer: what one has not committed yet, the other
//! waits for and then sees.

use super::gate::{Gate, Moment, until_waiting_or_done};
use super::{apply, apply_each, assert_as_the_model_says, packed, worker, worker_with};
use crate::stage::Stage;
use domain::event::Event;
use domain::outcome::Outcome;
use domain::scenario::{LeadDraft, browser, click, server};

#[tokio::test]
async fn a_lead_finds_its_click_that_is_just_being_committed() {
    let (click, lead) = (click(1).event(), server(1).key("usr_1").click(&click(1)).event());
    assert_they_meet(&[], &click, Moment::AtCommit("clicks"), "NEW.recorded_at IS NOT NULL", &lead).await;
}

#[tokio::test]
async fn a_click_finds_its_lead_that_is_just_being_committed() {
    let (click, lead) = (click(1).event(), server(1).key("usr_1").click(&click(1)).event());
    assert_they_meet(&[], &lead, Moment::AtCommit("waiters"), "true", &click).await;
}

/// The stub has been there for long; who waits is known only when the click is locked.
#[tokio::test]
async fn a_click_finds_whoever_began_to_wait_while_it_came() {
    let before = server(1).key("usr_1").click(&click(1)).event();
    let lead = server(2).key("usr_2").click(&click(1)).event();
    let gate = Moment::Before("customers");
    assert_they_meet(&[before], &lead, gate, "NEW.customer_key = 'usr_2'", &click(1).event()).await;
}

/// The first claims the click by its customer's row and nothing else.
#[tokio::test]
async fn a_claim_that_is_just_being_committed_is_seen_by_the_next_who_names_the_click() {
    let first = server(1).key("usr_1").click(&click(1)).event();
    let second = server(2).key("usr_2").click(&click(1)).event();
    let gate = Moment::AtCommit("customers");
    assert_they_meet(&[click(1).event()], &first, gate, "NEW.customer_key = 'usr_1'", &second).await;
}

/// The second needs more than the click, so it does not even try to claim it.
#[tokio::test]
async fn a_quiet_click_stays_quiet_until_its_claim_is_made() {
    let first = server(1).key("usr_1").click(&click(1)).event();
    let second = server(0).key("usr_2").click(&click(1)).candidates([&click(2)]).event();
    let clicks = [click(1).event(), click(2).event()];
    let gate = Moment::Before("customers");
    assert_they_meet(&clicks, &first, gate, "NEW.customer_key = 'usr_1'", &second).await;
}

#[tokio::test]
async fn a_click_that_two_have_named_is_never_claimed_by_a_third() {
    let events = [
        click(1).event(),
        click(2).event(),
        server(1).key("usr_1").click(&click(1)).candidates([&click(2)]).event(),
        server(2).key("usr_2").click(&click(1)).event(),
        server(3).click(&click(1)).event(),
    ];
    let stage = Stage::postgres().await;
    apply_each(&stage, &events).await;
    assert_as_the_model_says(&stage, &events).await;
}

/// The second must have read what the first adds.
#[tokio::test]
async fn a_customers_lead_is_judged_with_a_better_one_that_was_being_added() {
    assert_judged_together(&browser(2).key("usr_1").click(&click(1)), &browser(3).key("usr_1").click(&click(2))).await;
}

/// The first has read already what the second would change.
#[tokio::test]
async fn a_customers_lead_that_is_being_added_is_judged_with_a_better_one() {
    assert_judged_together(&browser(3).key("usr_1").click(&click(2)), &browser(2).key("usr_1").click(&click(1))).await;
}

/// Neither names what the other names: they meet on the customer only.
async fn assert_judged_together(first: &LeadDraft, second: &LeadDraft) {
    let before = [click(1).event(), click(2).event(), server(1).key("usr_1").event()];
    let which = format!("NEW.event_id = '{}'", first.lead().id.uuid());
    assert_they_meet(&before, &first.event(), Moment::Before("leads"), &which, &second.event()).await;
}

/// The second has looked the customer up, waits for somebody else, and must look again.
#[tokio::test]
async fn a_customers_lead_is_judged_with_what_was_added_while_its_worker_waited() {
    let stage = Stage::postgres().await;
    let before = [click(1).event(), server(1).key("usr_1").event()];
    apply_each(&stage, &before).await;
    let gate = Gate::close(&stage, Moment::Before("customers"), "NEW.customer_key = 'usr_2'").await;
    let second = [server(2).key("usr_2").event(), browser(3).key("usr_1").email(1).event()];
    let second_worker = worker(&stage, &second);
    until_waiting_or_done(&stage, 1, &second_worker).await;
    assert!(!second_worker.is_finished(), "the second worker did not come by the gate");
    let first = browser(4).key("usr_1").click(&click(1)).event();
    worker(&stage, std::slice::from_ref(&first)).await.unwrap().unwrap();
    gate.open().await;
    second_worker.await.unwrap().unwrap();
    assert_as_the_model_says(&stage, &[&before[..], &second, &[first]].concat()).await;
}

/// One of a batch's new customers is another worker's; the others are written all the same.
#[tokio::test]
async fn new_customers_beside_one_that_is_just_being_committed_are_all_there() {
    let stage = Stage::postgres().await;
    let gate = Gate::close(&stage, Moment::AtCommit("customers"), "NEW.customer_key = 'usr_5'").await;
    let first = [server(500).key("usr_5").event()];
    let first_worker = worker(&stage, &first);
    until_waiting_or_done(&stage, 1, &first_worker).await;
    let batch = |from: u32| -> Vec<Event> {
        let lead = |number| [browser(number), server(100 + number)].map(|lead| lead.key(&format!("usr_{number}")));
        let leads = (from..from + 10).flat_map(lead).zip((from..from + 10).flat_map(|number| [number, number]));
        let leads = leads.map(|(lead, number)| lead.click(&click(number)).event());
        (from..from + 10).map(|number| click(number).event()).chain(leads).collect()
    };
    let second = batch(1);
    let second_worker = worker_with(stage.store.session(), packed(1, &second));
    until_waiting_or_done(&stage, 2, &second_worker).await;
    gate.open().await;
    first_worker.await.unwrap().unwrap();
    let (session, answer) = second_worker.await.unwrap();
    assert!(answer.unwrap().iter().all(|outcome| *outcome != Outcome::Redelivered), "each event is there once");
    // The lane inserts row by row for a while.
    let third = batch(20);
    let (_, answer) = apply(session, packed(2, &third)).await;
    assert_eq!(answer.unwrap().iter().filter(|outcome| **outcome == Outcome::LeadRecorded).count(), 10);
    assert_as_the_model_says(&stage, &[&first[..], &second, &third].concat()).await;
}

#[tokio::test]
async fn a_new_customer_whose_first_lead_is_just_being_committed_is_one_customer() {
    let first = server(1).key("usr_1").event();
    let second = browser(2).key("usr_1").email(1).event();
    let gate = Moment::AtCommit("customers");
    assert_they_meet(&[], &first, gate, "NEW.customer_key = 'usr_1'", &second).await;
}

/// The first worker stops at the gate; the second does what it can; then the first goes on.
async fn assert_they_meet(before: &[Event], first: &Event, moment: Moment, which: &str, second: &Event) {
    let stage = Stage::postgres().await;
    apply_each(&stage, before).await;
    let gate = Gate::close(&stage, moment, which).await;
    let first_worker = worker(&stage, std::slice::from_ref(first));
    until_waiting_or_done(&stage, 1, &first_worker).await;
    assert!(!first_worker.is_finished(), "the first worker did not come by the gate");
    let second_worker = worker(&stage, std::slice::from_ref(second));
    until_waiting_or_done(&stage, 2, &second_worker).await;
    gate.open().await;
    first_worker.await.unwrap().unwrap();
    second_worker.await.unwrap().unwrap();
    let events = [before, &[first.clone(), second.clone()]].concat();
    assert_as_the_model_says(&stage, &events).await;
}

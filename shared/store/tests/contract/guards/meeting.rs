//! Two workers at the same moment on the same click or the same customer: what one has not committed yet, the other
//! waits for and then sees.

use super::gate::{Gate, Moment, connect, hang, take_down, until_waiting_or_done};
use super::{Answer, apply, apply_each, assert_as_the_model_says, packed, worker, worker_with};
use crate::stage::Stage;
use domain::event::Event;
use domain::outcome::Outcome;
use domain::scenario::{LeadDraft, browser, click, server};
use sqlx::Executor;
use tokio::task::JoinHandle;

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

/// A worker has begun to lock clicks, in a statement that sees what was committed until then, when another claims one of
/// them: what is read after the lock must be read anew.
#[tokio::test]
async fn a_claim_that_was_committed_while_a_worker_was_locking_is_seen_by_it() {
    let stage = Stage::postgres().await;
    let before = [click(1).event(), click(2).event(), server(5).key("usr_2").event()];
    apply_each(&stage, &before).await;
    let gate = Gate::close_reads(&stage, click(1).id()).await;
    let late = [server(6).key("usr_3").click(&click(1)).event(), browser(7).key("usr_2").click(&click(2)).event()];
    let late_worker = worker(&stage, &late);
    until_waiting_or_done(&stage, 1, &late_worker).await;
    assert!(!late_worker.is_finished(), "the worker did not come by the gate");
    let claim = server(1).key("usr_1").click(&click(2)).event();
    worker(&stage, std::slice::from_ref(&claim)).await.unwrap().unwrap();
    gate.open().await;
    late_worker.await.unwrap().unwrap();
    assert_as_the_model_says(&stage, &[&before[..], &[claim], &late].concat()).await;
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

/// One of a batch's new customers is another worker's; all else in the batch is written all the same, and told once.
#[tokio::test]
async fn new_customers_beside_one_that_is_just_being_committed_are_all_there() {
    let stage = Stage::postgres().await;
    let known = [server(1).key("usr_known").event()];
    apply_each(&stage, &known).await;
    let (first, first_worker, gate) = committing(&stage, "usr_5").await;
    let lead = |number| [browser(number), server(100 + number)].map(|lead| lead.key(&format!("usr_{number}")));
    let leads = (2..12).flat_map(|number| lead(number).map(|lead| lead.click(&click(number)).event()));
    let of_known = [browser(50).key("usr_known").event(), browser(51).key("usr_known").email(1).event()];
    let second: Vec<Event> = (2..12).map(|number| click(number).event()).chain(leads).chain(of_known).collect();
    let second_worker = worker_with(stage.store.session(), packed(1, &second));
    until_waiting_or_done(&stage, 2, &second_worker).await;
    gate.open().await;
    first_worker.await.unwrap().unwrap();
    let told = second_worker.await.unwrap().1.unwrap();
    let count = |outcome| told.iter().filter(|told| **told == outcome).count();
    // Of the one in other hands, none of the two counts; of the others, one of each two.
    let counts = [Outcome::ClickRecorded, Outcome::LeadRecorded, Outcome::LeadDuplicate].map(count);
    assert_eq!(counts, [10, 9, 13], "{told:?}");
    assert_as_the_model_says(&stage, &[&known[..], &first, &second].concat()).await;
}

#[tokio::test]
async fn after_a_collision_eight_batches_are_inserted_row_by_row_and_then_copied_again() {
    let stage = Stage::postgres().await;
    connect(&stage).await.execute("CREATE TABLE ways (copied boolean)").await.unwrap();
    let (_, first_worker, gate) = committing(&stage, "usr_1").await;
    let second_worker = worker_with(stage.store.session(), packed(1, &[server(2).key("usr_1").event()]));
    until_waiting_or_done(&stage, 2, &second_worker).await;
    gate.open().await;
    first_worker.await.unwrap().unwrap();
    let (mut session, answer) = second_worker.await.unwrap();
    answer.unwrap();
    take_down(&stage, Moment::AtCommit("customers")).await;
    let line = "INSERT INTO ways VALUES (current_query() LIKE '%COPY%')";
    hang(&stage, Moment::Before("customers"), "true", line).await;
    for number in 3..=11 {
        let answer;
        (session, answer) =
            apply(session, packed(number, &[server(number).key(&format!("usr_{number}")).event()])).await;
        answer.unwrap();
    }
    let ways: Vec<bool> =
        sqlx::query_scalar("SELECT copied FROM ways").fetch_all(&mut connect(&stage).await).await.unwrap();
    assert_eq!(ways, [[false; 8].as_slice(), &[true]].concat());
}

/// Another worker's new customer, not committed until the gate is opened.
async fn committing(stage: &Stage, key: &str) -> ([Event; 1], JoinHandle<Answer>, Gate) {
    let gate = Gate::close(stage, Moment::AtCommit("customers"), &format!("NEW.customer_key = '{key}'")).await;
    let events = [server(0).key(key).event()];
    let worker = worker(stage, &events);
    until_waiting_or_done(stage, 1, &worker).await;
    assert!(!worker.is_finished(), "the first worker did not come by the gate");
    (events, worker, gate)
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

//! Forgetting test events on both databases: the newest stay, nothing real is touched, and the account still adds up.

use crate::dump;
use crate::stage::Stage;
use domain::event::Event;
use domain::outcome::{EventState, Reason};
use domain::scenario::{LeadDraft, PROGRAM, click, server};
use domain::universe::universe;
use domain::{CustomerKey, Ident, ProgramId};
use std::collections::BTreeSet;
use store::ForgetCursor;
use store::batch::Batch;

on_both! {
    only_the_newest_test_events_of_a_program_are_kept,
    real_events_are_never_forgotten,
    nothing_is_left_of_a_test_customer_whose_last_lead_goes,
    a_test_customer_who_goes_on_is_judged_by_what_is_kept,
    a_forgotten_event_that_comes_again_is_forgotten_again,
    many_programs_and_events_are_forgotten_piece_by_piece,
}

async fn apply(stage: &Stage, events: &[Event]) {
    let mut session = stage.store.session();
    for part in events.chunks(7) {
        session.apply(&Batch { events: part.to_vec(), ..Batch::default() }).await.unwrap();
    }
}

/// Forgets until every program was looked at; says how many events, and in how many pieces.
async fn forget(stage: &Stage, keep: u32) -> (u64, usize) {
    let (mut events, mut pieces, mut from): (u64, usize, Option<ForgetCursor>) = (0, 0, None);
    loop {
        let forgotten = stage.store.forget_tests(keep, from).await.unwrap();
        events += forgotten.events;
        pieces += 1;
        from = forgotten.next;
        if from.is_none() {
            return (events, pieces);
        }
    }
}

/// A test click and a test lead that names it, `count` times; all of one customer, or each of another.
fn pairs(count: u32, key: impl Fn(u32) -> String) -> Vec<Event> {
    let pair = |number| {
        let click = click(number).at(i64::from(number) * 60_000_000 - 1).test();
        [click.event(), lead(number, &key(number)).click(&click).event()]
    };
    (1..=count).flat_map(pair).collect()
}

fn lead(number: u32, key: &str) -> LeadDraft {
    server(number).key(key).test()
}

async fn kept(stage: &Stage) -> BTreeSet<(ProgramId, domain::EventId)> {
    let events = dump::events(stage).await;
    let distinct: BTreeSet<_> = events.iter().copied().collect();
    assert_eq!(distinct.len(), events.len(), "each once");
    distinct
}

async fn only_the_newest_test_events_of_a_program_are_kept(stage: &Stage) {
    let events = pairs(12, |number| format!("usr_{number}"));
    apply(stage, &events).await;
    assert_eq!(forget(stage, 24).await, (0, 1), "as many as are kept");
    assert_eq!(forget(stage, 9).await.0, 15);
    let newest: BTreeSet<_> = events[15..].iter().map(|event| (event.program(), event.id())).collect();
    assert_eq!(kept(stage).await, newest);
    assert_eq!(dump::count(stage, "test_events").await, 9);
    for (event, there) in [(&events[0], false), (&events[14], false), (&events[15], true), (&events[23], true)] {
        let view = stage.store.event(PROGRAM, event.id()).await.unwrap();
        assert_eq!(view.is_some(), there);
    }
    assert_eq!(forget(stage, 9).await, (0, 1), "once is enough");
}

async fn real_events_are_never_forgotten(stage: &Stage) {
    let events: Vec<Event> = (0..60).flat_map(universe).collect();
    apply(stage, &events).await;
    let real: BTreeSet<_> =
        events.iter().filter(|event| !event.is_test()).map(|event| (event.program(), event.id())).collect();
    let state = "SELECT * FROM customers WHERE NOT test ORDER BY program_id, ident";
    let (before, counted) = (dump::rows(stage, state).await, stage.store.count_events().await.unwrap());
    let (forgotten, _) = forget(stage, 1).await;
    assert!(forgotten > 0);
    let left = kept(stage).await;
    assert!(real.is_subset(&left));
    assert!(left.len() - real.len() <= 2, "one in each of two programs");
    assert_eq!(dump::rows(stage, state).await, before);
    let now = stage.store.count_events().await.unwrap();
    assert_eq!((now.total(), now.forgotten), (counted.total(), forgotten), "the account adds up");
}

async fn nothing_is_left_of_a_test_customer_whose_last_lead_goes(stage: &Stage) {
    let (unseen, real) = (click(1).test(), click(2));
    let mut events = vec![real.event()];
    events.extend((1..=3).map(|number| lead(number, "usr_1").click(&unseen).candidates([&real]).event()));
    events.push(lead(4, "usr_2").event());
    apply(stage, &events).await;
    assert_eq!((dump::count(stage, "clicks").await, dump::count(stage, "waiters").await), (3, 1));
    assert_eq!(forget(stage, 1).await.0, 3);
    assert_eq!(kept(stage).await.len(), 2, "the real click and the newest lead");
    for (table, left) in [("clicks", 1), ("customers", 1), ("waiters", 0)] {
        assert_eq!(dump::count(stage, table).await, left, "{table}");
    }
    // The click that was waited for comes after all.
    apply(stage, &[unseen.event()]).await;
    assert_eq!(forget(stage, 1).await.0, 1);
}

async fn a_test_customer_who_goes_on_is_judged_by_what_is_kept(stage: &Stage) {
    apply(stage, &pairs(12, |_| "usr_1".to_owned())).await;
    assert_eq!(forget(stage, 5).await.0, 19);
    assert_eq!((dump::count(stage, "customers").await, dump::count(stage, "leads").await), (1, 3));
    let echo = lead(20, "usr_1").event();
    apply(stage, std::slice::from_ref(&echo)).await;
    let view = stage.store.event(PROGRAM, echo.id()).await.unwrap().unwrap();
    assert_eq!((view.test, view.state), (true, EventState::Duplicate));
    // It says something new, so everything that is kept is judged again.
    let next = lead(21, "usr_1").click(&click(30).test());
    apply(stage, &[next.event()]).await;
    let view = stage.store.event(PROGRAM, next.lead().id).await.unwrap().unwrap();
    let oldest_kept = server(10).lead().id;
    assert_eq!((view.test, view.reason, view.duplicate_of), (true, Some(Reason::ClickNotFound), Some(oldest_kept)));
    assert_eq!(view.key, CustomerKey::parse("usr_1").ok());
    let place = Ident::of_key(true, &CustomerKey::parse("usr_1").unwrap());
    let shells = dump::rows(stage, "SELECT ident FROM customers WHERE event_id IS NULL").await;
    assert_eq!(shells, [[Some(place.uuid().simple().to_string())]]);
}

async fn a_forgotten_event_that_comes_again_is_forgotten_again(stage: &Stage) {
    let events = pairs(6, |number| format!("usr_{number}"));
    apply(stage, &events).await;
    forget(stage, 4).await;
    let left = kept(stage).await;
    apply(stage, &events).await;
    assert_eq!(kept(stage).await.len(), 12);
    forget(stage, 4).await;
    assert_eq!(kept(stage).await, left);
    assert!(stage.store.count_events().await.unwrap().total() >= 12);
}

async fn many_programs_and_events_are_forgotten_piece_by_piece(stage: &Stage) {
    const PROGRAMS: i64 = 230;
    let of = |number: i64| ProgramId::new(number).unwrap();
    let few = (2..=PROGRAMS).flat_map(|program| [1, 2].map(|number| lead(number, "u").in_program(of(program)).event()));
    let many = (1..=1_200).map(|number| lead(number, &format!("u{number}")).event());
    let events: Vec<Event> = few.chain(many).collect();
    for part in events.chunks(500) {
        stage.store.session().apply(&Batch { events: part.to_vec(), ..Batch::default() }).await.unwrap();
    }
    let (forgotten, pieces) = forget(stage, 1).await;
    assert_eq!(forgotten, 1_199 + PROGRAMS as u64 - 1);
    assert!((4..=6).contains(&pieces), "{pieces}");
    assert_eq!(kept(stage).await.len(), PROGRAMS as usize);
}

//! The law on the real databases: however events are ordered, cut, repeated and spread over workers, what is stored
//! is what the model reads off the set.

use crate::dump;
use crate::stage::Stage;
use domain::event::{ClickEvent, Event, LeadEvent};
use domain::examples::examples;
use domain::model::{self, ModelClick, ModelCustomer, Realm};
use domain::outcome::Outcome;
use domain::scenario::{browser, server};
use domain::universe::{deliveries, universe};
use domain::{ClickId, EventId, Ident, ProgramId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use store::Session;
use store::batch::{Batch, PackEntry};
use uuid::Uuid;

on_both! {
    event_sets_end_as_the_model_says_in_any_order_and_cut,
    event_sets_end_as_the_model_says_with_four_workers_at_once,
    every_example_of_a_rule_holds,
    a_batch_applied_twice_changes_nothing,
    a_lead_that_comes_twice_in_a_batch_is_told_once,
    the_ledger_has_each_pack_once_and_the_batch_with_it,
    many_events_with_duplicates_go_into_a_fresh_database_at_a_steady_pace,
}

const SETS: u64 = 300;
const ORDERS: u64 = 3;
const CUTS: [usize; 3] = [1, 3, 8];
const WORKERS: usize = 4;

/// A set of events in programs of its own, and the batches in which it is delivered.
struct Run {
    name: String,
    events: Vec<Event>,
    batches: Vec<Vec<Event>>,
}

async fn event_sets_end_as_the_model_says_in_any_order_and_cut(stage: &Stage) {
    let runs = runs(&CUTS);
    let queue: Arc<Mutex<VecDeque<Vec<Vec<Event>>>>> =
        Arc::new(Mutex::new(runs.iter().map(|run| run.batches.clone()).collect()));
    let workers = (0..WORKERS).map(|_| {
        let (mut session, queue) = (stage.store.session(), queue.clone());
        tokio::spawn(async move {
            while let Some(batches) = next(&queue) {
                for batch in batches {
                    apply(&mut session, batch).await;
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    compare(stage, &runs).await;
}

async fn event_sets_end_as_the_model_says_with_four_workers_at_once(stage: &Stage) {
    let runs = runs(&[8]);
    // The batches of a few sets together, so that workers meet on the same rows all the time.
    for together in runs.chunks(6) {
        let mut batches: Vec<Vec<Event>> = Vec::new();
        let longest = together.iter().map(|run| run.batches.len()).max().unwrap();
        for position in 0..longest {
            let same = together.iter().filter_map(|run| run.batches.get(position));
            batches.extend(same.cloned());
        }
        let queue = Arc::new(Mutex::new(VecDeque::from(batches)));
        let workers = (0..WORKERS).map(|_| {
            let (mut session, queue) = (stage.store.session(), queue.clone());
            tokio::spawn(async move {
                while let Some(batch) = next(&queue) {
                    apply(&mut session, batch).await;
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
    }
    compare(stage, &runs).await;
}

async fn every_example_of_a_rule_holds(stage: &Stage) {
    let mut session = stage.store.session();
    let mut runs = Vec::new();
    for (number, example) in examples().into_iter().enumerate() {
        for seed in 0..2 {
            let events = transplanted(&example.events, (number as i64 * 2 + seed) * 10);
            let batches = deliveries(seed as u64, &events, 3, 30);
            for batch in &batches {
                apply(&mut session, batch.clone()).await;
            }
            runs.push(Run { name: example.name.to_owned(), events, batches });
        }
    }
    compare(stage, &runs).await;
}

async fn a_batch_applied_twice_changes_nothing(stage: &Stage) {
    let mut session = stage.store.session();
    for seed in 0..20 {
        let events = transplanted(&universe(seed), seed as i64 * 10);
        apply(&mut session, events.clone()).await;
        let before = everything(stage).await;
        let again = apply(&mut session, events).await;
        assert!(again.iter().all(|outcome| *outcome == Outcome::Redelivered), "seed {seed}: {again:?}");
        assert_eq!(everything(stage).await, before, "seed {seed}");
    }
}

async fn a_lead_that_comes_twice_in_a_batch_is_told_once(stage: &Stage) {
    let mut session = stage.store.session();
    apply(&mut session, vec![server(1).key("usr_1").event()]).await;
    let (of_known, of_new) = (browser(2).key("usr_1").event(), server(3).key("usr_2").event());
    let told = apply(&mut session, vec![of_known.clone(), of_known, of_new.clone(), of_new]).await;
    use Outcome::{LeadDuplicate, LeadRecorded, Redelivered};
    assert_eq!(told, [LeadDuplicate, Redelivered, LeadRecorded, Redelivered]);
}

async fn the_ledger_has_each_pack_once_and_the_batch_with_it(stage: &Stage) {
    let pack =
        |number| PackEntry { run: Uuid::from_u128(9), number, events: 2, confirmed_before: 0, unconfirmed: vec![] };
    let mut session = stage.store.session();
    for packs in [vec![pack(1), pack(2)], vec![pack(2), pack(3)]] {
        session.apply(&Batch { packs, ..Batch::default() }).await.unwrap();
    }
    assert_eq!(dump::count(stage, "packs").await, 3);
}

/// A plan that was made while the tables were empty must not turn quadratic.
async fn many_events_with_duplicates_go_into_a_fresh_database_at_a_steady_pace(stage: &Stage) {
    let mut session = stage.store.session();
    let total = if matches!(stage.place, crate::stage::Place::Postgres(_)) { 50_000 } else { 20_000 };
    let (mut runs, mut paces, mut applied) = (Vec::new(), Vec::new(), 0);
    while applied < total {
        let mut batch = Vec::new();
        while batch.len() < 1_000 {
            let seed = runs.len() as u64;
            let events = transplanted(&universe(seed), seed as i64 * 10);
            batch.extend(events.iter().cloned());
            runs.push(Run { name: format!("seed {seed}"), events, batches: Vec::new() });
        }
        applied += batch.len();
        let began = std::time::Instant::now();
        apply(&mut session, batch).await;
        paces.push(began.elapsed().as_secs_f64());
    }
    let median = |paces: &[f64]| {
        let mut sorted = paces.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let (early, late) = (median(&paces[..paces.len() / 4]), median(&paces[paces.len() * 3 / 4..]));
    println!("a batch of 1,000 events took {early:.3} s in the first quarter and {late:.3} s in the last");
    assert!(late < 4.0 * early, "{late} s after {early} s: the cost grows with what is stored");
    compare(stage, &runs).await;
}

async fn apply(session: &mut Session, events: Vec<Event>) -> Vec<Outcome> {
    session.apply(&Batch { events, ..Batch::default() }).await.unwrap()
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue.lock().unwrap().pop_front()
}

fn runs(cuts: &[usize]) -> Vec<Run> {
    let mut runs = Vec::new();
    for seed in 0..SETS {
        for order in 0..ORDERS {
            for cuts in cuts {
                let events = transplanted(&universe(seed), runs.len() as i64 * 10);
                let batches = deliveries(seed * ORDERS + order, &events, *cuts, 20);
                runs.push(Run { name: format!("seed {seed}, order {order}, {cuts} cuts"), events, batches });
            }
        }
    }
    runs
}

/// The same events in programs of their own, so that many sets fit into one database.
fn transplanted(events: &[Event], offset: i64) -> Vec<Event> {
    let program = |program: ProgramId| ProgramId::new(program.get() + offset).unwrap();
    let click = |click: ClickId| ClickId { program: program(click.program), ..click };
    let moved = |event: &Event| match event {
        Event::Click(event) => Event::Click(ClickEvent { click: click(event.click), ..event.clone() }),
        Event::Lead(lead) => Event::Lead(LeadEvent {
            program: program(lead.program),
            click: lead.click.map(click),
            click_ids: lead.click_ids.iter().copied().map(click).collect(),
            ..lead.clone()
        }),
    };
    events.iter().map(moved).collect()
}

async fn compare(stage: &Stage, runs: &[Run]) {
    let mut customers: BTreeMap<(Realm, Ident), (ModelCustomer, &str)> = BTreeMap::new();
    let mut named: BTreeMap<EventId, ClickId> = BTreeMap::new();
    let mut clicks = BTreeMap::new();
    let mut events = Vec::new();
    for run in runs {
        named.extend(run.events.iter().flat_map(names).map(|click| (click.event, click)));
        let world = model::world(&run.events);
        customers.extend(world.customers.into_iter().map(|(at, customer)| (at, (customer, run.name.as_str()))));
        clicks
            .extend(world.clicks.iter().map(|((realm, click), told)| model_click(&run.events, *realm, *click, *told)));
        events.extend(each_once(&run.events));
    }
    let found = dump::customers(stage, &named).await;
    for (at, (customer, run)) in &customers {
        let stored = found
            .get(at)
            .map(|stored| ModelCustomer { click: same_click(stored.click, customer.click), ..stored.clone() });
        assert_eq!(stored.as_ref(), Some(customer), "{run}: a customer differs from the model");
    }
    assert_eq!(found.len(), customers.len(), "there are customers that the model does not know");
    clicks.retain(|_, (seen, _, _, owner)| *seen || owner.is_some());
    assert!(dump::clicks(stage).await == clicks, "the clicks differ from the model's");
    let mut stored = dump::events(stage).await;
    stored.sort_unstable();
    events.sort_unstable();
    assert!(stored == events, "{} events are stored where {} were applied", stored.len(), events.len());
}

fn model_click(
    events: &[Event],
    realm: Realm,
    click: ClickId,
    told: ModelClick,
) -> ((ProgramId, Ident), dump::StoredClick) {
    let seen = events.iter().find_map(|event| match event {
        Event::Click(seen) if seen.click == click && told.seen => Some((seen.link.map(|link| link.get()), seen.bot)),
        Event::Click(_) | Event::Lead(_) => None,
    });
    let (link, bot) = seen.unwrap_or_default();
    ((realm.program, Ident::of_click(realm.test, click)), (told.seen, link, bot, told.owner))
}

fn each_once(events: &[Event]) -> BTreeSet<(ProgramId, EventId)> {
    events.iter().map(|event| (event.program(), event.id())).collect()
}

/// The same click event stands in many programs here; only its event id is stored.
fn same_click(stored: Option<ClickId>, expected: Option<ClickId>) -> Option<ClickId> {
    match (stored, expected) {
        (Some(stored), Some(expected)) if stored.event == expected.event => Some(expected),
        (stored, _) => stored,
    }
}

fn names(event: &Event) -> Vec<ClickId> {
    match event {
        Event::Click(click) => vec![click.click],
        Event::Lead(lead) => lead.click.iter().chain(&lead.click_ids).copied().collect(),
    }
}

async fn everything(stage: &Stage) -> Vec<Vec<Vec<Option<String>>>> {
    let mut tables = Vec::new();
    for table in ["clicks", "customers", "leads", "waiters", "packs"] {
        let mut rows = dump::rows(stage, &format!("SELECT * FROM {table}")).await;
        rows.sort();
        tables.push(rows);
    }
    tables
}

//! The ledger on both databases: the account is the same before and after folding, and nothing counts twice.

use crate::dump;
use crate::stage::Stage;
use domain::event::Event;
use domain::outcome::DeadLetterReason;
use domain::pack::{self, Unconfirmed};
use domain::scenario::click;
use domain::universe::universe;
use std::collections::BTreeSet;
use std::time::Duration;
use store::batch::{Batch, DeadLetter, PackEntry};
use store::{Account, Verdict};
use uuid::Uuid;

on_both! {
    an_empty_ledger_is_balanced,
    a_missing_pack_is_named_until_it_arrives,
    folding_changes_no_account_and_leaves_one_range_for_each_run,
    a_pack_that_comes_again_after_it_was_folded_counts_once,
    an_unconfirmed_pack_may_arrive_after_the_numbers_around_it_were_folded,
    what_was_set_aside_whole_is_not_missing_even_when_it_is_given_up,
    workers_that_fold_and_apply_at_once_count_each_pack_once,
    every_event_is_counted_once_wherever_it_is_stored,
    a_stored_click_that_is_set_aside_as_well_is_counted_once,
}

const EVENTS: u32 = 10;

fn pack(run: u128, number: u64) -> PackEntry {
    let confirmed_before = (number - 1) * u64::from(EVENTS);
    PackEntry { run: Uuid::from_u128(run), number, events: EVENTS, confirmed_before, unconfirmed: vec![] }
}

async fn enter(stage: &Stage, packs: impl IntoIterator<Item = PackEntry>) {
    let packs = packs.into_iter().collect();
    stage.store.session().apply(&Batch { packs, ..Batch::default() }).await.unwrap();
}

async fn ledger(stage: &Stage) -> Account {
    stage.store.ledger().await.unwrap()
}

/// Run, first and last number of each gap.
fn gaps(account: &Account) -> Vec<(u128, u64, u64)> {
    account.gaps.iter().map(|gap| (gap.run.as_u128(), gap.first, gap.last)).collect()
}

/// The account without the ages, which grow.
fn still(account: Account) -> Account {
    let gaps = account.gaps.into_iter().map(|gap| store::Gap { age: Duration::ZERO, ..gap }).collect();
    Account { gaps, ..account }
}

async fn an_empty_ledger_is_balanced(stage: &Stage) {
    let account = ledger(stage).await;
    assert_eq!((account.clone(), stage.store.fold_ledger().await.unwrap()), (Account::default(), 0));
    assert_eq!(account.verdict(Some(0), Duration::ZERO), Verdict::Balanced);
}

async fn a_missing_pack_is_named_until_it_arrives(stage: &Stage) {
    enter(stage, [1, 2, 4, 7].map(|number| pack(5, number))).await;
    let account = ledger(stage).await;
    assert_eq!(gaps(&account), [(5, 3, 3), (5, 5, 6)]);
    assert_eq!((account.accepted, account.processed, account.waiting()), (70, 40, 30));
    assert!(account.gaps.iter().all(|gap| gap.age < Duration::from_secs(60)));
    assert_eq!(account.verdict(Some(0), Duration::ZERO), Verdict::Imbalance);
    enter(stage, [6, 3, 5].map(|number| pack(5, number))).await;
    assert_eq!(ledger(stage).await.verdict(Some(0), Duration::ZERO), Verdict::Balanced);
}

async fn folding_changes_no_account_and_leaves_one_range_for_each_run(stage: &Stage) {
    for turn in 0..3_u64 {
        for run in [1, 2] {
            enter(stage, (1..=20).filter(|number| number % 3 == turn).map(|number| pack(run, number))).await;
        }
        let before = still(ledger(stage).await);
        let folded = stage.store.fold_ledger().await.unwrap();
        assert!(folded > 0);
        assert_eq!(still(ledger(stage).await), before, "turn {turn}");
        assert_eq!(dump::count(stage, "packs").await, 0);
    }
    assert_eq!(dump::count(stage, "pack_ranges").await, 2);
    let account = ledger(stage).await;
    assert_eq!((account.runs, account.accepted, account.processed), (2, 400, 400));
}

async fn a_pack_that_comes_again_after_it_was_folded_counts_once(stage: &Stage) {
    enter(stage, [1, 2, 3].map(|number| pack(5, number))).await;
    stage.store.fold_ledger().await.unwrap();
    enter(stage, [2, 3, 4].map(|number| pack(5, number))).await;
    assert_eq!(dump::count(stage, "packs").await, 1);
    assert_eq!(ledger(stage).await.processed, 40);
    stage.store.fold_ledger().await.unwrap();
    assert_eq!(ledger(stage).await.processed, 40);
}

async fn an_unconfirmed_pack_may_arrive_after_the_numbers_around_it_were_folded(stage: &Stage) {
    let told = |number| {
        let unconfirmed = vec![Unconfirmed { number: 2, events: EVENTS }];
        PackEntry { confirmed_before: u64::from(EVENTS) * (number - 2), unconfirmed, ..pack(5, number) }
    };
    enter(stage, [pack(5, 1), told(3)]).await;
    stage.store.fold_ledger().await.unwrap();
    let account = ledger(stage).await;
    assert_eq!((account.accepted, account.processed, gaps(&account)), (20, 20, vec![]));
    for _ in 0..2 {
        enter(stage, [pack(5, 2)]).await;
        stage.store.fold_ledger().await.unwrap();
        // A pack that tells of it once more.
        enter(stage, [told(4)]).await;
        let account = ledger(stage).await;
        assert_eq!((account.accepted, account.processed, gaps(&account)), (40, 40, vec![]));
    }
}

async fn what_was_set_aside_whole_is_not_missing_even_when_it_is_given_up(stage: &Stage) {
    let letter = DeadLetter {
        reason: DeadLetterReason::UnknownVersion,
        message: "The message is no pack of a known version.".to_owned(),
        program: None,
        event: None,
        pack: Some((Uuid::from_u128(5), 2)),
        body: b"AFP\x02".to_vec(),
        whole_message: true,
    };
    let id = letter.id();
    stage.store.session().apply(&Batch { dead_letters: vec![letter], ..Batch::default() }).await.unwrap();
    enter(stage, [pack(5, 1), pack(5, 3)]).await;
    for _ in 0..2 {
        let account = ledger(stage).await;
        assert_eq!((account.accepted, account.processed, account.set_aside), (30, 20, 10));
        assert_eq!(account.verdict(Some(0), Duration::ZERO), Verdict::Balanced);
        stage.store.discard_letters(&[id]).await.unwrap();
    }
    assert_eq!(stage.store.count_events().await.unwrap().messages_set_aside, 0);
}

async fn workers_that_fold_and_apply_at_once_count_each_pack_once(stage: &Stage) {
    const PACKS: u64 = 300;
    let lanes = (0..3).map(|_| {
        let mut session = stage.store.session();
        tokio::spawn(async move {
            for number in 1..=PACKS {
                let packs = vec![pack(1, number), pack(2, PACKS + 1 - number)];
                session.apply(&Batch { packs, ..Batch::default() }).await.unwrap();
            }
        })
    });
    let folders = (0..2).map(|_| {
        let store = stage.store.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                store.fold_ledger().await.unwrap();
            }
        })
    });
    for task in lanes.collect::<Vec<_>>().into_iter().chain(folders.collect::<Vec<_>>()) {
        task.await.unwrap();
    }
    for _ in 0..2 {
        let account = ledger(stage).await;
        let expected = 2 * PACKS * u64::from(EVENTS);
        assert_eq!((account.accepted, account.processed, gaps(&account)), (expected, expected, vec![]));
        stage.store.fold_ledger().await.unwrap();
    }
    assert_eq!((dump::count(stage, "packs").await, dump::count(stage, "pack_ranges").await), (0, 2));
}

async fn every_event_is_counted_once_wherever_it_is_stored(stage: &Stage) {
    let events: Vec<Event> = (0..40).flat_map(universe).collect();
    let distinct: BTreeSet<_> = events.iter().map(|event| (event.program(), event.id())).collect();
    let mut session = stage.store.session();
    for part in events.chunks(7).chain(events.chunks(11)) {
        session.apply(&Batch { events: part.to_vec(), ..Batch::default() }).await.unwrap();
    }
    let counted = stage.store.count_events().await.unwrap();
    assert_eq!(counted.total(), distinct.len() as u64);
    assert_eq!(counted.recorded() + counted.duplicates(), counted.total());
    assert!(counted.recorded() > 0 && counted.duplicates() > 0, "{counted:?}");
}

/// The rest of a crowd that waits for it could not be judged.
async fn a_stored_click_that_is_set_aside_as_well_is_counted_once(stage: &Stage) {
    let letter = |event: &Event| DeadLetter {
        reason: DeadLetterReason::RefusedByStore,
        message: "the database refuses the event: 23514".to_owned(),
        program: Some(event.program()),
        event: Some(event.id()),
        pack: None,
        body: pack::encode_record(event).unwrap(),
        whole_message: false,
    };
    let (stored, refused) = (click(1).event(), click(2).event());
    let dead_letters = vec![letter(&stored), letter(&refused)];
    let batch = Batch { events: vec![stored], dead_letters, ..Batch::default() };
    stage.store.session().apply(&batch).await.unwrap();
    let counted = stage.store.count_events().await.unwrap();
    assert_eq!((counted.clicks, counted.set_aside, counted.total()), (1, 1, 2));
}

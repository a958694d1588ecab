//! The publisher over the embedded queue: what is confirmed is there, what was refused never comes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use domain::pack::{Pack, PackHeader, decode};
use queue::EmbeddedSettings;
use std::collections::BTreeMap;
use std::time::Instant;
use store::Store;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

struct Bench {
    _room: TempDir,
    store: Store,
    queue: Queue,
    publisher: Publisher,
    supervisor: Supervisor,
}

async fn bench(slots: usize, buffer_events: usize, answer_deadline: Duration) -> Bench {
    let room = tempfile::tempdir().unwrap();
    let store = Store::sqlite(&room.path().join("affitor.db")).await.unwrap();
    let queue = Queue::embedded(store.sqlite_writer().unwrap(), EmbeddedSettings::default()).await.unwrap();
    let mut supervisor = Supervisor::new(CancellationToken::new());
    let settings = PublisherSettings { slots, buffer_events, answer_deadline };
    let publisher = Publisher::start(&queue, settings, &Arc::new(Meters::new()), &mut supervisor, &[Handle::current()]);
    Bench { _room: room, store, queue, publisher, supervisor }
}

/// Every pack in the queue.
async fn packs(queue: &Queue) -> Vec<Pack> {
    let mut consumer = queue.consumer(1_000);
    let mut packs = Vec::new();
    for _ in 0..queue.depth().await.unwrap() {
        packs.push(decode(&consumer.next().await.unwrap().body).unwrap());
    }
    packs
}

fn records(packs: &[Pack]) -> usize {
    packs.iter().map(|pack| pack.records.len()).sum()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_confirmed_event_is_in_a_pack_and_the_ledger_adds_up() {
    let bench = bench(2, 8_192, 10 * SECOND).await;
    let mut requests = JoinSet::new();
    for n in 0..500_u32 {
        let publisher = bench.publisher.clone();
        requests.spawn(async move { publisher.publish(n.to_le_bytes().to_vec(), Kind::Lead).await });
    }
    assert!(requests.join_all().await.iter().all(Result::is_ok));
    let packs = packs(&bench.queue).await;
    assert_eq!(records(&packs), 500);
    assert!(packs.len() < 100, "{} packs for 500 events", packs.len());
    let mut runs: BTreeMap<_, Vec<(PackHeader, u64)>> = BTreeMap::new();
    for pack in packs {
        let events = pack.records.len() as u64;
        runs.entry(pack.header.run).or_default().push((pack.header, events));
    }
    for run in runs.values_mut() {
        run.sort_by_key(|(header, _)| header.number);
        let mut before = 0;
        for (place, (header, events)) in run.iter().enumerate() {
            assert_eq!((header.number, header.confirmed_before), (place as u64 + 1, before));
            before += events;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_events_have_an_answer_each_and_travel_in_as_few_packs_as_hold_them() {
    let bench = bench(2, 8_192, 10 * SECOND).await;
    let of = |events: usize, bytes: usize| vec![vec![7; bytes]; events];
    for (events, bytes, expected) in [(1_000, 100, 1), (1, 10, 1), (0, 0, 0), (1_024, 1_500, 2)] {
        let answers = bench.publisher.publish_all(of(events, bytes), Kind::Lead).await;
        assert_eq!(answers, vec![Ok(()); events]);
        let mut consumer = bench.queue.consumer(1_000);
        let mut found = Vec::new();
        for _ in 0..bench.queue.depth().await.unwrap() {
            let delivery = consumer.next().await.unwrap();
            consumer.ack_through(delivery.tag).await.unwrap();
            found.push(decode(&delivery.body).unwrap());
        }
        assert_eq!((records(&found), found.len()), (events, expected), "{events} of {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_events_of_which_a_part_is_in_a_slots_hands_are_told_apart() {
    let bench = bench(1, 8_192, SECOND).await;
    let standstill = bench.store.sqlite_writer().unwrap().acquire().await.unwrap();
    let publisher = bench.publisher.clone();
    let request = tokio::spawn(async move { publisher.publish_all(vec![vec![7; 1_500]; 1_000], Kind::Lead).await });
    let answers = request.await.unwrap();
    let unknown = answers.iter().take_while(|answer| **answer == Err(Refusal::Unconfirmed)).count();
    assert!((500..1_000).contains(&unknown), "{unknown} were in the slot's hands");
    assert!(answers[unknown..].iter().all(|answer| *answer == Err(Refusal::QueueAway)), "the others never left");
    drop(standstill);
    bench.publisher.finish();
    bench.supervisor.stop().cancel();
    bench.supervisor.run().await.unwrap();
    assert_eq!(records(&packs(&bench.queue).await), unknown);
}

#[tokio::test]
async fn a_closed_queue_is_a_refusal_at_once() {
    let bench = bench(2, 8, 10 * SECOND).await;
    bench.queue.close().await;
    let begun = Instant::now();
    assert_eq!(bench.publisher.publish(vec![1], Kind::Click).await, Err(Refusal::QueueAway));
    let many = bench.publisher.publish_all(vec![vec![1]; 3], Kind::Lead).await;
    assert_eq!(many, [Err(Refusal::QueueAway); 3]);
    assert!(begun.elapsed() < SECOND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_queue_stands_still_what_is_called_not_accepted_never_comes() {
    let bench = bench(1, 3, SECOND).await;
    let standstill = bench.store.sqlite_writer().unwrap().acquire().await.unwrap();
    let request = |record: u8| {
        let publisher = bench.publisher.clone();
        tokio::spawn(async move { publisher.publish(vec![record], Kind::Lead).await })
    };
    let (first, taken) = Waiting::one(vec![0], Kind::Lead, 0);
    bench.publisher.buffer.push([first]).unwrap();
    while bench.publisher.buffer.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(!taken.ticket.claim(), "a slot has it in its hands: a request that gives up is told that nobody knows");
    let waiting = [request(1), request(2), request(3)];
    while bench.publisher.buffer.waiting() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(request(4).await.unwrap(), Err(Refusal::Overloaded));
    for given_up in waiting {
        assert_eq!(given_up.await.unwrap(), Err(Refusal::QueueAway));
    }
    drop(standstill);
    assert_eq!(taken.answer.await.unwrap(), Ok(()));
    bench.publisher.finish();
    bench.supervisor.stop().cancel();
    bench.supervisor.run().await.unwrap();
    let packs = packs(&bench.queue).await;
    assert_eq!(records(&packs), 1);
    assert_eq!(packs[0].records[0].as_ref().unwrap_err().bytes, [0]);
}

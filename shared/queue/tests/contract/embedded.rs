//! What only the embedded queue can get wrong: restarts, its bound, and the writer it shares.

use std::time::{Duration, Instant};

use queue::{EmbeddedSettings, PublishError, Readiness};

use crate::support::{Embedded, message, next, publish, ready, take};

#[tokio::test]
async fn a_restart_delivers_everything_that_was_not_acknowledged_again() {
    let database = Embedded::new().await;
    let queue = database.open().await;
    publish(&queue, 0..4).await;
    let mut consumer = queue.consumer(10);
    let (_, second) = take(&mut consumer, 2).await;
    consumer.ack_through(second).await.unwrap();
    drop((consumer, queue));

    let queue = database.open().await;
    assert_eq!(queue.depth().await.unwrap(), 2);
    let mut consumer = queue.consumer(10);
    assert!(next(&mut consumer).await.redelivered);
    assert_eq!(take(&mut consumer, 1).await.0, [3]);
}

#[tokio::test]
async fn after_an_orderly_end_nothing_is_suspect_and_after_a_crash_what_was_in_hand_is() {
    let database = Embedded::new().await;
    let queue = database.open().await;
    publish(&queue, 0..4).await;
    let mut consumer = queue.consumer(1);
    let (_, first) = take(&mut consumer, 1).await;
    consumer.stop().await;
    consumer.ack_through(first).await.unwrap();
    consumer.close().await;
    queue.close().await;

    let queue = database.open().await;
    let mut consumer = queue.consumer(1);
    let second = next(&mut consumer).await;
    assert!(!second.redelivered);
    drop((consumer, queue));

    let queue = database.open().await;
    let mut consumer = queue.consumer(1);
    assert!(next(&mut consumer).await.redelivered, "a crash");
    // Whoever held it failed in the midst of it.
    drop(consumer);
    queue.close().await;

    let queue = database.open().await;
    assert!(next(&mut queue.consumer(1)).await.redelivered, "an end with something given back");
}

#[tokio::test]
async fn a_full_queue_refuses_and_says_so_until_there_is_room() {
    let database = Embedded::new().await;
    let settings = EmbeddedSettings { max_waiting_messages: 2, ..EmbeddedSettings::default() };
    let queue = database.open_with(settings).await;
    publish(&queue, 0..2).await;
    assert!(matches!(*queue.readiness().borrow(), Readiness::NotReady(_)));
    let refused = queue.publishing_channel().publish(message(2)).await;
    assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");

    let mut consumer = queue.consumer(10);
    let (_, first) = take(&mut consumer, 1).await;
    consumer.ack_through(first).await.unwrap();
    ready(&queue).await;
    publish(&queue, [3]).await;
    assert_eq!(take(&mut consumer, 2).await.0, [1, 3]);
}

#[tokio::test]
async fn a_connection_left_inside_a_transaction_confirms_nothing() {
    let database = Embedded::new().await;
    let queue = database.open().await;
    sqlx::query("BEGIN").execute(&database.writer).await.unwrap();
    let refused = queue.publishing_channel().publish(message(0)).await;
    assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");
}

#[tokio::test]
async fn a_writer_that_is_held_up_leaves_the_outcome_unknown_and_one_message_waiting() {
    let database = Embedded::new().await;
    let deadline = Duration::from_millis(200);
    let settings = EmbeddedSettings { publish_deadline: deadline, ..EmbeddedSettings::default() };
    let queue = database.open_with(settings).await;
    let mut channel = queue.publishing_channel();
    let held = database.writer.acquire().await.unwrap();
    let unknown = channel.publish(message(0)).await;
    assert!(matches!(unknown, Err(PublishError::Unknown(_))), "{unknown:?}");
    let asked = Instant::now();
    let refused = channel.publish(message(1)).await;
    assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");
    assert!(asked.elapsed() < deadline);

    drop(held);
    assert_eq!(take(&mut queue.consumer(10), 1).await.0, [0]);
}

//! The contract: each function is one promise, run on a fresh queue of either backend.

use std::time::Duration;

use domain::pack::{MAX_BYTES, PACK_TYPE};
use queue::{ConsumeError, Consumer, Delivery, Message, PublishError, Queue, SourceQueue, Tag};
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{PATIENCE, depth_becomes, message, next, number, publish, ready, take};

/// Long enough for a message that should not come to come.
const A_WHILE: Duration = Duration::from_millis(300);

pub(crate) async fn what_is_published_is_delivered_once_and_gone_when_acknowledged(queue: Queue) {
    publish(&queue, [7]).await;
    let mut consumer = queue.consumer(10);
    let delivery = next(&mut consumer).await;
    assert_eq!((number(&delivery), delivery.redelivered), (7, false));
    consumer.ack_through(delivery.tag).await.unwrap();
    consumer.give_back().await;
    assert!(timeout(A_WHILE, consumer.next()).await.is_err());
    depth_becomes(&queue, 0).await;
}

pub(crate) async fn what_is_given_back_comes_again_and_is_marked(queue: Queue) {
    publish(&queue, 0..3).await;
    let mut consumer = queue.consumer(10);
    take(&mut consumer, 2).await;
    consumer.give_back().await;
    let again = next(&mut consumer).await;
    assert_eq!((number(&again), again.redelivered), (0, true));
    assert_eq!(take(&mut consumer, 2).await.0, [1, 2]);
}

pub(crate) async fn what_a_dropped_consumer_held_comes_again(queue: Queue) {
    publish(&queue, 0..3).await;
    let mut first = queue.consumer(2);
    take(&mut first, 2).await;
    drop(first);
    let mut second = queue.consumer(10);
    let mut numbers = take(&mut second, 3).await.0;
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2]);
}

pub(crate) async fn messages_of_one_channel_come_in_order(queue: Queue) {
    publish(&queue, 0..50).await;
    let mut consumer = queue.consumer(7);
    let mut came = Vec::new();
    while came.len() < 50 {
        let delivery = next(&mut consumer).await;
        came.push(number(&delivery));
        consumer.ack_through(delivery.tag).await.unwrap();
    }
    assert_eq!(came, (0..50).collect::<Vec<_>>());
}

pub(crate) async fn acknowledging_settles_all_before_and_nothing_after(queue: Queue) {
    publish(&queue, 0..4).await;
    let mut consumer = queue.consumer(10);
    let (_, third) = take(&mut consumer, 3).await;
    take(&mut consumer, 1).await;
    consumer.ack_through(third).await.unwrap();
    consumer.give_back().await;
    assert_eq!(take(&mut consumer, 1).await.0, [3]);
    assert!(timeout(A_WHILE, consumer.next()).await.is_err());
}

pub(crate) async fn acknowledging_again_changes_nothing(queue: Queue) {
    publish(&queue, 0..3).await;
    let mut consumer = queue.consumer(10);
    let (_, first) = take(&mut consumer, 1).await;
    let (_, second) = take(&mut consumer, 1).await;
    consumer.ack_through(second).await.unwrap();
    consumer.ack_through(first).await.unwrap();
    consumer.ack_through(second).await.unwrap();
    let (came, third) = take(&mut consumer, 1).await;
    assert_eq!(came, [2]);
    consumer.ack_through(third).await.unwrap();
}

pub(crate) async fn a_tag_from_before_a_give_back_acknowledges_nothing(queue: Queue) {
    publish(&queue, [1]).await;
    let mut consumer = queue.consumer(10);
    let (_, old) = take(&mut consumer, 1).await;
    consumer.give_back().await;
    assert!(matches!(consumer.ack_through(old).await, Err(ConsumeError::Lost(_))));
    take(&mut consumer, 1).await;
    assert!(matches!(consumer.ack_through(old).await, Err(ConsumeError::Lost(_))));
    consumer.give_back().await;
    assert_eq!(take(&mut consumer, 1).await.0, [1]);
}

pub(crate) async fn a_body_of_one_mebibyte_arrives_unchanged_and_a_longer_one_is_refused(queue: Queue) {
    ready(&queue).await;
    let mut channel = queue.publishing_channel();
    let body: Vec<u8> = (0..MAX_BYTES).map(|at| (at * 31 % 251) as u8).collect();
    channel.publish(Message { body: body.clone(), ..message(0) }).await.unwrap();
    let longer = Message { body: vec![0; MAX_BYTES + 1], ..message(1) };
    let refused = channel.publish(longer).await;
    assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");
    assert!(next(&mut queue.consumer(1)).await.body == body);
}

pub(crate) async fn many_channels_deliver_each_message_exactly_once(queue: Queue) {
    ready(&queue).await;
    let publishers = (0..8).map(|lane| {
        let mut channel = queue.publishing_channel();
        tokio::spawn(async move {
            for place in 0..40 {
                channel.publish(message(lane * 40 + place)).await.unwrap();
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
    let mut consumer = queue.consumer(400);
    let mut came = take(&mut consumer, 320).await.0;
    assert!(consumer.try_next().is_none());
    came.sort_unstable();
    assert_eq!(came, (0..320).collect::<Vec<_>>());
}

pub(crate) async fn several_consumers_share_the_messages(queue: Queue) {
    publish(&queue, 0..40).await;
    let (mut one, mut two) = (queue.consumer(20), queue.consumer(20));
    let (first, second) = tokio::join!(take(&mut one, 20), take(&mut two, 20));
    let mut came = [first.0, second.0].concat();
    came.sort_unstable();
    assert_eq!(came, (0..40).collect::<Vec<_>>());
}

pub(crate) async fn id_type_and_trace_context_are_preserved(queue: Queue) {
    ready(&queue).await;
    let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let sent = Message { id, traceparent: traceparent.clone(), ..message(1) };
    queue.publishing_channel().publish(sent).await.unwrap();
    let came = next(&mut queue.consumer(1)).await;
    assert_eq!(came.message_id, Some(id));
    assert_eq!(came.traceparent, traceparent);
    assert_eq!(came.message_type, PACK_TYPE);
}

pub(crate) async fn no_more_than_the_prefetch_is_handed_out(queue: Queue) {
    publish(&queue, 0..5).await;
    let mut consumer = queue.consumer(2);
    let (_, second) = take(&mut consumer, 2).await;
    assert!(timeout(A_WHILE, consumer.next()).await.is_err());
    consumer.ack_through(second).await.unwrap();
    assert_eq!(take(&mut consumer, 2).await.0, [2, 3]);
}

pub(crate) async fn waiting_for_the_next_message_may_be_given_up_without_losing_one(queue: Queue) {
    publish(&queue, 0..30).await;
    let mut consumer = queue.consumer(10);
    let mut came = Vec::new();
    let collecting = async {
        while came.len() < 30 {
            // Given up again and again, also in the midst of subscribing and reading.
            if let Ok(delivered) = timeout(Duration::from_micros(200), consumer.next()).await {
                let delivery = delivered.unwrap();
                came.push(number(&delivery));
                consumer.ack_through(delivery.tag).await.unwrap();
            }
        }
    };
    timeout(PATIENCE, collecting).await.expect("all messages in time");
    assert_eq!(came, (0..30).collect::<Vec<_>>());
}

pub(crate) async fn a_publish_that_was_given_up_leaves_the_channel_usable(queue: Queue) {
    ready(&queue).await;
    let mut channel = queue.publishing_channel();
    let given_up = timeout(Duration::from_micros(100), channel.publish(message(0))).await;
    // The embedded queue refuses until the write that was given up has ended.
    let publishing = async {
        while let Err(error) = channel.publish(message(1)).await {
            assert!(matches!(error, PublishError::NotAccepted(_)), "{error:?}");
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, publishing).await.expect("the channel works again");
    let mut consumer = queue.consumer(10);
    let mut last = number(&next(&mut consumer).await);
    if last == 0 {
        last = number(&next(&mut consumer).await);
    }
    assert_eq!(last, 1, "given up: {given_up:?}");
}

pub(crate) async fn publishing_after_close_is_refused(queue: Queue) {
    ready(&queue).await;
    let mut channel = queue.publishing_channel();
    channel.publish(message(0)).await.unwrap();
    queue.close().await;
    let refused = channel.publish(message(1)).await;
    assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");
    let refused = queue.publishing_channel().publish(message(2)).await;
    assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");
}

pub(crate) async fn consuming_after_close_says_so(queue: Queue) {
    queue.close().await;
    let mut consumer = queue.consumer(1);
    let told = timeout(PATIENCE, consumer.next()).await.expect("an answer");
    assert_eq!(told, Err(ConsumeError::Closed));
}

pub(crate) async fn a_waiting_consumer_is_told_of_the_close(queue: Queue) {
    ready(&queue).await;
    let mut consumer = queue.consumer(1);
    assert!(timeout(A_WHILE, consumer.next()).await.is_err());
    let waiting = tokio::spawn(async move {
        loop {
            match consumer.next().await {
                Err(ConsumeError::Closed) => return,
                Err(ConsumeError::Lost(_)) => {}
                Ok(delivery) => panic!("nothing was published: {delivery:?}"),
            }
        }
    });
    queue.close().await;
    timeout(PATIENCE, waiting).await.expect("an answer").unwrap();
}

pub(crate) async fn depth_counts_what_waits(queue: Queue) {
    publish(&queue, 0..5).await;
    depth_becomes(&queue, 5).await;
    let mut consumer = queue.consumer(2);
    let (_, second) = take(&mut consumer, 2).await;
    depth_becomes(&queue, 3).await;
    consumer.ack_through(second).await.unwrap();
    consumer.close().await;
    depth_becomes(&queue, 3).await;
}

pub(crate) async fn nothing_is_dead_or_unrouted_to_begin_with(queue: Queue) {
    publish(&queue, [1]).await;
    for source in [SourceQueue::Dead, SourceQueue::Unrouted] {
        let mut consumer = queue.consumer_of(source, 1);
        assert!(timeout(A_WHILE, consumer.next()).await.is_err(), "{source:?}");
    }
}

/// Everything that a stopped consumer still gives out, and the last tag.
async fn rest(consumer: &mut Consumer) -> (Vec<Delivery>, Option<Tag>) {
    let mut rest = Vec::new();
    loop {
        match timeout(PATIENCE, consumer.next()).await.expect("an answer") {
            Ok(delivery) => rest.push(delivery),
            Err(ended) => {
                assert_eq!(ended, ConsumeError::Closed);
                let last = rest.last().map(|delivery: &Delivery| delivery.tag);
                return (rest, last);
            }
        }
    }
}

pub(crate) async fn a_consumer_that_stops_gives_out_what_it_has_and_no_more(queue: Queue) {
    publish(&queue, 0..10).await;
    let mut stopping = queue.consumer(4);
    take(&mut stopping, 1).await;
    stopping.stop().await;
    let (rest, last) = rest(&mut stopping).await;
    assert_eq!(rest.iter().map(number).collect::<Vec<_>>(), [1, 2, 3]);
    stopping.ack_through(last.unwrap()).await.unwrap();
    depth_becomes(&queue, 6).await;
    stopping.close().await;
    let mut another = queue.consumer(10);
    for wanted in 4..10 {
        let delivery = next(&mut another).await;
        assert_eq!((number(&delivery), delivery.redelivered), (wanted, false));
    }
}

pub(crate) async fn consumers_that_stop_one_after_the_other_leave_nothing_marked(queue: Queue) {
    publish(&queue, 0..200).await;
    let mut came = Vec::new();
    while came.len() < 200 {
        let mut consumer = queue.consumer(8);
        let first = next(&mut consumer).await;
        // Makes room for more, which is then on its way.
        consumer.ack_through(first.tag).await.unwrap();
        consumer.stop().await;
        let (rest, last) = rest(&mut consumer).await;
        if let Some(last) = last {
            consumer.ack_through(last).await.unwrap();
        }
        consumer.close().await;
        came.extend([vec![first], rest].concat().iter().map(|delivery| {
            assert!(!delivery.redelivered, "{}", number(delivery));
            number(delivery)
        }));
    }
    assert_eq!(came, (0..200).collect::<Vec<_>>());
}

pub(crate) async fn a_consumer_that_stops_before_it_has_begun_takes_nothing(queue: Queue) {
    publish(&queue, [1]).await;
    let mut stopped = queue.consumer(10);
    stopped.stop().await;
    assert_eq!(timeout(PATIENCE, stopped.next()).await.expect("an answer"), Err(ConsumeError::Closed));
    let delivery = next(&mut queue.consumer(10)).await;
    assert_eq!((number(&delivery), delivery.redelivered), (1, false));
}

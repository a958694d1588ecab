//! What only RabbitMQ can do to us: be away, hang, lose its queues, block, refuse.

use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use queue::{ConsumeError, Delivery, PublishError, Queue, RabbitMqSettings, Readiness, SourceQueue};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::proxy::{Proxy, amqp_url_at};
use crate::support::{
    Admin, PATIENCE, Stage, message, next, number, on_rabbitmq, on_rabbitmq_with, publish, ready, reason, take, told,
};

/// "Within a second", and what a busy machine adds.
const A_SECOND: Duration = Duration::from_millis(1500);
const AT_ONCE: Duration = Duration::from_millis(100);

const DEADLINE: Duration = Duration::from_secs(5);

/// Runs a test with a proxy between the queue and the broker.
async fn through_a_proxy<T: Future<Output = ()> + Send + 'static>(
    publish_deadline: Duration,
    test: impl FnOnce(Stage, Proxy) -> T,
) {
    let proxy = Proxy::start().await;
    let amqp_uri = proxy.amqp_url();
    let adjust = |settings: &mut RabbitMqSettings| {
        settings.amqp_uri = amqp_uri;
        settings.publish_deadline = publish_deadline;
    };
    on_rabbitmq_with(adjust, |stage| test(stage, proxy)).await;
}

fn not_ready(readiness: &Readiness) -> bool {
    matches!(readiness, Readiness::NotReady(_))
}

/// The next message, whatever losses are told before.
async fn next_after_losses(consumer: &mut queue::Consumer) -> Delivery {
    let waiting = async {
        loop {
            match consumer.next().await {
                Ok(delivery) => return delivery,
                Err(ConsumeError::Lost(_)) => {}
                Err(ConsumeError::Closed) => panic!("closed"),
            }
        }
    };
    timeout(PATIENCE, waiting).await.expect("a delivery in time")
}

async fn is_refused_at_once(queue: &Queue) {
    let asked = Instant::now();
    let refused = queue.publishing_channel().publish(message(0)).await;
    assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_binding_takes_is_kept_in_the_unrouted_queue() {
    on_rabbitmq(|stage| async move {
        ready(&stage.queue).await;
        let (names, admin) = (&stage.names, Admin::connect().await);
        let key = names.events_queue.as_str();
        let exchange = names.events_exchange.as_str();
        let (queue, exchange) = (key.into(), exchange.into());
        let none = FieldTable::default();
        admin.channel.queue_unbind(queue, exchange, key.into(), none).await.unwrap();
        stage.queue.publishing_channel().publish(message(5)).await.unwrap();
        let mut unrouted = stage.queue.consumer_of(SourceQueue::Unrouted, 1);
        assert_eq!(number(&next(&mut unrouted).await), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_not_even_the_unrouted_queue_takes_is_refused() {
    on_rabbitmq(|stage| async move {
        publish(&stage.queue, [1]).await;
        let mut channel = stage.queue.publishing_channel();
        channel.publish(message(2)).await.unwrap();
        let admin = Admin::connect().await;
        admin.delete_queue(&stage.names.unrouted).await;
        admin.delete_queue(&stage.names.events_queue).await;
        let refused = channel.publish(message(3)).await;
        assert!(matches!(refused, Err(PublishError::NotAccepted(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_queue_is_told_within_a_second_and_declared_again() {
    on_rabbitmq(|stage| async move {
        ready(&stage.queue).await;
        Admin::connect().await.delete_queue(&stage.names.events_queue).await;
        let readiness = timeout(A_SECOND, told(&stage.queue, not_ready)).await.expect("told");
        assert!(reason(readiness).contains("missing"));
        publish(&stage.queue, [1]).await;
        assert_eq!(take(&mut stage.queue.consumer(1), 1).await.0, [1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_whose_queue_was_deleted_subscribes_again() {
    on_rabbitmq(|stage| async move {
        publish(&stage.queue, [1]).await;
        let mut consumer = stage.queue.consumer(10);
        let (_, old) = take(&mut consumer, 1).await;
        Admin::connect().await.delete_queue(&stage.names.events_queue).await;
        let lost = timeout(PATIENCE, consumer.next()).await.expect("told");
        assert!(matches!(lost, Err(ConsumeError::Lost(_))), "{lost:?}");
        assert!(consumer.ack_through(old).await.is_err());
        told(&stage.queue, not_ready).await;
        publish(&stage.queue, [2]).await;
        assert_eq!(number(&next_after_losses(&mut consumer).await), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_cut_everything_is_rebuilt_and_unacknowledged_messages_come_again() {
    through_a_proxy(DEADLINE, |stage, proxy| async move {
        publish(&stage.queue, 0..3).await;
        let mut consumer = stage.queue.consumer(10);
        let mut channel = stage.queue.publishing_channel();
        channel.publish(message(3)).await.unwrap();
        let (_, first) = take(&mut consumer, 1).await;
        consumer.ack_through(first).await.unwrap();
        let (_, third) = take(&mut consumer, 2).await;
        // One acknowledged, two in hand; what is in hand comes again.
        let settled = consumer.ack_through(first).await;
        assert_eq!(settled, Ok(()));
        proxy.cut();
        let lost = timeout(PATIENCE, async {
            loop {
                if let Err(lost) = consumer.next().await {
                    return lost;
                }
            }
        });
        assert!(matches!(lost.await, Ok(ConsumeError::Lost(_))));
        assert!(consumer.ack_through(third).await.is_err());
        let mut again = next_after_losses(&mut consumer).await;
        if number(&again) == 0 {
            // The cut came before the acknowledgement had left.
            again = next_after_losses(&mut consumer).await;
        }
        assert_eq!((number(&again), again.redelivered), (1, true));
        assert_eq!(take(&mut consumer, 2).await.0, [2, 3]);
        ready(&stage.queue).await;
        channel.publish(message(4)).await.unwrap();
        assert_eq!(take(&mut consumer, 1).await.0, [4]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_at_start_is_refused_at_once_and_found_when_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    on_rabbitmq_with(
        |settings| settings.amqp_uri = amqp_url_at(address),
        |stage| async move {
            let away = told(&stage.queue, |told| not_ready(told) && said(told, "away")).await;
            assert!(reason(away).contains("RabbitMQ is away"));
            is_refused_at_once(&stage.queue).await;
            let _proxy = Proxy::start_on(TcpListener::bind(address).await.unwrap());
            publish(&stage.queue, [1]).await;
        },
    )
    .await;
}

fn said(readiness: &Readiness, words: &str) -> bool {
    matches!(readiness, Readiness::NotReady(reason) if reason.contains(words))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_broker_leaves_the_message_in_flight_unknown_and_refuses_the_next() {
    through_a_proxy(Duration::from_secs(2), |stage, proxy| async move {
        publish(&stage.queue, [1]).await;
        proxy.freeze(true);
        let mut channel = stage.queue.publishing_channel();
        let asked = Instant::now();
        let unknown = channel.publish(message(2)).await;
        assert!(unknown.is_err(), "{unknown:?}");
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        assert!(not_ready(&stage.queue.readiness().borrow()));
        is_refused_at_once(&stage.queue).await;
        proxy.freeze(false);
        ready(&stage.queue).await;
        channel.publish(message(3)).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_confirm_is_unknown_and_the_channel_goes_on_with_the_right_confirms() {
    through_a_proxy(Duration::from_millis(300), |stage, proxy| async move {
        ready(&stage.queue).await;
        let mut channel = stage.queue.publishing_channel();
        channel.publish(message(1)).await.unwrap();
        proxy.freeze(true);
        let unknown = channel.publish(message(2)).await;
        assert!(matches!(unknown, Err(PublishError::Unknown(_))), "{unknown:?}");
        proxy.freeze(false);
        ready(&stage.queue).await;
        channel.publish(message(3)).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_connection_is_told_and_refuses_at_once_until_it_is_unblocked() {
    through_a_proxy(DEADLINE, |stage, proxy| async move {
        publish(&stage.queue, [1]).await;
        proxy.say(connection_frame(60, b"\x0alow memory"));
        let blocked = timeout(A_SECOND, told(&stage.queue, not_ready)).await.expect("told");
        assert!(reason(blocked).contains("low memory"));
        is_refused_at_once(&stage.queue).await;
        proxy.say(connection_frame(61, b""));
        publish(&stage.queue, [2]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_publishing_is_blocked_messages_are_taken_and_acknowledged() {
    through_a_proxy(DEADLINE, |stage, proxy| async move {
        publish(&stage.queue, [1]).await;
        // Only the publishing connection is there to hear it.
        proxy.say(connection_frame(60, b"\x0alow memory"));
        timeout(A_SECOND, told(&stage.queue, not_ready)).await.expect("told");
        let mut consumer = stage.queue.consumer(10);
        let (numbers, tag) = take(&mut consumer, 1).await;
        assert_eq!((numbers, consumer.ack_through(tag).await), (vec![1], Ok(())));
        consumer.close().await;
        is_refused_at_once(&stage.queue).await;
        let left = stage.queue.depth().await;
        assert!(matches!(left, Ok(0)), "{left:?}");
    })
    .await;
}

/// A method of the connection class, as the broker would send it.
fn connection_frame(method: u8, arguments: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 0, 0, 0, 0, 0, 4 + arguments.len() as u8, 0, 10, 0, method];
    frame.extend_from_slice(arguments);
    frame.push(0xCE);
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_with_other_arguments_is_explained_and_taken_once_it_is_gone() {
    on_rabbitmq(|stage| async move {
        let (admin, name) = (Admin::connect().await, stage.names.events_queue.as_str());
        let (options, none) = (QueueDeclareOptions::durable(), FieldTable::default());
        admin.channel.queue_declare(name.into(), options, none).await.unwrap();
        told(&stage.queue, |told| said(told, "other arguments")).await;
        is_refused_at_once(&stage.queue).await;
        admin.delete_queue(name).await;
        publish(&stage.queue, [1]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_a_reason_that_does_not_repeat_it() {
    on_rabbitmq_with(
        |settings| {
            let (user, host) = settings.amqp_uri.rsplit_once('@').unwrap();
            let user = user.rsplit_once(':').unwrap().0;
            settings.amqp_uri = format!("{user}:hunter2@{host}");
        },
        |stage| async move {
            let refused = reason(told(&stage.queue, |told| said(told, "REFUSED")).await);
            assert!(!refused.contains("hunter2"), "{refused}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_hangs_is_cut_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut address = listener.local_addr().unwrap().to_string();
    address.insert_str(0, "amqp://guest:guest@");
    let settings = RabbitMqSettings {
        amqp_uri: address,
        connect_timeout: Duration::from_millis(300),
        ..RabbitMqSettings::default()
    };
    let queue = Queue::rabbitmq(settings).await.unwrap();
    let _readiness = queue.readiness();
    for _ in 0..2 {
        let (mut socket, _) = timeout(PATIENCE, listener.accept()).await.expect("tried").unwrap();
        let mut heard = Vec::new();
        let hearing = socket.read_to_end(&mut heard);
        timeout(PATIENCE, hearing).await.expect("the silent connection is cut").unwrap();
    }
    queue.close().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_right_is_refused_without_repeating_it() {
    let settings = RabbitMqSettings { amqp_uri: "user:hunter2@host".into(), ..RabbitMqSettings::default() };
    let refused = Queue::rabbitmq(settings).await.err().expect("refused").to_string();
    assert!(refused.contains("amqp://") && !refused.contains("hunter2"), "{refused}");
}

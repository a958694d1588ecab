//! What the broker says to a program against its wishes: that it is blocked, that a message is refused, that a channel
//! is closed.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tests::proxy::{
    Fate, Passing, Rule, Side,
    amqp::{self, Frame, Method},
};

use tokio::time::sleep;

use super::{A_SECOND, RECOVERY, before_ingest, before_worker, look, until, watched};

/// A channel of a connection.
type Place = (u64, u16);

/// Refuses messages to the broker, which never sees them.
#[derive(Default)]
struct Refused {
    left: usize,
    /// Messages begun on each channel, as the client counts them.
    sent: HashMap<Place, u64>,
    /// Where the rest of a refused message is still to come.
    refusing: HashSet<Place>,
}

impl Rule for Refused {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        let Some(frame) = Frame::of(message.bytes) else { return Fate::Passes };
        let place = (message.connection, frame.channel);
        match (message.from, frame.method) {
            (Side::Client, Some(amqp::PUBLISH)) => {
                let tag = *self.sent.entry(place).and_modify(|sent| *sent += 1).or_insert(1);
                self.refusing.remove(&place);
                if self.left > 0 {
                    self.left -= 1;
                    self.refusing.insert(place);
                    return Fate::Becomes { onward: Vec::new(), back: amqp::settle(frame.channel, amqp::NACK, tag) };
                }
            }
            (Side::Client, Some(amqp::OPEN)) => {
                self.sent.remove(&place);
                self.refusing.remove(&place);
            }
            (Side::Client, None) if self.refusing.contains(&place) => return Fate::IsLost,
            // The broker has not counted what it never saw, and what it confirms is the last one.
            (Side::Server, Some(amqp::ACK)) => {
                let tag = self.sent.get(&place).copied().unwrap_or_default();
                let onward = amqp::settle(frame.channel, amqp::ACK, tag);
                return Fate::Becomes { onward, back: Vec::new() };
            }
            _ => {}
        }
        Fate::Passes
    }
}

/// Closes a channel for the client with a 406 and for the broker with a farewell, instead of what the client just says.
struct Closed {
    instead_of: Method,
    left: usize,
    /// What a side says on these is too late, until it has seen the end.
    ending: HashSet<(Side, Place)>,
}

impl Closed {
    fn instead_of(method: Method, left: usize) -> Self {
        Self { instead_of: method, left, ending: HashSet::new() }
    }
}

impl Rule for Closed {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        let Some(Frame { channel, method, .. }) = Frame::of(message.bytes) else { return Fate::Passes };
        let place = (message.connection, channel);
        if self.ending.contains(&(message.from, place)) {
            if method == Some(amqp::CLOSE_OK) {
                self.ending.remove(&(message.from, place));
            }
            return Fate::IsLost;
        }
        if self.left > 0 && message.from == Side::Client && method == Some(self.instead_of) {
            self.left -= 1;
            self.ending.extend([(Side::Client, place), (Side::Server, place)]);
            let back = amqp::close(channel, 406, "PRECONDITION_FAILED - test");
            return Fate::Becomes { onward: amqp::close(channel, 200, "test"), back };
        }
        Fate::Passes
    }
}

/// Shorter than a lane waits until an acknowledgement is sent.
const LASTS: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_message_that_the_broker_refuses_is_told_as_not_accepted_and_never_stored() {
    let (scene, proxy) = before_ingest().await;
    let rule = watched(&proxy, Refused::default());
    let nemesis = async {
        scene.begun(30).await;
        look(&rule).left = 20;
        until(&rule, |rule| rule.left == 0).await;
        scene.accepts().await
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("messages refused", recovered).await;
    let accepted = scene.load.accepted();
    assert!(accepted.refused.0 >= 20 && accepted.unknown == 0, "{:?} {}", accepted.refused, accepted.unknown);
    assert_eq!(scene.leads_stored().await, accepted.events.len());
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_publishing_channel_that_the_broker_closes_is_replaced() {
    let (scene, proxy) = before_ingest().await;
    let nemesis = async {
        scene.begun(30).await;
        let rule = watched(&proxy, Closed::instead_of(amqp::PUBLISH, 10));
        until(&rule, |rule| rule.left == 0).await;
        scene.accepts().await
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("publishing channels closed", recovered).await;
    let accepted = scene.load.accepted();
    assert!(accepted.unknown >= 10, "what was on its way is told as unknown: {}", accepted.unknown);
    assert_eq!(scene.leads_stored().await, accepted.events.len(), "none of it came");
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_consuming_channel_that_the_broker_closes_is_replaced_and_what_it_had_comes_again() {
    let (scene, proxy) = before_worker(&[]).await;
    let nemesis = async {
        scene.begun(30).await;
        let rule = watched(&proxy, Closed::instead_of(amqp::ACK, 5));
        until(&rule, |rule| rule.left == 0).await;
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("consuming channels closed", recovered).await;
    assert!(scene.metric("worker", r#"affitor_worker_outcomes_total{outcome="redelivered"}"#).await > 0);
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_blocked_publishing_connection_refuses_at_once_and_goes_on_when_it_is_not() {
    let (scene, proxy) = before_ingest().await;
    let nemesis = async {
        scene.begun(30).await;
        proxy.say(amqp::blocked("low on memory"));
        scene.readiness("ingest", A_SECOND, Some("takes no messages")).await;
        scene.refuses(100).await;
        proxy.say(amqp::method(0, amqp::UNBLOCKED, &[]));
        scene.accepts().await
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("publishing blocked", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

/// Brokers block only who publishes; one that does not know that a connection only consumes changes nothing.
#[tokio::test]
async fn a_blocked_consuming_connection_loses_nothing_and_goes_on_when_it_is_not() {
    let (scene, proxy) = before_worker(&[]).await;
    let nemesis = async {
        scene.begun(20).await;
        proxy.say(amqp::blocked("low on memory"));
        sleep(LASTS).await;
        proxy.say(amqp::method(0, amqp::UNBLOCKED, &[]));
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("consuming blocked", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

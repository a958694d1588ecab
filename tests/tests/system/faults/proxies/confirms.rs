//! Confirms that never reach `ingest`, or reach it when nobody waits for them any more.

use std::collections::{HashMap, HashSet};

use tests::proxy::{
    Fate, Passing, Rule, Side,
    amqp::{self, Frame},
};

use super::{before_ingest, look, watched};

/// A channel of a connection.
type Place = (u64, u16);

/// Loses every tenth confirm until so many are lost, and says them after all when the channel is being closed. Sees
/// whether a message is ever sent while another one on its channel still waits for its confirm.
#[derive(Default)]
struct LateConfirms {
    most: usize,
    seen: usize,
    lost: usize,
    /// Confirms of messages that nobody waits for any more.
    late: usize,
    /// Messages that were sent over another one.
    side_by_side: usize,
    waiting: HashSet<Place>,
    withheld: HashMap<Place, Vec<u8>>,
}

impl Rule for LateConfirms {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        let Some(Frame { channel, method: Some(method), .. }) = Frame::of(message.bytes) else { return Fate::Passes };
        let place = (message.connection, channel);
        match (message.from, method) {
            (Side::Client, amqp::PUBLISH) => self.side_by_side += usize::from(!self.waiting.insert(place)),
            (Side::Client, amqp::CLOSE) => {
                self.waiting.remove(&place);
                if let Some(confirm) = self.withheld.remove(&place) {
                    self.late += 1;
                    return Fate::Becomes { onward: message.bytes.to_vec(), back: confirm };
                }
            }
            (Side::Server, amqp::ACK) => {
                self.seen += 1;
                if self.lost < self.most && self.seen.is_multiple_of(10) {
                    self.lost += 1;
                    self.withheld.insert(place, message.bytes.to_vec());
                    return Fate::IsLost;
                }
                self.waiting.remove(&place);
            }
            _ => {}
        }
        Fate::Passes
    }
}

#[tokio::test]
async fn lost_confirms_are_told_as_unknown_and_the_channel_is_replaced() {
    let (scene, proxy) = before_ingest().await;
    let most = scene.load.leads() / 750;
    let rule = watched(&proxy, LateConfirms { most, ..LateConfirms::default() });
    let drained = async {
        scene.begun(100).await;
        scene.drained().await
    };
    let recovered = scene.under_load(drained).await;
    scene.is_whole("confirms lost", recovered).await;
    let (accepted, stored) = (scene.load.accepted(), scene.leads_stored().await);
    let rule = look(&rule);
    println!("confirms lost: {} of {} late {} unknown {}", rule.lost, rule.seen, rule.late, accepted.unknown);
    assert_eq!((rule.lost, rule.late), (most, most));
    assert_eq!(
        rule.side_by_side, 0,
        "a message was sent on a channel whose last one was still waiting for its confirm"
    );
    assert!(accepted.unknown >= most);
    assert_eq!(stored, accepted.events.len() + accepted.unknown, "the broker had taken what was told as unknown");
}

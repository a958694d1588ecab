//! Acknowledgements that never reach the broker: everything comes again, and changes nothing.

use tests::{
    Load, VISIBLE, eventually,
    proxy::{
        Fate, Passing, Rule, Side,
        amqp::{self, Frame},
    },
};

use super::{super::CONNECTIONS, RECOVERY, before_worker, look, watched};

const REDELIVERED: &str = r#"affitor_worker_outcomes_total{outcome="redelivered"}"#;

/// Loses all of them.
#[derive(Default)]
struct LostAcknowledgements {
    lost: usize,
}

impl Rule for LostAcknowledgements {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        let is_acknowledgement = Frame::of(message.bytes).is_some_and(|frame| frame.method == Some(amqp::ACK));
        if message.from == Side::Client && is_acknowledgement {
            self.lost += 1;
            return Fate::IsLost;
        }
        Fate::Passes
    }
}

#[tokio::test]
async fn what_was_stored_and_not_acknowledged_comes_again_and_changes_no_row() {
    let (mut scene, proxy) = before_worker(&[]).await;
    // Fewer packs, even of one lead each, than the broker hands over before it waits for an acknowledgement.
    scene.load = Load::new(120, CONNECTIONS, &scene.pipeline.directory.path().join("few"));
    let rule = watched(&proxy, LostAcknowledgements::default());
    scene.load.run(&scene.client, &scene.program).await;
    scene.drained().await;
    let (before, lost) = (scene.stored.rows().await, look(&rule).lost);
    assert_eq!(scene.metric("worker", REDELIVERED).await, 0);
    proxy.pass_everything();
    let began = std::time::Instant::now();
    proxy.cut();
    let all = scene.load.begun() as u64;
    eventually(VISIBLE, async || match scene.metric("worker", REDELIVERED).await {
        again if again >= all => Ok(()),
        again => Err(format!("{again} of {all} have come again")),
    })
    .await;
    let recovered = began.elapsed();
    let after = scene.stored.rows().await;
    let rewritten = after.iter().filter(|(row, writer)| before.get(*row) != Some(writer)).count();
    let redelivered = scene.metric("worker", REDELIVERED).await;
    println!(
        "acknowledgements lost: {lost} redelivered {redelivered} rows {} rewritten as they were {rewritten}",
        after.len()
    );
    assert!(after.keys().eq(before.keys()), "a row was changed by what was there already");
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("acknowledgements lost", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

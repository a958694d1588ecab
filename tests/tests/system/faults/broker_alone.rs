//! A RabbitMQ node that does nothing wrong to its messages, only to its clients: it has no disk left, ends their
//! connections every two seconds, or stands still.

use std::time::Duration;

use tests::{Pipeline, PrivateBroker, VISIBLE, eventually, fresh_database};
use tokio::time::{Instant, sleep_until};

use super::{A_SECOND, Scene, broker::broker};

/// How soon after its end a fault may be over for clients.
const RECOVERY: Duration = Duration::from_secs(5);

async fn scene(broker: &PrivateBroker, database: &str) -> Scene {
    Scene::start(Pipeline::prepared_on(&broker.amqp_url(), database).await).await
}

#[tokio::test]
async fn a_broker_without_disk_refuses_leads_and_goes_on_handing_them_over() {
    let (broker, database) = (broker().await, fresh_database().await);
    let scene = scene(&broker, database.url()).await;
    let nemesis = async {
        // So that something is in the queue when the alarm comes.
        scene.begun(20).await;
        scene.worker.signal("STOP");
        scene.begun(40).await;
        broker.control(&["set_disk_free_limit", "1000GB"]).await;
        scene.readiness("ingest", A_SECOND, Some("takes no messages")).await;
        scene.refuses(100).await;
        scene.worker.signal("CONT");
        println!("broker without disk: drained during the alarm in {:.1?}", scene.drained().await);
        broker.control(&["set_disk_free_limit", "50MB"]).await;
        scene.accepts().await
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("broker without disk", recovered).await;
    assert!(recovered < A_SECOND, "{recovered:?}");
}

#[tokio::test]
async fn connections_that_the_broker_ends_every_two_seconds_cost_no_accepted_lead() {
    let (broker, database) = (broker().await, fresh_database().await);
    let scene = scene(&broker, database.url()).await;
    let nemesis = async {
        scene.begun(10).await;
        let (mut next, mut longest) = (Instant::now(), Duration::ZERO);
        for _ in 0..3 {
            sleep_until(next).await;
            next += Duration::from_secs(2);
            broker.control(&["close_all_connections", "test"]).await;
            longest = longest.max(scene.accepts().await);
        }
        longest.max(scene.drained().await)
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("connections ended every two seconds", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_broker_that_stands_still_is_told_as_unknown_at_the_deadline_and_refused_at_once_after_it() {
    let (broker, database) = (broker().await, fresh_database().await);
    let scene = scene(&broker, database.url()).await;
    let nemesis = async {
        scene.begun(20).await;
        broker.freeze(true);
        scene.readiness("ingest", A_SECOND, Some("does not answer")).await;
        scene.refuses(100).await;
        eventually(VISIBLE, async || match scene.load.accepted().unknown {
            0 => Err("what was on its way has not been answered"),
            _ => Ok(()),
        })
        .await;
        broker.freeze(false);
        let recovered = scene.accepts().await;
        recovered.max(scene.drained().await)
    };
    let recovered = scene.under_load(nemesis).await;
    scene.is_whole("broker stands still", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

//! One direction of a connection stands still: what is said there arrives when it is over, or never.

use std::time::Duration;

use tests::proxy::{Proxy, Side};
use tokio::time::sleep;

use super::{IMPATIENT, RECOVERY, Scene, before_database, before_worker};

/// A lane that waits for its database looks again in ever longer pauses, and here it then takes small batches.
const HEALED: Duration = Duration::from_secs(20);

/// Longer than a part waits before it takes its server for gone.
const LASTS: Duration = Duration::from_secs(3);

/// Holds the one side and then the other; the longer of the times until everything accepted by then was stored.
async fn one_way_and_the_other(scene: &Scene, proxy: &Proxy) -> Duration {
    let mut longest = Duration::ZERO;
    for (percent, side) in [(10, Side::Server), (50, Side::Client)] {
        scene.begun(percent).await;
        proxy.hold(side, true);
        sleep(LASTS).await;
        proxy.hold(side, false);
        longest = longest.max(scene.drained().await);
    }
    longest
}

#[tokio::test]
async fn a_worker_that_does_not_hear_the_broker_or_is_not_heard_loses_nothing() {
    let (scene, proxy) = before_worker(&[]).await;
    let recovered = scene.under_load(one_way_and_the_other(&scene, &proxy)).await;
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("worker and broker, one way", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_worker_that_does_not_hear_the_database_or_is_not_heard_loses_nothing() {
    let (scene, proxy) = before_database(&IMPATIENT).await;
    let recovered = scene.under_load(one_way_and_the_other(&scene, &proxy)).await;
    assert_eq!(scene.load.refused_so_far(), 0);
    scene.is_whole("worker and database, one way", recovered).await;
    assert!(recovered < HEALED, "{recovered:?}");
}

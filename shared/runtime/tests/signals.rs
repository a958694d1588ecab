//! A signal stops the process in good order; alone in this binary, since signals reach all of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use runtime::lifecycle::stop_on_signals;
use std::process::{Command, id};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn a_first_sigterm_cancels_the_token() {
    let stop = stop_on_signals().unwrap();
    assert!(!stop.is_cancelled());
    assert!(Command::new("kill").args(["-TERM", &id().to_string()]).status().unwrap().success());
    timeout(Duration::from_secs(10), stop.cancelled()).await.expect("the token is cancelled");
}

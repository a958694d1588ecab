//! What `up` says on standard output once it can take work: where it is, and what to try next.

use crate::demo::{Demo, FILE};
use crate::output;
use runtime::health::Health;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Between two looks at the readiness of a process that is just starting.
const LOOK_PERIOD: Duration = Duration::from_millis(5);
/// After this a person wants to know what it waits for.
const PATIENCE: Duration = Duration::from_secs(3);

/// The text for a pipeline at these addresses.
pub(super) fn text(base_url: &str, metrics_url: &str, data: &Path, demo: Option<&Demo>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let data = data.display();
    let head =
        format!("affitor {version} listens on {base_url}, metrics are at {metrics_url}, its data is in {data}\n");
    let rest = match demo {
        Some(demo) => format!(
            "\nThere is a demo to try. Paste these lines into another terminal:\n\n{}\n\
             The same facts are in {data}/{FILE}. Ctrl-C stops.\n",
            demo.lines()
        ),
        None => "`affitor --help` shows how to make programs, partners, links and keys. Ctrl-C stops.\n".to_owned(),
    };
    head + &rest
}

/// Prints the text as soon as everything is ready, unless the process stops before.
pub(super) async fn say_when_ready(text: String, health: Health, stop: CancellationToken) {
    let began = Instant::now();
    let mut patient = true;
    while !health.is_ready() {
        if patient && began.elapsed() > PATIENCE {
            patient = false;
            tracing::warn!(reasons = ?health.reasons(), "not ready yet");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_PERIOD) => {}
        }
    }
    if let Err(failure) = output::print(&text) {
        tracing::warn!(%failure, "the instructions were not printed");
    }
}

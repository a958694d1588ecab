//! What `up` says on standard output once it can take work: where it is, and what to try next.

use super::places::Place;
use crate::demo::{DemoState, FILE};
use crate::output;
use runtime::health::Health;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Between two looks at the readiness of a process that is just starting.
const LOOK_PERIOD: Duration = Duration::from_millis(5);
/// After this a person wants to know what it waits for.
const PATIENCE: Duration = Duration::from_secs(3);

/// The text for a pipeline at these places. A key is shown by the start that made it, and by no later one.
pub(super) fn text(api: Place, metrics: Place, data: &Path, demo: &DemoState) -> String {
    let (version, data) = (env!("CARGO_PKG_VERSION"), data.display());
    let head = format!(
        "affitor {version} listens on {}{}, metrics are at {}/metrics{}, its data is in {data}\n",
        api.url(),
        api.also(),
        metrics.url(),
        metrics.also()
    );
    let help = "`affitor --help` shows how to make programs, partners, links and keys.";
    let rest = match demo {
        DemoState::Made(demo) => format!(
            "\nThere is a demo to try. Open {0}/demo in a browser: a shop, and your journey as it is recorded.\n\
             Or paste these lines into another terminal:\n\n{1}\n\
             The same facts are in {data}/{FILE}.",
            api.url(),
            demo.lines()
        ),
        DemoState::Kept(_) => format!(
            "The demo of an earlier start is there: its shop is {}/demo, its key and codes are in {data}/{FILE}. {help}",
            api.url()
        ),
        DemoState::Withheld => {
            format!("It is empty, and no demo was made because other machines can reach it; with --demo one is. {help}")
        }
        DemoState::None => help.to_owned(),
    };
    format!("{head}{rest} Ctrl-C stops.\n")
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

//! What is counted: each in one place, labels from closed lists, every series there from the start at zero.
//!
//! Handles are made once, so that counting an event looks nothing up.

use crate::refusal::Refusal;
use axum::http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};
use std::collections::HashMap;

/// Where a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Click,
    Lead,
    /// No path of ours.
    Other,
}

impl Route {
    const ALL: [Route; 3] = [Route::Click, Route::Lead, Route::Other];

    const fn name(self) -> &'static str {
        match self {
            Route::Click => "click",
            Route::Lead => "lead",
            Route::Other => "other",
        }
    }
}

/// What was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Click,
    Lead,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Click, Kind::Lead];

    const fn name(self) -> &'static str {
        match self {
            Kind::Click => "click",
            Kind::Lead => "lead",
        }
    }
}

/// The metrics of this binary.
#[derive(Debug)]
pub(crate) struct Meters {
    requests: HashMap<(Route, StatusCode), Counter>,
    accepted: HashMap<Kind, Counter>,
    refused: HashMap<&'static str, Counter>,
    /// From publishing a pack to its confirm.
    pub(crate) confirm: Histogram,
    /// Events in a pack.
    pub(crate) pack: Histogram,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let statuses = || Refusal::all().map(Refusal::status).chain([StatusCode::OK]);
        let requests = Route::ALL.into_iter().flat_map(|route| statuses().map(move |status| (route, status)));
        Meters {
            requests: requests.map(|labels| (labels, request_counter(labels))).collect(),
            accepted: Kind::ALL
                .map(|kind| (kind, zero(counter!("affitor_ingest_accepted_total", "kind" => kind.name()))))
                .into(),
            refused: Refusal::all()
                .map(|refusal| {
                    (refusal.code(), zero(counter!("affitor_ingest_refused_total", "code" => refusal.code())))
                })
                .collect(),
            confirm: histogram!("affitor_ingest_confirm_seconds"),
            pack: histogram!("affitor_ingest_pack_events"),
        }
    }

    pub(crate) fn answered(&self, route: Route, status: StatusCode) {
        if let Some(counter) = self.requests.get(&(route, status)) {
            counter.increment(1);
        }
    }

    /// Counted when the queue confirms, whoever still waits for the answer.
    pub(crate) fn accepted(&self, kind: Kind, events: u64) {
        if let Some(counter) = self.accepted.get(&kind) {
            counter.increment(events);
        }
    }

    pub(crate) fn refused(&self, refusal: Refusal) {
        if let Some(counter) = self.refused.get(refusal.code()) {
            counter.increment(1);
        }
    }
}

fn request_counter((route, status): (Route, StatusCode)) -> Counter {
    zero(counter!("affitor_ingest_requests_total", "route" => route.name(), "status" => status.as_str().to_owned()))
}

/// Makes the series exist before anything happens.
fn zero(counter: Counter) -> Counter {
    counter.increment(0);
    counter
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start() {
        // Other tests of this process may have counted already, so values are not looked at.
        let handle = runtime::telemetry::install_metrics().unwrap();
        let _meters = Meters::new();
        let text = handle.render();
        for refusal in Refusal::all() {
            let line = format!("affitor_ingest_refused_total{{code=\"{}\"}} ", refusal.code());
            assert!(text.contains(&line), "{line} in {text}");
        }
        for series in [
            "affitor_ingest_requests_total{route=\"lead\",status=\"503\"} ",
            "affitor_ingest_requests_total{route=\"click\",status=\"200\"} ",
            "affitor_ingest_accepted_total{kind=\"lead\"} ",
        ] {
            assert!(text.contains(series), "{series} in {text}");
        }
    }
}

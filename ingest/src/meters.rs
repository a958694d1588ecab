//! What is counted: each in one place, labels from closed lists, every series there from the start at zero.
//!
//! Handles are made once, so that counting an event looks nothing up.

use crate::refusal::Refusal;
use crate::refused::{Limit, Refused};
use axum::http::StatusCode;
use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};
use queue::PublishError;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const REQUESTS: &str = "affitor_ingest_requests_total";
const DURATION: &str = "affitor_ingest_request_duration_seconds";
const CLIENT_GONE: &str = "affitor_ingest_client_gone_total";
const LIMITED: &str = "affitor_ingest_limited_total";
const ACCEPTED: &str = "affitor_ingest_accepted_total";
const REFUSED: &str = "affitor_ingest_refused_total";
const PUBLISHES: &str = "affitor_ingest_publishes_total";
const CONFIRM: &str = "affitor_ingest_confirm_seconds";
const PACK_EVENTS: &str = "affitor_ingest_pack_events";
const PACK_BYTES: &str = "affitor_ingest_pack_bytes";

/// Where a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Click,
    Lead,
    /// Many leads at once.
    Leads,
    /// No path of ours.
    Other,
}

impl Route {
    const ALL: [Route; 4] = [Route::Click, Route::Lead, Route::Leads, Route::Other];

    const fn name(self) -> &'static str {
        match self {
            Route::Click => "click",
            Route::Lead => "lead",
            Route::Leads => "leads",
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
    pub(crate) const ALL: [Kind; 2] = [Kind::Click, Kind::Lead];

    const fn name(self) -> &'static str {
        match self {
            Kind::Click => "click",
            Kind::Lead => "lead",
        }
    }
}

/// What became of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Publish {
    Confirmed,
    NotAccepted,
    Unknown,
}

impl Publish {
    const ALL: [Publish; 3] = [Publish::Confirmed, Publish::NotAccepted, Publish::Unknown];

    const fn name(self) -> &'static str {
        match self {
            Publish::Confirmed => "confirmed",
            Publish::NotAccepted => "not_accepted",
            Publish::Unknown => "unknown",
        }
    }
}

/// The metrics of this binary.
#[derive(Debug)]
pub(crate) struct Meters {
    requests: HashMap<(Route, StatusCode), Counter>,
    durations: HashMap<Route, Histogram>,
    gone: HashMap<Route, Counter>,
    accepted: HashMap<Kind, Counter>,
    refused: HashMap<&'static str, Counter>,
    limited: HashMap<Limit, Counter>,
    publishes: HashMap<Publish, Counter>,
    confirm: Histogram,
    pack_events: Histogram,
    pack_bytes: Histogram,
}

/// A request that is not answered yet. Dropped without an answer, its client is gone.
#[derive(Debug)]
pub(crate) struct InHand<'a> {
    meters: &'a Meters,
    route: Route,
    begun: Instant,
    answered: bool,
}

impl Meters {
    pub(crate) fn new() -> Self {
        describe();
        let statuses = || Refusal::all().map(Refusal::status).chain([StatusCode::OK, StatusCode::NO_CONTENT]);
        let requests = Route::ALL.into_iter().flat_map(|route| statuses().map(move |status| (route, status)));
        Meters {
            requests: requests.map(|labels| (labels, request_counter(labels))).collect(),
            durations: Route::ALL.map(|route| (route, histogram!(DURATION, "route" => route.name()))).into(),
            gone: Route::ALL.map(|route| (route, zero(counter!(CLIENT_GONE, "route" => route.name())))).into(),
            accepted: Kind::ALL.map(|kind| (kind, zero(counter!(ACCEPTED, "kind" => kind.name())))).into(),
            refused: Refusal::all()
                .map(|refusal| (refusal.code(), zero(counter!(REFUSED, "code" => refusal.code()))))
                .collect(),
            limited: Limit::ALL.map(|limit| (limit, zero(counter!(LIMITED, "limit" => limit.name())))).into(),
            publishes: Publish::ALL.map(|fate| (fate, zero(counter!(PUBLISHES, "result" => fate.name())))).into(),
            confirm: histogram!(CONFIRM),
            pack_events: histogram!(PACK_EVENTS),
            pack_bytes: histogram!(PACK_BYTES),
        }
    }

    /// The clock of a request starts.
    pub(crate) fn begun(&self, route: Route) -> InHand<'_> {
        InHand { meters: self, route, begun: Instant::now(), answered: false }
    }

    /// Counted when the queue confirms, whoever still waits for the answer.
    pub(crate) fn accepted(&self, kind: Kind, events: u64) {
        if let Some(counter) = self.accepted.get(&kind) {
            counter.increment(events);
        }
    }

    pub(crate) fn refused(&self, refused: &Refused) {
        if let Some(counter) = self.refused.get(refused.refusal.code()) {
            counter.increment(1);
        }
        if let Some(counter) = refused.limited.and_then(|limited| self.limited.get(&limited.limit)) {
            counter.increment(1);
        }
    }

    /// A pack was handed to the queue. Only a confirmed one tells how long a confirm takes.
    pub(crate) fn published(&self, events: u32, bytes: usize, result: &Result<(), PublishError>, took: Duration) {
        let fate = match result {
            Ok(()) => Publish::Confirmed,
            Err(PublishError::NotAccepted(_)) => Publish::NotAccepted,
            Err(PublishError::Unknown(_)) => Publish::Unknown,
        };
        if let Some(counter) = self.publishes.get(&fate) {
            counter.increment(1);
        }
        if fate == Publish::Confirmed {
            self.confirm.record(took.as_secs_f64());
            self.pack_events.record(f64::from(events));
            self.pack_bytes.record(bytes as f64);
        }
    }
}

impl InHand<'_> {
    /// Counts the answer and its time.
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.answered = true;
        if let Some(counter) = self.meters.requests.get(&(self.route, status)) {
            counter.increment(1);
        }
        if let Some(duration) = self.meters.durations.get(&self.route) {
            duration.record(self.begun.elapsed().as_secs_f64());
        }
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        if !self.answered
            && let Some(counter) = self.meters.gone.get(&self.route)
        {
            counter.increment(1);
        }
    }
}

fn describe() {
    describe_counter!(REQUESTS, "Requests answered, by route and status");
    describe_histogram!(DURATION, "From the head of a request to the head of its answer");
    describe_counter!(CLIENT_GONE, "Requests whose client was gone before the answer; their events may be accepted");
    describe_counter!(ACCEPTED, "Events that the queue has confirmed");
    describe_counter!(REFUSED, "Requests refused, and leads of bulk requests, by the code in the answer");
    describe_counter!(LIMITED, "Requests refused because of a limit, and leads of bulk requests, by which one it was");
    describe_counter!(PUBLISHES, "Packs handed to the queue, by what it answered");
    describe_histogram!(CONFIRM, "From publishing a pack to its confirm");
    describe_histogram!(PACK_EVENTS, "Events in a confirmed pack");
    describe_histogram!(PACK_BYTES, "Bytes of a confirmed pack");
}

fn request_counter((route, status): (Route, StatusCode)) -> Counter {
    zero(counter!(REQUESTS, "route" => route.name(), "status" => status.as_str().to_owned()))
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
            "affitor_ingest_requests_total{route=\"leads\",status=\"413\"} ",
            "affitor_ingest_accepted_total{kind=\"lead\"} ",
            "affitor_ingest_limited_total{limit=\"address\"} ",
            "affitor_ingest_publishes_total{result=\"unknown\"} ",
            "affitor_ingest_client_gone_total{route=\"click\"} ",
            // A histogram needs no sample to be there.
            "affitor_ingest_request_duration_seconds_count{route=\"other\"} ",
            "affitor_ingest_pack_bytes_bucket{le=\"256\"} ",
        ] {
            assert!(text.contains(series), "{series} in {text}");
        }
    }
}

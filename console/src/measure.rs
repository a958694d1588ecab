//! How many requests each route answered, how, and how long they took. Labels come from closed lists only.

use crate::fault::Fault;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::routing::MethodRouter;
use metrics::{counter, describe_counter, describe_histogram, histogram};
use std::time::Instant;

const REQUESTS: &str = "affitor_console_requests_total";
const DURATION: &str = "affitor_console_request_duration_seconds";

/// The label of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Customer,
    CustomersOfClick,
    Event,
    OpenApi,
    /// No route at all.
    Other,
}

impl Route {
    const ALL: [Route; 5] = [Route::Customer, Route::CustomersOfClick, Route::Event, Route::OpenApi, Route::Other];

    const fn name(self) -> &'static str {
        match self {
            Route::Customer => "customer",
            Route::CustomersOfClick => "customers_of_click",
            Route::Event => "event",
            Route::OpenApi => "openapi",
            Route::Other => "other",
        }
    }
}

/// Makes every series at zero, so that rates and alerts work from the first scrape.
pub(crate) fn create_series() {
    describe_counter!(REQUESTS, "Requests answered, by route and status");
    describe_histogram!(DURATION, "From the head of a request to the head of its answer");
    for route in Route::ALL {
        let _ = histogram!(DURATION, "route" => route.name());
        for status in Fault::ALL.map(Fault::status).into_iter().chain([StatusCode::OK]) {
            counter!(REQUESTS, "route" => route.name(), "status" => status_name(status)).absolute(0);
        }
    }
}

/// The methods of a route, counted and timed.
pub(crate) fn measured<S: Clone + Send + Sync + 'static>(route: Route, methods: MethodRouter<S>) -> MethodRouter<S> {
    methods.layer(from_fn(move |request: Request, next: Next| async move {
        let started = Instant::now();
        let response = next.run(request).await;
        let status = status_name(response.status());
        counter!(REQUESTS, "route" => route.name(), "status" => status).increment(1);
        histogram!(DURATION, "route" => route.name()).record(started.elapsed());
        response
    }))
}

/// The statuses that the console answers with; there is no other.
fn status_name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        400 => "400",
        401 => "401",
        404 => "404",
        405 => "405",
        503 => "503",
        _ => "500",
    }
}

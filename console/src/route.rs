//! The routes and what their handlers share. No handler decides anything that another one decides too.

use crate::answer::json;
use crate::fault::Fault;
use crate::keys::Keys;
use crate::measure::{self, Route, measured};
use crate::{customers, events, openapi};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use domain::keyring::Keyring;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};

/// How long a client waits for the store. The read itself goes on to its own end; see `store`.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// What every handler works with. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

struct Shared {
    store: Store,
    clicks: Keyring,
    keys: Keys,
}

impl Console {
    /// A console that reads `store` and writes click ids with the secrets that `ingest` signs them with. Makes its
    /// metrics at zero, so the process's recorder should be installed before.
    pub fn new(store: Store, clicks: Keyring) -> Self {
        measure::create_series();
        let keys = Keys::new(store.clone());
        Console(Arc::new(Shared { store, clicks, keys }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn clicks(&self) -> &Keyring {
        &self.0.clicks
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }
}

/// The read API, without a fallback and without `/openapi.json`, to be merged with `ingest`'s routes on one port.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/api/v1/customers", route(Route::CustomersOfClick, get(customers::of_click)))
        .route("/api/v1/customers/{customer_key}", route(Route::Customer, get(customers::customer)))
        .route("/api/v1/events/{event_id}", route(Route::Event, get(events::event)))
        .with_state(console)
}

/// [`router`] with its own part of the contract at `/openapi.json`, and a 404 for everything else.
pub fn standalone(console: Console) -> Router {
    let contract = || async { json(StatusCode::OK, &openapi::openapi()) };
    let rest = Router::new()
        .route("/openapi.json", route(Route::OpenApi, get(contract)))
        .fallback_service(measured(Route::Other, MethodRouter::new().fallback(fallback)));
    router(console).merge(rest)
}

/// The answer at an address where there is nothing.
pub async fn fallback() -> Fault {
    Fault::NotFound
}

/// Waits for the store, but not for ever.
///
/// # Errors
/// The store's, and that it did not answer in time.
pub(crate) async fn in_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, Fault> {
    match tokio::time::timeout(ANSWER_DEADLINE, read).await {
        Ok(answer) => answer.map_err(Fault::from),
        Err(_) => {
            tracing::warn!("a read was not answered in time");
            Err(Fault::StoreUnavailable)
        }
    }
}

/// A route that answers other methods with a 405 in JSON; axum adds `Allow`.
fn route<S: Clone + Send + Sync + 'static>(name: Route, methods: MethodRouter<S>) -> MethodRouter<S> {
    measured(name, methods.fallback(|| async { Fault::MethodNotAllowed }))
}

//! What people ask of the store: a customer's journey, the customers of a click, what became of one event.
//!
//! The questions, the same for both databases: `snapshot` reads, `rows` says what was read, `assemble` makes `views` of
//! it; the statements are in `postgres/reads.rs` and `sqlite/reads.rs`. Nothing is decided here: verdicts are shown as
//! the worker wrote them. Whom an event duplicates is derived, because it changes whenever a better lead takes a place.
//! Called by `console` and `cli`.

mod assemble;
pub(crate) mod rows;
mod snapshot;
pub(crate) mod views;

pub use views::{CUSTOMERS_SHOWN, CustomerEvent, CustomerView, EVENTS_SHOWN, EventKind, EventView};

use crate::{KeyDigest, Store, StoreError, postgres, sqlite};
use assemble::Gathered;
use domain::{ClickId, CustomerKey, EventId, Ident, ProgramId};
use rows::EventRow;
use snapshot::Snapshot;

impl Store {
    /// The API key of that public id, revoked or not; the ids of keys are unique over all programs.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or its rows cannot be read.
    pub async fn key_by_id(&self, key_id: &str) -> Result<Option<KeyDigest>, StoreError> {
        let (store, key_id) = (self.clone(), key_id.to_owned());
        undisturbed(async move {
            let row = match &store {
                Store::Postgres(postgres) => postgres::reads::key_by_id(postgres, &key_id).await?,
                Store::Sqlite(sqlite) => sqlite::reads::key_by_id(sqlite, &key_id).await?,
            };
            row.map(KeyDigest::try_from).transpose()
        })
        .await
    }

    /// The customer of that key; `None` when the program has none. Test customers are never shown.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or its rows cannot be read.
    pub async fn customer(&self, program: ProgramId, key: &CustomerKey) -> Result<Option<CustomerView>, StoreError> {
        let (store, subject) = (self.clone(), Ident::of_key(false, key));
        undisturbed(async move {
            let mut snapshot = Snapshot::begin(&store).await?;
            let gathered = gather(&mut snapshot, program, vec![subject], None).await?;
            snapshot.end().await?;
            Ok(gathered.customer(subject))
        })
        .await
    }

    /// The customer who is known by the click only, and every customer with a key who named it as `click_id`, in the
    /// order of their leads: at most [`CUSTOMERS_SHOWN`]. A click that was seen and that no lead has named is a
    /// customer in status `click`.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or its rows cannot be read.
    pub async fn customers_of_click(
        &self,
        program: ProgramId,
        click: ClickId,
    ) -> Result<Vec<CustomerView>, StoreError> {
        if click.program != program {
            return Ok(Vec::new());
        }
        let store = self.clone();
        undisturbed(async move {
            let mut snapshot = Snapshot::begin(&store).await?;
            let subjects = snapshot.customers_of_click(program, Ident::of_click(false, click)).await?;
            let gathered = gather(&mut snapshot, program, subjects.clone(), Some(click)).await?;
            snapshot.end().await?;
            let mut customers: Vec<_> = subjects.into_iter().filter_map(|subject| gathered.customer(subject)).collect();
            customers.sort_by_key(|customer| customer.lead_at);
            if customers.is_empty() { Ok(gathered.visitor(click).into_iter().collect()) } else { Ok(customers) }
        })
        .await
    }

    /// What became of an event, in the real or the test world; `None` when the program has none of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or its rows cannot be read.
    pub async fn event(&self, program: ProgramId, event: EventId) -> Result<Option<EventView>, StoreError> {
        let store = self.clone();
        undisturbed(async move {
            let mut snapshot = Snapshot::begin(&store).await?;
            let Some(row) = snapshot.event(program, event).await? else { return Ok(None) };
            let customers = match &row {
                EventRow::Lead { lead, owner, .. } => {
                    let subjects = owner.iter().copied().chain([lead.ident]).collect();
                    snapshot.customers(program, subjects).await?
                }
                EventRow::Click(_) | EventRow::DeadLetter { .. } => Vec::new(),
            };
            snapshot.end().await?;
            Ok(Some(assemble::event(event, row, &customers)))
        })
        .await
    }
}

/// Everything that is shown of some customers: four statements, however many there are.
async fn gather(
    snapshot: &mut Snapshot,
    program: ProgramId,
    subjects: Vec<Ident>,
    asked: Option<ClickId>,
) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::empty(program);
    gathered.customers = snapshot.customers(program, subjects).await?;
    let places = gathered.places();
    gathered.newest = snapshot.newest_leads(program, places.clone()).await?;
    gathered.live = snapshot.live_leads(program, places).await?;
    let clicks = gathered.clicks_to_look_up(asked);
    gathered.clicks = snapshot.clicks(program, clicks).await?;
    Ok(gathered)
}

/// Runs a read as a task of its own, to its end: a client that goes away drops the future that waits here, and a
/// `BEGIN` that is dropped half-way would leave its pooled connection inside a transaction. The database's own
/// timeouts bound it.
async fn undisturbed<T: Send + 'static>(
    read: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(read).await.unwrap_or_else(|ended| Err(StoreError::Away(format!("the read was broken off: {ended}"))))
}

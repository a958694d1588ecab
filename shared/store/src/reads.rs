//! What people ask of the store: a customer's journey, the customers of a click, what became of one event.
//!
//! Views and the three questions, the same for both databases; the statements are in `postgres/reads.rs` and
//! `sqlite/reads.rs`. Nothing is decided here: verdicts are shown as the worker wrote them. Whom an event
//! duplicates is derived, because it changes whenever a better lead takes a place. Called by `console` and `cli`.

mod assemble;
mod rows;
mod snapshot;

pub(crate) use rows::{ClickTuple, CustomerTuple, EventTuple, LeadTuple, NewestTuple};

use crate::{KeyDigest, Store, StoreError, postgres, sqlite};
use assemble::Gathered;
use domain::event::Source;
use domain::journey::Flags;
use domain::outcome::{EventState, Reason, Status};
use domain::{ClickId, CustomerKey, EventId, Ident, ProgramId, Timestamp};
use rows::EventRow;
use snapshot::Snapshot;

/// The most events a [`CustomerView`] lists, newest first to be kept.
pub const EVENTS_SHOWN: usize = 100;

/// The most customers of one click that are shown; a click shared by more is a test or an attack.
pub const CUSTOMERS_SHOWN: i64 = 100;

/// How many of the leads that can still matter are read at most for each identity of a customer. Each of them
/// names a click that no other does, so only a hostile customer has more.
pub(crate) const LIVE_LEADS_READ: i64 = 200;

/// A customer and what is known of the journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerView {
    /// The customer's program.
    pub program: ProgramId,
    /// `None` while the customer is known by a click only.
    pub key: Option<CustomerKey>,
    /// How far the customer came.
    pub status: Status,
    /// Why the customer is or is not attributed; `None` for a click without a lead.
    pub reason: Option<Reason>,
    /// The link that brought the customer, if attributed.
    pub partner_code: Option<String>,
    /// The click that won or that the reason speaks of, else the one that the counted lead names.
    pub click: Option<ClickId>,
    /// When the counted lead was received; `None` while there is none that counts.
    pub lead_at: Option<Timestamp>,
    /// Such as `u***@example.com`.
    pub email_mask: Option<String>,
    /// What is remarkable.
    pub flags: Flags,
    /// How many events there are, shown or not.
    pub events_total: u64,
    /// The newest [`EVENTS_SHOWN`], oldest first.
    pub events: Vec<CustomerEvent>,
}

/// Whether an event is a visit or a signup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A visit through a referral link.
    Click,
    /// A signup.
    Lead,
}

/// One event of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerEvent {
    /// Its id, which holds the time it was received.
    pub id: EventId,
    /// Visit or signup.
    pub kind: EventKind,
    /// Who sent it.
    pub source: Source,
    /// When the worker stored it.
    pub recorded_at: Timestamp,
    /// The click itself, or the one that the lead names.
    pub click: Option<ClickId>,
    /// The lead that counts in its stead; `None` for whatever is recorded in its own right.
    pub duplicate_of: Option<EventId>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Its id, which holds the time it was received.
    pub id: EventId,
    /// Visit or signup; `None` when it was set aside and cannot be read.
    pub kind: Option<EventKind>,
    /// What became of it.
    pub state: EventState,
    /// Whether it belongs to the test world.
    pub test: bool,
    /// When it was stored or set aside.
    pub recorded_at: Timestamp,
    /// The customer it belongs to now, if that one has a key.
    pub key: Option<CustomerKey>,
    /// The click itself, or the one that the lead names.
    pub click: Option<ClickId>,
    /// The verdict on its customer; `None` for clicks and for what was set aside.
    pub reason: Option<Reason>,
    /// The lead that counts in its stead.
    pub duplicate_of: Option<EventId>,
}

impl CustomerView {
    /// Whether a partner was found.
    pub fn is_attributed(&self) -> bool {
        self.reason == Some(Reason::Attributed)
    }

    /// Whether the customer waits for the server's lead.
    pub fn is_provisional(&self) -> bool {
        self.reason == Some(Reason::Provisional)
    }
}

impl EventView {
    /// Whether a partner was found for its customer.
    pub fn is_attributed(&self) -> bool {
        self.reason == Some(Reason::Attributed)
    }
}

impl CustomerEvent {
    /// What became of it.
    pub fn state(&self) -> EventState {
        if self.duplicate_of.is_some() { EventState::Duplicate } else { EventState::Recorded }
    }
}

impl EventKind {
    /// The name in JSON and documents.
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::Click => "click",
            EventKind::Lead => "lead",
        }
    }
}

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

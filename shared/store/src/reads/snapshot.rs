//! One moment of the store: every statement of a read sees the same committed state, on either database.
//!
//! Opened, asked and ended by `reads`; dropped without an end it is rolled back, which changes nothing either.

use super::rows::{ClickRow, CustomerRow, EventRow, LeadRow};
use crate::{Store, StoreError, postgres, sqlite};
use domain::{EventId, Ident, ProgramId};
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

pub(super) enum Snapshot {
    Postgres(Transaction<'static, sqlx::Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

/// Asks whichever database the snapshot is of.
macro_rules! ask {
    ($snapshot:expr, $function:ident($($argument:expr),*)) => {
        match $snapshot {
            Snapshot::Postgres(connection) => postgres::reads::$function(connection $(, $argument)*).await?,
            Snapshot::Sqlite(connection) => sqlite::reads::$function(connection $(, $argument)*).await?,
        }
    };
}

impl Snapshot {
    pub(super) async fn begin(store: &Store) -> Result<Self, StoreError> {
        Ok(match store {
            Store::Postgres(postgres) => Snapshot::Postgres(postgres::reads::begin(postgres).await?),
            Store::Sqlite(sqlite) => Snapshot::Sqlite(sqlite::reads::begin(sqlite).await?),
        })
    }

    pub(super) async fn end(self) -> Result<(), StoreError> {
        match self {
            Snapshot::Postgres(transaction) => transaction.commit().await?,
            Snapshot::Sqlite(transaction) => transaction.commit().await?,
        }
        Ok(())
    }

    /// The customers' own rows and those of the clicks that belong to them.
    pub(super) async fn customers(
        &mut self,
        program: ProgramId,
        subjects: Vec<Ident>,
    ) -> Result<Vec<CustomerRow>, StoreError> {
        let rows = ask!(self, customers(program.get(), &uuids(subjects)));
        rows.into_iter().map(CustomerRow::read).collect()
    }

    /// Of each identity the newest leads that live outside its own row, and how many there are.
    pub(super) async fn newest_leads(
        &mut self,
        program: ProgramId,
        places: Vec<Ident>,
    ) -> Result<Vec<(LeadRow, u64)>, StoreError> {
        let rows = ask!(self, newest_leads(program.get(), &uuids(places)));
        let read = |(ident, facts, recorded_at, total): (Uuid, Vec<u8>, i64, i64)| {
            Ok((LeadRow::read((ident, facts, recorded_at))?, total.unsigned_abs()))
        };
        rows.into_iter().map(read).collect()
    }

    /// Of each identity the leads outside its own row that can still matter.
    pub(super) async fn live_leads(
        &mut self,
        program: ProgramId,
        places: Vec<Ident>,
    ) -> Result<Vec<LeadRow>, StoreError> {
        let rows = ask!(self, live_leads(program.get(), &uuids(places)));
        rows.into_iter().map(LeadRow::read).collect()
    }

    /// Clicks, seen or only named.
    pub(super) async fn clicks(&mut self, program: ProgramId, clicks: Vec<Ident>) -> Result<Vec<ClickRow>, StoreError> {
        let rows = ask!(self, clicks(program.get(), &uuids(clicks)));
        rows.into_iter().map(|row| ClickRow::read(program, row)).collect()
    }

    /// Who named the click as `click_id`, in no order that means anything.
    pub(super) async fn customers_of_click(
        &mut self,
        program: ProgramId,
        click: Ident,
    ) -> Result<Vec<Ident>, StoreError> {
        let rows: Vec<(Uuid,)> = ask!(self, customers_of_click(program.get(), click.uuid()));
        Ok(rows.into_iter().map(|(ident,)| Ident::from_uuid(ident)).collect())
    }

    /// Where an event lives.
    pub(super) async fn event(&mut self, program: ProgramId, event: EventId) -> Result<Option<EventRow>, StoreError> {
        let row = ask!(self, event(program.get(), event.uuid()));
        row.map(|row| EventRow::read(program, event, row)).transpose()
    }
}

fn uuids(idents: Vec<Ident>) -> Vec<Uuid> {
    idents.into_iter().map(Ident::uuid).collect()
}

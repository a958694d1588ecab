//! Programs on Postgres, and the snapshot of all settings.

use super::change::begin;
use super::{Postgres, keys, partners};
use crate::StoreError;
use crate::programs::{
    KeyDigestRow, LinkRow, NewProgram, Program, ProgramChange, ProgramRow, Snapshot, all, no_program, origins_text,
};
use domain::ProgramId;

macro_rules! program {
    () => {
        concat!(
            "program_id, name, domain, active, cookie_window_days, attribution_window_days, attribution_model, \
             lead_auth, allowed_origins, version, ",
            micros!("created_at"),
            " AS created_at"
        )
    };
}

const VERSION: &str = "/* settings_version */ SELECT version FROM settings_version";
const IS_EMPTY: &str = "/* is_empty */ SELECT NOT EXISTS (SELECT FROM programs)";

const CREATE_PROGRAM: &str = concat!(
    "/* create_program */ INSERT INTO programs (name, domain, cookie_window_days, attribution_window_days, \
     attribution_model, lead_auth, allowed_origins, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ",
    program!()
);
const SET_PROGRAM: &str = concat!(
    "/* set_program */ UPDATE programs SET name = $1, domain = $2, cookie_window_days = $3, \
     attribution_window_days = $4, attribution_model = $5, lead_auth = $6, allowed_origins = $7, version = $8, \
     active = $9 WHERE program_id = $10 RETURNING ",
    program!()
);
const PROGRAMS: &str = concat!("/* programs */ SELECT ", program!(), " FROM programs ORDER BY program_id");
const PROGRAM: &str = concat!("/* program */ SELECT ", program!(), " FROM programs WHERE program_id = $1");
const CHANGED: &str = concat!("/* changed_programs */ SELECT ", program!(), " FROM programs WHERE version > $1");

impl Postgres {
    pub(crate) async fn create_program(&self, new: &NewProgram) -> Result<Program, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let row: ProgramRow = sqlx::query_as(CREATE_PROGRAM)
            .bind(&new.name)
            .bind(&new.domain)
            .bind(i32::from(new.cookie_window_days))
            .bind(i32::from(new.terms.attribution_window_days))
            .bind(new.terms.attribution_model.name())
            .bind(new.terms.lead_auth.name())
            .bind(origins_text(&new.allowed_origins)?)
            .bind(version)
            .fetch_one(&mut *change)
            .await?;
        change.commit().await?;
        row.try_into()
    }

    pub(crate) async fn set_program(&self, id: ProgramId, wanted: ProgramChange) -> Result<Program, StoreError> {
        let mut connection = self.dedicated().await?;
        let (mut change, version) = begin(&mut connection).await?;
        let before: Option<ProgramRow> = sqlx::query_as(PROGRAM).bind(id.get()).fetch_optional(&mut *change).await?;
        let after = wanted.apply(before.ok_or_else(|| no_program(id))?.try_into()?)?;
        let row: ProgramRow = sqlx::query_as(SET_PROGRAM)
            .bind(&after.name)
            .bind(&after.domain)
            .bind(i32::from(after.cookie_window_days))
            .bind(i32::from(after.terms.attribution_window_days))
            .bind(after.terms.attribution_model.name())
            .bind(after.terms.lead_auth.name())
            .bind(origins_text(&after.allowed_origins)?)
            .bind(version)
            .bind(after.active)
            .bind(id.get())
            .fetch_one(&mut *change)
            .await?;
        change.commit().await?;
        row.try_into()
    }

    pub(crate) async fn programs(&self) -> Result<Vec<Program>, StoreError> {
        let rows: Vec<ProgramRow> = sqlx::query_as(PROGRAMS).fetch_all(&mut *self.pooled().await?).await?;
        all(rows)
    }

    pub(crate) async fn program(&self, id: ProgramId) -> Result<Option<Program>, StoreError> {
        let query = sqlx::query_as(PROGRAM).bind(id.get());
        let row: Option<ProgramRow> = query.fetch_optional(&mut *self.pooled().await?).await?;
        row.map(Program::try_from).transpose()
    }

    pub(crate) async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(IS_EMPTY).fetch_one(&mut *self.pooled().await?).await?)
    }

    pub(crate) async fn settings_version(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(VERSION).fetch_one(&mut *self.pooled().await?).await?)
    }

    /// Without a transaction: the version is read first, so a row changed meanwhile is read now and once more with
    /// the next refresh; and what a row refers to is read after it, so it is there.
    pub(crate) async fn snapshot_since(&self, known: i64) -> Result<Snapshot, StoreError> {
        let mut connection = self.pooled().await?;
        let version = sqlx::query_scalar(VERSION).fetch_one(&mut *connection).await?;
        if version == known {
            return Ok(Snapshot { version, ..Snapshot::default() });
        }
        let keys: Vec<KeyDigestRow> = sqlx::query_as(keys::CHANGED).bind(known).fetch_all(&mut *connection).await?;
        let links: Vec<LinkRow> =
            sqlx::query_as(partners::CHANGED_LINKS).bind(known).fetch_all(&mut *connection).await?;
        let programs: Vec<ProgramRow> = sqlx::query_as(CHANGED).bind(known).fetch_all(&mut *connection).await?;
        Ok(Snapshot { version, programs: all(programs)?, links: all(links)?, keys: all(keys)? })
    }
}

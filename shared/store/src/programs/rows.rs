//! Rows as both databases give them: numbers, text and microseconds. What they become is checked, not assumed.

use super::{Key, KeyDigest, Link, Partner, Program};
use crate::StoreError;
use domain::program::{AttributionModel, LeadAuth, Terms};
use domain::{LinkId, PartnerId, ProgramId, Timestamp};
use std::fmt::Display;

#[derive(sqlx::FromRow)]
pub(crate) struct ProgramRow {
    program_id: i64,
    name: String,
    domain: Option<String>,
    active: bool,
    cookie_window_days: i32,
    attribution_window_days: i32,
    attribution_model: String,
    lead_auth: String,
    /// As [`origins_text`] writes them.
    allowed_origins: String,
    created_at: i64,
    version: i64,
}

#[derive(sqlx::FromRow)]
pub(crate) struct PartnerRow {
    partner_id: i64,
    program_id: i64,
    name: String,
    active: bool,
    created_at: i64,
    version: i64,
}

#[derive(sqlx::FromRow)]
pub(crate) struct LinkRow {
    link_id: i64,
    program_id: i64,
    partner_id: i64,
    code: String,
    active: bool,
    created_at: i64,
    version: i64,
}

#[derive(sqlx::FromRow)]
pub(crate) struct KeyRow {
    key_id: String,
    program_id: i64,
    label: String,
    created_at: i64,
    revoked_at: Option<i64>,
    version: i64,
}

#[derive(sqlx::FromRow)]
pub(crate) struct KeyDigestRow {
    key_id: String,
    program_id: i64,
    digest: Vec<u8>,
    revoked_at: Option<i64>,
    version: i64,
}

impl TryFrom<ProgramRow> for Program {
    type Error = StoreError;
    fn try_from(row: ProgramRow) -> Result<Self, StoreError> {
        let column = |name| move || impossible(format!("programs.{name}"));
        Ok(Program {
            program_id: ProgramId::try_from(row.program_id).map_err(impossible)?,
            name: row.name,
            domain: row.domain,
            active: row.active,
            cookie_window_days: days(row.cookie_window_days)?,
            terms: Terms {
                attribution_window_days: days(row.attribution_window_days)?,
                attribution_model: AttributionModel::from_name(&row.attribution_model)
                    .ok_or_else(column("attribution_model"))?,
                lead_auth: LeadAuth::from_name(&row.lead_auth).ok_or_else(column("lead_auth"))?,
            },
            allowed_origins: serde_json::from_str(&row.allowed_origins).map_err(impossible)?,
            created_at: Timestamp::from_micros(row.created_at),
            version: row.version,
        })
    }
}

impl TryFrom<PartnerRow> for Partner {
    type Error = StoreError;
    fn try_from(row: PartnerRow) -> Result<Self, StoreError> {
        Ok(Partner {
            partner_id: PartnerId::try_from(row.partner_id).map_err(impossible)?,
            program_id: ProgramId::try_from(row.program_id).map_err(impossible)?,
            name: row.name,
            active: row.active,
            created_at: Timestamp::from_micros(row.created_at),
            version: row.version,
        })
    }
}

impl TryFrom<LinkRow> for Link {
    type Error = StoreError;
    fn try_from(row: LinkRow) -> Result<Self, StoreError> {
        Ok(Link {
            link_id: LinkId::try_from(row.link_id).map_err(impossible)?,
            program_id: ProgramId::try_from(row.program_id).map_err(impossible)?,
            partner_id: PartnerId::try_from(row.partner_id).map_err(impossible)?,
            code: row.code,
            active: row.active,
            created_at: Timestamp::from_micros(row.created_at),
            version: row.version,
        })
    }
}

impl TryFrom<KeyRow> for Key {
    type Error = StoreError;
    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        Ok(Key {
            key_id: row.key_id,
            program_id: ProgramId::try_from(row.program_id).map_err(impossible)?,
            label: row.label,
            created_at: Timestamp::from_micros(row.created_at),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
            version: row.version,
        })
    }
}

impl TryFrom<KeyDigestRow> for KeyDigest {
    type Error = StoreError;
    fn try_from(row: KeyDigestRow) -> Result<Self, StoreError> {
        Ok(KeyDigest {
            key_id: row.key_id,
            program_id: ProgramId::try_from(row.program_id).map_err(impossible)?,
            digest: row.digest.try_into().map_err(|_| impossible("api_keys.digest"))?,
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
            version: row.version,
        })
    }
}

/// All rows as what they mean, or the first fault.
pub(crate) fn all<Row, T>(rows: Vec<Row>) -> Result<Vec<T>, StoreError>
where
    T: TryFrom<Row, Error = StoreError>,
{
    rows.into_iter().map(T::try_from).collect()
}

/// How allowed origins are stored: a JSON array of text.
pub(crate) fn origins_text(origins: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(origins).map_err(|error| StoreError::Invalid(error.to_string()))
}

fn days(stored: i32) -> Result<u16, StoreError> {
    u16::try_from(stored).map_err(impossible)
}

/// Written by hand or by a later version: the checks of schema and program don't allow it.
fn impossible(what: impl Display) -> StoreError {
    StoreError::Misconfigured(format!("a stored setting cannot be read: {what}"))
}

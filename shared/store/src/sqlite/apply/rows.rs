//! Rows travel to SQLite as one JSON array of arrays, blobs as hexadecimal text: one statement for any number of rows.

use crate::StoreError;
use crate::facts;
use domain::journey::CustomerState;
use domain::merge::Place;
use domain::{Ident, ProgramId};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

/// The parameter of a statement that reads `json_each(?)`.
pub(super) fn parameter(rows: Vec<Value>) -> String {
    Value::Array(rows).to_string()
}

/// The first two values of most rows.
pub(super) fn key(place: &Place) -> [Value; 2] {
    [json!(place.program.get()), hex(place.ident.uuid())]
}

/// A row that begins with a place.
pub(super) fn row(place: &Place, rest: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(key(place).into_iter().chain(rest).collect())
}

/// Sixteen bytes.
pub(super) fn hex(uuid: Uuid) -> Value {
    Value::String(uuid.simple().to_string())
}

/// Sixteen bytes or NULL.
pub(super) fn hex_or_null(uuid: Option<Uuid>) -> Value {
    uuid.map_or(Value::Null, hex)
}

/// Any bytes.
pub(super) fn blob(bytes: &[u8]) -> Value {
    Value::String(hex::encode(bytes))
}

/// What is stored of a customer's state; all null for a customer that belongs to another.
pub(super) fn state_row(place: &Place, state: Option<&CustomerState>) -> Value {
    let verdict = state.map(|state| &state.verdict);
    let winner = verdict.filter(|verdict| verdict.decided_by.is_some());
    let email = state.and_then(|state| state.email.as_ref());
    let columns = [
        hex_or_null(state.map(|state| state.counted.event.uuid())),
        json!(state.map(|state| state.counted.class.code())),
        json!(state.map(|state| state.status.code())),
        json!(verdict.map(|verdict| verdict.reason.code())),
        hex_or_null(verdict.and_then(|verdict| verdict.click).map(|click| click.event.uuid())),
        json!(winner.and_then(|verdict| verdict.click?.partner).map(i64::from)),
        json!(winner.and_then(|verdict| verdict.link).map(i64::from)),
        json!(state.map(|state| state.flags.bits()).unwrap_or_default()),
        email.map_or(Value::Null, |email| blob(&facts::email_digest(email))),
        json!(email.map(|email| &email.mask)),
    ];
    row(place, columns)
}

/// The key of a returned row.
pub(super) fn place(row: &SqliteRow, ident: &str) -> Result<Place, StoreError> {
    let program = ProgramId::new(row.try_get("program_id")?);
    let program = program.ok_or_else(|| StoreError::Invalid("a row has an impossible program_id".into()))?;
    Ok(Place { program, ident: Ident::from_uuid(row.try_get(ident)?) })
}

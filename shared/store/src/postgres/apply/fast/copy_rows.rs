//! Rows in COPY's binary format: of each row the number of fields, of each field its length (-1 for null) and bytes,
//! numbers in network order.

use crate::postgres::apply::rows::{LeadRow, StateRow};
use domain::merge::Place;
use uuid::Uuid;

const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COPY_END: [u8; 2] = (-1_i16).to_be_bytes();
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// Sent as soon as there is so much, in bytes.
const CHUNK: usize = 64 * 1024;
/// For the row with which a chunk ends.
const ROW: usize = 4 * 1024;

/// Rows on their way to COPY.
pub(super) struct CopyRows(Vec<u8>);

impl CopyRows {
    pub(super) fn new() -> Self {
        let mut bytes = Vec::with_capacity(CHUNK + ROW);
        bytes.extend_from_slice(COPY_HEADER);
        CopyRows(bytes)
    }

    /// What there is, once it is worth sending; to be followed by [`CopyRows::sent`].
    pub(super) fn full(&self) -> Option<&[u8]> {
        (self.0.len() >= CHUNK).then_some(&self.0)
    }

    pub(super) fn sent(&mut self) {
        self.0.clear();
    }

    pub(super) fn begin(&mut self, fields: i16) {
        self.0.extend_from_slice(&fields.to_be_bytes());
    }

    /// Program id and ident.
    pub(super) fn place(&mut self, place: &Place) {
        self.bigint(Some(place.program.get()));
        self.uuid(Some(place.ident.uuid()));
    }

    /// Event, class, click, facts, detail and test.
    pub(super) fn lead(&mut self, row: &LeadRow<'_>) {
        self.uuid(Some(row.event));
        self.smallint(Some(row.class));
        self.uuid(row.click);
        self.bytes(Some(&row.facts));
        self.text(row.detail);
        self.bytes(Some(&[u8::from(row.test)]));
    }

    /// The columns of a state, in the order of [`StateRow`].
    pub(super) fn state(&mut self, row: &StateRow<'_>) {
        self.uuid(row.counted_event);
        self.smallint(row.counted_class);
        self.smallint(row.status);
        self.smallint(row.reason);
        self.uuid(row.verdict_click);
        self.bigint(row.partner);
        self.bigint(row.link);
        self.smallint(Some(row.flags));
        self.bytes(row.email_digest.as_deref());
        self.text(row.email_mask);
    }

    pub(super) fn bigint(&mut self, number: Option<i64>) {
        self.bytes(number.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    pub(super) fn uuid(&mut self, uuid: Option<Uuid>) {
        self.bytes(uuid.as_ref().map(|uuid| uuid.as_bytes().as_slice()));
    }

    pub(super) fn text(&mut self, text: Option<&str>) {
        self.bytes(text.map(str::as_bytes));
    }

    fn smallint(&mut self, number: Option<i16>) {
        self.bytes(number.map(i16::to_be_bytes).as_ref().map(<[u8; 2]>::as_slice));
    }

    fn bytes(&mut self, field: Option<&[u8]>) {
        match field {
            Some(bytes) => {
                self.0.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
                self.0.extend_from_slice(bytes);
            }
            None => self.0.extend_from_slice(&NULL),
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&COPY_END);
        self.0
    }
}

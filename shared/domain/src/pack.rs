//! Many events in one message: the body that travels through the queue, with the ledger's fields.
//!
//! A record that cannot be read never takes its neighbours down; a body that cannot be read is one fault.
//! Layout, all numbers little-endian: `AFP` and the pack version, run (16 bytes), number (8), confirmed before (8),
//! count of unconfirmed numbers (2) and for each its number (8) and events (4), count of records (4), for each record
//! its length (4) and bytes, and the CRC-32 of everything before. A record is its version (1) and a postcard body.

use crate::event::Event;
use thiserror::Error;
use uuid::Uuid;

/// The message type of this version of the pack.
pub const PACK_TYPE: &str = "affitor.pack.v1";
/// The most events in a pack that we make.
pub const MAX_EVENTS: usize = 1_024;
/// The largest body that we make or read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The most unconfirmed numbers that one pack lists; the others wait for the next one.
pub const MAX_UNCONFIRMED: usize = 64;
/// The version of the records that we write.
pub const RECORD_VERSION: u8 = 1;

const MAGIC: &[u8; 4] = b"AFP\x01";
/// What every version of the pack begins with, before its version.
const FAMILY: &[u8; 3] = b"AFP";
/// No channel lives to count further, and every store can keep it.
const MAX_NUMBER: u64 = i64::MAX as u64;
const CRC_BYTES: usize = 4;

/// What a pack says of itself and of its predecessors: the ledger's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackHeader {
    /// One publishing channel of one process.
    pub run: Uuid,
    /// Counts up from 1 within the run, without gaps.
    pub number: u64,
    /// How many events of the run were confirmed before this pack was published.
    pub confirmed_before: u64,
    /// Earlier packs of the run whose publish was refused or is unknown.
    pub unconfirmed: Vec<Unconfirmed>,
}

/// A pack whose publish was refused or is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unconfirmed {
    /// Its number within the run.
    pub number: u64,
    /// How many events it held.
    pub events: u32,
}

/// A pack as read from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The ledger's account.
    pub header: PackHeader,
    /// Each record in order: an event, or why it is none.
    pub records: Vec<Result<Event, BadRecord>>,
}

/// A record that cannot be an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// Its bytes, to be set aside.
    pub bytes: Vec<u8>,
    /// What is wrong with it.
    pub fault: RecordFault,
}

/// Why a record cannot be an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordFault {
    /// A newer program wrote it.
    #[error("record version {0} is not known to this program")]
    UnknownVersion(u8),
    /// Bytes that no version would write.
    #[error("the record cannot be read")]
    Undecodable,
    /// It can be read and contradicts itself.
    #[error("the record contradicts itself")]
    Impossible,
}

/// Why a body cannot be a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PackFault {
    /// A newer program wrote it, or it is no pack.
    #[error("the message is no pack of a known version")]
    UnknownVersion,
    /// Larger than [`MAX_BYTES`].
    #[error("the message is larger than a pack may be")]
    TooLarge,
    /// The checksum does not match.
    #[error("the pack's checksum does not match")]
    BadChecksum,
    /// Lengths or counts do not fit the body.
    #[error("the pack's lengths do not fit its body")]
    BadLength,
    /// The ledger's account is none that a publisher can have made.
    #[error("the pack's account of its run contradicts itself")]
    Impossible,
}

impl PackHeader {
    /// Whether a publisher can have made it; what it cannot have made would upset the account of a run for good.
    pub fn is_possible(&self) -> bool {
        let earlier = self.number.saturating_sub(1);
        (1..=MAX_NUMBER).contains(&self.number)
            && self.confirmed_before <= earlier.saturating_mul(MAX_EVENTS as u64).min(MAX_NUMBER)
            && self.unconfirmed.iter().all(|pack| (1..=earlier).contains(&pack.number))
    }
}

/// Fills one message. Reused bytes, no allocation per event.
#[derive(Debug)]
pub struct PackWriter {
    body: Vec<u8>,
    count_at: usize,
    events: u32,
}

impl PackWriter {
    /// Starts a pack; of `header.unconfirmed` the first [`MAX_UNCONFIRMED`] are written.
    pub fn new(header: &PackHeader) -> Self {
        let mut body = Vec::with_capacity(16 * 1024);
        body.extend_from_slice(MAGIC);
        body.extend_from_slice(header.run.as_bytes());
        body.extend_from_slice(&header.number.to_le_bytes());
        body.extend_from_slice(&header.confirmed_before.to_le_bytes());
        let listed = &header.unconfirmed[..header.unconfirmed.len().min(MAX_UNCONFIRMED)];
        body.extend_from_slice(&(listed.len() as u16).to_le_bytes());
        for pack in listed {
            body.extend_from_slice(&pack.number.to_le_bytes());
            body.extend_from_slice(&pack.events.to_le_bytes());
        }
        let count_at = body.len();
        body.extend_from_slice(&0_u32.to_le_bytes());
        PackWriter { body, count_at, events: 0 }
    }

    /// Adds a record made by [`encode_record`]; gives back `false`, and adds nothing, when the pack is full.
    pub fn push(&mut self, record: &[u8]) -> bool {
        let grown = self.body.len() + 4 + record.len() + CRC_BYTES;
        if grown > MAX_BYTES || self.events as usize >= MAX_EVENTS {
            return false;
        }
        self.body.extend_from_slice(&(record.len() as u32).to_le_bytes());
        self.body.extend_from_slice(record);
        self.events += 1;
        true
    }

    /// How many events it holds.
    pub fn events(&self) -> u32 {
        self.events
    }

    /// The finished body.
    pub fn finish(mut self) -> Vec<u8> {
        self.body[self.count_at..self.count_at + 4].copy_from_slice(&self.events.to_le_bytes());
        let crc = crc32fast::hash(&self.body);
        self.body.extend_from_slice(&crc.to_le_bytes());
        self.body
    }
}

/// One event as a record.
///
/// # Errors
/// Never for an event made by `ingest`; the encoder's signature allows it.
pub fn encode_record(event: &Event) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(event, vec![RECORD_VERSION])
}

/// Reads one record.
///
/// # Errors
/// [`RecordFault`] says why it is no event.
pub fn decode_record(bytes: &[u8]) -> Result<Event, RecordFault> {
    let (version, body) = bytes.split_first().ok_or(RecordFault::Undecodable)?;
    if *version != RECORD_VERSION {
        return Err(RecordFault::UnknownVersion(*version));
    }
    let (event, rest) = postcard::take_from_bytes::<Event>(body).map_err(|_| RecordFault::Undecodable)?;
    if !rest.is_empty() {
        return Err(RecordFault::Undecodable);
    }
    if event.is_possible() { Ok(event) } else { Err(RecordFault::Impossible) }
}

/// Reads a message body.
///
/// # Errors
/// [`PackFault`] when the body as a whole is no pack; a bad record is no error of the pack.
pub fn decode(body: &[u8]) -> Result<Pack, PackFault> {
    if body.len() > MAX_BYTES {
        return Err(PackFault::TooLarge);
    }
    let (checked, crc) = body.split_last_chunk::<CRC_BYTES>().ok_or(PackFault::UnknownVersion)?;
    let mut reader = Reader(checked);
    if reader.take::<4>() != Ok(*MAGIC) {
        return Err(PackFault::UnknownVersion);
    }
    if crc32fast::hash(checked) != u32::from_le_bytes(*crc) {
        return Err(PackFault::BadChecksum);
    }
    let header = reader.header()?;
    if !header.is_possible() {
        return Err(PackFault::Impossible);
    }
    let count = u32::from_le_bytes(reader.take()?) as usize;
    let mut records = Vec::with_capacity(count.min(MAX_EVENTS));
    for _ in 0..count {
        let length = u32::from_le_bytes(reader.take()?) as usize;
        let bytes = reader.slice(length)?;
        records.push(decode_record(bytes).map_err(|fault| BadRecord { bytes: bytes.to_vec(), fault }));
    }
    if reader.0.is_empty() { Ok(Pack { header, records }) } else { Err(PackFault::BadLength) }
}

/// Run and number of a body that cannot be read further, as far as it claims to be a pack of any version: all begin
/// with them. Of a damaged body they may be wrong.
pub fn place(body: &[u8]) -> Option<(Uuid, u64)> {
    let (_version, rest) = body.strip_prefix(FAMILY)?.split_first()?;
    let mut reader = Reader(rest);
    let run = Uuid::from_bytes(reader.take().ok()?);
    let number = u64::from_le_bytes(reader.take().ok()?);
    (1..=MAX_NUMBER).contains(&number).then_some((run, number))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PackFault> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(PackFault::BadLength)?;
        self.0 = rest;
        Ok(*head)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], PackFault> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(PackFault::BadLength)?;
        self.0 = rest;
        Ok(head)
    }

    fn header(&mut self) -> Result<PackHeader, PackFault> {
        let run = Uuid::from_bytes(self.take()?);
        let number = u64::from_le_bytes(self.take()?);
        let confirmed_before = u64::from_le_bytes(self.take()?);
        let listed = u16::from_le_bytes(self.take()?);
        let mut unconfirmed = Vec::new();
        for _ in 0..listed {
            let number = u64::from_le_bytes(self.take()?);
            unconfirmed.push(Unconfirmed { number, events: u32::from_le_bytes(self.take()?) });
        }
        Ok(PackHeader { run, number, confirmed_before, unconfirmed })
    }
}

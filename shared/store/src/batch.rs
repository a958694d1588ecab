//! What a worker hands to the store in one go, and what it gets back.

use domain::event::Event;
use domain::outcome::DeadLetterReason;
use domain::pack::Unconfirmed;
use domain::{EventId, ProgramId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Whole packs, decoded: applied together, acknowledged together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The ledger's entry of each pack.
    pub packs: Vec<PackEntry>,
    /// Their events, in any order, repeated or not.
    pub events: Vec<Event>,
    /// What of them can never be processed.
    pub dead_letters: Vec<DeadLetter>,
    /// What is noted with this batch of the attempts to apply a message that came again.
    pub note: Option<Note>,
    /// Dead letters that end with this batch, because it holds what they held.
    pub replayed: Vec<Uuid>,
}

/// A note on the attempts to apply a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// With this batch the attempts are over.
    Ended(Uuid),
    /// The next attempt begins when this batch is applied.
    Begins(Attempt),
}

/// A message that came again after a worker may have died of it: how far an attempt to apply it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Digest of the message's bytes.
    pub message: Uuid,
    /// The worker process that began; `None` when it gave up in peace.
    pub holder: Option<Uuid>,
    /// The position of the first event that was begun; all before it are stored or set aside.
    pub first: u32,
    /// How many events were begun together.
    pub events: u32,
    /// How many workers ended at this very place before, one after the other.
    pub deaths: u32,
}

/// What the ledger keeps of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackEntry {
    /// The publishing channel that made it.
    pub run: Uuid,
    /// Its number within the run.
    pub number: u64,
    /// How many records it held, unreadable ones included.
    pub events: u32,
    /// How many events of the run were confirmed before it.
    pub confirmed_before: u64,
    /// Earlier packs of the run whose publish was refused or is unknown.
    pub unconfirmed: Vec<Unconfirmed>,
}

/// A message or a record that is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why.
    pub reason: DeadLetterReason,
    /// For people: what is wrong, without anything from the body.
    pub message: String,
    /// The program, as far as it can be read.
    pub program: Option<ProgramId>,
    /// The event, as far as it can be read.
    pub event: Option<EventId>,
    /// The pack it came in, as far as it can be read.
    pub pack: Option<(Uuid, u64)>,
    /// The record, or the whole message.
    pub body: Vec<u8>,
    /// Whether `body` is a whole message.
    pub whole_message: bool,
}

impl DeadLetter {
    /// Derived from the bytes, and of a record from its pack, so that the same message set aside twice is one row.
    pub fn id(&self) -> Uuid {
        match self.pack {
            Some((run, number)) if !self.whole_message => {
                digest(3, &[run.as_bytes(), number.to_le_bytes().as_slice(), &self.body].concat())
            }
            _ => digest(u8::from(self.whole_message), &self.body),
        }
    }
}

impl Attempt {
    /// Derived from the bytes: what a broker hands over again has no other name that lasts.
    pub fn message_of(body: &[u8]) -> Uuid {
        digest(2, body)
    }
}

/// A row of the notes on attempts: message, holder, first, events, deaths.
pub(crate) type AttemptTuple = (Uuid, Option<Uuid>, i32, i32, i32);

impl From<AttemptTuple> for Attempt {
    fn from((message, holder, first, events, deaths): AttemptTuple) -> Self {
        let number = |column: i32| u32::try_from(column).unwrap_or_default();
        Attempt { message, holder, first: number(first), events: number(events), deaths: number(deaths) }
    }
}

fn digest(kind: u8, body: &[u8]) -> Uuid {
    let digest = Sha256::new_with_prefix([kind]).chain_update(body).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

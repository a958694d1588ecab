//! From deliveries to a batch: reads packs, sets apart what can't be read. A bad message is a result, not an error.

use domain::EventId;
use domain::event::Event;
use domain::outcome::{DeadLetterReason, EventState, Outcome};
use domain::pack::{self, BadRecord, Pack, PackFault, RecordFault};
use queue::{Delivery, Tag};
use std::collections::HashMap;
use store::StoreError;
use store::batch::{Attempt, Batch, DeadLetter, PackEntry};

use uuid::Uuid;

/// Deliveries that are applied and acknowledged together.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// What the store is to apply.
    pub(crate) batch: Batch,
    /// The newest delivery; acknowledging it acknowledges all.
    pub(crate) last: Option<Tag>,
    /// How many deliveries it was made of.
    pub(crate) deliveries: usize,
    /// How long their bodies were together.
    pub(crate) bytes: usize,
    /// The one message it was made of, if that came again and is to be handled with care.
    pub(crate) suspect: Option<Uuid>,
}

impl Gathered {
    /// A delivery that came again, by itself.
    pub(crate) fn alone(delivery: Delivery) -> Self {
        let suspect = Some(Attempt::message_of(&delivery.body));
        let mut gathered = Gathered { suspect, ..Gathered::default() };
        gathered.add(delivery);
        gathered
    }

    /// Adds one delivery, whatever is in it.
    pub(crate) fn add(&mut self, delivery: Delivery) {
        self.last = Some(delivery.tag);
        self.deliveries += 1;
        self.bytes += delivery.body.len();
        if delivery.message_type == pack::PACK_TYPE {
            self.add_body(delivery.body);
        } else {
            self.batch.dead_letters.push(whole_message(delivery.body, PackFault::UnknownVersion));
        }
    }

    /// Adds a message's body.
    pub(crate) fn add_body(&mut self, body: Vec<u8>) {
        match pack::decode(&body) {
            Ok(pack) => self.add_pack(pack),
            Err(fault) => self.batch.dead_letters.push(whole_message(body, fault)),
        }
    }

    /// How many records it holds.
    pub(crate) fn len(&self) -> usize {
        self.batch.events.len() + self.batch.dead_letters.len()
    }

    /// When the oldest of its events was accepted, in microseconds since the Unix epoch.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.batch.events.iter().map(|event| event.id().received_at().micros()).min()
    }

    fn add_pack(&mut self, pack: Pack) {
        let place = (pack.header.run, pack.header.number);
        self.batch.packs.push(PackEntry {
            run: pack.header.run,
            number: pack.header.number,
            events: pack.records.len() as u32,
            confirmed_before: pack.header.confirmed_before,
            unconfirmed: pack.header.unconfirmed,
        });
        for record in pack.records {
            match record {
                Ok(event) => self.batch.events.push(event),
                Err(bad) => self.batch.dead_letters.push(bad_record(bad, place)),
            }
        }
    }
}

/// A message that the broker gave up delivering: every event that is not `known` is set aside. A click that is stored
/// is applied once more, for whoever still waits for it.
///
/// # Errors
/// As for [`set_aside`].
pub(crate) fn given_up(
    batch: &Batch,
    known: &HashMap<EventId, EventState>,
) -> Result<(Batch, Vec<Outcome>), StoreError> {
    let mut closing = Batch { events: Vec::new(), ..batch.clone() };
    let mut outcomes = vec![Outcome::Redelivered; batch.events.len()];
    for (event, outcome) in batch.events.iter().zip(&mut outcomes) {
        match (known.get(&event.id()), event) {
            (None, _) => {
                let message = "the broker gave up delivering the message".to_owned();
                closing.dead_letters.push(set_aside(event, DeadLetterReason::GivenUpByBroker, message)?);
                *outcome = Outcome::DeadLettered;
            }
            (Some(EventState::Recorded), Event::Click(_)) => closing.events.push(event.clone()),
            (Some(_), _) => {}
        }
    }
    Ok((closing, outcomes))
}

/// A readable event that is set aside; `message` must not hold anything from the event.
///
/// # Errors
/// Never for an event that was decoded; the encoder's signature allows it. Then the batch is held: a letter without a
/// body could not be replayed, and the message still has it.
pub(crate) fn set_aside(event: &Event, reason: DeadLetterReason, message: String) -> Result<DeadLetter, StoreError> {
    let body = pack::encode_record(event)
        .map_err(|error| StoreError::Invalid(format!("an event cannot be set aside, please report this: {error}")))?;
    Ok(DeadLetter {
        reason,
        message,
        program: Some(event.program()),
        event: Some(event.id()),
        pack: None,
        body,
        whole_message: false,
    })
}

fn whole_message(body: Vec<u8>, fault: PackFault) -> DeadLetter {
    let reason = match fault {
        PackFault::UnknownVersion => DeadLetterReason::UnknownVersion,
        PackFault::TooLarge | PackFault::BadChecksum | PackFault::BadLength => DeadLetterReason::Undecodable,
        PackFault::Impossible => DeadLetterReason::Impossible,
    };
    let (message, pack) = (fault.to_string(), pack::place(&body));
    DeadLetter { reason, message, program: None, event: None, pack, body, whole_message: true }
}

/// Why a record that is no event is set aside.
pub(crate) fn reason_of(fault: RecordFault) -> DeadLetterReason {
    match fault {
        RecordFault::UnknownVersion(_) => DeadLetterReason::UnknownVersion,
        RecordFault::Undecodable => DeadLetterReason::Undecodable,
        RecordFault::Impossible => DeadLetterReason::Impossible,
    }
}

fn bad_record(bad: BadRecord, pack: (Uuid, u64)) -> DeadLetter {
    let reason = reason_of(bad.fault);
    let message = bad.fault.to_string();
    DeadLetter { reason, message, program: None, event: None, pack: Some(pack), body: bad.bytes, whole_message: false }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::pack::{PackHeader, PackWriter};

    fn gathered(body: Vec<u8>) -> Gathered {
        let mut gathered = Gathered::default();
        gathered.add_body(body);
        gathered
    }

    #[test]
    fn a_message_that_is_no_pack_is_set_aside_whole() {
        for body in [Vec::new(), vec![0; 40], b"AFP\x02 from the future".to_vec(), b"AFP\x01garbage!".to_vec()] {
            let letters = gathered(body.clone()).batch.dead_letters;
            assert_eq!(letters.len(), 1);
            assert!(letters[0].whole_message);
            assert_eq!(letters[0].body, body);
        }
    }

    #[test]
    fn a_pack_of_another_version_or_with_an_impossible_account_is_set_aside_with_its_place() {
        let body = |number, confirmed_before| {
            let header = PackHeader { run: Uuid::from_u128(7), number, confirmed_before, unconfirmed: vec![] };
            PackWriter::new(&header).finish()
        };
        let mut newer = body(3, 0);
        newer[3] = 2;
        let damaged = body(4, 0).split_last().unwrap().1.to_vec();
        use DeadLetterReason::{Impossible, Undecodable, UnknownVersion};
        let place = |number| Some((Uuid::from_u128(7), number));
        for (body, reason, pack) in [
            (newer, UnknownVersion, place(3)),
            (damaged, Undecodable, place(4)),
            (body(2, 1_025), Impossible, place(2)),
            (body(0, 0), Impossible, None),
            (body(u64::MAX, 0), Impossible, None),
        ] {
            let gathered = gathered(body);
            let letters = gathered.batch.dead_letters;
            assert_eq!((letters[0].reason, letters[0].pack), (reason, pack));
            assert!(letters[0].whole_message && gathered.batch.packs.is_empty());
        }
    }

    #[test]
    fn a_bad_record_is_set_aside_alone_and_its_pack_is_entered() {
        let header = PackHeader { run: Uuid::from_u128(7), number: 3, confirmed_before: 5, unconfirmed: vec![] };
        let mut writer = PackWriter::new(&header);
        assert!(writer.push(&[99, 1, 2]) && writer.push(&[1, 0xff]) && writer.push(&[]));
        let gathered = gathered(writer.finish());
        let reasons: Vec<_> = gathered.batch.dead_letters.iter().map(|letter| letter.reason).collect();
        use DeadLetterReason::{Undecodable, UnknownVersion};
        assert_eq!(reasons, [UnknownVersion, Undecodable, Undecodable]);
        assert_eq!(gathered.batch.packs.len(), 1);
        assert_eq!((gathered.batch.packs[0].number, gathered.batch.packs[0].events), (3, 3));
    }
}

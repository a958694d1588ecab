//! Dead letters that are tried again: decoded and applied like any other event, and gone in the transaction that
//! stores what they held. Interrupted or repeated, a replay does no harm.
//!
//! A worker that starts replays what it did not know and knows now; everything else is a person's decision. Called by
//! `serve` and by `affitor dead-letters`.

use crate::batch::{Gathered, reason_of};
use crate::split::{apply_apart, refusal};
use domain::outcome::DeadLetterReason;
use domain::pack;
use runtime::backoff::Backoff;
use std::time::Duration;
use store::batch::Batch;
use store::{Letter, LetterBody, LetterFilter, Session, Store, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Letters that are listed at a time.
const PAGE: u32 = 500;
/// Bytes of letters that are applied together, but for the last one that is added.
const BYTES: u64 = 1 << 20;
/// A worker that starts leaves a letter alone after so many replays that did not end well.
const ATTEMPTS: u32 = 3;
const MIN_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Why a dead letter stays one; holds nothing of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaysDead {
    /// The reason that it has now.
    pub reason: DeadLetterReason,
    /// For people.
    pub message: String,
}

/// What became of a letter: what it held is stored, or it stays.
pub type Replayed = (Uuid, Result<(), StaysDead>);

/// Whether this version can read what was set aside.
///
/// # Errors
/// [`StaysDead`] says why not.
pub fn readable(letter: &LetterBody) -> Result<(), StaysDead> {
    read(letter).map(drop)
}

/// Replays those of the letters that are still there. One that stays has its reason brought up to date.
///
/// # Errors
/// [`StoreError`] when the database is away or busy: what is done is done, and the same call goes on from there.
pub async fn replay(store: &Store, session: &mut Session, letters: &[Letter]) -> Result<Vec<Replayed>, StoreError> {
    let mut replayed = Vec::new();
    for together in portions(letters) {
        let ids: Vec<Uuid> = together.iter().map(|letter| letter.id).collect();
        let bodies = store.letter_bodies(&ids).await?;
        for (id, fate) in apply(session, &bodies).await? {
            if let Err(stays) = &fate {
                store.note_refused_replay(id, stays.reason, &stays.message).await?;
            }
            replayed.push((id, fate));
        }
    }
    Ok(replayed)
}

/// Replays the letters of an unknown version that this worker can read, once; then ends with `stop`.
pub(crate) async fn run(store: Store, stop: CancellationToken) {
    let mut backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
    while !stop.is_cancelled() {
        match replay_newly_known(&store, &stop).await {
            Ok(0) => break,
            Ok(letters) => {
                tracing::info!(letters, "dead letters of a version that is known now were replayed");
                break;
            }
            Err(error) => tracing::warn!(%error, "dead letters cannot be replayed yet"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
    stop.cancelled().await;
}

async fn replay_newly_known(store: &Store, stop: &CancellationToken) -> Result<usize, StoreError> {
    let filter = LetterFilter { reason: Some(DeadLetterReason::UnknownVersion), ..LetterFilter::default() };
    let (mut session, mut after, mut replayed) = (store.session(), None, 0);
    while !stop.is_cancelled() {
        let page = store.dead_letters(filter, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        for together in portions(&page) {
            replayed += replay_readable(store, &mut session, together).await?;
        }
    }
    Ok(replayed)
}

/// The note is made before the attempt: a letter that kills its worker must not be tried at each start for ever.
async fn replay_readable(store: &Store, session: &mut Session, letters: &[Letter]) -> Result<usize, StoreError> {
    let tried: Vec<Uuid> = letters.iter().filter(|letter| letter.replays < ATTEMPTS).map(|letter| letter.id).collect();
    let mut bodies = store.letter_bodies(&tried).await?;
    bodies.retain(|letter| readable(letter).is_ok());
    for letter in &bodies {
        let message = "a replay was begun and has not ended";
        store.note_refused_replay(letter.id, DeadLetterReason::UnknownVersion, message).await?;
    }
    let mut stored = 0;
    for (id, fate) in apply(session, &bodies).await? {
        match fate {
            Ok(()) => stored += 1,
            Err(stays) => store.note_refused_replay(id, stays.reason, &stays.message).await?,
        }
    }
    Ok(stored)
}

/// Cuts a list where its bodies would be too much to hold at once.
fn portions(letters: &[Letter]) -> impl Iterator<Item = &[Letter]> {
    let mut bytes = 0;
    letters.chunk_by(move |letter, _| {
        bytes += letter.bytes;
        let fits = bytes < BYTES;
        if !fits {
            bytes = 0;
        }
        fits
    })
}

/// All that can be read in one batch; if the database refuses it, letter by letter.
async fn apply(session: &mut Session, letters: &[LetterBody]) -> Result<Vec<Replayed>, StoreError> {
    let read: Vec<(Uuid, Result<Batch, StaysDead>)> =
        letters.iter().map(|letter| (letter.id, self::read(letter))).collect();
    let mut whole = Batch::default();
    for batch in read.iter().filter_map(|(_, batch)| batch.as_ref().ok()) {
        whole.packs.extend_from_slice(&batch.packs);
        whole.events.extend_from_slice(&batch.events);
        whole.dead_letters.extend_from_slice(&batch.dead_letters);
        whole.replayed.extend_from_slice(&batch.replayed);
    }
    if whole.replayed.is_empty() {
        return Ok(read.into_iter().map(|(id, batch)| (id, batch.map(drop))).collect());
    }
    match session.apply(&whole).await {
        Ok(_) => return Ok(read.into_iter().map(|(id, batch)| (id, batch.map(drop))).collect()),
        Err(StoreError::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut replayed = Vec::with_capacity(read.len());
    for (id, batch) in read {
        let fate = match batch {
            Ok(batch) => apply_alone(session, &batch).await?,
            Err(stays) => Err(stays),
        };
        replayed.push((id, fate));
    }
    Ok(replayed)
}

/// Of a message the good events go through, and each other one becomes a letter of its own.
async fn apply_alone(session: &mut Session, batch: &Batch) -> Result<Result<(), StaysDead>, StoreError> {
    match session.apply(batch).await {
        Ok(_) => Ok(Ok(())),
        Err(StoreError::Refused { .. }) if !batch.packs.is_empty() => {
            apply_apart(session, batch).await?;
            Ok(Ok(()))
        }
        Err(StoreError::Refused { code, constraint, .. }) => {
            let message = refusal(&code, constraint.as_deref());
            Ok(Err(StaysDead { reason: DeadLetterReason::RefusedByStore, message }))
        }
        Err(error) => Err(error),
    }
}

/// The batch that ends a letter.
fn read(letter: &LetterBody) -> Result<Batch, StaysDead> {
    let mut gathered = Gathered::default();
    if letter.whole_message {
        gathered.add_body(letter.body.clone());
        if let Some(unread) = gathered.batch.dead_letters.iter().find(|again| again.whole_message) {
            return Err(StaysDead { reason: unread.reason, message: unread.message.clone() });
        }
    } else {
        match pack::decode_record(&letter.body) {
            Ok(event) => gathered.batch.events.push(event),
            Err(fault) => return Err(StaysDead { reason: reason_of(fault), message: fault.to_string() }),
        }
    }
    Ok(Batch { replayed: vec![letter.id], ..gathered.batch })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use domain::Timestamp;
    use domain::pack::{PackHeader, PackWriter};

    fn letter(bytes: u64) -> Letter {
        Letter {
            id: Uuid::nil(),
            reason: DeadLetterReason::UnknownVersion,
            message: String::new(),
            program: None,
            event: None,
            pack: None,
            whole_message: false,
            bytes,
            recorded_at: Timestamp::from_micros(0),
            replays: 0,
            replayed_at: None,
        }
    }

    #[test]
    fn letters_are_taken_together_as_long_as_they_are_small() {
        let letters: Vec<Letter> = [10, BYTES, 10, 10, BYTES - 20, 10].map(letter).to_vec();
        let sizes: Vec<usize> = portions(&letters).map(<[Letter]>::len).collect();
        assert_eq!(sizes, [2, 3, 1]);
    }

    #[test]
    fn a_message_that_can_be_read_ends_its_letter_whatever_its_records_are() {
        let header = PackHeader { run: Uuid::from_u128(7), number: 3, confirmed_before: 5, unconfirmed: vec![] };
        let mut writer = PackWriter::new(&header);
        assert!(writer.push(&[99, 1, 2]));
        let letter = LetterBody { id: Uuid::from_u128(1), body: writer.finish(), whole_message: true };
        let batch = read(&letter).unwrap();
        assert_eq!((batch.replayed, batch.packs.len(), batch.dead_letters.len()), (vec![letter.id], 1, 1));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (body, whole_message, reason) in [
            (b"AFP\x02 from the future".to_vec(), true, DeadLetterReason::UnknownVersion),
            (vec![99, 1], false, DeadLetterReason::UnknownVersion),
            (vec![1, 0xff], false, DeadLetterReason::Undecodable),
        ] {
            let stays = readable(&LetterBody { id: Uuid::nil(), body, whole_message }).unwrap_err();
            assert_eq!(stays.reason, reason);
        }
    }
}

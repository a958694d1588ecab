//! A message that came again may have killed the worker that had it. It is applied alone, after a note that outlives
//! us; if a worker dies of it again, event by event, each with a note; the event of which a worker died is set aside.
//!
//! So a fatal event costs three workers: one in a batch, one alone, one by itself. Its neighbours are stored.

use crate::batch::set_aside;
use crate::split::{apply_apart, try_events};
use domain::outcome::{DeadLetterReason, Outcome};
use std::sync::LazyLock;
use store::batch::{Attempt, Batch};
use store::{Session, StoreError};
use uuid::Uuid;

/// This process: an attempt that it began itself and that is still open was interrupted, not fatal.
static HOLDER: LazyLock<Uuid> = LazyLock::new(Uuid::new_v4);

/// Applies the batch of one message that came again.
///
/// # Errors
/// As for [`Session::apply`]: hold the batch and begin again.
pub(crate) async fn apply_carefully(
    session: &mut Session,
    batch: &Batch,
    message: Uuid,
) -> Result<Vec<Outcome>, StoreError> {
    let died_of = session.attempt(message).await?.filter(|known| known.holder != *HOLDER || known.begun.is_some());
    match died_of {
        None => whole(session, batch, message).await,
        Some(known) => one_by_one(session, batch, known).await,
    }
}

async fn whole(session: &mut Session, batch: &Batch, message: Uuid) -> Result<Vec<Outcome>, StoreError> {
    let attempt = Attempt { message, holder: *HOLDER, begun: None, fatal: Default::default() };
    session.begin_attempt(&attempt).await?;
    let batch = Batch { attempted: Some(message), ..batch.clone() };
    match session.apply(&batch).await {
        Err(StoreError::Refused { .. }) => apply_apart(session, &batch).await,
        other => other,
    }
}

async fn one_by_one(session: &mut Session, batch: &Batch, known: Attempt) -> Result<Vec<Outcome>, StoreError> {
    let mut attempt = known;
    attempt.fatal.extend(attempt.begun.filter(|_| attempt.holder != *HOLDER));
    attempt.holder = *HOLDER;
    let mut outcomes = vec![Outcome::DeadLettered; batch.events.len()];
    let mut dead_letters = batch.dead_letters.clone();
    for (position, event) in (0..).zip(&batch.events) {
        if attempt.fatal.contains(&position) {
            let message = "workers died while they stored the event".to_owned();
            dead_letters.push(set_aside(event, DeadLetterReason::CrashedWorker, message));
            continue;
        }
        attempt.begun = Some(position);
        session.begin_attempt(&attempt).await?;
        match try_events(session, std::slice::from_ref(event)).await? {
            Ok(fates) => outcomes[position as usize] = fates[0],
            Err(letter) => dead_letters.push(letter),
        }
    }
    let attempted = Some(attempt.message);
    let closing = Batch { packs: batch.packs.clone(), events: Vec::new(), dead_letters, attempted };
    session.apply(&closing).await?;
    Ok(outcomes)
}

//! A message that came again may have killed the worker that had it. It is applied alone and in small steps, each
//! after a note that outlives us; an event at which workers ended again and again is set aside.
//!
//! A fatal event costs three workers: one in a batch, two by itself. Its neighbours are stored. A worker that stops in
//! peace takes its note back, and an event that turns out to be stored is never set aside, so that two ends that had
//! nothing to do with an event must meet at it, one after the other, to set it aside wrongly.

use crate::batch::set_aside;
use crate::split::try_events;
use domain::event::Event;
use domain::outcome::{DeadLetterReason, Outcome};
use std::ops::Range;
use std::sync::LazyLock;
use store::batch::{Attempt, Batch, DeadLetter};
use store::{Session, Store, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many workers may end at one event before it is set aside.
const DEATHS: u32 = 2;

/// Events of a large message that are tried together, until a worker ends there.
const STEP: usize = 128;

/// This process: what it began itself and finds again was interrupted, not fatal.
static HOLDER: LazyLock<Uuid> = LazyLock::new(Uuid::new_v4);

/// Where a careful lane works.
pub(crate) struct Care<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) store: &'a Store,
    pub(crate) stop: &'a CancellationToken,
}

impl Care<'_> {
    /// Applies the batch of one message that came again; `None` when told to stop on the way.
    ///
    /// # Errors
    /// As for [`Session::apply`]: hold the batch and begin again.
    pub(crate) async fn apply(&mut self, batch: &Batch, message: Uuid) -> Result<Option<Vec<Outcome>>, StoreError> {
        let mut last = self.last_attempt(message).await?;
        let mut outcomes = vec![Outcome::Redelivered; batch.events.len()];
        let mut next = last.first as usize;
        let mut single_until = if last.deaths > 0 || batch.events.len() <= STEP { next + STEP } else { 0 };
        while next < batch.events.len() {
            if self.stop.is_cancelled() {
                self.give_up(last).await?;
                return Ok(None);
            }
            let step = next..if next < single_until { next + 1 } else { batch.events.len().min(next + STEP) };
            if self.is_fatal(&last, &step, &batch.events[next]).await? {
                self.set_aside(crashed(&batch.events[next])).await?;
                outcomes[next] = Outcome::DeadLettered;
                next = step.end;
                continue;
            }
            last = self.begin(&last, &step).await?;
            match try_events(self.session, &batch.events[step.clone()]).await? {
                Ok(fates) => outcomes[step.clone()].copy_from_slice(&fates),
                Err(letter) if step.len() == 1 => {
                    self.set_aside(letter).await?;
                    outcomes[next] = Outcome::DeadLettered;
                }
                Err(_) => {
                    single_until = step.end;
                    continue;
                }
            }
            next = step.end;
        }
        let closing = Batch { events: Vec::new(), attempted: Some(message), ..batch.clone() };
        self.session.apply(&closing).await?;
        Ok(Some(outcomes))
    }

    /// The note on the message, with the death it tells of.
    async fn last_attempt(&mut self, message: Uuid) -> Result<Attempt, StoreError> {
        let none = Attempt { message, holder: Some(*HOLDER), first: 0, events: 0, deaths: 0 };
        let mut known = self.session.attempt(message).await?.unwrap_or(none);
        if known.holder.is_some_and(|holder| holder != *HOLDER) {
            known.deaths += 1;
        }
        known.holder = Some(*HOLDER);
        Ok(known)
    }

    async fn begin(&mut self, last: &Attempt, step: &Range<usize>) -> Result<Attempt, StoreError> {
        let place = (step.start as u32, step.len() as u32);
        let deaths = if (last.first, last.events) == place { last.deaths } else { 0 };
        let attempt = Attempt { first: place.0, events: place.1, deaths, ..last.clone() };
        self.session.begin_attempt(&attempt).await?;
        Ok(attempt)
    }

    async fn is_fatal(&self, last: &Attempt, step: &Range<usize>, event: &Event) -> Result<bool, StoreError> {
        let died_here = (last.first as usize, last.events, step.len()) == (step.start, 1, 1) && last.deaths >= DEATHS;
        Ok(died_here && self.store.event(event.program(), event.id()).await?.is_none())
    }

    /// Durable at once, so that the next attempt can begin behind it.
    async fn set_aside(&mut self, letter: DeadLetter) -> Result<(), StoreError> {
        self.session.apply(&Batch { dead_letters: vec![letter], ..Batch::default() }).await?;
        Ok(())
    }

    /// Takes the note back: whoever has the message next begins where we stopped, and nobody died.
    async fn give_up(&mut self, last: Attempt) -> Result<(), StoreError> {
        self.session.begin_attempt(&Attempt { holder: None, ..last }).await
    }
}

/// Takes the note on a message back, if it is ours; called when a lane lets go of a message without settling it.
pub(crate) async fn release(session: &mut Session, message: Uuid) -> Result<(), StoreError> {
    match session.attempt(message).await? {
        Some(known) if known.holder == Some(*HOLDER) => session.begin_attempt(&Attempt { holder: None, ..known }).await,
        Some(_) | None => Ok(()),
    }
}

fn crashed(event: &Event) -> DeadLetter {
    set_aside(event, DeadLetterReason::CrashedWorker, "workers died while they stored the event".to_owned())
}

//! A message that came again may have killed the worker that had it. It is applied alone and in small steps, each
//! after a note that outlives us; an event at which workers ended again and again is set aside.
//!
//! A fatal event costs three workers: one in a batch, two by itself. Its neighbours are stored. A worker that stops in
//! peace takes its note back, an event that turns out to be stored is never set aside, and where a worker ended the
//! next one goes on only when it has lived for a while: whoever kills workers as soon as they start would else kill
//! them at the same event, with which they begin.

use crate::batch::set_aside;
use crate::split::try_batch;
use domain::event::Event;
use domain::outcome::{DeadLetterReason, Outcome};
use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use store::batch::{Attempt, Batch, DeadLetter, Note};
use store::{Session, Store, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many workers may end at one event before it is set aside.
const DEATHS: u32 = 2;

/// How long a lane lives before it goes on where a worker ended.
const CALM: Duration = Duration::from_secs(2);

/// Events of a large message that are tried together, until a worker ends there.
const STEP: usize = 128;

/// This process: what it began itself and finds again was interrupted, not fatal.
static HOLDER: LazyLock<Uuid> = LazyLock::new(Uuid::new_v4);

/// Where a careful lane works.
pub(crate) struct Care<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) store: &'a Store,
    pub(crate) stop: &'a CancellationToken,
    /// When the lane began.
    pub(crate) since: Instant,
}

/// One attempt after the other on one message.
struct Progress<'a> {
    batch: &'a Batch,
    /// The note that is durable.
    noted: Attempt,
    /// Up to here events are tried one by one.
    single_until: usize,
    outcomes: Vec<Outcome>,
}

impl Care<'_> {
    /// Applies the batch of one message that came again; `None` when told to stop on the way.
    ///
    /// # Errors
    /// As for [`Session::apply`]: hold the batch and begin again.
    pub(crate) async fn apply(&mut self, batch: &Batch, message: Uuid) -> Result<Option<Vec<Outcome>>, StoreError> {
        let known = self.last_attempt(message).await?;
        if known.deaths > 0 && !self.calm().await {
            return Ok(None);
        }
        let first = known.first as usize;
        let single_until = if known.deaths > 0 || batch.events.len() <= STEP { first + STEP } else { 0 };
        let outcomes = vec![Outcome::Redelivered; batch.events.len()];
        let mut progress = Progress { batch, noted: known, single_until, outcomes };
        let mut step = progress.step(first);
        self.begin(&mut progress, &step).await?;
        while !step.is_empty() {
            if self.stop.is_cancelled() {
                release(self.session, message).await?;
                return Ok(None);
            }
            step = self.take(&mut progress, step).await?;
        }
        Ok(Some(progress.outcomes))
    }

    /// Takes one step, and gives back the next; an empty one when the message is settled.
    async fn take(&mut self, progress: &mut Progress<'_>, step: Range<usize>) -> Result<Range<usize>, StoreError> {
        let next = progress.step(step.end);
        let event = &progress.batch.events[step.start];
        let died_here = step.len() == 1 && progress.noted.deaths >= DEATHS;
        let letter = if died_here && !self.is_stored(event).await? {
            crashed(event)?
        } else {
            match try_batch(self.session, &progress.part(&step, &next)).await? {
                Ok(fates) => {
                    progress.outcomes[step.clone()].copy_from_slice(&fates);
                    progress.note(&next);
                    return Ok(next);
                }
                Err(_) if step.len() > 1 => {
                    progress.single_until = step.end;
                    let single = progress.step(step.start);
                    self.begin(progress, &single).await?;
                    return Ok(single);
                }
                Err(letter) => letter,
            }
        };
        progress.outcomes[step.start] = Outcome::DeadLettered;
        let mut part = Batch { events: Vec::new(), ..progress.part(&step, &next) };
        part.dead_letters.push(letter);
        self.session.apply(&part).await?;
        progress.note(&next);
        Ok(next)
    }

    /// Whether nobody said stop until the lane has lived for a while.
    async fn calm(&self) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep_until((self.since + CALM).into()) => true,
        }
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

    /// Notes a step that follows no other, or, where there is none, settles the message.
    async fn begin(&mut self, progress: &mut Progress<'_>, step: &Range<usize>) -> Result<(), StoreError> {
        progress.note(step);
        if step.is_empty() {
            self.session.apply(&progress.part(step, step)).await?;
            return Ok(());
        }
        self.session.begin_attempt(&progress.noted).await
    }

    async fn is_stored(&self, event: &Event) -> Result<bool, StoreError> {
        Ok(self.store.event(event.program(), event.id()).await?.is_some())
    }
}

impl Progress<'_> {
    /// The step that begins there.
    fn step(&self, first: usize) -> Range<usize> {
        let end = if first < self.single_until { first + 1 } else { first + STEP };
        first.min(self.batch.events.len())..end.min(self.batch.events.len())
    }

    /// What is applied with a step: its events and the note on the next one, or all the rest if there is none.
    fn part(&self, step: &Range<usize>, next: &Range<usize>) -> Batch {
        let events = self.batch.events[step.clone()].to_vec();
        if next.is_empty() {
            return Batch { events, note: Some(Note::Ended(self.noted.message)), ..self.batch.clone() };
        }
        Batch { events, note: Some(Note::Begins(self.attempt(next))), ..Batch::default() }
    }

    fn attempt(&self, step: &Range<usize>) -> Attempt {
        let place = (step.start as u32, step.len() as u32);
        let deaths = if (self.noted.first, self.noted.events) == place { self.noted.deaths } else { 0 };
        Attempt { first: place.0, events: place.1, deaths, ..self.noted.clone() }
    }

    fn note(&mut self, step: &Range<usize>) {
        self.noted = self.attempt(step);
    }
}

/// Takes the note on a message back, if it is ours; called when a lane lets go of a message without settling it.
pub(crate) async fn release(session: &mut Session, message: Uuid) -> Result<(), StoreError> {
    match session.attempt(message).await? {
        Some(known) if known.holder == Some(*HOLDER) => session.begin_attempt(&Attempt { holder: None, ..known }).await,
        Some(_) | None => Ok(()),
    }
}

fn crashed(event: &Event) -> Result<DeadLetter, StoreError> {
    set_aside(event, DeadLetterReason::CrashedWorker, "workers died while they stored the event".to_owned())
}

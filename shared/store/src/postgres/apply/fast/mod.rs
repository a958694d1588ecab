//! The fast transaction: clicks nobody has named yet, leads of customers who are new and whose click nobody else has
//! named, and leads that say nothing new of a customer. It waits for no row that is only locked, but for one that
//! another worker is inserting or changing; what it does not write is left over for the slow one.

mod clicks;
mod copy_rows;
mod joiners;
mod known;
mod newcomers;

pub(super) use newcomers::Way;

use super::{ledger, write};
use crate::StoreError;
use crate::batch::Batch;
use crate::meters::{self, Transaction};
use domain::merge::parties;
use domain::outcome::Outcome;
use newcomers::Newcomers;
use sqlx::{Connection, PgConnection};
use std::time::Instant;

/// What has become of the events so far.
struct Told<'a> {
    outcomes: &'a mut [Outcome],
    done: Vec<bool>,
}

impl Told<'_> {
    fn tell(&mut self, outcomes: impl Iterator<Item = (usize, Outcome)>) {
        for (position, outcome) in outcomes {
            self.outcomes[position] = outcome;
            self.done[position] = true;
        }
    }

    fn left_over(self) -> Vec<usize> {
        (0..self.done.len()).filter(|position| !self.done[*position]).collect()
    }
}

/// Gives back the positions of the events that are left over; if there are none, the batch is closed. `None` when
/// another worker brought one of the new customers at the same moment and nothing could be applied this way.
pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &Batch,
    outcomes: &mut [Outcome],
    way: Way,
) -> Result<Option<Vec<usize>>, StoreError> {
    let events = &batch.events;
    let mut told = Told { done: vec![false; outcomes.len()], outcomes };
    let begun = Instant::now();
    let mut transaction = connection.begin().await?;
    let recorded = clicks::insert(&mut transaction, events).await?;
    told.tell(recorded.into_iter().map(|position| (position, Outcome::ClickRecorded)));
    let parties = parties(events);
    let known = known::read(&mut transaction, &parties).await?;
    let wanted = parties.iter().filter(|party| party.is_apart && !known.is_old_news(party));
    let clicks = clicks::lock_quiet(&mut transaction, wanted.filter_map(|party| party.click).collect()).await?;
    let newcomers = Newcomers::among(events, &parties, &known, &clicks);
    let Some(newcomers) = newcomers.insert(&mut transaction, way).await? else {
        transaction.rollback().await?;
        return Ok(None);
    };
    let joined = joiners::join(&mut transaction, events, &parties, &known, &clicks).await?;
    let further = known.echoes.iter().chain(&joined.changes.leads).cloned().chain(newcomers.further());
    let added = write::insert_leads(&mut transaction, events, further.collect()).await?;
    joined.write(&mut transaction).await?;
    told.tell(known.told(&added).chain(newcomers.told()).chain(joined.told(&added)));
    let left_over = told.left_over();
    let set_aside = if left_over.is_empty() {
        ledger::close(&mut transaction, batch).await?
    } else {
        write::prove_alive(&mut transaction).await?;
        Vec::new()
    };
    transaction.commit().await?;
    Transaction::Fast.committed(begun);
    meters::judged(&newcomers.verdicts());
    meters::judged(&meters::verdicts(events, &joined.changes));
    meters::set_aside(&set_aside);
    Ok(Some(left_over))
}

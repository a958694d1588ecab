//! Accepting and storing at the same time on one machine: the product's `ingest` and `worker`, or what is usual.
//!
//! Starts the processes on a database of their own, gives out leads that name clicks stored there, and tells how far
//! storing has come. Used by the parts that measure both at once.

use super::child::Child;
use super::contender::in_messages;
use super::drain::ground::Ground;
use super::drain::product::{self, Workers, processed};
use super::drain::world::World;
use super::load::{Leads, Target};
use super::machine::{Process, Watch};
use super::place::Place;
use super::roles::{Role, with_queue};
use super::words::cannot;
use crate::failure::Failure;
use sqlx::PgConnection;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const LOOK: Duration = Duration::from_millis(10);
/// Longer than any backlog that is not a fault.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who accepts and who stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `ingest` and `worker`.
    Product,
    /// One message per lead, one row per transaction on eight lanes.
    Naive,
}

/// Lanes of the naive worker.
const LANES: &str = "8";

/// A running pair on a database.
pub(super) struct Pipeline<'a> {
    pub(super) place: &'a Place,
    kind: Kind,
    pub(super) ground: Ground<'a>,
    pub(super) target: Target,
    pub(super) watch: Watch,
    connection: PgConnection,
    before: u64,
    children: Vec<Child>,
}

impl<'a> Pipeline<'a> {
    /// Starts both on that database.
    ///
    /// # Errors
    /// One does not start.
    pub(super) async fn start(place: &'a Place, kind: Kind, ground: Ground<'a>) -> Result<Self, Failure> {
        let (taking, mut children) = match kind {
            Kind::Product => (Role::Ingest, Workers::ONE.start(place, &ground).await?),
            Kind::Naive => (Role::Message, vec![naive_worker(place, &ground).await?]),
        };
        let mut environment = place.environment();
        environment.push(ground.environment());
        environment.extend(with_queue(&place.servers()?.message_queue(), &place.key));
        let state = place.directory.path().join("pipeline-state");
        environment.push(("AFFITOR_INGEST__STATE_DIR".to_owned(), state.display().to_string()));
        children.push(Child::start(taking, environment).await?);
        let mut watch = product::servers_of(place)?.and("client", Process::this());
        for (child, name) in children.iter().zip(["worker", "ingest"]) {
            watch = watch.and(name, child.process);
        }
        let Some(address) = children.last().map(|child| child.address) else {
            return Err(Failure::Found("nothing was started".to_owned()));
        };
        let connection = ground.connect().await?;
        let (target, before) = (Target::at(address), 0);
        let mut pipeline = Pipeline { place, kind, ground, target, watch, connection, before, children };
        pipeline.before = pipeline.stored_in_all().await?;
        Ok(pipeline)
    }

    /// Leads that have been stored since the start.
    ///
    /// # Errors
    /// The database does not answer.
    pub(super) async fn stored(&mut self) -> Result<u64, Failure> {
        Ok(self.stored_in_all().await?.saturating_sub(self.before))
    }

    async fn stored_in_all(&mut self) -> Result<u64, Failure> {
        match self.kind {
            Kind::Product => processed(&mut self.connection).await,
            Kind::Naive => {
                let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM customers");
                let count = count.fetch_one(&mut self.connection).await;
                Ok(count.map_err(cannot("customers cannot be counted"))?.unsigned_abs())
            }
        }
    }

    /// Waits until so many leads have been stored since the start; how long it took.
    ///
    /// # Errors
    /// It takes far too long: some are lost.
    pub(super) async fn until_stored(&mut self, leads: u64) -> Result<Duration, Failure> {
        let begun = Instant::now();
        while self.stored().await? < leads {
            if begun.elapsed() > PATIENCE {
                let stored = self.stored().await?;
                return Err(Failure::Found(format!("{leads} leads were accepted, and only {stored} are stored")));
            }
            sleep(LOOK).await;
        }
        Ok(begun.elapsed())
    }

    /// Ends both; the database stays.
    ///
    /// # Errors
    /// One does not end well.
    pub(super) async fn end(self) -> Result<Ground<'a>, Failure> {
        for child in self.children.into_iter().rev() {
            child.stop().await?;
        }
        if self.kind == Kind::Naive {
            in_messages(self.place.servers()?).await?;
        }
        Ok(self.ground)
    }
}

async fn naive_worker(place: &Place, ground: &Ground<'_>) -> Result<Child, Failure> {
    let mut environment = place.environment();
    environment.push(ground.environment());
    environment.push(("AFFITOR_WORKER__LANES".to_owned(), LANES.to_owned()));
    environment.extend(with_queue(&place.servers()?.message_queue(), &place.key));
    Child::start(Role::Textbook, environment).await
}

/// Leads that name the clicks stored on the ground, each another one as long as there are enough.
pub(super) fn leads(place: &Place, world: &World, clicks: u64) -> Leads {
    let texts = (0..clicks).filter_map(|number| world.old_click(number, clicks).text(&world.clicks));
    Leads::single(place).naming(texts.collect())
}

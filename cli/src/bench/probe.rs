//! Follows single leads: sends one, waits until it is seen in the store, sends the next.
//!
//! What it finds is a little more than the truth: the store is asked once a millisecond. Used where a lag is measured
//! while something else is going on.

use super::drain::backlog::Run;
use super::drain::ground::Ground;
use super::drain::world::World;
use super::load::{Connection, Latency};
use super::pipeline::Pipeline;
use super::place::Place;
use super::words::cannot;
use crate::failure::Failure;
use domain::event::Source;
use domain::identity::CustomerKey;
use domain::{Ident, ProgramId};
use queue::Queue;
use sqlx::PgConnection;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const LOOK: Duration = Duration::from_millis(1);
const PAUSE: Duration = Duration::from_millis(10);
/// A lead that is not stored by then is lost.
const PATIENCE: Duration = Duration::from_secs(120);

const SEEN: &str = "SELECT EXISTS (SELECT FROM customers WHERE program_id = $1 AND ident = $2 AND status IS NOT NULL)";

/// Where single leads are put in.
enum Way {
    /// The HTTP API, with that key.
    Api { connection: Connection, key: String },
    /// The queue, as a pack of one.
    Queue { run: Run, world: World },
}

/// Follows one lead after the other.
pub(super) struct Probe {
    way: Way,
    program: ProgramId,
    store: PgConnection,
    name: String,
    number: u64,
}

impl Probe {
    /// Leads that are sent to `ingest`; `round` tells those of several probes apart.
    ///
    /// # Errors
    /// `ingest` or the database does not answer.
    pub(super) async fn of_api(pipeline: &Pipeline<'_>, round: u32) -> Result<Self, Failure> {
        let connection = Connection::open(pipeline.target.address).await;
        let connection = connection.map_err(Failure::system("the probe cannot connect"))?;
        let place = pipeline.place;
        let way = Way::Api { connection, key: place.key.clone() };
        let store = pipeline.ground.connect().await?;
        Ok(Probe { way, program: place.program, store, name: format!("probe-{round}"), number: 0 })
    }

    /// Leads that are put into the queue themselves, of another program than the bench's own.
    ///
    /// # Errors
    /// The database does not answer.
    pub(super) async fn of_queue(
        queue: &Queue,
        place: &Place,
        ground: &Ground<'_>,
        name: u64,
    ) -> Result<Self, Failure> {
        let program = ProgramId::new(place.program.get() + 1).unwrap_or(place.program);
        let world = World { program, ..World::of(place, name) };
        let way = Way::Queue { run: Run::on(queue), world };
        Ok(Probe { way, program, store: ground.connect().await?, name: format!("probe-{name}"), number: 0 })
    }

    /// Follows leads while it goes on. Returns how long after its acceptance each of them was seen.
    ///
    /// # Errors
    /// One is refused or lost.
    pub(super) async fn run(&mut self, goes_on: impl Fn() -> bool) -> Result<Vec<Duration>, Failure> {
        let mut lags = Vec::new();
        while goes_on() {
            lags.push(self.follow().await?);
            sleep(PAUSE).await;
        }
        Ok(lags)
    }

    async fn follow(&mut self) -> Result<Duration, Failure> {
        self.number += 1;
        let key = match &mut self.way {
            Way::Api { connection, key } => {
                let customer = format!("{}-{}", self.name, self.number);
                connection
                    .ask(request(key, &customer).as_bytes(), br#"{"success":true"#)
                    .await
                    .map_err(Failure::Found)?;
                CustomerKey::parse(&customer)
            }
            Way::Queue { run, world } => {
                let lead = world.lead(self.number, self.number, None, Source::Server);
                run.publish(&[lead.map_err(cannot("a lead cannot be made"))?]).await?;
                world.key(self.number)
            }
        };
        let accepted = Instant::now();
        let ident = Ident::of_key(false, &key.map_err(cannot("a key cannot be made"))?);
        loop {
            let seen = sqlx::query_scalar(SEEN).bind(self.program.get()).bind(ident.uuid());
            if seen.fetch_one(&mut self.store).await.map_err(cannot("the probe cannot look"))? {
                return Ok(accepted.elapsed());
            }
            if accepted.elapsed() > PATIENCE {
                return Err(Failure::Found(format!("a lead was accepted and is not stored after {PATIENCE:?}")));
            }
            sleep(LOOK).await;
        }
    }
}

fn request(key: &str, customer: &str) -> String {
    let body = format!(r#"{{"customer_key":"{customer}"}}"#);
    let length = body.len();
    format!(
        "POST /api/v1/track/lead HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Median and 99th percentile.
pub(super) fn latency_of(mut lags: Vec<Duration>) -> Option<Latency> {
    lags.sort_unstable();
    let at = |hundredths: usize| lags.get((lags.len() * hundredths / 100).min(lags.len().saturating_sub(1))).copied();
    Some(Latency { median: at(50)?, p99: at(99)? })
}

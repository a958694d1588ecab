//! Who takes turns in accepting leads, and where everything that it accepted must be found afterwards.

use super::child::Child;
use super::load::{self, Leads, Rate, Since, Tally, Target};
use super::machine::{Process, Watch};
use super::place::{BenchServers, Place};
use super::plan::Plan;
use super::roles::{self, Role};
use super::round::{Measured, Turn};
use super::words::{cannot, say};
use crate::failure::Failure;
use crate::store_choice::STORE_FILE;
use domain::pack::decode;
use lapin::options::QueuePurgeOptions;
use queue::Queue;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::Store;
use tokio::time::{sleep, timeout};

/// What was accepted is found within this, or it is lost.
const FOUND: Duration = Duration::from_secs(60);
/// Between two looks at what is stored.
const LOOK: Duration = Duration::from_millis(100);
/// Packs that are taken out of the queue at a time.
const PREFETCH: u16 = 64;
/// Leads in a request of the bulk endpoint.
pub(super) const BULK: usize = 100;

/// One of those who take turns.
pub(super) struct Contender<'a> {
    place: &'a Place,
    role: Role,
    child: Child,
    target: Target,
    leads: Leads,
    watch: Watch,
    /// The file of the embedded store.
    store: Option<PathBuf>,
    /// Leads that it said it took.
    taken: u64,
    pub(super) connections: usize,
    pub(super) measured: Measured,
}

impl<'a> Contender<'a> {
    /// Starts the role's process and prepares what it needs.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(place: &'a Place, role: Role, connections: usize) -> Result<Self, Failure> {
        let mut environment = place.environment();
        let mut store = None;
        match role {
            Role::Handler | Role::Up => {
                let directory = place.fresh_directory()?;
                environment.extend(embedded(place, &directory).await?);
                store = Some(directory.join(STORE_FILE));
            }
            Role::Insert => place.servers()?.run(roles::INSERT_TABLE).await?,
            Role::Message => {
                environment.extend(roles::with_queue(&place.servers()?.message_queue(), &place.key));
            }
            Role::Echo | Role::Ingest | Role::Textbook | Role::Worker => {}
        }
        let state = place.fresh_directory()?.display().to_string();
        environment.push(("AFFITOR_INGEST__STATE_DIR".to_owned(), state));
        let child = Child::start(role, environment).await?;
        let mut watch = Watch::default().and(role.name(), child.process);
        if let Some(servers) = &place.servers {
            watch = watch.and_server("broker", servers.amqp_port).and_server("postgres", servers.database_port);
        }
        Ok(Contender {
            place,
            role,
            target: if role == Role::Echo { Target::echo(child.address) } else { Target::at(child.address) },
            child,
            leads: Leads::single(place),
            watch: watch.and("client", Process::this()),
            store,
            taken: 0,
            connections,
            measured: Measured::new(format!("{} {connections}", role.name())),
        })
    }

    /// Sends bulk requests from here on.
    pub(super) fn in_bulk(mut self) -> Self {
        self.leads = Leads::bulk(self.place, BULK);
        self.target.success = format!("{{\"success\":true,\"accepted\":{BULK},");
        self.measured.name = format!("{} bulk of {BULK} {}", self.role.name(), self.connections);
        self
    }

    /// A turn at full speed.
    ///
    /// # Errors
    /// A request was not answered well, or what was accepted is not where it must be.
    pub(super) async fn turn(&mut self, duration: Duration) -> Result<Turn, Failure> {
        let leads = self.leads.renewed();
        let tally = load::closed(&self.target, leads, self.connections, duration, self.watch.clone()).await?;
        self.settle(tally).await
    }

    /// A turn at a steady rate, in requests a second.
    ///
    /// # Errors
    /// As [`Contender::turn`].
    pub(super) async fn steady_turn(&mut self, per_second: f64, duration: Duration) -> Result<Turn, Failure> {
        let tally = self.offer(per_second, duration, Since::Due).await?;
        self.settle(tally).await
    }

    /// Offers requests at a steady rate, more perhaps than it can take. To be followed by [`Contender::check`].
    ///
    /// # Errors
    /// It cannot be connected to.
    pub(super) async fn offer(&self, per_second: f64, duration: Duration, since: Since) -> Result<Tally, Failure> {
        let rate = Rate { per_second, since };
        let leads = self.leads.renewed();
        load::open(&self.target, leads, self.connections, rate, duration, self.watch.clone()).await
    }

    async fn settle(&mut self, tally: Tally) -> Result<Turn, Failure> {
        let tally = tally.all_taken().map_err(cannot(self.role.name()))?;
        self.check(&tally).await?;
        Ok(tally.into())
    }

    /// Finds what was accepted, and takes it away.
    ///
    /// # Errors
    /// It is not there, or more than it.
    pub(super) async fn check(&mut self, tally: &Tally) -> Result<(), Failure> {
        self.taken += tally.taken;
        let found = match self.role {
            // Nothing is kept.
            Role::Echo | Role::Handler | Role::Textbook | Role::Worker => return Ok(()),
            Role::Up => return self.until_stored().await,
            Role::Ingest => in_packs(self.place.servers()?, tally.taken).await?,
            Role::Insert => in_rows(self.place.servers()?).await?,
            Role::Message => in_messages(self.place.servers()?).await?,
        };
        if found == tally.taken {
            return Ok(());
        }
        let (name, taken) = (self.role.name(), tally.taken);
        Err(Failure::Found(format!("{name} said that it took {taken} leads, and {found} are found")))
    }

    /// Waits until the embedded store has everything: what is still to be stored would slow down whoever is next.
    async fn until_stored(&self) -> Result<(), Failure> {
        let Some(file) = &self.store else { return Ok(()) };
        let store = Store::sqlite(file).await?;
        let begun = Instant::now();
        let mut stored = store.ledger().await?.processed;
        while stored < self.taken && begun.elapsed() < FOUND {
            sleep(LOOK).await;
            stored = store.ledger().await?.processed;
        }
        store.close().await;
        let taken = self.taken;
        if stored == taken {
            return Ok(());
        }
        Err(Failure::Found(format!("`affitor up` took {taken} leads, and {stored} are stored")))
    }

    /// Ends its process and keeps the figures.
    ///
    /// # Errors
    /// It does not end well.
    pub(super) async fn end(mut self) -> Result<Measured, Failure> {
        self.measured.peak_mib = self.child.process.peak_mib();
        self.child.stop().await?;
        Ok(self.measured)
    }
}

/// Starts a contender for each role, lets them take turns, after one each that does not count, and ends them.
///
/// # Errors
/// A turn failed.
pub(super) async fn compete<const N: usize>(
    plan: &Plan,
    mut contenders: [Contender<'_>; N],
) -> Result<[Measured; N], Failure> {
    for contender in &mut contenders {
        contender.turn(plan.warm_up()).await?;
    }
    for round in 1..=plan.rounds {
        // Nobody always comes after the same.
        let mut order: [usize; N] = std::array::from_fn(|place| place);
        if round % 2 == 0 {
            order.reverse();
        }
        for place in order {
            let contender = &mut contenders[place];
            let turn = contender.turn(plan.turn).await?;
            let (name, rate) = (&contender.measured.name, turn.rate());
            say(format_args!("round {round} of {}: {name}: {rate:.0} leads/s", plan.rounds));
            contender.measured.turns.push(turn);
        }
    }
    let mut measured = Vec::with_capacity(N);
    for contender in contenders {
        measured.push(contender.end().await?);
    }
    measured.try_into().map_err(|_| Failure::Found("a contender is missing".to_owned()))
}

/// A directory with a store that has the program, and settings without servers.
async fn embedded(place: &Place, directory: &Path) -> Result<Vec<(String, String)>, Failure> {
    let store = Store::sqlite(&directory.join(STORE_FILE)).await?;
    store.migrate().await?;
    let made = place.make_program(&store).await;
    store.close().await;
    made?;
    let none = |name: &str| (name.to_owned(), String::new());
    Ok(vec![roles::with_directory(directory), none("AFFITOR_QUEUE__AMQP_URL"), none("AFFITOR_STORE__DATABASE_URL")])
}

/// Counts the leads in the queue, of which so many are expected, and takes them away.
///
/// # Errors
/// There are fewer.
pub(super) async fn in_packs(servers: &BenchServers, expected: u64) -> Result<u64, Failure> {
    let queue = servers.queue().await?;
    let found = timeout(FOUND, count_packs(servers, &queue, expected)).await;
    queue.close().await;
    found.map_err(|_| Failure::Found(format!("not all of the {expected} leads that were accepted are in the queue")))?
}

async fn count_packs(servers: &BenchServers, queue: &Queue, expected: u64) -> Result<u64, Failure> {
    let mut consumer = queue.consumer(PREFETCH);
    let (mut found, mut packs) = (0, 0);
    while found < expected {
        let delivery = consumer.next().await.map_err(cannot("the queue cannot be read"))?;
        let pack = decode(&delivery.body).map_err(cannot("a pack cannot be read"))?;
        if servers.is_new(pack.header.run, pack.header.number) {
            found += pack.records.iter().filter(|record| record.is_ok()).count() as u64;
        }
        packs += 1;
        // A quorum queue is behind with many acknowledgements, and forgets those when the channel is closed.
        if found >= expected || packs % (PREFETCH / 2) == 0 {
            consumer.ack_through(delivery.tag).await.map_err(cannot("the queue cannot be emptied"))?;
        }
    }
    consumer.close().await;
    Ok(found)
}

async fn in_rows(servers: &BenchServers) -> Result<u64, Failure> {
    let mut connection = servers.connect().await?;
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM bench_lead").fetch_one(&mut connection).await;
    let count = count.map_err(cannot("the rows cannot be counted"))?;
    servers.run("TRUNCATE bench_lead").await?;
    Ok(count.unsigned_abs())
}

/// Counts the messages of the baseline with one per lead, and takes them away.
///
/// # Errors
/// The broker refuses.
pub(super) async fn in_messages(servers: &BenchServers) -> Result<u64, Failure> {
    let broker = servers.broker().await?;
    let purged = async {
        let channel = broker.create_channel().await?;
        let purged = channel.queue_purge(servers.message_queue().into(), QueuePurgeOptions::default()).await?;
        broker.close(200, "done".into()).await?;
        Ok::<_, lapin::Error>(u64::from(purged))
    };
    purged.await.map_err(cannot("the messages cannot be counted"))
}

//! Databases of a turn: one is prepared, and each turn gets a copy of it, so that all begin alike.
//!
//! They stand beside the bench's own database under names that begin with its name, and are taken away with it.

use super::stream::Stored;
use super::world::World;
use crate::bench::place::BenchServers;
use crate::bench::words::cannot;
use crate::failure::Failure;
use domain::event::Event;
use domain::outcome::Reason;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};
use std::time::Duration;
use store::batch::{Batch, PackEntry};
use store::{PostgresSettings, Store, Verdict};
use uuid::Uuid;

/// Clicks that are stored in one go.
const CLICKS_PER_BATCH: u64 = 1_000;
/// Connections that store clicks.
const SEEDERS: u64 = 2;
/// The copy of a database without writing it to the log first, where the server knows the choice.
const BY_FILES: &str = "SELECT current_setting('server_version_num')::int >= 150000";

/// One database of the bench.
#[derive(Clone)]
pub(in crate::bench) struct Ground<'a> {
    servers: &'a BenchServers,
    pub(in crate::bench) options: PgConnectOptions,
    name: String,
}

impl<'a> Ground<'a> {
    /// An empty one with the product's tables.
    ///
    /// # Errors
    /// The server refuses.
    pub(in crate::bench) async fn empty(servers: &'a BenchServers, suffix: &str) -> Result<Self, Failure> {
        let ground = Self::named(servers, suffix);
        ground.command(&format!("CREATE DATABASE {}", ground.name)).await?;
        let store = ground.store().await?;
        let migrated = store.migrate().await;
        store.close().await;
        migrated?;
        Ok(ground)
    }

    /// A copy of it, with everything in it; it must not be in use.
    ///
    /// # Errors
    /// The server refuses.
    pub(in crate::bench) async fn copied_to(&self, suffix: &str) -> Result<Self, Failure> {
        let copy = Self::named(self.servers, suffix);
        let mut connection = self.servers.connect().await?;
        let by_files: bool =
            sqlx::query_scalar(BY_FILES).fetch_one(&mut connection).await.map_err(cannot("no server version"))?;
        let strategy = if by_files { " STRATEGY file_copy" } else { "" };
        copy.command(&format!("CREATE DATABASE {} TEMPLATE {}{strategy}", copy.name, self.name)).await?;
        Ok(copy)
    }

    /// Takes it away.
    ///
    /// # Errors
    /// The server refuses.
    pub(in crate::bench) async fn drop(self) -> Result<(), Failure> {
        self.command(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await
    }

    /// The store in it.
    ///
    /// # Errors
    /// The address cannot be used.
    pub(in crate::bench) async fn store(&self) -> Result<Store, Failure> {
        let settings = PostgresSettings::for_url(self.url());
        Ok(Store::postgres(PostgresSettings { statement_timeout: COUNTING, ..settings }).await?)
    }

    /// A connection that knows nothing of the product.
    ///
    /// # Errors
    /// The server does not answer.
    pub(in crate::bench) async fn connect(&self) -> Result<PgConnection, Failure> {
        self.options.connect().await.map_err(cannot("a database of the bench cannot be reached"))
    }

    /// What a process finds in its environment to work in it.
    pub(in crate::bench) fn environment(&self) -> (String, String) {
        ("AFFITOR_STORE__DATABASE_URL".to_owned(), self.url())
    }

    /// Stores clicks as a worker does, then has them ready as they would be in a database that has run for a while.
    ///
    /// # Errors
    /// The database refuses.
    pub(in crate::bench) async fn store_clicks(&self, world: &World, count: u64) -> Result<(), Failure> {
        let store = self.store().await?;
        let seeded = futures_util::future::try_join_all((0..SEEDERS).map(|part| {
            let range = count * part / SEEDERS..count * (part + 1) / SEEDERS;
            store_range(&store, world, range, count)
        }));
        let seeded = seeded.await;
        store.close().await;
        seeded?;
        self.execute("VACUUM (ANALYZE) clicks").await
    }

    /// Counts what is stored; an event counts when the account of packs has it.
    ///
    /// # Errors
    /// The database does not tell, or something was set aside or is missing.
    pub(in crate::bench) async fn stored(&self) -> Result<Stored, Failure> {
        let store = self.store().await?;
        let (account, counted) = (store.ledger().await?, store.count_events().await?);
        store.close().await;
        let attributed = "SELECT count(*) FROM customers WHERE reason = $1";
        let attributed = sqlx::query_scalar(attributed).bind(Reason::Attributed.code());
        let attributed: i64 =
            attributed.fetch_one(&mut self.connect().await?).await.map_err(cannot("customers cannot be counted"))?;
        let set_aside = counted.set_aside + counted.messages_set_aside;
        if set_aside > 0 || account.verdict(Some(0), Duration::ZERO) != Verdict::Balanced {
            return Err(Failure::Found(format!("events were set aside ({set_aside}) or lost: {account:?}")));
        }
        Ok(Stored {
            events: account.processed,
            leads: counted.leads,
            customers: counted.counted_leads,
            attributed: attributed.unsigned_abs(),
            clicks: counted.clicks,
        })
    }

    /// Fails unless exactly what was sent has been stored since.
    ///
    /// # Errors
    /// Something is missing, there twice, or judged otherwise.
    pub(in crate::bench) async fn check(&self, before: &Stored, sent: &Stored) -> Result<(), Failure> {
        let after = self.stored().await?;
        let wanted = before.and(sent);
        if after == wanted {
            return Ok(());
        }
        Err(Failure::Found(format!("the store does not hold what was sent: {after:?}, not {wanted:?}")))
    }

    /// Runs one statement that gives nothing back.
    ///
    /// # Errors
    /// The database refuses.
    pub(in crate::bench) async fn execute(&self, statement: &str) -> Result<(), Failure> {
        execute(&mut self.connect().await?, statement).await
    }

    fn named(servers: &'a BenchServers, suffix: &str) -> Self {
        let name = format!("{}_{suffix}", servers.database.get_database().unwrap_or_default());
        Ground { servers, options: servers.database.clone().database(&name), name }
    }

    fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    /// On the bench's own database, which is never copied nor dropped while this is open.
    async fn command(&self, statement: &str) -> Result<(), Failure> {
        execute(&mut self.servers.connect().await?, statement).await
    }
}

/// To count ten million rows on a busy machine.
const COUNTING: Duration = Duration::from_secs(300);

async fn execute(connection: &mut PgConnection, statement: &str) -> Result<(), Failure> {
    let done = connection.execute(AssertSqlSafe(statement.to_owned())).await;
    done.map(drop).map_err(cannot("the bench's database refuses"))
}

async fn store_range(store: &Store, world: &World, range: std::ops::Range<u64>, of: u64) -> Result<(), Failure> {
    let (mut session, run, mut number, mut stored) = (store.session(), Uuid::new_v4(), 0, 0);
    let mut numbers = range.peekable();
    while numbers.peek().is_some() {
        let clicks = numbers.by_ref().take(CLICKS_PER_BATCH as usize);
        let events: Vec<Event> = clicks.map(|click| world.click(world.old_click(click, of))).collect();
        number += 1;
        let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        let entry = PackEntry { run, number, events: count, confirmed_before: stored, unconfirmed: Vec::new() };
        session.apply(&Batch { packs: vec![entry], events, ..Batch::default() }).await?;
        stored += u64::from(count);
    }
    Ok(())
}

//! Stops workers in the middle of what they do, and sees from outside that they have stopped.

use crate::stage::{Place, Stage};
use domain::{ClickId, Ident};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Generous: only a test that fails waits that long.
const DEADLINE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

const WAITING: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
     AND application_name = 'affitor' AND wait_event_type = 'Lock' \
     AND wait_event IN ('advisory', 'transactionid', 'tuple')";
const CONNECTED: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND application_name = 'affitor' AND backend_type = 'client backend'";

/// Where a worker stops.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// Before a row of that table is written.
    Before(&'static str),
    /// In COMMIT, after a row of that table was written.
    AtCommit(&'static str),
}

/// Closed until it is opened or dropped.
pub(super) struct Gate {
    keeper: PgConnection,
}

impl Gate {
    /// Every worker that writes such a row waits here; `which` is a condition on `NEW`.
    pub(super) async fn close(stage: &Stage, moment: Moment, which: &str) -> Gate {
        let mut keeper = connect(stage).await;
        keeper.execute("SELECT pg_advisory_lock(1)").await.unwrap();
        hang(stage, moment, which, "PERFORM pg_advisory_xact_lock_shared(1)").await;
        Gate { keeper }
    }

    /// Every worker that reads the row of that click waits here, in the middle of a statement.
    pub(super) async fn close_reads(stage: &Stage, click: ClickId) -> Gate {
        let mut keeper = connect(stage).await;
        let click = Ident::of_click(click.is_test(), click).uuid();
        let statements = format!(
            "SELECT pg_advisory_lock(1);
             CREATE FUNCTION at_click(which uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
               IF which = '{click}' THEN PERFORM pg_advisory_xact_lock_shared(1); END IF;
               RETURN true;
             END $$;
             ALTER TABLE clicks RENAME TO all_clicks;
             CREATE VIEW clicks AS SELECT * FROM all_clicks WHERE at_click(click)"
        );
        keeper.execute(AssertSqlSafe(statements)).await.unwrap();
        Gate { keeper }
    }

    pub(super) async fn open(mut self) {
        self.keeper.execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    }
}

/// Runs a line of PL/pgSQL at that moment.
pub(super) async fn hang(stage: &Stage, moment: Moment, which: &str, line: &str) {
    let (table, kind, when) = match moment {
        Moment::Before(table) => (table, "TRIGGER", format!("BEFORE INSERT OR UPDATE ON {table}")),
        Moment::AtCommit(table) => {
            let when = format!("AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED");
            (table, "CONSTRAINT TRIGGER", when)
        }
    };
    let statements = format!(
        "CREATE OR REPLACE FUNCTION at_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {line}; RETURN NEW; END $$;
         CREATE {kind} at_{table} {when} FOR EACH ROW WHEN ({which}) EXECUTE FUNCTION at_{table}()"
    );
    connect(stage).await.execute(AssertSqlSafe(statements)).await.unwrap();
}

pub(super) async fn take_down(stage: &Stage, moment: Moment) {
    let (Moment::Before(table) | Moment::AtCommit(table)) = moment;
    connect(stage).await.execute(AssertSqlSafe(format!("DROP TRIGGER at_{table} ON {table}"))).await.unwrap();
}

pub(super) async fn connect(stage: &Stage) -> PgConnection {
    match &stage.place {
        Place::Postgres(database) => database.connect().await,
        Place::Sqlite(_) => panic!("only Postgres has workers side by side"),
    }
}

/// The backend of the one worker that waits.
pub(super) async fn the_waiting_one(stage: &Stage) -> i32 {
    let mut eyes = connect(stage).await;
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        let waiting: Vec<i32> = sqlx::query_scalar(WAITING).fetch_all(&mut eyes).await.unwrap();
        if let [pid] = waiting[..] {
            return pid;
        }
        sleep(PAUSE).await;
    }
    panic!("no worker waits");
}

/// Until that many workers wait, or this one has finished: a worker that does not wait where it should is found out
/// by what it leaves behind.
pub(super) async fn until_waiting_or_done<T>(stage: &Stage, count: usize, worker: &JoinHandle<T>) {
    let mut eyes = connect(stage).await;
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        let waiting: Vec<i32> = sqlx::query_scalar(WAITING).fetch_all(&mut eyes).await.unwrap();
        if waiting.len() >= count || worker.is_finished() {
            return;
        }
        sleep(PAUSE).await;
    }
    panic!("the worker neither waits nor ends");
}

/// The server's counters are complete once the workers' backends have ended.
pub(super) async fn until_workers_are_gone(stage: &Stage) {
    let mut eyes = connect(stage).await;
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        let connected: i64 = sqlx::query_scalar(CONNECTED).fetch_one(&mut eyes).await.unwrap();
        if connected == 0 {
            return;
        }
        sleep(PAUSE).await;
    }
    panic!("a worker's backend is still there");
}

/// Whether somebody holds what the statement needs. Who is in doubt waits, and a millisecond of waiting is an answer.
pub(super) async fn is_held(prober: &mut PgConnection, statement: &str) -> bool {
    prober.execute("BEGIN; SET LOCAL lock_timeout = '1ms'").await.unwrap();
    let answer = prober.execute(AssertSqlSafe(statement.to_owned())).await;
    prober.execute("ROLLBACK").await.unwrap();
    match answer {
        Ok(_) => false,
        Err(error) => {
            let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
            assert_eq!(code.as_deref(), Some("55P03"), "{error}");
            true
        }
    }
}

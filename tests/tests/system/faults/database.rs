//! A PostgreSQL server that is stopped at once, takes no writes, has no connection left, and ends sessions.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use tests::{Client, Pipeline, PrivatePostgres, Servers, VISIBLE, eventually};
use tokio::time::sleep;

use super::{A_SECOND, Scene};

/// How soon after its end a fault may be over for a worker.
const RECOVERY: Duration = Duration::from_secs(10);

const END_THE_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name <> 'test'";

async fn scene(postgres: &PrivatePostgres) -> Scene {
    Scene::start(Pipeline::prepared_on(&Servers::from_env().amqp_url, &postgres.url()).await).await
}

/// A session that the test's own faults spare.
async fn session(postgres: &PrivatePostgres) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect(&format!("{}?application_name=test", postgres.url())).await
}

/// Holds all that the server has, the reserve for such as the test included, so that the programs have none.
async fn take_every_connection(postgres: &PrivatePostgres, own: &mut PgConnection) -> Vec<PgConnection> {
    let theirs = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
         AND application_name <> 'test'";
    let (mut others, end) = (Vec::new(), Instant::now() + VISIBLE);
    loop {
        own.execute(END_THE_OTHERS).await.unwrap();
        while let Ok(other) = session(postgres).await {
            others.push(other);
        }
        let theirs: i64 = sqlx::query_scalar(theirs).fetch_one(&mut *own).await.unwrap();
        if theirs == 0 {
            return others;
        }
        assert!(Instant::now() < end, "the programs still have {theirs} connections");
    }
}

/// No client has noticed anything.
fn nobody_was_refused(scene: &Scene) {
    assert_eq!(scene.load.refused_so_far(), 0);
}

#[tokio::test]
async fn a_database_that_is_stopped_at_once_and_started_again_costs_nothing() {
    let mut postgres = PrivatePostgres::start(&[]).await;
    let scene = scene(&postgres).await;
    let nemesis = async {
        scene.begun(20).await;
        postgres.stop_immediately().await;
        scene.readiness("worker", A_SECOND, Some("database")).await;
        scene.begun(60).await;
        postgres.start_again().await;
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    nobody_was_refused(&scene);
    scene.is_whole("database stopped at once", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_waited_for() {
    let postgres = PrivatePostgres::start(&[]).await;
    let scene = scene(&postgres).await;
    let mut connection = session(&postgres).await.unwrap();
    let nemesis = async {
        scene.begun(20).await;
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on").await.unwrap();
        connection.execute("SELECT pg_reload_conf()").await.unwrap();
        connection.execute(END_THE_OTHERS).await.unwrap();
        scene.readiness("worker", A_SECOND, Some("read-only")).await;
        scene.begun(60).await;
        connection.execute("ALTER SYSTEM RESET default_transaction_read_only").await.unwrap();
        connection.execute("SELECT pg_reload_conf()").await.unwrap();
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    nobody_was_refused(&scene);
    scene.is_whole("database without writes", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_database_without_a_connection_left_is_waited_for() {
    let postgres = PrivatePostgres::start(&["-c", "max_connections=30"]).await;
    let scene = scene(&postgres).await;
    let mut connection = session(&postgres).await.unwrap();
    let nemesis = async {
        scene.begun(20).await;
        let others = take_every_connection(&postgres, &mut connection).await;
        scene.readiness("worker", A_SECOND, Some("database")).await;
        scene.begun(60).await;
        drop(others);
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    nobody_was_refused(&scene);
    scene.is_whole("database out of connections", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn sessions_that_the_database_ends_again_and_again_cost_nothing() {
    let postgres = PrivatePostgres::start(&[]).await;
    let scene = scene(&postgres).await;
    let mut connection = session(&postgres).await.unwrap();
    let nemesis = async {
        for percent in [10, 20, 30, 40, 50, 60, 70, 80] {
            scene.begun(percent).await;
            connection.execute(END_THE_OTHERS).await.unwrap();
        }
        scene.drained().await
    };
    let recovered = scene.under_load(nemesis).await;
    nobody_was_refused(&scene);
    scene.is_whole("sessions ended by the database", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn sessions_that_the_database_ends_every_second_leave_the_worker_half_its_pace() {
    let postgres = PrivatePostgres::start(&[]).await;
    let scene = scene(&postgres).await;
    let mut connection = session(&postgres).await.unwrap();
    let nemesis = async {
        scene.begun(5).await;
        let (accepted, stored) = (scene.load.accepted_so_far(), scene.stored.events().await);
        for _ in 0..4 {
            connection.execute(END_THE_OTHERS).await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        let (accepted, stored) = (scene.load.accepted_so_far() - accepted, scene.stored.events().await - stored);
        (accepted, usize::try_from(stored).unwrap(), scene.drained().await)
    };
    let (accepted, stored, recovered) = scene.under_load(nemesis).await;
    nobody_was_refused(&scene);
    println!("sessions ended every second: stored {stored} while {accepted} were accepted");
    scene.is_whole("sessions ended every second", recovered).await;
    assert!(2 * stored >= accepted && stored > 0, "{stored} of {accepted}");
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_database_whose_processes_are_killed_costs_nothing() {
    let mut postgres = PrivatePostgres::start(&[]).await;
    let scene = scene(&postgres).await;
    let mut connection = session(&postgres).await.unwrap();
    let nemesis = async {
        scene.begun(20).await;
        let lane = process_of_a_lane(&mut connection).await;
        // The server then ends all others, this test's too, and recovers.
        signal("KILL", &[lane]);
        while connection.ping().await.is_ok() {}
        eventually(VISIBLE, || session(&postgres)).await;
        let first = scene.drained().await;
        scene.begun(40).await;
        postgres.kill().await;
        scene.readiness("worker", A_SECOND, Some("database")).await;
        scene.begun(70).await;
        postgres.start_again().await;
        first.max(scene.drained().await)
    };
    let recovered = scene.under_load(nemesis).await;
    nobody_was_refused(&scene);
    scene.is_whole("database processes killed", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

/// The server's process for a session that stores events.
async fn process_of_a_lane(connection: &mut PgConnection) -> i32 {
    let lane = "SELECT pid FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND query LIKE '/* % */ %' LIMIT 1";
    let end = Instant::now() + VISIBLE;
    loop {
        if let Some(process) = sqlx::query_scalar(lane).fetch_optional(&mut *connection).await.unwrap() {
            return process;
        }
        assert!(Instant::now() < end, "no session stores events");
    }
}

#[tokio::test]
async fn a_database_that_stands_still_for_seconds_is_waited_for() {
    let postgres = PrivatePostgres::start(&[]).await;
    let scene = scene(&postgres).await;
    let nemesis = async {
        scene.begun(20).await;
        postgres.freeze(true);
        scene.readiness("worker", A_SECOND, Some("does not answer")).await;
        sleep(Duration::from_secs(2)).await;
        postgres.freeze(false);
        let recovered = scene.drained().await;
        scene.readiness("worker", A_SECOND, None).await;
        recovered
    };
    let recovered = scene.under_load(nemesis).await;
    nobody_was_refused(&scene);
    scene.is_whole("database stands still", recovered).await;
    assert!(recovered < RECOVERY, "{recovered:?}");
}

#[tokio::test]
async fn a_connection_that_has_gone_silent_is_given_up_and_another_made() {
    let postgres = PrivatePostgres::start(&[]).await;
    let mut pipeline = Pipeline::prepared_on(&Servers::from_env().amqp_url, &postgres.url()).await;
    for wait in ["STATEMENT", "LOCK", "IDLE_IN_TRANSACTION"] {
        pipeline.environment.push((format!("AFFITOR_STORE__{wait}_TIMEOUT_MS"), "500".into()));
    }
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let (_ingest, _worker) = (pipeline.start("ingest").await, pipeline.start("worker").await);
    let event = client.send_lead(&program, &json!({"customer_key": "u1"})).await.event_id();
    let stored = pipeline.stored().await;
    let events = async |wanted: i64| {
        eventually(VISIBLE, async || match stored.events().await {
            events if events == wanted => Ok(()),
            events => Err(format!("{events} of {wanted} stored")),
        })
        .await;
    };
    events(1).await;
    let mut connection = session(&postgres).await.unwrap();
    let theirs = "SELECT pid FROM pg_stat_activity WHERE query LIKE '/* packs */%' OR query = 'COMMIT'";
    let silenced: Vec<i32> = sqlx::query_scalar(theirs).fetch_all(&mut connection).await.unwrap();
    assert!(!silenced.is_empty(), "no session has stored {event}");
    signal("STOP", &silenced);
    assert_eq!(client.send_lead(&program, &json!({"customer_key": "u2"})).await.status, 200);
    events(2).await;
    signal("CONT", &silenced);
    stored.close().await;
}

/// Sends a signal to the server's own processes.
fn signal(signal: &str, processes: &[i32]) {
    let processes = processes.iter().map(i32::to_string);
    let sent = Command::new("kill").arg(format!("-{signal}")).args(processes).status();
    assert!(sent.expect("the system's kill").success());
}

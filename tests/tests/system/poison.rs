//! Events that cannot be stored, or that kill the worker that stores them: set aside alone, their neighbours stored.

use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tests::{Client, Load, Pipeline, Process, TestProgram, VISIBLE, eventually};

/// In these databases the insert of a customer with this key never goes well.
const POISON: &str = "poison";

async fn database(pipeline: &Pipeline) -> PgConnection {
    PgConnection::connect(pipeline.settings().store.database_url.expose()).await.unwrap()
}

/// Makes every insert of the poisoned customer run `action` first.
async fn poison(connection: &mut PgConnection, action: &str) {
    let statement = format!(
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action}; RETURN NEW; END $$;
         CREATE TRIGGER poison BEFORE INSERT ON customers FOR EACH ROW
         WHEN (NEW.customer_key = '{POISON}') EXECUTE FUNCTION poison()"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.unwrap();
}

async fn send(client: &Client, program: &TestProgram, keys: impl IntoIterator<Item = String>) {
    for key in keys {
        let answer = client.send_lead(program, &json!({"customer_key": key})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

fn neighbours() -> Vec<String> {
    (0..20).map(|number| format!("neighbour_{number}")).collect()
}

/// Key or event, and reason, of everything that is set aside.
async fn set_aside(connection: &mut PgConnection) -> Vec<(i16, String)> {
    let rows = connection.fetch_all("SELECT reason, message FROM dead_letters").await.unwrap();
    rows.iter().map(|row| (row.get("reason"), row.get("message"))).collect()
}

async fn customers(connection: &mut PgConnection) -> i64 {
    let row = connection.fetch_one("SELECT count(*) FROM customers WHERE status IS NOT NULL").await.unwrap();
    row.get(0)
}

/// Waits until the neighbours are stored and one event, the poison, is set aside for that reason.
async fn only_the_poison_is_set_aside(connection: &mut PgConnection, reason: i16) {
    let wanted = neighbours().len() as i64;
    for _ in 0..VISIBLE.as_secs() * 10 {
        if customers(connection).await == wanted && set_aside(connection).await.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let letters = set_aside(connection).await;
    assert_eq!((customers(connection).await, letters.len()), (wanted, 1), "{letters:?}");
    assert_eq!(letters[0].0, reason, "{letters:?}");
    assert!(!letters[0].1.contains(POISON), "{letters:?}");
}

/// Waits until a worker is storing the poison, then kills it.
async fn kill_at_the_poison(connection: &mut PgConnection, worker: &mut Process) -> bool {
    let asleep = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    for _ in 0..100 {
        if let Some(row) = connection.fetch_optional(asleep).await.unwrap() {
            worker.kill();
            let backend: i32 = row.get(0);
            let end = format!("SELECT pg_terminate_backend({backend}, 5000)");
            connection.execute(AssertSqlSafe(end)).await.unwrap();
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn an_event_that_the_database_refuses_is_set_aside_and_its_neighbours_are_stored() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let mut connection = database(&pipeline).await;
    poison(&mut connection, "RAISE check_violation").await;
    let _ingest = pipeline.start("ingest").await;
    send(&client, &program, neighbours().into_iter().take(10).chain([POISON.to_owned()])).await;
    send(&client, &program, neighbours().into_iter().skip(10)).await;
    // Everything waits in the queue, so that the poison shares its batch.
    let _worker = pipeline.start("worker").await;
    only_the_poison_is_set_aside(&mut connection, 4).await;
}

#[tokio::test]
async fn an_event_that_kills_its_workers_does_so_three_times_and_takes_no_neighbour_with_it() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let mut connection = database(&pipeline).await;
    poison(&mut connection, "PERFORM pg_sleep(10)").await;
    let _ingest = pipeline.start("ingest").await;
    send(&client, &program, neighbours().into_iter().chain([POISON.to_owned()])).await;
    let mut kills = 0;
    let mut worker = pipeline.start("worker").await;
    while kill_at_the_poison(&mut connection, &mut worker).await {
        kills += 1;
        assert!(kills <= 3, "the poison goes on killing workers");
        worker = pipeline.start("worker").await;
    }
    assert_eq!(kills, 3);
    only_the_poison_is_set_aside(&mut connection, 5).await;
}

#[tokio::test]
async fn workers_that_are_killed_again_and_again_set_nothing_aside() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    let mut worker = pipeline.start("worker").await;
    let load = Load::new(Load::usual() / 2, 16, &pipeline.directory.path().join("books"));
    let nemesis = async {
        for round in 1..=8 {
            let wanted = load.leads() * round / 10;
            eventually(
                Duration::from_secs(60),
                async || if load.begun() >= wanted { Ok(()) } else { Err(load.begun()) },
            )
            .await;
            worker.kill();
            worker = pipeline.start("worker").await;
        }
    };
    tokio::join!(load.run(&client, &program), nemesis);
    let (stored, accepted) = (pipeline.stored().await, load.accepted());
    println!("{}", eventually(VISIBLE * 2, || accepted.compare(&stored, &program)).await);
    assert_eq!(stored.dead_letters().await, 0);
    stored.close().await;
}

#[tokio::test]
async fn workers_that_stop_in_peace_while_a_message_waits_for_a_lock_set_nothing_aside() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    send(&client, &program, neighbours()).await;
    let (mut connection, mut other) = (database(&pipeline).await, database(&pipeline).await);
    connection.execute("BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    for round in 0..4 {
        let mut worker = pipeline.start("worker").await;
        for _ in 0..100 {
            if other.fetch_optional(waiting).await.unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The first one dies, so that the others find a message that came again.
        if round == 0 {
            worker.kill();
        } else {
            assert_eq!(worker.terminate(Duration::from_secs(10)).await.code(), Some(0), "{}", worker.output());
        }
    }
    connection.execute("ROLLBACK").await.unwrap();
    let _worker = pipeline.start("worker").await;
    for _ in 0..VISIBLE.as_secs() * 10 {
        if customers(&mut other).await == neighbours().len() as i64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(customers(&mut other).await, neighbours().len() as i64);
    assert_eq!(set_aside(&mut other).await, []);
}

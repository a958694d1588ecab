//! Leads under load while programs are killed and stopped: what the client was told is compared with the database.
//! `AFFITOR_TEST_LEADS` says how many leads; the default suits every run, 50,000 shows more.

use std::time::{Duration, Instant};

use tests::{Client, Load, Pipeline, Process, TestProgram, VISIBLE, eventually};

/// How long a program may take to stop when it is asked to.
const STOP: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 32;

/// Waits until so many of a hundred parts of the load have been begun.
async fn until(load: &Load, percent: usize) {
    let wanted = load.leads() * percent / 100;
    let patience = Duration::from_secs(60) + Duration::from_millis(20) * u32::try_from(load.leads()).unwrap();
    eventually(patience, async || {
        let begun = load.begun();
        if begun >= wanted { Ok(()) } else { Err(format!("{begun} of {wanted} leads begun")) }
    })
    .await;
}

/// Waits until everything the client was told is in the database, and shows the line that says so.
async fn all_stored(pipeline: &Pipeline, program: &TestProgram, load: &Load) {
    let stored = pipeline.stored().await;
    let accepted = load.accepted();
    assert!(!accepted.events.is_empty());
    let patience = VISIBLE + Duration::from_millis(5) * u32::try_from(load.leads()).unwrap();
    println!("{}", eventually(patience, || accepted.compare(&stored, program)).await);
    stored.close().await;
}

async fn stops_in_time(process: &mut Process) {
    let began = Instant::now();
    let status = process.terminate(STOP).await;
    assert_eq!(status.code(), Some(0), "{}", process.output());
    assert!(began.elapsed() <= STOP);
}

#[tokio::test]
async fn no_accepted_lead_is_lost_or_doubled_when_a_worker_is_killed() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    let mut first = pipeline.start("worker").await;
    let _second = pipeline.start_another_worker().await;
    let load = Load::new(Load::usual(), CONNECTIONS, &pipeline.directory.path().join("books"));
    let nemesis = async {
        // Stopped first, so that it surely has deliveries in hand when it is killed.
        until(&load, 30).await;
        first.signal("STOP");
        until(&load, 40).await;
        first.kill();
        until(&load, 60).await;
        first = pipeline.start("worker").await;
    };
    tokio::join!(load.run(&client, &program), nemesis);
    assert_eq!(load.accepted().events.len(), load.leads(), "every lead was accepted in the end");
    all_stored(&pipeline, &program, &load).await;
}

#[tokio::test]
async fn ingest_stops_under_load_without_losing_what_it_has_accepted() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let mut ingest = pipeline.start("ingest").await;
    let mut worker = pipeline.start("worker").await;
    let load = Load::new(Load::usual(), CONNECTIONS, &pipeline.directory.path().join("books"));
    let stop = async {
        until(&load, 50).await;
        stops_in_time(&mut ingest).await;
        load.stop();
    };
    tokio::join!(load.run(&client, &program), stop);
    all_stored(&pipeline, &program, &load).await;
    stops_in_time(&mut worker).await;
}

#[tokio::test]
async fn a_worker_stops_under_load_and_another_goes_on() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    let mut first = pipeline.start("worker").await;
    let _second = pipeline.start_another_worker().await;
    let load = Load::new(Load::usual() / 3, CONNECTIONS, &pipeline.directory.path().join("books"));
    let stop = async {
        until(&load, 50).await;
        stops_in_time(&mut first).await;
    };
    tokio::join!(load.run(&client, &program), stop);
    all_stored(&pipeline, &program, &load).await;
}

#[tokio::test]
async fn leads_accepted_before_any_worker_runs_are_stored_later() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let mut ingest = pipeline.start("ingest").await;
    let load = Load::new(300, CONNECTIONS, &pipeline.directory.path().join("books"));
    load.run(&client, &program).await;
    ingest.kill();
    assert_eq!(load.accepted().events.len(), 300);
    let _worker = pipeline.start("worker").await;
    all_stored(&pipeline, &program, &load).await;
}

//! What was set aside is processed later: by a worker that knows it now, or by a person.

use domain::Event;
use domain::outcome::DeadLetterReason;
use domain::pack::{self, PackHeader, PackWriter};
use domain::scenario::server;
use store::batch::{Batch, DeadLetter};
use store::{LetterFilter, Store};
use tests::{Client, Pipeline, START, TestProgram, VISIBLE, eventually};
use uuid::Uuid;

/// Sets a lead aside as if a worker had not known its version.
async fn set_aside(store: &Store, program: &TestProgram, number: u32, whole_message: bool) -> Event {
    let lead = server(number).key(&format!("usr_{number}")).event();
    assert_eq!(lead.program(), program.id, "the first program of a fresh database");
    let record = pack::encode_record(&lead).unwrap();
    let header = PackHeader { run: Uuid::new_v4(), number: 1, confirmed_before: 0, unconfirmed: vec![] };
    let mut writer = PackWriter::new(&header);
    assert!(writer.push(&record));
    let letter = DeadLetter {
        reason: DeadLetterReason::UnknownVersion,
        message: "record version 2 is not known to this program".to_owned(),
        program: Some(program.id),
        event: Some(lead.id()),
        pack: None,
        body: if whole_message { writer.finish() } else { record },
        whole_message,
    };
    store.session().apply(&Batch { dead_letters: vec![letter], ..Batch::default() }).await.unwrap();
    lead
}

async fn state(client: &Client, program: &TestProgram, event: &Event) -> String {
    let shown = client.read(program, &format!("/api/v1/events/{}", event.id().uuid())).await;
    shown.json()["state"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test]
async fn a_worker_that_starts_replays_what_it_knows_now_and_leaves_the_rest() {
    let pipeline = Pipeline::prepared().await;
    let (program, client, store) = (pipeline.program().await, Client::of(&pipeline), pipeline.store().await);
    let _console = pipeline.start("console").await;
    let known = [set_aside(&store, &program, 1, false).await, set_aside(&store, &program, 2, true).await];
    let unknown = DeadLetter {
        reason: DeadLetterReason::UnknownVersion,
        message: "record version 99 is not known to this program".to_owned(),
        program: None,
        event: None,
        pack: None,
        body: vec![99, 1, 2],
        whole_message: false,
    };
    let left = unknown.id();
    store.session().apply(&Batch { dead_letters: vec![unknown], ..Batch::default() }).await.unwrap();
    assert_eq!(state(&client, &program, &known[0]).await, "dead_lettered");

    let _worker = pipeline.start("worker").await;
    for event in &known {
        eventually(VISIBLE, || async {
            match state(&client, &program, event).await.as_str() {
                "recorded" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
    }
    let letters = store.dead_letters(LetterFilter::default(), None, 10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| (letter.id, letter.replays)).collect::<Vec<_>>(), [(left, 0)]);
    store.close().await;
}

#[tokio::test]
async fn a_replay_by_hand_is_shown_by_the_read_api_and_can_be_repeated() {
    let pipeline = Pipeline::prepared().await;
    let (program, client, store) = (pipeline.program().await, Client::of(&pipeline), pipeline.store().await);
    let _console = pipeline.start("console").await;
    let event = set_aside(&store, &program, 1, false).await;
    store.close().await;
    for arguments in [["dead-letters", "replay", "--all", "--dry-run"].as_slice(), &["dead-letters", "replay", "--all"]]
    {
        let dry = arguments.len() == 4;
        for _ in 0..2 {
            let mut affitor = pipeline.process("affitor", arguments, &[]);
            assert!(affitor.wait_for_end(START).await.success(), "{}", affitor.output());
            let expected = if dry { "dead_lettered" } else { "recorded" };
            assert_eq!(state(&client, &program, &event).await, expected, "{}", affitor.output());
        }
    }
}

//! `affitor dead-letters` on a store in a file.

use crate::commands::{as_json, command, data, refused, text};
use domain::event::Event;
use domain::outcome::{DeadLetterReason, EventState};
use domain::pack::{self, PackHeader, PackWriter};
use domain::scenario::{PROGRAM, server};
use serde_json::Value;
use std::path::Path;
use store::Store;
use store::batch::{Batch, DeadLetter};
use uuid::Uuid;

const KEY: &str = "jane@example.com";

fn letter(reason: DeadLetterReason, body: Vec<u8>, whole_message: bool) -> DeadLetter {
    let message = format!("set aside as {}", reason.name());
    DeadLetter { reason, message, program: None, event: None, pack: None, body, whole_message }
}

fn message(run: u128, event: &Event) -> Vec<u8> {
    let header = PackHeader { run: Uuid::from_u128(run), number: 1, confirmed_before: 0, unconfirmed: vec![] };
    let mut writer = PackWriter::new(&header);
    assert!(writer.push(&pack::encode_record(event).unwrap()));
    writer.finish()
}

fn lead() -> Event {
    server(1).key(KEY).event()
}

/// A lead that can be read, a message that can, and one of each that cannot.
async fn set_aside(data: &Path) -> Vec<Uuid> {
    let event = lead();
    let readable = letter(DeadLetterReason::RefusedByStore, pack::encode_record(&event).unwrap(), false);
    let readable = DeadLetter { program: Some(PROGRAM), event: Some(event.id()), ..readable };
    let mut future = message(8, &event);
    future[3] = 9;
    let letters = [
        readable,
        letter(DeadLetterReason::UnknownVersion, message(7, &server(2).key("usr_2").event()), true),
        letter(DeadLetterReason::Undecodable, vec![1, 0xff], false),
        letter(DeadLetterReason::UnknownVersion, future, true),
    ];
    let store = store(data).await;
    for letter in &letters {
        let batch = Batch { dead_letters: vec![letter.clone()], ..Batch::default() };
        store.session().apply(&batch).await.unwrap();
    }
    store.close().await;
    letters.iter().map(DeadLetter::id).collect()
}

async fn store(data: &Path) -> Store {
    Store::sqlite(&data.join("affitor.db")).await.unwrap()
}

async fn ids(data: &Path, options: &str) -> Vec<Uuid> {
    let listed = as_json(data, &format!("dead-letters list{options}")).await;
    let id = |letter: &Value| letter["dead_letter_id"].as_str().unwrap().parse().unwrap();
    listed.as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn dead_letters_are_listed_by_what_is_asked_for() {
    let data = data().await;
    assert_eq!(text(data.path(), "dead-letters list").await, "no dead letters\n");
    let all = set_aside(data.path()).await;
    assert_eq!(ids(data.path(), "").await, [all[3], all[2], all[1], all[0]]);
    assert_eq!(ids(data.path(), " --reason unknown_version").await, [all[3], all[1]]);
    assert_eq!(ids(data.path(), " --program 1").await, [all[0]]);
    assert!(ids(data.path(), " --since 2999-01-01").await.is_empty());
    assert_eq!(ids(data.path(), " --since 2020-01-01T00:00:00Z --limit 1").await, [all[3]]);
    let page = text(data.path(), "dead-letters list --limit 2").await;
    let place = page.trim_end().rsplit_once("--after ").unwrap().1;
    assert_eq!(ids(data.path(), &format!(" --after {place}")).await, [all[1], all[0]]);
}

#[tokio::test]
async fn a_letter_is_shown_without_the_customers_key() {
    let data = data().await;
    let all = set_aside(data.path()).await;
    let shown = as_json(data.path(), &format!("dead-letters show {}", all[0])).await;
    assert_eq!((&shown["type"], &shown["readable"], &shown["program_id"]), (&"lead".into(), &true.into(), &1.into()));
    assert_eq!(shown["customer_key"], "j*** (16 characters)");
    assert_eq!(shown["body"].as_str().unwrap().len(), 2 * shown["bytes"].as_u64().unwrap() as usize);
    for json in ["", " --json"] {
        let shown = text(data.path(), &format!("dead-letters show {}{json}", all[0])).await;
        assert!(!shown.contains(KEY) && !shown.contains("example.com"), "{shown}");
    }
    let future = as_json(data.path(), &format!("dead-letters show {}", all[3])).await;
    assert_eq!((&future["readable"], &future["whole_message"]), (&false.into(), &true.into()));
    let (code, sentence) = refused(data.path(), &format!("dead-letters show {}", Uuid::nil())).await;
    assert!(code == 1 && sentence.contains("affitor dead-letters list"), "{sentence}");
}

#[tokio::test]
async fn a_replay_stores_what_can_be_read_and_says_what_stays() {
    let data = data().await;
    let all = set_aside(data.path()).await;
    let state = async || {
        let store = store(data.path()).await;
        let state = store.event(PROGRAM, lead().id()).await.unwrap().unwrap().state;
        store.close().await;
        state
    };
    let tried = as_json(data.path(), "dead-letters replay --all --dry-run").await;
    let outcomes: Vec<&str> = tried.as_array().unwrap().iter().map(|fate| fate["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["stays", "stays", "would be replayed", "would be replayed"]);
    assert_eq!((ids(data.path(), "").await.len(), state().await), (4, EventState::DeadLettered));

    for time in 1..=2 {
        let (code, _, errors) = command(data.path(), "dead-letters replay --all").await;
        assert_eq!(code, 1);
        assert!(errors.contains("2 of the dead letters stay"), "{errors}");
        let left = as_json(data.path(), "dead-letters list").await;
        assert_eq!(left.as_array().unwrap().iter().map(|letter| &letter["replays"]).collect::<Vec<_>>(), [time, time]);
        assert_eq!(state().await, EventState::Recorded);
    }
    assert_eq!(ids(data.path(), "").await, [all[3], all[2]]);
    // It is not there any more, and so there is nothing to do.
    let again = text(data.path(), &format!("dead-letters replay {}", all[0])).await;
    assert!(again.contains("no dead letters are meant"), "{again}");
    assert_eq!(as_json(data.path(), "audit").await["processed"], 1);
}

#[tokio::test]
async fn letters_are_given_up_only_when_it_is_meant() {
    let data = data().await;
    let all = set_aside(data.path()).await;
    let (code, _, _) = command(data.path(), "dead-letters discard").await;
    assert_eq!(code, 2);
    let tried = text(data.path(), "dead-letters discard --reason unknown_version --limit 1 --dry-run").await;
    assert!(tried.contains(&all[3].simple().to_string()) && tried.contains("1 would be discarded"), "{tried}");
    assert_eq!(ids(data.path(), "").await.len(), 4);
    text(data.path(), "dead-letters discard --reason unknown_version --limit 1").await;
    text(data.path(), &format!("dead-letters discard {} {}", all[2], all[3])).await;
    assert_eq!(ids(data.path(), "").await, [all[1], all[0]]);
    assert!(text(data.path(), "dead-letters discard --all").await.contains("2 discarded"));
    assert!(ids(data.path(), "").await.is_empty());
}

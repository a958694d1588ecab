//! Dead letters: listed, given up, and gone in the transaction that stores what they held.

use crate::dump;
use crate::stage::Stage;
use domain::event::Event;
use domain::outcome::{DeadLetterReason, EventState};
use domain::scenario::{PROGRAM, server};
use domain::{ProgramId, Timestamp, pack};
use store::batch::{Batch, DeadLetter};
use store::{Letter, LetterFilter, StoreError};
use uuid::Uuid;

on_both! {
    letters_are_listed_newest_first_and_page_by_page,
    letters_are_found_by_reason_program_and_time,
    a_letter_keeps_its_bytes_and_its_pack,
    a_replayed_letter_ends_with_the_batch_that_stores_its_event,
    a_letter_whose_batch_is_refused_stays,
    a_refused_replay_is_noted_and_the_letter_stays,
    a_discarded_letter_is_gone_once_and_counted,
    the_same_bytes_of_two_packs_are_two_letters,
}

const ALL: LetterFilter = LetterFilter { reason: None, program: None, since: None };

fn letter(name: &str, reason: DeadLetterReason, program: ProgramId) -> DeadLetter {
    let event = server(1).key(name).event();
    let message = format!("The letter of {}.", reason.name());
    let body = pack::encode_record(&event).unwrap();
    DeadLetter {
        reason,
        message,
        program: Some(program),
        event: Some(event.id()),
        pack: None,
        body,
        whole_message: false,
    }
}

async fn set_aside(stage: &Stage, letters: impl IntoIterator<Item = DeadLetter>) {
    let mut session = stage.store.session();
    for letter in letters {
        session.apply(&Batch { dead_letters: vec![letter], ..Batch::default() }).await.unwrap();
    }
}

async fn listed(stage: &Stage, filter: LetterFilter) -> Vec<Letter> {
    stage.store.dead_letters(filter, None, 100).await.unwrap()
}

async fn letters_are_listed_newest_first_and_page_by_page(stage: &Stage) {
    let letters: Vec<DeadLetter> =
        (0..5).map(|n| letter(&format!("usr_{n}"), DeadLetterReason::RefusedByStore, PROGRAM)).collect();
    let ids: Vec<Uuid> = letters.iter().rev().map(DeadLetter::id).collect();
    set_aside(stage, letters).await;
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let page = stage.store.dead_letters(ALL, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor().to_string().parse().unwrap());
        // The place in the list stays good when its letter is gone.
        stage.store.discard_letters(&[last.id]).await.unwrap();
        pages.push(page.iter().map(|letter| letter.id).collect::<Vec<_>>());
    }
    assert_eq!(pages, [ids[..2].to_vec(), ids[2..4].to_vec(), ids[4..].to_vec()]);
}

async fn letters_are_found_by_reason_program_and_time(stage: &Stage) {
    let other = ProgramId::new(7).unwrap();
    let letters = [
        letter("one", DeadLetterReason::RefusedByStore, PROGRAM),
        letter("two", DeadLetterReason::UnknownVersion, PROGRAM),
        letter("three", DeadLetterReason::UnknownVersion, other),
    ];
    let ids: Vec<Uuid> = letters.iter().map(DeadLetter::id).collect();
    set_aside(stage, letters).await;
    let found = async |filter| listed(stage, filter).await.iter().map(|letter| letter.id).collect::<Vec<_>>();
    let reason = Some(DeadLetterReason::UnknownVersion);
    assert_eq!(found(LetterFilter { reason, ..ALL }).await, [ids[2], ids[1]]);
    assert_eq!(found(LetterFilter { reason, program: Some(PROGRAM), ..ALL }).await, [ids[1]]);
    let second = listed(stage, ALL).await[1].recorded_at;
    assert_eq!(found(LetterFilter { since: Some(second), ..ALL }).await, [ids[2], ids[1]]);
    let later = Timestamp::from_micros(second.micros() + 3_600_000_000);
    assert!(found(LetterFilter { since: Some(later), ..ALL }).await.is_empty());
}

async fn a_letter_keeps_its_bytes_and_its_pack(stage: &Stage) {
    let place = (Uuid::from_u128(9), 12);
    let body = vec![0, 255, 7];
    let letter = DeadLetter {
        reason: DeadLetterReason::Undecodable,
        message: "The pack's checksum does not match.".to_owned(),
        program: None,
        event: None,
        pack: Some(place),
        body: body.clone(),
        whole_message: true,
    };
    set_aside(stage, [letter.clone(), letter.clone()]).await;
    let found = stage.store.dead_letters_of(&[letter.id(), Uuid::from_u128(1)]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].pack, found[0].bytes, found[0].whole_message), (Some(place), 3, true));
    assert_eq!((found[0].message.as_str(), found[0].replays, found[0].replayed_at), (letter.message.as_str(), 0, None));
    assert_eq!(stage.store.letter_bodies(&[letter.id()]).await.unwrap()[0].body, body);
}

async fn a_replayed_letter_ends_with_the_batch_that_stores_its_event(stage: &Stage) {
    let set = letter("usr_1", DeadLetterReason::UnknownVersion, PROGRAM);
    let event = pack::decode_record(&set.body).unwrap();
    set_aside(stage, [set.clone()]).await;
    let state = async || stage.store.event(PROGRAM, event.id()).await.unwrap().unwrap().state;
    assert_eq!(state().await, EventState::DeadLettered);

    let batch = Batch { events: vec![event.clone()], replayed: vec![set.id()], ..Batch::default() };
    for _ in 0..2 {
        stage.store.session().apply(&batch).await.unwrap();
        assert!(listed(stage, ALL).await.is_empty());
        assert_eq!(state().await, EventState::Recorded);
    }
    assert_eq!(stage.store.count_events().await.unwrap().total(), 1);
}

async fn a_letter_whose_batch_is_refused_stays(stage: &Stage) {
    let set = letter("usr_1", DeadLetterReason::RefusedByStore, PROGRAM);
    let mut event = pack::decode_record(&set.body).unwrap();
    if let Event::Lead(lead) = &mut event {
        lead.detail.0 = Some("a\0b".to_owned());
    }
    set_aside(stage, [set.clone()]).await;
    let batch = Batch { events: vec![event], replayed: vec![set.id()], ..Batch::default() };
    match stage.store.session().apply(&batch).await {
        Err(StoreError::Refused { .. }) => assert_eq!(listed(stage, ALL).await.len(), 1),
        // SQLite takes any text.
        other => assert!(other.is_ok() && listed(stage, ALL).await.is_empty(), "{other:?}"),
    }
}

async fn a_refused_replay_is_noted_and_the_letter_stays(stage: &Stage) {
    let set = letter("usr_1", DeadLetterReason::UnknownVersion, PROGRAM);
    set_aside(stage, [set.clone()]).await;
    for time in 1..=2 {
        let message = "the database refuses the event: 22021";
        stage.store.note_refused_replay(set.id(), DeadLetterReason::RefusedByStore, message).await.unwrap();
        let found = &listed(stage, ALL).await[0];
        assert_eq!((found.reason, found.message.as_str()), (DeadLetterReason::RefusedByStore, message));
        assert_eq!(found.replays, time);
        assert!(found.replayed_at.is_some_and(|at| at >= found.recorded_at));
    }
}

async fn a_discarded_letter_is_gone_once_and_counted(stage: &Stage) {
    let set = letter("usr_1", DeadLetterReason::Undecodable, PROGRAM);
    set_aside(stage, [set.clone()]).await;
    assert_eq!(stage.store.discard_letters(&[set.id(), Uuid::from_u128(1)]).await.unwrap(), 1);
    assert_eq!(stage.store.discard_letters(&[set.id()]).await.unwrap(), 0);
    assert_eq!(dump::count(stage, "dead_letters").await, 0);
    let counted = stage.store.count_events().await.unwrap();
    assert_eq!((counted.set_aside, counted.discarded), (0, 1));
    // Its message came again.
    set_aside(stage, [set]).await;
    let counted = stage.store.count_events().await.unwrap();
    assert_eq!((counted.set_aside, counted.discarded), (1, 0));
}

async fn the_same_bytes_of_two_packs_are_two_letters(stage: &Stage) {
    let bad = |number| DeadLetter {
        reason: DeadLetterReason::Undecodable,
        message: "The record cannot be read.".to_owned(),
        program: None,
        event: None,
        pack: Some((Uuid::from_u128(9), number)),
        body: vec![1, 0xff],
        whole_message: false,
    };
    set_aside(stage, [bad(1), bad(2), bad(1)]).await;
    assert_eq!(stage.store.count_events().await.unwrap().set_aside, 2);
}

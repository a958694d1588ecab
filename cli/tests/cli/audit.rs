//! `affitor audit` on a store in a file.

use crate::commands::{as_json, command, data, text};
use domain::event::Event;
use domain::scenario::server;
use serde_json::{Value, json};
use std::path::Path;
use store::Store;
use store::batch::{Batch, PackEntry};
use uuid::Uuid;

const RUN: Uuid = Uuid::from_u128(0x0190_a5c2_b1f0_7cc3_a1b2_c3d4_e5f6_0718);

/// One lead in each pack.
async fn enter(data: &Path, numbers: &[u32]) {
    let store = Store::sqlite(&data.join("affitor.db")).await.unwrap();
    for number in numbers {
        let confirmed_before = u64::from(*number) - 1;
        let pack = PackEntry { run: RUN, number: (*number).into(), events: 1, confirmed_before, unconfirmed: vec![] };
        let lead: Event = server(*number).key(&format!("usr_{number}")).event();
        store.session().apply(&Batch { packs: vec![pack], events: vec![lead], ..Batch::default() }).await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn what_has_arrived_is_balanced() {
    let data = data().await;
    assert_eq!(as_json(data.path(), "audit").await["verdict"], "balanced");
    enter(data.path(), &[1, 2, 3]).await;
    let audit = as_json(data.path(), "audit").await;
    let expected = json!({
        "verdict": "balanced", "accepted": 3, "processed": 3, "recorded": 3, "duplicate": 0, "dead_lettered": 0,
        "discarded": 0, "forgotten_tests": 0, "waiting_events": 0, "waiting_messages": 0, "missing_packs": 0, "runs": 1, "missing": [],
    });
    assert_eq!(audit, expected);
    assert!(text(data.path(), "audit").await.contains("every event that was accepted is accounted for"));
}

#[tokio::test]
async fn a_lost_pack_is_named_by_run_and_number() {
    let data = data().await;
    enter(data.path(), &[1, 2, 5]).await;
    assert_eq!(as_json(data.path(), "audit --grace 3600").await["verdict"], "waiting");
    let (code, out, errors) = command(data.path(), "audit --grace 0").await;
    assert_eq!(code, 1);
    let line = out.lines().find(|line| line.starts_with(&RUN.to_string())).expect("a line of the run");
    assert_eq!(line.split_whitespace().skip(1).take(3).collect::<Vec<_>>(), ["3", "4", "2"]);
    assert!(errors.contains("2 packs with 2 events were accepted and have not arrived"), "{errors}");
    let (code, out, _) = command(data.path(), "audit --grace 0 --json").await;
    let audit: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &audit["verdict"], &audit["missing_packs"]), (1, &json!("imbalance"), &json!(2)));
    assert_eq!((&audit["missing"][0]["run"], &audit["missing"][0]["first"]), (&json!(RUN.to_string()), &json!(3)));
    enter(data.path(), &[3, 4]).await;
    assert_eq!(as_json(data.path(), "audit --grace 0").await["verdict"], "balanced");
}

#[tokio::test]
async fn rows_that_were_deleted_are_missed() {
    let data = data().await;
    enter(data.path(), &[1, 2]).await;
    let store = Store::sqlite(&data.path().join("affitor.db")).await.unwrap();
    let pack = PackEntry { run: RUN, number: 3, events: 1, confirmed_before: 2, unconfirmed: vec![] };
    store.session().apply(&Batch { packs: vec![pack], ..Batch::default() }).await.unwrap();
    store.close().await;
    let (code, _, errors) = command(data.path(), "audit").await;
    assert_eq!(code, 1);
    assert!(errors.contains("1 events were processed and are in no table"), "{errors}");
}

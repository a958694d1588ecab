//! Programs, links and keys that are new, gone or out of reach.

use crate::bench::{Bench, CLICK, LEAD, SHOP, bearer};
use domain::{ApiKey, Timestamp};
use serde_json::json;
use std::time::Duration;
use store::{PostgresSettings, ProgramChange, Store};

const LEAD_BODY: &str = r#"{"customer_key":"u1"}"#;

/// A database that nobody listens for.
async fn nowhere() -> Store {
    let second = Duration::from_secs(1);
    let settings = PostgresSettings {
        url: "postgres://nobody@127.0.0.1:1/none".to_owned(),
        connect_timeout: second,
        statement_timeout: second,
        lock_timeout: second,
        idle_in_transaction_timeout: second,
        pool_size: 1,
    };
    Store::postgres(settings).await.unwrap()
}

/// What was changed in the store is known: an unknown key is looked up before it is refused, and with it all else.
async fn is_refreshed(bench: &Bench) {
    let unknown = format!("Bearer {}", ApiKey::mint([8; ApiKey::ENTROPY]).text());
    assert_eq!(bench.post(LEAD, &[("authorization", &unknown)], LEAD_BODY).await.code(), "invalid_token");
}

#[tokio::test]
async fn what_is_new_is_looked_up_before_it_is_refused() {
    let bench = Bench::start().await;
    assert_eq!(bench.lead(LEAD_BODY).await.status, 200);
    let program = bench.open.program;
    let (_, key) = bench.store.create_key(program, "new", [7; ApiKey::ENTROPY]).await.unwrap();
    let key = format!("Bearer {}", key.text());
    assert_eq!(bench.post(LEAD, &[("authorization", &key)], LEAD_BODY).await.status, 200);
    bench.store.create_link(program, bench.open.partner, Some("NEW".into())).await.unwrap();
    let reply = bench.click(r#"{"affiliate_url":"https://h/?aff=NEW"}"#).await;
    assert_eq!(reply.json["partner_code"], json!("NEW"));
}

#[tokio::test]
async fn a_revoked_key_is_refused_like_an_unknown_one() {
    let bench = Bench::start().await;
    let key_id = ApiKey::parse(&bench.open.key).unwrap().key_id().to_owned();
    bench.store.revoke_key(bench.open.program, &key_id, Timestamp::from_micros(1)).await.unwrap();
    is_refreshed(&bench).await;
    let revoked = bench.lead(LEAD_BODY).await;
    let unknown = format!("Bearer {}", ApiKey::mint([8; ApiKey::ENTROPY]).text());
    let unknown = bench.post(LEAD, &[("authorization", &unknown)], LEAD_BODY).await;
    assert_eq!((revoked.status, revoked.json), (unknown.status, unknown.json));
}

#[tokio::test]
async fn an_inactive_program_takes_nothing() {
    let bench = Bench::start().await;
    let off = ProgramChange { active: Some(false), ..ProgramChange::default() };
    bench.store.set_program(bench.open.program, off).await.unwrap();
    is_refreshed(&bench).await;
    assert_eq!(bench.lead(LEAD_BODY).await.code(), "invalid_token");
    let click = format!(r#"{{"affiliate_url":"https://h/?aff={}"}}"#, bench.open.code);
    let reply = bench.post(CLICK, &[("origin", SHOP)], click).await;
    assert_eq!(reply.json, json!({"success": false, "message": "Referral link is inactive"}));
    assert_eq!(reply.header("access-control-allow-origin"), Some(SHOP), "a page can read why");
}

#[tokio::test]
async fn a_start_without_the_database_works_with_the_last_known_programs() {
    let mut bench = Bench::start().await;
    assert_eq!(bench.lead(LEAD_BODY).await.status, 200);
    bench.restart_with(nowhere().await).await;
    assert_eq!(bench.lead(LEAD_BODY).await.status, 200);
    assert!(!bench.health.reasons().iter().any(|reason| reason.starts_with("programs")));
    let unknown = format!("Bearer {}", ApiKey::mint([8; ApiKey::ENTROPY]).text());
    let reply = bench.post(LEAD, &[("authorization", &unknown)], LEAD_BODY).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "store_unavailable"), "a fault of ours is never a 4xx");
    assert_eq!(reply.header("x-affitor-outcome"), Some("not-accepted"));
    assert_eq!(bench.post(LEAD, &[("authorization", &bearer(&bench.strict))], LEAD_BODY).await.status, 200);
}

#[tokio::test]
async fn programs_on_disk_that_cannot_be_read_are_as_if_there_were_none() {
    let mut bench = Bench::start().await;
    let file = bench.room.path().join("state/programs.json");
    for content in ["", "{\"version\": 7", "[\"of another version\"]"] {
        std::fs::write(&file, content).unwrap();
        bench.restart_with(nowhere().await).await;
        let reply = bench.lead(LEAD_BODY).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (503, "store_unavailable"), "{content}");
    }
    bench.restart_with(bench.store.clone()).await;
    assert_eq!(bench.lead(LEAD_BODY).await.status, 200);
    bench.restart_with(nowhere().await).await;
    assert_eq!(bench.lead(LEAD_BODY).await.status, 200, "the file is whole again");
}

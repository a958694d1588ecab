//! Who may see what.

use crate::stage::{Stage, cookie};
use domain::scenario::{click, server};
use domain::{ApiKey, Timestamp};
use std::time::{Duration, Instant};

const PATH: &str = "/api/v1/customers/usr_1";

#[tokio::test]
async fn without_one_valid_key_there_is_no_answer_but_401() {
    let stage = Stage::new().await;
    stage.apply([server(1).key("usr_1").event()]).await;
    let key = format!("Bearer {}", stage.key);
    let unknown = format!("Bearer {}", ApiKey::mint([9; ApiKey::ENTROPY]).text());
    let mut mistyped = key.clone();
    mistyped.replace_range(20..21, if &key[20..21] == "a" { "b" } else { "a" });
    let long = format!("Bearer {}", "a".repeat(10_000));
    let pair = format!("{key},{key}");
    let basic = key.replace("Bearer", "Basic");
    for sent in [
        &[][..],
        &[""],
        &["Bearer"],
        &["Bearer "],
        &[&basic],
        &[&stage.key],
        &[&mistyped],
        &[&unknown],
        &[&long],
        &[&pair],
        &[&key, &key],
        &[&key, "Bearer x"],
    ] {
        for path in [PATH, "/api/v1/customers?click_id=x", "/api/v1/customers", "/api/v1/events/x"] {
            let answer = stage.get_with(path, sent).await;
            answer.assert_refused(401, "invalid_token");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let stage = Stage::new().await;
    stage.apply([server(1).key("usr_1").event()]).await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(stage.get_with(PATH, &[&format!("{scheme} {}", stage.key)]).await.status, 200);
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_a_second() {
    let stage = Stage::new().await;
    stage.apply([server(1).key("usr_1").event()]).await;
    assert_eq!(stage.get(PATH).await.status, 200);
    let key_id = ApiKey::parse(&stage.key).unwrap().key_id().to_owned();
    stage.store.revoke_key(domain::scenario::PROGRAM, &key_id, Timestamp::from_micros(1)).await.unwrap();
    let revoked = Instant::now();
    while stage.get(PATH).await.status == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(2), "the key still works");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.get(PATH).await.assert_refused(401, "invalid_token");
}

#[tokio::test]
async fn another_programs_customers_clicks_and_events_look_like_unknown_ones() {
    let stage = Stage::new().await;
    let lead = server(1).key("usr_1").click(&click(1));
    stage.apply([click(1).event(), lead.event()]).await;
    let (lead, visit) = (lead.lead().id, click(1).id().event);
    let unknown = "01900000-0000-7000-8000-000000000000";
    for (theirs, nobodys) in [
        (PATH.to_owned(), "/api/v1/customers/usr_2".to_owned()),
        (format!("/api/v1/events/{lead}"), format!("/api/v1/events/{unknown}")),
        (format!("/api/v1/events/{visit}"), format!("/api/v1/events/{unknown}")),
        (
            format!("/api/v1/customers?click_id={}", cookie(&click(1))),
            format!("/api/v1/customers?click_id={}", cookie(&click(9))),
        ),
    ] {
        assert_eq!(stage.get_as_other(&theirs).await, stage.get_as_other(&nobodys).await);
        assert_ne!(stage.get(&theirs).await, stage.get(&nobodys).await);
    }
    stage.get_as_other(PATH).await.assert_refused(404, "customer_not_found");
}

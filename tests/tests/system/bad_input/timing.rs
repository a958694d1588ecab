//! What a refusal must not tell by how long it takes: whether a key was ever one, whether another's program is there.
//!
//! Both requests take turns on one connection, so that whatever else the machine does falls on both alike, and their
//! medians are compared, which the few that were interrupted do not move. A round of them may still be off when the
//! machine changes its pace between two turns; so the middle one of many rounds counts. A difference in the code is
//! there in every attempt, one that the machine has made is not: the least of three attempts must be small.

use std::time::Instant;

use domain::ApiKey;
use reqwest::RequestBuilder;
use serde_json::json;
use tests::{Answer, Client, Pipeline, VISIBLE, eventually, key_entropy};

const ROUNDS: usize = 10;
/// Of each request in a round.
const TURNS: usize = 150;
const ATTEMPTS: usize = 3;
/// In percent.
const DIFFERENCE: f64 = 5.0;
/// The same for keys that are looked up in the store, which takes now longer and now shorter; answered from memory they
/// would be refused in a fraction of the time.
const DIFFERENCE_OF_LOOK_UPS: f64 = 50.0;
/// Keys of each kind in an attempt.
const FIRST_TIMES: usize = 25;

on_both_shapes! {
    an_unknown_key_is_refused_as_fast_as_a_revoked_one
    a_key_seen_for_the_first_time_is_refused_as_fast_whether_it_ever_was_one
    an_unknown_program_is_refused_as_fast_as_anothers
}

fn middle<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

/// Waits until a key is known to be revoked.
async fn refused(request: &RequestBuilder) {
    eventually(VISIBLE, async || {
        match Answer::to(request.try_clone().expect("a request that is not a stream")).await {
            answer if answer.status == 401 => Ok(()),
            answer => Err(format!("{answer:?}")),
        }
    })
    .await;
}

/// By how many percent the second request takes longer, and how both are answered.
async fn difference(requests: [&dyn Fn() -> RequestBuilder; 2]) -> (f64, [Answer; 2]) {
    let mut percent = Vec::new();
    let mut answers = [Answer::to(requests[0]()).await, Answer::to(requests[1]()).await];
    for _ in 0..ROUNDS {
        let mut took = [Vec::new(), Vec::new()];
        for turn in 0..2 * TURNS {
            // Now the one is first, now the other.
            let which = usize::from(turn % 4 == 1 || turn % 4 == 2);
            let began = Instant::now();
            answers[which] = Answer::to(requests[which]()).await;
            took[which].push(began.elapsed());
        }
        let [first, second] = took.map(|took| middle(took).as_secs_f64());
        percent.push((second / first - 1.0) * 100.0);
    }
    (middle(percent), answers)
}

/// Checks that both are refused alike, in words and in time.
async fn told_alike(what: &str, requests: [&dyn Fn() -> RequestBuilder; 2], status: u16) {
    let mut least = f64::INFINITY;
    for _ in 0..ATTEMPTS {
        let (percent, [one, other]) = difference(requests).await;
        assert_eq!((one.status, &one.body), (status, &other.body), "{what}: {one:?} {other:?}");
        assert_eq!(other.status, status, "{what}: {other:?}");
        println!("{what}: {percent:+.1} %");
        least = least.min(percent.abs());
        if least < DIFFERENCE {
            return;
        }
    }
    panic!("{what}: {least:.1} % apart");
}

async fn an_unknown_key_is_refused_as_fast_as_a_revoked_one(pipeline: &Pipeline) {
    let (client, program, store) = (Client::of(pipeline), pipeline.program().await, pipeline.store().await);
    let (known, revoked) = store.create_key(program.id, "old", key_entropy()).await.unwrap();
    store.revoke_key(program.id, &known.key_id, tests::now()).await.unwrap();
    store.close().await;
    let unknown = ApiKey::mint(key_entropy());
    let with = |key: &ApiKey| client.lead().bearer_auth(key.text()).json(&json!({"customer_key": "u1"}));
    refused(&with(&revoked)).await;
    told_alike("a key that is unknown, and one that was revoked", [&|| with(&unknown), &|| with(&revoked)], 401).await;
}

async fn a_key_seen_for_the_first_time_is_refused_as_fast_whether_it_ever_was_one(pipeline: &Pipeline) {
    let (client, program, store) = (Client::of(pipeline), pipeline.program().await, pipeline.store().await);
    let with = |key: &ApiKey| client.lead().bearer_auth(key.text()).json(&json!({"customer_key": "u1"}));
    let (last, last_key) = store.create_key(program.id, "last", key_entropy()).await.unwrap();
    assert_eq!(Answer::to(with(&last_key)).await.status, 200);
    let mut pairs = Vec::new();
    for _ in 0..ATTEMPTS * FIRST_TIMES {
        let (known, revoked) = store.create_key(program.id, "old", key_entropy()).await.unwrap();
        store.revoke_key(program.id, &known.key_id, tests::now()).await.unwrap();
        pairs.push([ApiKey::mint(key_entropy()), revoked]);
    }
    // Whoever knows that this one is revoked knows it of the others too.
    store.revoke_key(program.id, &last.key_id, tests::now()).await.unwrap();
    store.close().await;
    refused(&with(&last_key)).await;
    let mut least = f64::INFINITY;
    for pairs in pairs.chunks(FIRST_TIMES) {
        let mut took = [Vec::new(), Vec::new()];
        for (pair, which) in pairs.iter().flat_map(|pair| [(pair, 0), (pair, 1)]) {
            let began = Instant::now();
            assert_eq!(Answer::to(with(&pair[which])).await.status, 401);
            took[which].push(began.elapsed());
        }
        let [unknown, revoked] = took.map(|took| middle(took).as_secs_f64());
        let percent = (revoked / unknown - 1.0) * 100.0;
        println!("keys seen for the first time, unknown and revoked: {percent:+.1} %");
        least = least.min(percent.abs());
    }
    assert!(least < DIFFERENCE_OF_LOOK_UPS, "{least:.1} % apart");
}

async fn an_unknown_program_is_refused_as_fast_as_anothers(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    // Every process has heard of the other one.
    assert_eq!(client.send_lead(&other, &json!({"customer_key": "u1"})).await.status, 200);
    let naming = |number: i64| {
        let body = json!({"customer_key": "u1", "additional_data": {"test_mode": true, "program_id": number}});
        client.lead().bearer_auth(&program.api_key).json(&body)
    };
    let (unknown, others) = (|| naming(999_999_999), || naming(other.id.get()));
    told_alike("a program that is unknown, and another's", [&unknown, &others], 400).await;
}

//! `POST /api/v1/track/leads`: many leads in one request, each as if it had been sent alone, and none twice.

use std::{collections::BTreeSet, process::Command};

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline, Process, START, TestProgram, VISIBLE, eventually};

use uuid::Uuid;

use crate::documents::block;

on_both_shapes! {
    a_thousand_leads_are_accepted_and_each_is_stored_once
    leads_of_one_request_are_attributed_and_merged_like_any_others
    an_invalid_lead_takes_no_neighbour_down
    a_request_that_is_sent_again_counts_no_customer_twice
    a_test_lead_among_real_ones_stays_a_test
    the_curl_example_of_the_documents_works_as_it_stands
    a_bulk_request_is_posted_with_a_key_and_from_no_page
}

const LEADS: &str = "/api/v1/track/leads";

async fn send(client: &Client, program: &TestProgram, leads: &[Value]) -> Answer {
    let request = client.request(Method::POST, LEADS).bearer_auth(&program.api_key);
    Answer::to(request.json(&json!({"leads": leads}))).await
}

fn results(answer: &Answer) -> Vec<Value> {
    answer.json()["results"].as_array().unwrap_or_else(|| panic!("no results in {answer:?}")).clone()
}

fn event_ids(answer: &Answer) -> Vec<String> {
    results(answer).iter().filter_map(|result| result["event_id"].as_str()).map(str::to_owned).collect()
}

/// Customers' keys and event ids as text.
fn pairs(leads: Vec<(Option<String>, Uuid)>) -> BTreeSet<(String, String)> {
    leads.into_iter().map(|(key, event)| (key.expect("a key"), event.to_string())).collect()
}

/// Waits until all these events are stored.
async fn all_recorded(client: &Client, program: &TestProgram, events: &[String]) {
    for event in events {
        client.recorded(program, event).await;
    }
}

async fn a_thousand_leads_are_accepted_and_each_is_stored_once(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let leads: Vec<Value> = (0..1_000).map(|number| json!({"customer_key": format!("u{number}")})).collect();
    let answer = send(&client, &program, &leads).await;
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(1_000)), "{answer:?}");
    assert_eq!((answer.json()["success"].clone(), answer.header("x-event-id")), (json!(true), None));
    let events = event_ids(&answer);
    let expected: Vec<Value> =
        events.iter().enumerate().map(|(index, event)| json!({"index": index, "event_id": event})).collect();
    assert_eq!((events.len(), results(&answer)), (1_000, expected));

    let sent: BTreeSet<(String, String)> =
        events.into_iter().enumerate().map(|(number, event)| (format!("u{number}"), event)).collect();
    let stored = pipeline.stored().await;
    let leads = eventually(VISIBLE, async || match stored.leads(program.id.get()).await {
        leads if leads.len() == 1_000 => Ok(leads),
        leads => Err(format!("{} of 1000 stored", leads.len())),
    })
    .await;
    assert_eq!(pairs(leads), sent);
    assert_eq!(pairs(stored.counted(program.id.get()).await), sent, "each is the one lead of its customer");
    stored.close().await;
}

async fn leads_of_one_request_are_attributed_and_merged_like_any_others(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let leads = [
        json!({"customer_key": "u1", "email": "User@Example.com"}),
        json!({"customer_key": "u1", "click_id": click_id}),
        json!({"customer_key": "u2"}),
    ];
    let answer = send(&client, &program, &leads).await;
    let events = event_ids(&answer);
    all_recorded(&client, &program, &events).await;
    let second = client.recorded(&program, &events[1]).await;
    assert_eq!((&second["state"], &second["duplicate_of"]), (&json!("duplicate"), &json!(events[0])), "in their order");
    let customer = eventually(VISIBLE, || async {
        let customer = client.customer(&program, "u1").await.json();
        if customer["attributed"] == true { Ok(customer) } else { Err(customer.to_string()) }
    })
    .await;
    assert_eq!(
        (&customer["partner_code"], &customer["email_masked"]),
        (&json!(program.code), &json!("u***@example.com"))
    );
    let sources: Vec<&Value> = customer["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"] == "lead")
        .map(|event| &event["source"])
        .collect();
    assert_eq!(sources, ["server", "server"]);
}

async fn an_invalid_lead_takes_no_neighbour_down(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let leads = [
        json!({"customer_key": "u1"}),
        json!({"customer_key": "a\u{1}b"}),
        json!({"customer_key": "u3", "email": "not-an-email"}),
        json!({}),
        json!({"customer_key": "u5"}),
    ];
    let answer = send(&client, &program, &leads).await;
    let events = event_ids(&answer);
    let expected = json!({"success": true, "accepted": 3, "results": [
        {"index": 0, "event_id": events[0]},
        {"index": 1, "error": "customer_key contains control characters", "code": "invalid_customer_key"},
        {"index": 2, "event_id": events[1], "warnings": ["email was dropped: it is not an address"]},
        {"index": 3, "error": "click_id or customer_key is required", "code": "identity_required"},
        {"index": 4, "event_id": events[2]},
    ]});
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(answer.header("retry-after"), None);
    all_recorded(&client, &program, &events).await;
    for key in ["u1", "u3", "u5"] {
        assert_eq!(client.customer(&program, key).await.json()["status"], "lead", "{key}");
    }
}

async fn a_request_that_is_sent_again_counts_no_customer_twice(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let leads: Vec<Value> = (0..50).map(|number| json!({"customer_key": format!("u{number}")})).collect();
    let (first, again) = tokio::join!(send(&client, &program, &leads), send(&client, &program, &leads));
    let events = [event_ids(&first), event_ids(&again)].concat();
    assert_eq!((events.len(), first.status, again.status), (100, 200, 200));
    all_recorded(&client, &program, &events).await;
    let stored = pipeline.stored().await;
    let (leads, counted) = (stored.leads(program.id.get()).await, stored.counted(program.id.get()).await);
    assert_eq!((leads.len(), counted.len()), (100, 50));
    stored.close().await;
    let customer = client.customer(&program, "u7").await.json();
    let mut outcomes: Vec<String> = customer["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["outcome"].as_str().unwrap().to_owned())
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["duplicate", "recorded"]);
}

async fn a_test_lead_among_real_ones_stays_a_test(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let leads = [json!({"customer_key": "u1", "additional_data": {"test_mode": true}}), json!({"customer_key": "u2"})];
    let answer = send(&client, &program, &leads).await;
    let data = results(&answer)[0]["data"].clone();
    assert_eq!((&data["programId"], &data["test_mode"]), (&json!(program.id), &json!(true)), "{answer:?}");
    assert!(data["eventId"].as_u64().is_some_and(|number| number < 1 << 53), "{answer:?}");
    let events = event_ids(&answer);
    all_recorded(&client, &program, &events).await;
    assert_eq!(client.recorded(&program, &events[0]).await["test"], true);
    assert_eq!(client.customer(&program, "u1").await.code(), "customer_not_found");
    assert_eq!(client.customer(&program, "u2").await.status, 200);
}

async fn the_curl_example_of_the_documents_works_as_it_stands(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let heading = "## `POST /api/v1/track/leads`";
    let mut command = Command::new("sh");
    command.args(["-c", &block("docs/api.md", heading, "sh")]);
    command.env("URL", &pipeline.api).env("KEY", &program.api_key);
    let mut curl = Process::spawn("curl", &command);
    assert!(curl.wait_for_end(START).await.success(), "{}", curl.output());
    let mut answered: Value = serde_json::from_str(&curl.output()).expect("JSON from the server");
    let mut promised: Value = serde_json::from_str(&block("docs/api.md", heading, "json")).expect("JSON on the page");
    for index in [0, 2] {
        let event = answered["results"][index]["event_id"].take();
        client.recorded(&program, event.as_str().expect("a receipt")).await;
        promised["results"][index]["event_id"].take();
    }
    assert_eq!(answered, promised);
}

async fn a_bulk_request_is_posted_with_a_key_and_from_no_page(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
        let answer = Answer::to(client.request(method.clone(), LEADS).header("Origin", "https://shop.example")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method}");
    }
    let body = json!({"leads": [{"customer_key": "u1", "program_id": program.id}]});
    for origin in ["null", "https://shop.example"] {
        let post = || client.request(Method::POST, LEADS).header("Origin", origin).json(&body);
        let refused = Answer::to(post()).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_token"));
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        let taken = Answer::to(post().bearer_auth(&program.api_key)).await;
        assert_eq!((taken.status, taken.header("access-control-allow-origin")), (200, None));
        assert!(taken.header("x-request-id").is_some());
    }
    let contract = Answer::to(client.request(Method::GET, "/openapi.json")).await.json();
    assert!(contract["paths"][LEADS]["post"].is_object(), "{contract}");
}

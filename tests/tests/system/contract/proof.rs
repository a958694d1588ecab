//! Who may send a lead for which program, and what a program that trusts only its server gets.

use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline, TestProgram, VISIBLE, eventually};

const SHOP: &str = "https://shop.example";

on_both_shapes! {
    a_genuine_click_id_proves_the_program_without_a_key
    a_genuine_member_of_click_ids_proves_the_program
    program_id_proves_the_program_together_with_an_allowed_origin
    the_trackers_body_is_taken
    without_a_proof_the_answer_names_the_three
    a_wrong_key_is_refused_in_every_mode
    two_authorization_headers_are_refused_whatever_they_hold
    a_body_that_names_another_program_than_the_key_is_refused
    a_click_of_another_program_is_refused
    a_forged_click_costs_a_server_lead_nothing_but_its_attribution
    a_browser_lead_waits_for_the_server_where_the_program_says_so
}

fn refusal(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.json()["success"], false, "{answer:?}");
    assert!(!answer.error().is_empty() && answer.header("x-event-id").is_none(), "{answer:?}");
    (answer.status, answer.code())
}

async fn browser(client: &Client, body: &Value) -> Answer {
    Answer::to(client.lead().json(body)).await
}

async fn from_shop(client: &Client, body: &Value) -> Answer {
    Answer::to(client.lead().header("Origin", SHOP).json(body)).await
}

async fn sources(client: &Client, program: &TestProgram, key: &str) -> Vec<Value> {
    let customer = client.customer(program, key).await.json();
    let leads = customer["events"].as_array().unwrap().iter().filter(|event| event["type"] == "lead");
    leads.map(|event| event["source"].clone()).collect()
}

async fn a_genuine_click_id_proves_the_program_without_a_key(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let answer = browser(&client, &json!({"click_id": click_id, "customer_key": "u1"})).await;
    let expected = json!({"success": true, "message": "Lead tracked successfully"});
    assert_eq!((answer.status, answer.json()), (200, expected));
    client.recorded(&program, &answer.event_id()).await;
    assert_eq!(sources(&client, &program, "u1").await, ["browser"]);
    assert_eq!(client.customer(&program, "u1").await.json()["partner_code"], json!(program.code));
}

async fn a_genuine_member_of_click_ids_proves_the_program(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let body = json!({"click_ids": ["cust_1_old", click_id], "customer_key": "u1"});
    let answer = browser(&client, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    client.recorded(&program, &answer.event_id()).await;
    assert_eq!(client.customer(&program, "u1").await.json()["click_id"], json!(click_id));
}

async fn program_id_proves_the_program_together_with_an_allowed_origin(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let any = pipeline.program().await;
    let listed = pipeline.program_with(|new| new.allowed_origins = vec![SHOP.to_owned()]).await;
    for program in [&any, &listed] {
        for body in [
            json!({"program_id": program.id, "customer_key": "u1"}),
            json!({"additional_data": {"program_id": program.id.to_string()}, "customer_key": "u1"}),
            json!({"program_id": program.id, "customer_key": "u1", "click_id": "cust_42_1714000000000"}),
        ] {
            assert_eq!(from_shop(&client, &body).await.status, 200, "{body}");
            assert_eq!(refusal(&browser(&client, &body).await), (401, "origin_missing".into()), "{body}");
        }
    }
    let body = json!({"program_id": listed.id, "customer_key": "u2"});
    let refused = Answer::to(client.lead().header("Origin", "https://evil.example").json(&body)).await;
    assert_eq!(refusal(&refused), (403, "origin_refused".into()));
    assert_eq!(client.customer(&listed, "u2").await.status, 404, "nothing is stored");
}

async fn the_trackers_body_is_taken(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let body = |click_id: Value, has_attribution: bool| {
        json!({
            "click_id": click_id, "customer_key": "u1", "email": null, "session_id": "s_1", "program_id": program.id.to_string(),
            "page_url": "https://shop.example/signup", "has_attribution": has_attribution, "debug_mode": false,
            "additional_data": null,
        })
    };
    for body in [body(Value::Null, false), body(json!(click_id), true)] {
        let answer = from_shop(&client, &body).await;
        let expected = json!({"success": true, "message": "Lead tracked successfully"});
        assert_eq!((answer.status, answer.json()), (200, expected));
        client.recorded(&program, &answer.event_id()).await;
    }
    assert_eq!(client.customer(&program, "u1").await.json()["attributed"], true);
}

async fn without_a_proof_the_answer_names_the_three(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    for body in [json!({"customer_key": "u1"}), json!({"click_id": "cust_42_1714000000000", "customer_key": "u1"})] {
        let answer = from_shop(&client, &body).await;
        assert_eq!(refusal(&answer), (401, "proof_missing".into()), "{body}");
        for proof in ["API key", "click_id", "program_id"] {
            assert!(answer.error().contains(proof), "{proof} in {answer:?}");
        }
    }
}

async fn a_wrong_key_is_refused_in_every_mode(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    for body in [
        json!({"customer_key": "u1"}),
        json!({"click_id": click_id, "customer_key": "u1"}),
        json!({"additional_data": {"test_mode": true, "program_id": program.id}}),
        json!({"program_id": program.id, "customer_key": "u1", "debug_mode": true}),
    ] {
        let answer = Answer::to(client.lead().bearer_auth("wrong").header("Origin", SHOP).json(&body)).await;
        assert_eq!(refusal(&answer), (401, "invalid_token".into()), "{body}");
    }
    let click = json!({"affiliate_url": format!("https://shop.example/?aff={}", program.code)});
    let answer = Answer::to(client.click().bearer_auth("wrong").json(&click)).await;
    assert_eq!(refusal(&answer), (401, "invalid_token".into()));
}

async fn two_authorization_headers_are_refused_whatever_they_hold(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"customer_key": "u1"});
    let answer =
        Answer::to(client.lead().bearer_auth(&program.api_key).bearer_auth(&program.api_key).json(&body)).await;
    assert_eq!(refusal(&answer), (401, "invalid_token".into()));
}

async fn a_body_that_names_another_program_than_the_key_is_refused(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    for body in [
        json!({"customer_key": "u1", "program_id": other.id}),
        json!({"customer_key": "u1", "additional_data": {"program_id": other.id}}),
        json!({"additional_data": {"program_id": other.id, "test_mode": true}}),
    ] {
        let refused = client.send_lead(&program, &body).await;
        assert_eq!(refusal(&refused), (400, "unknown_program".into()), "{body}");
    }
}

async fn a_click_of_another_program_is_refused(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    let foreign = client.click_id(&other.code).await;
    let keyed = client.send_lead(&program, &json!({"click_id": foreign, "customer_key": "u1"})).await;
    let named = from_shop(&client, &json!({"click_id": foreign, "customer_key": "u1", "program_id": program.id})).await;
    for answer in [keyed, named] {
        assert_eq!(refusal(&answer), (400, "click_of_other_program".into()));
        assert_eq!(answer.error(), "Customer does not belong to this program");
    }
}

async fn a_forged_click_costs_a_server_lead_nothing_but_its_attribution(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let genuine = client.click_id(&program.code).await;
    let last = if genuine.ends_with('0') { '1' } else { '0' };
    let damaged = format!("{}{last}", &genuine[..genuine.len() - 1]);
    let exchanged = genuine.replacen(&format!("cust_{}_", program.id), "cust_999999_", 1);
    let forged = [damaged, genuine[..genuine.len() - 4].to_owned(), exchanged, "cust_42_1714000000000".to_owned()];
    for (number, click_id) in forged.iter().enumerate() {
        let customer =
            client.customer_after(&program, &json!({"click_id": click_id, "customer_key": format!("u{number}")})).await;
        assert_eq!(
            (&customer["reason"], &customer["click_id"]),
            (&json!("click_not_found"), &json!(null)),
            "{click_id}"
        );
        let alone = client.send_lead(&program, &json!({"click_id": click_id})).await;
        assert_eq!(refusal(&alone), (400, "customer_not_found".into()), "{click_id}");
        assert_eq!(alone.error(), "Customer not found. Provide a valid click_id or customer_key.");
    }
}

async fn a_browser_lead_waits_for_the_server_where_the_program_says_so(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let required = |new: &mut store::NewProgram| new.terms.lead_auth = domain::program::LeadAuth::ServerRequired;
    let program = pipeline.program_with(required).await;
    let click_id = client.click_id(&program.code).await;
    let answer = browser(&client, &json!({"click_id": click_id, "customer_key": "u1"})).await;
    assert_eq!(
        (answer.status, &answer.json()["success"], &answer.json()["provisional"]),
        (200, &json!(true), &json!(true))
    );
    assert!(answer.json()["message"].is_string());
    let shown = client.recorded(&program, &answer.event_id()).await;
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("recorded"), &json!("provisional")));
    let waiting = client.customer(&program, "u1").await.json();
    assert_eq!((&waiting["status"], &waiting["provisional"]), (&json!("click"), &json!(true)));
    assert_eq!((&waiting["attributed"], &waiting["lead_at"]), (&json!(false), &json!(null)));

    // The server's lead names no click and takes over the browser's.
    client.customer_after(&program, &json!({"customer_key": "u1"})).await;
    let confirmed = eventually(VISIBLE, || async {
        let customer = client.customer(&program, "u1").await.json();
        if customer["attributed"] == true { Ok(customer) } else { Err(customer.to_string()) }
    })
    .await;
    assert_eq!((&confirmed["status"], &confirmed["provisional"]), (&json!("lead"), &json!(false)));
    assert_eq!((&confirmed["click_id"], &confirmed["flags"]), (&json!(click_id), &json!(["click_from_browser"])));
    let event = client.recorded(&program, &answer.event_id()).await;
    assert_eq!(event["state"], "duplicate");
}

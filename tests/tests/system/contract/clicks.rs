//! `POST /api/v1/track/click`: what a visitor's page gets.

use serde_json::json;
use tests::{Answer, Client, Pipeline, VISIBLE, eventually};

on_both_shapes! {
    a_click_gets_an_id_of_its_program_and_a_receipt
    a_visitor_who_returns_through_the_same_partner_keeps_the_click_id
    a_click_id_is_kept_for_a_day
    another_partners_link_gives_a_new_click_id_and_the_last_click_wins
    an_id_that_is_not_ours_is_replaced
    an_inactive_link_gives_no_click_id
    a_click_of_a_crawler_gets_the_normal_answer
    a_test_click_needs_no_address_and_its_id_is_marked
}

async fn a_click_gets_an_id_of_its_program_and_a_receipt(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program_with(|new| new.cookie_window_days = 45).await);
    let body = json!({
        "affiliate_url": format!("https://shop.example/?utm=x&aff={}&aff=other", program.code),
        "page_url": "https://shop.example/", "page_title": "Shop", "referrer_url": null, "session_id": "s1",
        "user_agent": "Mozilla/5.0", "screen_resolution": "1920x1080", "viewport_size": "800x600", "language": "en-US",
        "timezone": "Europe/Berlin", "existing_click_id": null, "additional_data": {"a": 1}, "unknown": true,
    });
    let answer = Answer::to(client.click().json(&body)).await;
    let click_id = answer.json()["click_id"].as_str().unwrap().to_owned();
    let expected = json!({
        "success": true, "click_id": click_id, "partner_code": program.code, "cookie_window_days": 45,
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let payload = click_id.strip_prefix(&format!("cust_{}_", program.id)).expect("the program's number in the id");
    assert!(payload.bytes().all(|byte| byte.is_ascii_alphanumeric()) && click_id.len() <= 128, "{click_id}");
    assert!(answer.header("x-request-id").is_some());

    let event = client.recorded(&program, &answer.event_id()).await;
    assert_eq!(
        (&event["type"], &event["state"], &event["click_id"]),
        (&json!("click"), &json!("recorded"), &json!(click_id))
    );
}

async fn a_visitor_who_returns_through_the_same_partner_keeps_the_click_id(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let first = client.click_id(&program.code).await;
    let url = format!("https://shop.example/?aff={}", program.code);
    let again = Answer::to(client.click().json(&json!({"affiliate_url": url, "existing_click_id": first}))).await;
    assert_eq!((again.status, &again.json()["click_id"]), (200, &json!(first)));
    assert_eq!(again.header("x-event-id"), None, "no new click is stored");
}

async fn a_click_id_is_kept_for_a_day(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let url = format!("https://shop.example/?aff={}", program.code);
    for (hours, is_kept) in [(23, true), (25, false), (24 * 50, false)] {
        let existing = pipeline.cookie(pipeline.mint_click(&program, hours * 3_600));
        let answer =
            Answer::to(client.click().json(&json!({"affiliate_url": url, "existing_click_id": existing}))).await;
        assert_eq!(answer.json()["click_id"] == json!(existing), is_kept, "{hours} hours: {answer:?}");
        assert_eq!(answer.header("x-event-id").is_none(), is_kept, "{hours} hours: {answer:?}");
    }
}

async fn another_partners_link_gives_a_new_click_id_and_the_last_click_wins(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let first = client.click_id(&program.code).await;
    let url = format!("https://shop.example/?aff={}", program.second_code);
    let second = Answer::to(client.click().json(&json!({"affiliate_url": url, "existing_click_id": first}))).await;
    client.recorded(&program, &second.event_id()).await;
    let second = second.json()["click_id"].clone();
    assert_ne!(second, json!(first));
    let lead = json!({"customer_key": "u1", "click_ids": [first, second]});
    let customer = client.customer_after(&program, &lead).await;
    assert_eq!((&customer["partner_code"], &customer["click_id"]), (&json!(program.second_code), &second));
}

async fn an_id_that_is_not_ours_is_replaced(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    let foreign = client.click_id(&other.code).await;
    let url = format!("https://shop.example/?aff={}", program.code);
    for existing in ["cust_42_1714000000000", &foreign, &"x".repeat(4_000), "\u{1f600}", "a b"] {
        let answer =
            Answer::to(client.click().json(&json!({"affiliate_url": url, "existing_click_id": existing}))).await;
        let given = answer.json()["click_id"].as_str().unwrap().to_owned();
        assert!(answer.status == 200 && given != *existing, "{existing}: {answer:?}");
        assert!(given.starts_with(&format!("cust_{}_", program.id)), "{answer:?}");
    }
}

async fn an_inactive_link_gives_no_click_id(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    // What was read of it before it was disabled is forgotten within a second.
    let answer = eventually(VISIBLE, async || {
        let answer = client.open_link(&program.inactive_code).await;
        if answer.json()["success"] == false { Ok(answer) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["message"], "Referral link is inactive");
    assert!(answer.json()["click_id"].is_null() && answer.header("x-event-id").is_none(), "{answer:?}");
}

async fn a_click_of_a_crawler_gets_the_normal_answer(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"affiliate_url": format!("https://shop.example/?aff={}", program.code)});
    let people = Answer::to(client.click().json(&body)).await;
    let crawler = Answer::to(client.click().header("User-Agent", "Googlebot/2.1").json(&body)).await;
    let prefetch = Answer::to(client.click().header("Sec-Purpose", "prefetch").json(&body)).await;
    for answer in [&crawler, &prefetch] {
        let members = |answer: &Answer| answer.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!((answer.status, members(answer)), (people.status, members(&people)));
    }
}

async fn a_test_click_needs_no_address_and_its_id_is_marked(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"additional_data": {"test_mode": true, "program_id": program.id}});
    let answer = Answer::to(client.click().json(&body)).await;
    assert_eq!((answer.status, &answer.json()["success"]), (200, &json!(true)));
    assert_eq!(answer.json()["message"], "Test click event tracked successfully");
    let data = &answer.json()["data"];
    assert_eq!((&data["programId"], &data["test_mode"]), (&json!(program.id), &json!(true)));
    assert!(data["eventId"].as_u64().unwrap() < 1 << 53);
    // A real lead must not be attributed to it.
    let lead = json!({"click_id": data["click_id"], "customer_key": "u1"});
    assert_eq!(client.customer_after(&program, &lead).await["reason"], "test_click");
}

//! An email address, wherever a client puts it, is at rest nowhere: a name that exists only here is looked for in every
//! byte that the pipeline keeps.

use std::{fs, path::Path};

use serde_json::json;
use tests::{Answer, Client, Pipeline, Shape, TestProgram};

const CANARY: &str = "canary-";
/// In the customers' keys, which are kept: whoever does not find it has not searched.
const BAIT: &str = "sparrow-";
/// At signs as clients escape them.
const AT_SIGNS: [&str; 6] = ["%40", "%2540", "&#64;", "&#x40;", "&commat;", "＠"];

on_both_shapes! {
    no_address_is_kept_anywhere
}

async fn no_address_is_kept_anywhere(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let mut receipts = Vec::new();
    for number in 0..200 {
        receipts.push(send(&client, &program, number).await);
    }
    for receipt in &receipts {
        client.recorded(&program, receipt).await;
    }
    let customer = client.customer(&program, "sparrow-7").await.json();
    assert_eq!(customer["email_masked"], "c***@pii.test", "the addresses did arrive");

    let mut places = vec![("what was printed".to_owned(), pipeline.output().into_bytes())];
    read_files(pipeline.directory.path(), &mut places);
    if pipeline.shape() == Shape::Servers {
        let stored = pipeline.stored().await;
        places.push(("the database".to_owned(), stored.everything().await.into_bytes()));
        stored.close().await;
    }
    assert!(places.iter().any(|(_, bytes)| find(bytes, BAIT).is_some()), "the search finds what is there");
    for (place, bytes) in &places {
        assert_absent(place, bytes);
    }
}

/// One lead and one click with addresses in every place, and refused ones of both; gives the lead's receipt.
async fn send(client: &Client, program: &TestProgram, number: usize) -> String {
    let address = format!("canary-{number}@pii.test");
    let url = format!("https://shop.example/u/{address}/?mail={address}&aff={}#{address}", program.code);
    let escaped = url.replace('@', AT_SIGNS[number % AT_SIGNS.len()]);
    let spelled = AT_SIGNS.map(|sign| address.replace('@', sign));
    let click = json!({
        "affiliate_url": url, "page_url": escaped, "referrer_url": url, "page_title": format!("Hello {address}"),
        "session_id": address, "user_agent": format!("Mozilla/5.0 ({address})"), "existing_click_id": address,
        "additional_data": {"mail": address, &address: [{"deep": format!("<{address}>")}], "spelled": spelled},
    });
    let taken = Answer::to(client.click().header("User-Agent", format!("curl ({address})")).json(&click)).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let lead = json!({
        "customer_key": format!("{BAIT}{number}"), "email": address.to_uppercase(), "page_url": escaped, "session_id": address,
        "additional_data": {"event_name": address, "who": [address], &address: 1}, "unknown": address,
    });
    let keyed = client.lead().bearer_auth(&program.api_key).header("X-Request-Id", &address).header("Referer", &url);
    let taken = Answer::to(keyed.json(&lead)).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    for faulty in
        [json!({"email": [address]}), json!({"click_id": address}), json!({"email": format!("{address}\r\n")})]
    {
        let refused = Answer::to(client.lead().bearer_auth(&program.api_key).json(&faulty)).await;
        assert!(refused.status == 400 && !refused.body.contains(CANARY), "{refused:?}");
    }
    let refused = Answer::to(client.lead().bearer_auth(&address).json(&lead)).await;
    assert!(refused.status == 401 && !refused.body.contains(CANARY), "{refused:?}");
    taken.event_id()
}

fn read_files(directory: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_files(&path, places);
        } else if let Ok(bytes) = fs::read(&path) {
            places.push((path.display().to_string(), bytes));
        }
    }
}

fn find(bytes: &[u8], text: &str) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text.as_bytes())
}

/// As it was sent, in capitals, and as the hexadecimal digits that databases show bytes in.
fn assert_absent(place: &str, bytes: &[u8]) {
    let digits: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    for text in [CANARY, &CANARY.to_uppercase(), &digits] {
        if let Some(at) = find(bytes, text) {
            let around = &bytes[at.saturating_sub(200)..(at + 60).min(bytes.len())];
            panic!("an address is kept in {place}: {}", String::from_utf8_lossy(around));
        }
    }
}

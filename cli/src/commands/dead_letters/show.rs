//! One dead letter in full. Of what can be read, neither key nor address is shown; the bytes are in hexadecimal.

use crate::output;
use domain::event::{Event, LeadEvent};
use domain::pack;
use serde_json::{Value, json};
use store::{Letter, LetterBody};

/// Bytes that a table shows; JSON has all.
const SHOWN: usize = 256;

/// The letter with its bytes.
pub(super) fn sheet(json: bool, letter: &Letter, body: &LetterBody) -> String {
    let mut members = vec![
        ("dead_letter_id", json!(letter.id.simple().to_string())),
        ("reason", json!(letter.reason.name())),
        ("message", json!(letter.message)),
        ("whole_message", json!(letter.whole_message)),
        ("program_id", json!(letter.program)),
        ("event_id", json!(letter.event.map(|event| event.uuid().to_string()))),
        ("run", json!(letter.pack.map(|(run, _)| run.to_string()))),
        ("number", json!(letter.pack.map(|(_, number)| number))),
        ("recorded_at", output::moment(letter.recorded_at)),
        ("replays", json!(letter.replays)),
        ("replayed_at", letter.replayed_at.map_or(Value::Null, output::moment)),
        ("readable", json!(worker::readable(body).is_ok())),
    ];
    members.extend(content(body));
    members.push(("bytes", json!(body.body.len())));
    members.push(("body", bytes(json, &body.body)));
    output::sheet(json, members)
}

fn bytes(json: bool, body: &[u8]) -> Value {
    let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if json || body.len() <= SHOWN {
        json!(hex(body))
    } else {
        json!(format!("{}… (--json shows all)", hex(&body[..SHOWN])))
    }
}

fn content(body: &LetterBody) -> Vec<(&'static str, Value)> {
    if body.whole_message {
        let Ok(pack) = pack::decode(&body.body) else { return Vec::new() };
        return vec![("records", json!(pack.records.len()))];
    }
    let Ok(event) = pack::decode_record(&body.body) else { return Vec::new() };
    let mut members = vec![("received_at", output::moment(event.id().received_at())), ("test", json!(event.is_test()))];
    match &event {
        Event::Click(click) => {
            members.extend([("type", json!("click")), ("link_id", json!(click.link)), ("bot", json!(click.bot))]);
        }
        Event::Lead(lead) => members.extend(lead_members(lead)),
    }
    members
}

fn lead_members(lead: &LeadEvent) -> [(&'static str, Value); 5] {
    [
        ("type", json!("lead")),
        ("source", json!(lead.source.name())),
        ("customer_key", json!(lead.customer_key.as_ref().map(|key| masked(key.as_str())))),
        ("click", json!(lead.click.map(|click| click.event.uuid().to_string()))),
        ("has_email", json!(lead.email.is_some())),
    ]
}

/// A key may be an address or a name: its first character tells people apart well enough.
fn masked(key: &str) -> String {
    let first: String = key.chars().take(1).collect();
    format!("{first}*** ({} characters)", key.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_masked_to_its_first_character() {
        assert_eq!(masked("jane@example.com"), "j*** (16 characters)");
        assert_eq!(masked("ü"), "ü*** (1 characters)");
    }
}

//! `additional_data`: an object of the client's own, bounded, of which three members are known.

use super::json::Json;
use super::members::Members;
use super::privacy::mask_addresses;
use super::warning::Warning;
use crate::program::ProgramId;
use std::borrow::Cow;
use std::io;

const MAX_BYTES: usize = 4 * 1024;
const MAX_DEPTH: usize = 5;
const MAX_EVENT_NAME_CHARS: usize = 255;

/// What `additional_data` says.
#[derive(Default)]
pub(super) struct Additional<'a> {
    pub(super) test_mode: bool,
    pub(super) program: Option<ProgramId>,
    /// Everything but the mode and the program, with addresses masked.
    pub(super) rest: Option<Json<'a>>,
}

/// Takes `additional_data` out of the body, and a `test_mode` that is not in it; its faults are added to the body's.
pub(super) fn take<'a>(body: &mut Members<'a>) -> Additional<'a> {
    if body.take("test_mode").is_some_and(|value| value != Json::Bool(false)) {
        body.warnings.push(Warning::TestModeIgnored);
    }
    let Some(json) = body.take("additional_data") else { return Additional::default() };
    if let Some(rule) = broken_rule(&json) {
        body.fault("additional_data", rule);
        return Additional::default();
    }
    let Json::Object(object) = json else { return Additional::default() };
    let mut inner = Members::new(object, "additional_data.");
    let test_mode = inner.flag("test_mode");
    let program = inner.program("program_id");
    let event_name = inner.strict_text("event_name", MAX_EVENT_NAME_CHARS);
    body.faults.append(&mut inner.faults);
    let mut object = inner.into_object();
    object.extend(event_name.map(|name| (Cow::Borrowed("event_name"), Json::Text(name))));
    let mut rest = Json::Object(object);
    rest.for_each_text(&mut |text| *text = mask_addresses(std::mem::take(text)));
    let is_empty = matches!(&rest, Json::Object(members) if members.is_empty());
    Additional { test_mode, program, rest: (!is_empty).then_some(rest) }
}

fn broken_rule(json: &Json<'_>) -> Option<&'static str> {
    let mut has_controls = false;
    let mut size = Size(0);
    if !matches!(json, Json::Object(_)) {
        Some("must be an object")
    } else if json.depth() > MAX_DEPTH {
        Some("must be at most 5 levels deep")
    } else if serde_json::to_writer(&mut size, json).is_err() || size.0 > MAX_BYTES {
        Some("must be at most 4 KiB")
    } else {
        each_text(json, &mut |text| has_controls |= text.contains(char::is_control));
        has_controls.then_some("contains control characters")
    }
}

fn each_text(json: &Json<'_>, look: &mut impl FnMut(&str)) {
    match json {
        Json::Text(text) => look(text),
        Json::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Json::Object(members) => members.iter().for_each(|(name, value)| {
            look(name);
            each_text(value, look);
        }),
        Json::Null | Json::Bool(_) | Json::Unsigned(_) | Json::Negative(_) | Json::Float(_) => {}
    }
}

/// Counts the bytes of compact JSON without keeping them.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

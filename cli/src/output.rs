//! What a command prints: records as a table for people or as JSON for programs, and the one line of a failure.
//!
//! Which records, and what they mean, is the commands' business.

use crate::failure::Failure;
use domain::Timestamp;
use serde_json::{Map, Value};
use std::io::{self, Write};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const GAP: &str = "  ";

/// A member of a record: its name in JSON and its title in a table.
pub(crate) type Column = (&'static str, &'static str);

/// Writes to standard output. Whoever closes it early, such as `head`, has seen enough.
///
/// # Errors
/// The output cannot be written otherwise, a full disk for example.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::system("the output cannot be written")(error))
        }
        _ => Ok(()),
    }
}

/// The line of a failure on standard error; where that is closed, the exit code has to do.
pub(crate) fn complain(failure: &Failure) {
    let _nowhere_to_say_it = writeln!(io::stderr().lock(), "affitor: {failure}");
}

/// One record, and in a table the lines that belong below it.
pub(crate) fn one<const N: usize>(json: bool, columns: &[Column; N], record: [Value; N], note: &str) -> String {
    if json { line(&object(columns, record)) } else { format!("{}{note}", table(columns, &[record])) }
}

/// All records; `none` is what a table says when there are none.
pub(crate) fn all<const N: usize>(
    json: bool,
    columns: &[Column; N],
    records: impl Iterator<Item = [Value; N]>,
    none: &str,
) -> String {
    if json {
        return line(&records.map(|record| object(columns, record)).collect());
    }
    let records: Vec<[Value; N]> = records.collect();
    if records.is_empty() { format!("{none}\n") } else { table(columns, &records) }
}

/// One record with many members, in a table one below the other.
pub(crate) fn sheet(json: bool, members: Vec<(&'static str, Value)>) -> String {
    if json {
        return line(&members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into());
    }
    let width = members.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    members.iter().map(|(name, value)| format!("{name:<width$}{GAP}{}\n", cell(value))).collect()
}

/// A moment as JSON shows it: RFC 3339 in UTC with milliseconds.
pub(crate) fn moment(at: Timestamp) -> Value {
    let nanos = i128::from(at.micros()) * 1_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|at| at.format(TIME).ok())
        .map_or(Value::Null, Value::String)
}

fn line(value: &Value) -> String {
    format!("{value:#}\n")
}

fn object<const N: usize>(columns: &[Column; N], record: [Value; N]) -> Value {
    let members = columns.iter().zip(record).map(|((name, _), value)| ((*name).to_owned(), value));
    Value::Object(members.collect::<Map<_, _>>())
}

fn table<const N: usize>(columns: &[Column; N], records: &[[Value; N]]) -> String {
    let titles = columns.map(|(_, title)| title.to_owned());
    let lines: Vec<[String; N]> =
        std::iter::once(titles).chain(records.iter().map(|record| record.each_ref().map(cell))).collect();
    let widths: [usize; N] =
        std::array::from_fn(|place| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or_default());
    let mut text = String::new();
    for cells in &lines {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        // The only list in tables, of origins, allows any when it is empty.
        Value::Array(items) if items.is_empty() => "any".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column; 3] = &[("id", "ID"), ("name", "NAME"), ("allowed_origins", "ORIGINS")];

    fn records() -> impl Iterator<Item = [Value; 3]> {
        [[json!(1), json!("Zoë"), json!([])], [json!(12), Value::Null, json!(["https://a.example"])]].into_iter()
    }

    #[test]
    fn a_table_is_aligned_by_characters() {
        let expected = "ID  NAME  ORIGINS\n1   Zoë   any\n12  -     https://a.example\n";
        assert_eq!(all(false, COLUMNS, records(), "none"), expected);
    }

    #[test]
    fn json_has_the_members_whatever_the_titles() {
        let parsed: Value = serde_json::from_str(&all(true, COLUMNS, records(), "none")).unwrap();
        assert_eq!(parsed[0], json!({"id": 1, "name": "Zoë", "allowed_origins": []}));
        assert_eq!(parsed[1]["name"], Value::Null);
    }

    #[test]
    fn an_empty_list_is_a_sentence_or_an_empty_array() {
        let none = std::iter::empty::<[Value; 3]>;
        assert_eq!(all(false, COLUMNS, none(), "no programs yet"), "no programs yet\n");
        assert_eq!(all(true, COLUMNS, none(), "no programs yet"), "[]\n");
    }

    #[test]
    fn a_moment_has_milliseconds() {
        assert_eq!(moment(Timestamp::from_micros(1_795_356_309_123_999)), json!("2026-11-22T14:05:09.123Z"));
    }
}

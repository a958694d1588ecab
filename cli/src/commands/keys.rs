//! `affitor keys`: make, list and revoke API keys. A key itself is printed once, when it is made.

use super::{Kind, OnStore, must_exist, program_number};
use crate::failure::Failure;
use crate::output::{self, Column};
use clap::Subcommand;
use domain::timestamp::Span;
use domain::{ApiKey, ProgramId, Timestamp};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use store::{Key, Store};

const KEYS: Kind<Key, 5> = Kind {
    columns: &[
        ("key_id", "KEY ID"),
        ("program_id", "PROGRAM"),
        ("label", "LABEL"),
        ("created_at", "CREATED"),
        ("revoked_at", "REVOKED"),
    ],
    record,
    none: "no keys yet; `affitor keys create --program PROGRAM` makes one",
};
const NEW_COLUMNS: &[Column; 6] = &[
    ("key_id", "KEY ID"),
    ("program_id", "PROGRAM"),
    ("label", "LABEL"),
    ("created_at", "CREATED"),
    ("revoked_at", "REVOKED"),
    ("api_key", "API KEY"),
];
const ONCE: &str = "\nThis is the only time the API key is shown: keep it where your server keeps its secrets.\n";
/// The longest overlap of an old and a new key, in hours: a year.
const MAX_HOURS: i64 = 8_760;

/// `affitor keys …`
pub(crate) type Arguments = OnStore<Action>;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Make a key and print it, once
    Create {
        /// The only program it speaks for
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
        /// Where it is used, for people
        #[arg(long, default_value = "key")]
        label: String,
    },
    /// List a program's keys, without their secrets
    List {
        /// The program's number
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
    },
    /// Refuse a key, at once or in some hours. It never comes back
    Revoke {
        /// The program it speaks for
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
        /// The key's id, as `affitor keys list` shows it
        #[arg(value_name = "KEY_ID")]
        key: String,
        /// Hours that it still works, for the change to a new key
        #[arg(long, value_name = "HOURS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=MAX_HOURS))]
        in_hours: i64,
    },
}

/// Runs the command.
///
/// # Errors
/// [`Failure`], which says what to do.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let perform = async |store: &Store, json: bool, action: Action| {
        Ok(match action {
            Action::Create { program, label } => {
                let (key, plain) = store.create_key(program, &label, entropy()?).await?;
                let [id, program, label, created, revoked] = record(&key);
                let new = [id, program, label, created, revoked, json!(plain.text())];
                output::one(json, NEW_COLUMNS, new, ONCE)
            }
            Action::List { program } => {
                must_exist(store, program).await?;
                KEYS.all(json, &store.keys(program).await?)
            }
            Action::Revoke { program, key, in_hours } => {
                let at = now() + Span::seconds(in_hours * 3_600);
                KEYS.one(json, &store.revoke_key(program, id_of(&key), at).await?)
            }
        })
    };
    output::print(&arguments.perform(perform).await?)
}

/// What a new key is made from.
///
/// # Errors
/// The system has no random numbers to give.
pub(crate) fn entropy() -> Result<[u8; ApiKey::ENTROPY], Failure> {
    let mut bytes = [0; ApiKey::ENTROPY];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Whoever gives the whole key means it too, and must not read it again in the answer.
fn id_of(key: &str) -> &str {
    ApiKey::parse(key).map_or(key, |parsed| parsed.key_id())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn record(key: &Key) -> [Value; 5] {
    [
        json!(key.key_id),
        json!(key.program_id),
        json!(key.label),
        output::moment(key.created_at),
        key.revoked_at.map_or(Value::Null, output::moment),
    ]
}

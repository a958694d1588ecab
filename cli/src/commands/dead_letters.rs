//! `affitor dead-letters`: what could not be processed. Replaying and giving up may be interrupted and repeated: what
//! is done is done, and what is not there any more is left out.

mod select;
mod show;

use super::OnStore;
use crate::failure::Failure;
use crate::output::{self, Column};
use clap::Subcommand;
use select::{Filter, Selection};
use serde_json::{Value, json};
use store::{Letter, LetterCursor, Store, StoreError};
use uuid::Uuid;
use worker::StaysDead;

const COLUMNS: &[Column; 8] = &[
    ("dead_letter_id", "DEAD LETTER"),
    ("reason", "REASON"),
    ("program_id", "PROGRAM"),
    ("event_id", "EVENT"),
    ("recorded_at", "SET ASIDE"),
    ("bytes", "BYTES"),
    ("replays", "REFUSED REPLAYS"),
    ("message", "WHAT IS WRONG"),
];
const OUTCOME_COLUMNS: &[Column; 3] = &[("dead_letter_id", "DEAD LETTER"), ("outcome", "OUTCOME"), ("message", "WHY")];
/// The most letters that are named one by one; all are counted.
const NAMED: usize = 1_000;

/// `affitor dead-letters …`
pub(crate) type Arguments = OnStore<Action>;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List dead letters, the newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// The most that are listed
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Go on where the page before ended
        #[arg(long, value_name = "PLACE")]
        after: Option<LetterCursor>,
    },
    /// Show one, with its bytes in hexadecimal and what can be read of them
    Show {
        /// Its id, as `affitor dead-letters list` shows it
        #[arg(value_name = "DEAD_LETTER", value_parser = select::letter_id)]
        id: Uuid,
    },
    /// Process dead letters again; those that are stored then are gone
    Replay {
        #[command(flatten)]
        selection: Selection,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Give dead letters up for good
    Discard {
        #[command(flatten)]
        selection: Selection,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// [`Failure`], which says what to do; also when letters that were to be replayed stay.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let perform = async |store: &Store, json: bool, action: Action| match action {
        Action::List { filter, limit, after } => list(store, json, &filter, limit, after).await,
        Action::Show { id } => show_one(store, json, id).await,
        Action::Replay { selection, dry_run } => replay(store, json, &selection, dry_run).await,
        Action::Discard { selection, dry_run } => discard(store, json, &selection, dry_run).await,
    };
    arguments.perform(perform).await
}

async fn list(
    store: &Store,
    json: bool,
    filter: &Filter,
    limit: u32,
    after: Option<LetterCursor>,
) -> Result<(), Failure> {
    let letters = store.dead_letters(filter.letters(), after, limit).await?;
    let mut text = output::all(json, COLUMNS, letters.iter().map(record), "no dead letters");
    if let Some(last) = letters.last().filter(|_| !json && letters.len() == limit as usize) {
        text += &format!("\nThere may be more: --after {}\n", last.cursor());
    }
    output::print(&text)
}

async fn show_one(store: &Store, json: bool, id: Uuid) -> Result<(), Failure> {
    let letters = store.dead_letters_of(&[id]).await?;
    let bodies = store.letter_bodies(&[id]).await?;
    match (letters.first(), bodies.first()) {
        (Some(letter), Some(body)) => output::print(&show::sheet(json, letter, body)),
        _ => {
            let text = format!("there is no dead letter {}; `affitor dead-letters list` shows them", id.simple());
            Err(StoreError::NotFound(text).into())
        }
    }
}

/// What became of the letters that were selected.
#[derive(Default)]
struct Outcomes {
    named: Vec<[Value; 3]>,
    done: usize,
    stay: usize,
}

impl Outcomes {
    fn add(&mut self, id: Uuid, outcome: &'static str, why: Option<&StaysDead>) {
        match why {
            None => self.done += 1,
            Some(_) => self.stay += 1,
        }
        if self.named.len() < NAMED {
            let message = why.map_or(Value::Null, |stays| json!(stays.message));
            self.named.push([json!(id.simple().to_string()), json!(outcome), message]);
        }
    }

    /// The sentence below the table.
    fn print(self, json: bool, what: &str) -> Result<(), Failure> {
        let mut text = output::all(json, OUTCOME_COLUMNS, self.named.into_iter(), "no dead letters are meant by this");
        if !json {
            text += &format!("\n{} {what}, {} to stay.\n", self.done, self.stay);
        }
        output::print(&text)
    }
}

async fn replay(store: &Store, json: bool, selection: &Selection, dry_run: bool) -> Result<(), Failure> {
    let (mut session, mut outcomes, mut pages) = (store.session(), Outcomes::default(), selection.pages());
    let mut ended = Ok(());
    loop {
        let letters = match pages.next(store).await {
            Ok(letters) if letters.is_empty() => break,
            Ok(letters) => letters,
            Err(error) => {
                ended = Err(error);
                break;
            }
        };
        let replayed =
            if dry_run { tried(store, &letters).await } else { worker::replay(store, &mut session, &letters).await };
        match replayed {
            Ok(fates) => {
                for (id, fate) in fates {
                    let done = if dry_run { "would be replayed" } else { "replayed" };
                    outcomes.add(id, if fate.is_ok() { done } else { "stays" }, fate.as_ref().err());
                }
            }
            Err(error) => {
                ended = Err(error);
                break;
            }
        }
    }
    let stay = outcomes.stay;
    outcomes.print(json, if dry_run { "would be replayed" } else { "replayed" })?;
    ended?;
    if stay > 0 && !dry_run {
        let text = format!("{stay} of the dead letters stay; `affitor dead-letters show` says why");
        return Err(Failure::Found(text));
    }
    Ok(())
}

/// Whether this version can read the letters. Whether the database takes them shows only when they are replayed.
async fn tried(store: &Store, letters: &[Letter]) -> Result<Vec<worker::Replayed>, StoreError> {
    let mut fates = Vec::with_capacity(letters.len());
    for letter in letters {
        let bodies = store.letter_bodies(&[letter.id]).await?;
        fates.extend(bodies.iter().map(|body| (body.id, worker::readable(body))));
    }
    Ok(fates)
}

async fn discard(store: &Store, json: bool, selection: &Selection, dry_run: bool) -> Result<(), Failure> {
    let (mut outcomes, mut pages) = (Outcomes::default(), selection.pages());
    loop {
        let letters = pages.next(store).await?;
        if letters.is_empty() {
            break;
        }
        let ids: Vec<Uuid> = letters.iter().map(|letter| letter.id).collect();
        if !dry_run {
            store.discard_letters(&ids).await?;
        }
        for id in ids {
            outcomes.add(id, if dry_run { "would be discarded" } else { "discarded" }, None);
        }
    }
    outcomes.print(json, if dry_run { "would be discarded" } else { "discarded" })
}

fn record(letter: &Letter) -> [Value; 8] {
    [
        json!(letter.id.simple().to_string()),
        json!(letter.reason.name()),
        json!(letter.program),
        json!(letter.event.map(|event| event.uuid().to_string())),
        output::moment(letter.recorded_at),
        json!(letter.bytes),
        json!(letter.replays),
        json!(letter.message),
    ]
}

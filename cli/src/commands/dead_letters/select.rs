//! Which dead letters a command means: some by id, or all that a filter leaves, page by page.

use crate::commands::program_number;
use clap::Args;
use domain::outcome::DeadLetterReason;
use domain::{ProgramId, Timestamp};
use store::{Letter, LetterCursor, LetterFilter, Store, StoreError};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Letters that are taken at a time.
const PAGE: u32 = 500;

/// Narrows what is meant.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Set aside for this reason, such as `unknown_version`
    #[arg(long, value_parser = reason)]
    reason: Option<DeadLetterReason>,
    /// Of this program, as far as it could be read
    #[arg(long, value_parser = program_number)]
    program: Option<ProgramId>,
    /// Set aside at this moment or later, as `2026-11-22` or `2026-11-22T14:05:00Z`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
}

impl Filter {
    pub(super) fn letters(&self) -> LetterFilter {
        LetterFilter { reason: self.reason, program: self.program, since: self.since }
    }
}

/// Some by id, or all that the filter leaves.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true)
    .args(["ids", "all", "reason", "program", "since"]))]
pub(crate) struct Selection {
    /// Their ids, as `affitor dead-letters list` shows them
    #[arg(value_name = "DEAD_LETTER", value_parser = letter_id,
        conflicts_with_all = ["all", "reason", "program", "since", "limit"])]
    ids: Vec<Uuid>,
    /// All of them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// The most that are taken, the newest first
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Selection {
    pub(super) fn pages(&self) -> Pages<'_> {
        let left = self.limit.map_or(usize::MAX, |limit| limit as usize);
        Pages { selection: self, after: None, left, ids: self.ids.chunks(PAGE as usize) }
    }
}

/// Walks through the selection. A place stays good when the letter that had it is gone.
pub(super) struct Pages<'a> {
    selection: &'a Selection,
    after: Option<LetterCursor>,
    left: usize,
    ids: std::slice::Chunks<'a, Uuid>,
}

impl Pages<'_> {
    /// The next letters; none at the end.
    pub(super) async fn next(&mut self, store: &Store) -> Result<Vec<Letter>, StoreError> {
        if !self.selection.ids.is_empty() {
            for ids in self.ids.by_ref() {
                let letters = store.dead_letters_of(ids).await?;
                if !letters.is_empty() {
                    return Ok(letters);
                }
            }
            return Ok(Vec::new());
        }
        let limit = u32::try_from(self.left).unwrap_or(PAGE).min(PAGE);
        let letters = store.dead_letters(self.selection.filter.letters(), self.after, limit).await?;
        self.after = letters.last().map(Letter::cursor).or(self.after);
        self.left -= letters.len();
        Ok(letters)
    }
}

/// Reads the id of a dead letter, with or without hyphens.
pub(super) fn letter_id(text: &str) -> Result<Uuid, &'static str> {
    let id = Uuid::parse_str(text);
    id.map_err(|_| "a dead letter is named by 32 hexadecimal digits; `affitor dead-letters list` shows them")
}

fn reason(text: &str) -> Result<DeadLetterReason, String> {
    let found = DeadLetterReason::ALL.iter().find(|reason| reason.name() == text);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = DeadLetterReason::ALL.iter().map(|reason| reason.name()).collect();
        format!("the reasons are {}", names.join(", "))
    })
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let day = || Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    let at = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| Some(day()?.midnight().assume_utc()));
    let micros = at.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000).ok());
    micros
        .map(Timestamp::from_micros)
        .ok_or("a moment is a day such as 2026-11-22, or RFC 3339 such as 2026-11-22T14:05:00Z")
}

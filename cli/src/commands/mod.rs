//! The administrative commands: each reads its arguments, asks the store, and prints what came of it.
//!
//! What values are allowed is the store's to say. Called by `main`.

pub(crate) mod audit;
pub(crate) mod dead_letters;
pub(crate) mod doctor;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod partners;
pub(crate) mod programs;

use crate::failure::Failure;
use crate::output::{self, Column};
use crate::store_choice::StoreArguments;
use clap::{Args, Subcommand};
use domain::{PartnerId, ProgramId};
use serde_json::Value;
use store::{Store, StoreError};

/// What every command on a store takes: which store, how to show it, and one of the command's own actions.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct OnStore<A: Subcommand> {
    #[command(flatten)]
    store: StoreArguments,
    #[command(subcommand)]
    action: A,
}

impl<A: Subcommand> OnStore<A> {
    /// Opens the store, does the action (told whether JSON is wanted), closes the store and gives back what came of it.
    ///
    /// # Errors
    /// The store cannot be opened, or the action's.
    async fn perform<T>(self, act: impl AsyncFnOnce(&Store, bool, A) -> Result<T, Failure>) -> Result<T, Failure> {
        let store = self.store.open().await?;
        let done = act(&store, self.store.json, self.action).await;
        store.close().await;
        done
    }
}

/// How one kind of thing is shown.
struct Kind<T, const N: usize> {
    columns: &'static [Column; N],
    record: fn(&T) -> [Value; N],
    /// What a table says of a program that has none.
    none: &'static str,
}

impl<T, const N: usize> Kind<T, N> {
    fn one(&self, json: bool, thing: &T) -> String {
        output::one(json, self.columns, (self.record)(thing), "")
    }

    fn all(&self, json: bool, things: &[T]) -> String {
        output::all(json, self.columns, things.iter().map(self.record), self.none)
    }
}

/// Reads a program's number.
fn program_number(text: &str) -> Result<ProgramId, &'static str> {
    let number = text.parse().ok().and_then(ProgramId::new);
    number.ok_or("a program is named by its number; `affitor programs list` shows them")
}

/// Reads a partner's number.
fn partner_number(text: &str) -> Result<PartnerId, &'static str> {
    let number = text.parse().ok().and_then(PartnerId::new);
    number.ok_or("a partner is named by its number; `affitor partners list` shows them")
}

/// A list of a program that does not exist would look like an empty one.
async fn must_exist(store: &Store, program: ProgramId) -> Result<(), Failure> {
    match store.program(program).await? {
        Some(_) => Ok(()),
        None => {
            let text = format!("there is no program {program}; `affitor programs list` shows them");
            Err(StoreError::NotFound(text).into())
        }
    }
}

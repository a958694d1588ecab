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
use domain::{PartnerId, ProgramId};
use store::{Store, StoreError};

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

//! `affitor partners`: make, list and disable those who refer.

use super::{Kind, OnStore, must_exist, partner_number, program_number};
use crate::failure::Failure;
use crate::output;
use clap::Subcommand;
use domain::{PartnerId, ProgramId};
use serde_json::{Value, json};
use store::{Partner, Store};

const PARTNERS: Kind<Partner, 5> = Kind {
    columns: &[
        ("partner_id", "PARTNER"),
        ("program_id", "PROGRAM"),
        ("name", "NAME"),
        ("active", "ACTIVE"),
        ("created_at", "CREATED"),
    ],
    record,
    none: "no partners yet; `affitor partners create --program PROGRAM NAME` makes one",
};

/// `affitor partners …`
pub(crate) type Arguments = OnStore<Action>;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Make a partner; `affitor links create` then gives it a link
    Create {
        /// The program it refers for
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
        /// Name, for people
        name: String,
    },
    /// List a program's partners
    List {
        /// The program's number
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
    },
    /// Make a partner and all its links inactive; clicks made before still count
    Disable {
        /// The program it refers for
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
        /// The partner's number
        #[arg(value_name = "PARTNER", value_parser = partner_number)]
        partner: PartnerId,
    },
}

/// Runs the command.
///
/// # Errors
/// [`Failure`], which says what to do.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let perform = async |store: &Store, json: bool, action: Action| {
        Ok(match action {
            Action::Create { program, name } => PARTNERS.one(json, &store.create_partner(program, &name).await?),
            Action::List { program } => {
                must_exist(store, program).await?;
                PARTNERS.all(json, &store.partners(program).await?)
            }
            Action::Disable { program, partner } => PARTNERS.one(json, &store.disable_partner(program, partner).await?),
        })
    };
    output::print(&arguments.perform(perform).await?)
}

fn record(partner: &Partner) -> [Value; 5] {
    [
        json!(partner.partner_id),
        json!(partner.program_id),
        json!(partner.name),
        json!(partner.active),
        output::moment(partner.created_at),
    ]
}

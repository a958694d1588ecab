//! `affitor partners`: make, list and disable those who refer.

use super::{must_exist, partner_number, program_number};
use crate::failure::Failure;
use crate::output::{self, Column};
use crate::store_choice::StoreArguments;
use clap::{Args, Subcommand};
use domain::{PartnerId, ProgramId};
use serde_json::{Value, json};
use store::Partner;

const COLUMNS: &[Column; 5] = &[
    ("partner_id", "PARTNER"),
    ("program_id", "PROGRAM"),
    ("name", "NAME"),
    ("active", "ACTIVE"),
    ("created_at", "CREATED"),
];

/// `affitor partners …`
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
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
    let store = arguments.store.open().await?;
    let json = arguments.store.json;
    let text = match arguments.action {
        Action::Create { program, name } => {
            output::one(json, COLUMNS, record(&store.create_partner(program, &name).await?), "")
        }
        Action::List { program } => {
            must_exist(&store, program).await?;
            let partners = store.partners(program).await?;
            let none = "no partners yet; `affitor partners create --program PROGRAM NAME` makes one";
            output::all(json, COLUMNS, partners.iter().map(record), none)
        }
        Action::Disable { program, partner } => {
            output::one(json, COLUMNS, record(&store.disable_partner(program, partner).await?), "")
        }
    };
    store.close().await;
    output::print(&text)
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

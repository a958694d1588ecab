//! `affitor links`: make, list and disable the short codes that visitors come through.

use super::{must_exist, partner_number, program_number};
use crate::failure::Failure;
use crate::output::{self, Column};
use crate::store_choice::StoreArguments;
use clap::{Args, Subcommand};
use domain::{PartnerId, ProgramId};
use serde_json::{Value, json};
use store::Link;

const COLUMNS: &[Column; 6] = &[
    ("code", "CODE"),
    ("link_id", "LINK"),
    ("program_id", "PROGRAM"),
    ("partner_id", "PARTNER"),
    ("active", "ACTIVE"),
    ("created_at", "CREATED"),
];

/// `affitor links …`
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
    /// Make a link
    Create {
        /// The program it leads to
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
        /// Whose link it is
        #[arg(long, value_parser = partner_number)]
        partner: PartnerId,
        /// The value of `?aff=`: 1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen. [default: a random one]
        #[arg(long)]
        code: Option<String>,
    },
    /// List a program's links
    List {
        /// The program's number
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
    },
    /// Make a link inactive; clicks made before still count, and its code stays taken
    Disable {
        /// The program it leads to
        #[arg(long, value_parser = program_number)]
        program: ProgramId,
        /// The value of `?aff=`
        code: String,
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
        Action::Create { program, partner, code } => {
            output::one(json, COLUMNS, record(&store.create_link(program, partner, code).await?), "")
        }
        Action::List { program } => {
            must_exist(&store, program).await?;
            let links = store.links(program).await?;
            let none = "no links yet; `affitor links create --program PROGRAM --partner PARTNER` makes one";
            output::all(json, COLUMNS, links.iter().map(record), none)
        }
        Action::Disable { program, code } => {
            output::one(json, COLUMNS, record(&store.disable_link(program, &code).await?), "")
        }
    };
    store.close().await;
    output::print(&text)
}

fn record(link: &Link) -> [Value; 6] {
    [
        json!(link.code),
        json!(link.link_id),
        json!(link.program_id),
        json!(link.partner_id),
        json!(link.active),
        output::moment(link.created_at),
    ]
}

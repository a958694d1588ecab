//! `affitor links`: make, list and disable the short codes that visitors come through.

use super::{Kind, OnStore, must_exist, partner_number, program_number};
use crate::failure::Failure;
use crate::output;
use clap::Subcommand;
use domain::{PartnerId, ProgramId};
use serde_json::{Value, json};
use store::{Link, Store};

const LINKS: Kind<Link, 6> = Kind {
    columns: &[
        ("code", "CODE"),
        ("link_id", "LINK"),
        ("program_id", "PROGRAM"),
        ("partner_id", "PARTNER"),
        ("active", "ACTIVE"),
        ("created_at", "CREATED"),
    ],
    record,
    none: "no links yet; `affitor links create --program PROGRAM --partner PARTNER` makes one",
};

/// `affitor links …`
pub(crate) type Arguments = OnStore<Action>;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
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
    let perform = async |store: &Store, json: bool, action: Action| {
        Ok(match action {
            Action::Create { program, partner, code } => {
                LINKS.one(json, &store.create_link(program, partner, code).await?)
            }
            Action::List { program } => {
                must_exist(store, program).await?;
                LINKS.all(json, &store.links(program).await?)
            }
            Action::Disable { program, code } => LINKS.one(json, &store.disable_link(program, &code).await?),
        })
    };
    output::print(&arguments.perform(perform).await?)
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

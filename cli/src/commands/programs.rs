//! `affitor programs`: make, change and list programs.

use super::{Kind, OnStore, program_number};
use crate::failure::Failure;
use crate::output;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use domain::ProgramId;
use domain::program::{AttributionModel, LeadAuth, Terms};
use serde_json::{Value, json};
use store::{NewProgram, Program, ProgramChange, Store};

const PROGRAMS: Kind<Program, 10> = Kind {
    columns: &[
        ("program_id", "PROGRAM"),
        ("name", "NAME"),
        ("domain", "DOMAIN"),
        ("active", "ACTIVE"),
        ("attribution_window_days", "WINDOW DAYS"),
        ("cookie_window_days", "COOKIE DAYS"),
        ("attribution_model", "MODEL"),
        ("lead_auth", "LEAD AUTH"),
        ("allowed_origins", "ORIGINS"),
        ("created_at", "CREATED"),
    ],
    record,
    none: "no programs yet; `affitor programs create NAME` makes one",
};

/// `affitor programs …`
pub(crate) type Arguments = OnStore<Action>;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Make a program
    Create {
        /// Name, for people
        name: String,
        #[command(flatten)]
        settings: ProgramSettings,
    },
    /// Change a program's settings; what was accepted before keeps the old ones
    Set {
        /// The program's number
        #[arg(value_name = "PROGRAM", value_parser = program_number)]
        program: ProgramId,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        /// Whether the program takes events
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
        /// Allow any origin again
        #[arg(long, conflicts_with = "origins")]
        clear_origins: bool,
        #[command(flatten)]
        settings: ProgramSettings,
    },
    /// List all programs
    List,
}

#[derive(Debug, Args)]
pub(crate) struct ProgramSettings {
    /// The advertiser's domain, for people; an empty text removes it
    #[arg(long)]
    domain: Option<String>,
    /// How many days a click may be older than the lead, 0 to 3650
    #[arg(long, value_name = "DAYS", value_parser = days(0))]
    window_days: Option<u16>,
    /// How many days the visitor's cookie lives, 1 to 3650
    #[arg(long, value_name = "DAYS", value_parser = days(1))]
    cookie_window_days: Option<u16>,
    /// Which of several clicks wins
    #[arg(long, value_parser = model())]
    model: Option<AttributionModel>,
    /// Whether a lead from a browser counts on its own
    #[arg(long, value_parser = lead_auth())]
    lead_auth: Option<LeadAuth>,
    /// An origin whose pages may send, as `https://shop.example`; once for each. They replace the list there was
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`], which says what to do.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let perform = async |store: &Store, json: bool, action: Action| {
        Ok(match action {
            Action::Create { name, settings } => {
                PROGRAMS.one(json, &store.create_program(settings.new_program(name)).await?)
            }
            Action::Set { program, name, active, clear_origins, settings } => {
                let change = ProgramChange { name, active, ..settings.change(clear_origins) };
                if change == ProgramChange::default() {
                    let text = "nothing to change; `affitor programs set --help` shows what can be";
                    return Err(Failure::Usage(text.to_owned()));
                }
                PROGRAMS.one(json, &store.set_program(program, change).await?)
            }
            Action::List => PROGRAMS.all(json, &store.programs().await?),
        })
    };
    output::print(&arguments.perform(perform).await?)
}

impl ProgramSettings {
    fn new_program(self, name: String) -> NewProgram {
        let mut new = NewProgram::named(name);
        new.domain = self.domain.filter(|domain| !domain.is_empty());
        new.cookie_window_days = self.cookie_window_days.unwrap_or(new.cookie_window_days);
        new.terms.attribution_window_days = self.window_days.unwrap_or(new.terms.attribution_window_days);
        new.terms.attribution_model = self.model.unwrap_or(new.terms.attribution_model);
        new.terms.lead_auth = self.lead_auth.unwrap_or(new.terms.lead_auth);
        new.allowed_origins = self.origins;
        new
    }

    fn change(self, clear_origins: bool) -> ProgramChange {
        ProgramChange {
            domain: self.domain.map(|domain| Some(domain).filter(|domain| !domain.is_empty())),
            cookie_window_days: self.cookie_window_days,
            attribution_window_days: self.window_days,
            attribution_model: self.model,
            lead_auth: self.lead_auth,
            allowed_origins: (clear_origins || !self.origins.is_empty()).then_some(self.origins),
            ..ProgramChange::default()
        }
    }
}

fn days(least: i64) -> impl TypedValueParser<Value = u16> {
    clap::value_parser!(u16).range(least..=i64::from(Terms::MAX_WINDOW_DAYS))
}

fn model() -> impl TypedValueParser<Value = AttributionModel> {
    let names = [AttributionModel::LastClick, AttributionModel::FirstClick].map(AttributionModel::name);
    PossibleValuesParser::new(names).try_map(|name| AttributionModel::from_name(&name).ok_or("no such model"))
}

fn lead_auth() -> impl TypedValueParser<Value = LeadAuth> {
    let names = [LeadAuth::BrowserAllowed, LeadAuth::ServerRequired].map(LeadAuth::name);
    PossibleValuesParser::new(names).try_map(|name| LeadAuth::from_name(&name).ok_or("no such setting"))
}

fn record(program: &Program) -> [Value; 10] {
    [
        json!(program.program_id),
        json!(program.name),
        json!(program.domain),
        json!(program.active),
        json!(program.terms.attribution_window_days),
        json!(program.cookie_window_days),
        json!(program.terms.attribution_model.name()),
        json!(program.terms.lead_auth.name()),
        json!(program.allowed_origins),
        output::moment(program.created_at),
    ]
}

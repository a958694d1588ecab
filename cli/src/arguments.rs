//! The command line as a whole; what a command takes is declared beside the command.

use crate::bench;
use crate::commands::{audit, dead_letters, doctor, keys, links, partners, programs};
use crate::up::UpArguments;
use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  affitor                                       start everything here, in ./data, with a demo to try
  affitor up --listen 0.0.0.0:8080 --no-demo    the same for other machines, empty
  affitor programs create 'My shop' --origin https://shop.example
  affitor partners create --program 1 Jane
  affitor links create --program 1 --partner 1 --code JANE
  affitor keys create --program 1 --label backend
  affitor programs list --json
  affitor dead-letters list --reason unknown_version
  affitor audit
  affitor doctor

Exit codes: 0 done, 1 it could not be done, 2 the arguments or settings are wrong.";

/// Lead tracking for affiliate programs: from a partner's click to the customer who signed up.
///
/// Without a command it is `affitor up`.
#[derive(Debug, Parser)]
#[command(name = "affitor", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: UpArguments,
}

impl Arguments {
    /// The command that is meant.
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Up(self.up))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the whole pipeline in this process, until Ctrl-C
    Up(UpArguments),
    /// Make, change and list programs
    Programs(programs::Arguments),
    /// Make, list and disable a program's partners
    Partners(partners::Arguments),
    /// Make, list and disable partners' links
    Links(links::Arguments),
    /// Make, list and revoke a program's API keys
    Keys(keys::Arguments),
    /// List, show, replay and give up what could not be processed
    DeadLetters(dead_letters::Arguments),
    /// Account for every accepted event: what is stored, what waits, what is missing
    Audit(audit::Arguments),
    /// Check broker, database, secrets and files, and say what to do
    Doctor(doctor::Arguments),
    /// Measure what this machine carries, beside baselines, on servers of this machine
    Bench(bench::Arguments),
    /// A process of the bench
    #[command(hide = true)]
    BenchPart(bench::roles::Arguments),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("affitor").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_up() {
        for line in ["", "--demo", "--data here --listen 127.0.0.1:0", "up", "up --no-demo --config file.toml"] {
            assert!(matches!(parse(line).unwrap().into_command(), Command::Up(_)), "{line}");
        }
    }

    #[test]
    fn complete_commands_are_taken() {
        for line in [
            "up --data d --listen 0.0.0.0:80 --metrics-listen 127.0.0.1:9100 --amqp amqp://h --database postgres://h/d",
            "programs list",
            "programs --data d list --json",
            "programs create Shop --domain shop.example --window-days 30 --cookie-window-days 30 --model first_click",
            "programs set 1 --lead-auth server_required --origin https://a.example --origin https://b.example",
            "programs set 1 --clear-origins --name Shop --active false",
            "partners create --program 1 Jane --database postgres://h/d",
            "partners disable --program 1 2",
            "links create --program 1 --partner 1 --code JANE",
            "links create --program 1 --partner 1",
            "links disable --program 1 JANE",
            "keys create --program 1 --label backend",
            "keys revoke --program 1 abc --in-hours 24",
            "dead-letters list --reason unknown_version --program 1 --since 2026-11-22 --limit 5 --json",
            "dead-letters show 0190a5c2b1f07cc3a1b2c3d4e5f60718",
            "dead-letters replay --all --dry-run",
            "dead-letters discard 0190a5c2b1f07cc3a1b2c3d4e5f60718",
            "audit --amqp amqp://h --database postgres://h/d --grace 5",
            "doctor --data d --json",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        for (line, kind) in [
            ("start", ErrorKind::InvalidSubcommand),
            ("up --demo --no-demo", ErrorKind::ArgumentConflict),
            ("programs", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("programs create", ErrorKind::MissingRequiredArgument),
            ("programs list --data d --database postgres://h/d", ErrorKind::ArgumentConflict),
            ("programs set 0 --name x", ErrorKind::ValueValidation),
            ("programs set 1 --model best_click", ErrorKind::InvalidValue),
            ("programs set 1 --lead-auth none", ErrorKind::InvalidValue),
            ("programs set 1 --window-days many", ErrorKind::ValueValidation),
            ("programs set 1 --origin https://a.example --clear-origins", ErrorKind::ArgumentConflict),
            ("partners list", ErrorKind::MissingRequiredArgument),
            ("partners list --program YOUR_PROGRAM_ID", ErrorKind::ValueValidation),
            ("links create --program 1", ErrorKind::MissingRequiredArgument),
            ("keys revoke --program 1", ErrorKind::MissingRequiredArgument),
            ("dead-letters list --reason bad_luck", ErrorKind::ValueValidation),
            ("dead-letters list --since yesterday", ErrorKind::ValueValidation),
            ("dead-letters show here", ErrorKind::ValueValidation),
            ("dead-letters replay", ErrorKind::MissingRequiredArgument),
            ("dead-letters discard --dry-run", ErrorKind::MissingRequiredArgument),
            ("dead-letters replay 0190a5c2b1f07cc3a1b2c3d4e5f60718 --all", ErrorKind::ArgumentConflict),
        ] {
            assert_eq!(parse(line).expect_err(line).kind(), kind, "{line}");
        }
    }
}

//! The `affitor` binary: reads arguments and calls one function.

mod arguments;
mod bench;
mod commands;
mod demo;
mod failure;
mod flags;
mod output;
mod store_choice;
mod up;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.into_command() {
        Command::Up(up) => up::run(&up).await,
        Command::Programs(programs) => commands::programs::run(programs).await,
        Command::Partners(partners) => commands::partners::run(partners).await,
        Command::Links(links) => commands::links::run(links).await,
        Command::Keys(keys) => commands::keys::run(keys).await,
        Command::DeadLetters(letters) => commands::dead_letters::run(letters).await,
        Command::Audit(audit) => commands::audit::run(audit).await,
        Command::Doctor(doctor) => commands::doctor::run(doctor).await,
        Command::Bench(bench) => bench::run(bench).await,
        Command::BenchPart(part) => bench::roles::run(part).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            failure.exit_code()
        }
    }
}

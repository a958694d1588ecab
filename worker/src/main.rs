//! The `worker` binary: reads arguments and calls one function.

use clap::{Parser, Subcommand};
use runtime::config::Settings;
use std::path::PathBuf;
use std::process::ExitCode;

/// Consumes accepted events, attributes leads, keeps the store.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Settings file; AFFITOR_… variables override it.
    #[arg(long, env = "AFFITOR_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Brings the database's schema up to this version, then ends.
    Migrate,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match Settings::load(arguments.config.as_deref()) {
        Err(error) => Err(error.to_string()),
        Ok(settings) => match arguments.command {
            Some(Command::Migrate) => worker::migrate(settings).await.map_err(|error| error.to_string()),
            None => worker::run(settings).await.map_err(|error| error.to_string()),
        },
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error}");
            ExitCode::FAILURE
        }
    }
}

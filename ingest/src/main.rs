//! The `ingest` binary: reads its arguments and calls one function.

use clap::Parser;
use runtime::config::Settings;
use std::path::PathBuf;
use std::process::ExitCode;

/// Accepts clicks and leads and makes them durable.
#[derive(Parser)]
#[command(name = "ingest", version)]
struct Arguments {
    /// The configuration file; the environment wins over it.
    #[arg(long, value_name = "FILE", env = runtime::config::CONFIG_VARIABLE)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match start(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("ingest: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn start(arguments: &Arguments) -> Result<(), String> {
    let settings = Settings::load(arguments.config.as_deref()).map_err(|error| error.to_string())?;
    ingest::run(&settings).await.map_err(|error| error.to_string())
}

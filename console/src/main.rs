//! The console by itself: reads its settings, then serves until it is told to stop.

use clap::Parser;
use runtime::config::Settings;
use std::path::PathBuf;
use std::process::ExitCode;

/// Shows what became of every lead.
#[derive(Parser)]
#[command(name = "console", version)]
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
            eprintln!("console: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn start(arguments: &Arguments) -> Result<(), String> {
    let settings = Settings::load(arguments.config.as_deref()).map_err(|error| error.to_string())?;
    console::run(&settings).await.map_err(|error| error.to_string())
}

//! Reads the file and the environment into one tree and turns it into [`Settings`].
//!
//! All faults are reported at once and none of them repeats a value, since it may be a secret.

use super::CONFIG_VARIABLE;
use super::given::Given;
use super::sections::{Settings, reference};
use config::{Config, Environment, File, FileFormat, Source};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why the settings cannot be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not there, not readable, or not TOML.
    #[error("cannot read the configuration file {path}: {reason}")]
    File {
        /// The file that was named.
        path: PathBuf,
        /// What is wrong with it, without its content.
        reason: String,
    },
    /// Unknown settings and values of the wrong type, a sentence each.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
}

impl Settings {
    /// Reads the file, if one is named by the argument or by `AFFITOR_CONFIG`, and then the environment,
    /// which wins.
    ///
    /// # Errors
    /// [`LoadError`] names the file, or every key that is unknown or has a value of the wrong type.
    pub fn load(file: Option<&Path>) -> Result<Self, LoadError> {
        Self::load_from(file, std::env::vars_os())
    }

    /// As [`Settings::load`], with the environment handed in.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_from(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, LoadError> {
        let mut faults = Vec::new();
        let (variables, named) = ours(environment, &mut faults);
        let mut builder = Config::builder();
        let file = file.map(Path::to_owned).or(named);
        if let Some(path) = &file {
            builder = builder.add_source(File::from_str(&file_text(path)?, FileFormat::Toml));
        }
        let environment =
            Environment::with_prefix("AFFITOR").prefix_separator("_").separator("__").source(Some(variables));
        let tree = builder
            .add_source(environment)
            .build()
            .and_then(|tree| tree.collect())
            .map_err(|error| unreadable(file, &error))?;

        let mut given = Given::of(tree, faults);
        let settings = Self::take(&mut given);
        let faults = given.finish();
        if faults.is_empty() { Ok(settings) } else { Err(LoadError::Faults(faults)) }
    }
}

/// The variables that hold settings, and the file that `AFFITOR_CONFIG` names.
///
/// Only a name with `__` is a setting's: the command line has variables of its own, and Kubernetes sets
/// `AFFITOR_INGEST_PORT` and the like for a service called `affitor-ingest`. But a setting's name that
/// was written with one underscore is a fault, not silence.
fn ours(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    faults: &mut Vec<String>,
) -> (HashMap<String, String>, Option<PathBuf>) {
    let misspelt: HashMap<String, String> =
        reference().into_iter().map(|setting| (setting.env.replace("__", "_"), setting.env)).collect();
    let mut variables = HashMap::new();
    let mut file = None;
    for (name, value) in environment {
        let Ok(name) = name.into_string() else { continue };
        if name == CONFIG_VARIABLE {
            file = Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty());
        } else if let Some(right) = misspelt.get(&name) {
            faults.push(format!("{name} is not a setting: write {right}, with two underscores."));
        } else if name.starts_with("AFFITOR_") && name.contains("__") {
            match value.into_string() {
                Ok(value) => {
                    variables.insert(name, value);
                }
                Err(_) => faults.push(format!("{name} must be UTF-8 text.")),
            }
        }
    }
    (variables, file)
}

fn file_text(path: &Path) -> Result<String, LoadError> {
    std::fs::read_to_string(path).map_err(|error| LoadError::File { path: path.to_owned(), reason: error.to_string() })
}

/// The parser's words without the line that it quotes, which may hold a secret.
fn unreadable(file: Option<PathBuf>, error: &config::ConfigError) -> LoadError {
    let text = error.to_string();
    let words: Vec<&str> = text.lines().filter(|line| !line.contains('|')).map(str::trim).collect();
    let reason = words.join(" ");
    match (error, file) {
        (config::ConfigError::FileParse { .. }, Some(path)) => LoadError::File { path, reason },
        _ => LoadError::Faults(vec![reason]),
    }
}

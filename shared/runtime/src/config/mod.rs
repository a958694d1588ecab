//! Settings: what there is, where they are read from, and whether they can work together.
//!
//! A setting comes from the TOML file, then from the environment (`AFFITOR_INGEST__LISTEN` is
//! `ingest.listen`), which wins. Called by every binary's `main`.

mod check;
mod given;
mod load;
mod sections;
mod table;
mod value;

pub use check::Role;
pub use load::LoadError;
pub use sections::{
    ConsoleSettings, HttpSettings, IngestSettings, LogSettings, QueueSettings, SecretSettings, Settings, StoreSettings,
    WorkerSettings, reference,
};
pub use value::{LogFormat, Networks};

/// The variable that names the configuration file when `--config` does not.
pub const CONFIG_VARIABLE: &str = "AFFITOR_CONFIG";

/// One line of the settings reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingDoc {
    /// Name in the file, such as `ingest.listen`.
    pub key: &'static str,
    /// Name in the environment, such as `AFFITOR_INGEST__LISTEN`.
    pub env: String,
    /// Default as it would be written; empty when there is none.
    pub default: String,
    /// What it is, in a sentence.
    pub meaning: &'static str,
}

impl SettingDoc {
    fn new(key: &'static str, default: String, meaning: &'static str) -> Self {
        Self { key, env: env_name(key), default, meaning: meaning.trim() }
    }
}

/// A setting's name in the environment.
fn env_name(key: &str) -> String {
    format!("AFFITOR_{}", key.replace('.', "__").to_uppercase())
}

/// Both names of a setting, as every sentence about it has them.
pub fn setting_name(key: &str) -> String {
    format!("`{key}` ({} in the environment)", env_name(key))
}

#[cfg(test)]
mod tests;

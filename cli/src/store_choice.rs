//! Which store an administrative command means: Postgres, or the file in the directory of `affitor up`.
//!
//! The directory's lock belongs to `up` alone. SQLite's own locks let a command write beside it, so neither waits for
//! the other longer than one transaction. Nothing is created or migrated here.

use crate::failure::Failure;
use crate::flags;
use clap::Args;
use runtime::config::{Role, Settings};
use runtime::secret::Secret;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use store::Store;
use worker::servers;

/// The directory when none is named.
pub(crate) const DEFAULT_DATA: &str = "./data";
/// The embedded store's file in it.
pub(crate) const STORE_FILE: &str = "affitor.db";

/// Options of every administrative command.
///
/// The fields are not named like those of `up`: clap hands a global option the value that the whole command line has
/// under the same name, and that would be the default of `up --data`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which store, and how it is shown")]
pub(crate) struct StoreArguments {
    /// PostgreSQL, as `postgres://user:password@host:5432/database`. AFFITOR_STORE__DATABASE_URL says the same without
    /// showing it in the list of processes
    #[arg(long = "database", value_name = "URL", global = true, conflicts_with = "directory")]
    url: Option<Secret>,
    /// Data directory of `affitor up`, which may be running meanwhile. [default: ./data, if no database is named]
    #[arg(long = "data", value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    /// Settings file; AFFITOR_… variables win over it
    #[arg(long = "config", value_name = "FILE", global = true)]
    settings_file: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl StoreArguments {
    /// Opens the store that is meant, which must be there and up to date.
    ///
    /// # Errors
    /// [`Failure`], which says what to do.
    pub(crate) async fn open(&self) -> Result<Store, Failure> {
        self.open_as(&self.settings()?).await
    }

    /// The settings, with the database of the arguments.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::load(self.settings_file.as_deref())?;
        if let Some(url) = &self.url {
            settings.store.database_url = url.clone();
        }
        Ok(settings)
    }

    /// The directory of the embedded store, if that is meant and not a server.
    pub(crate) fn embedded(&self, settings: &Settings) -> Option<&Path> {
        let embedded = self.directory.is_some() || settings.store.database_url.is_empty();
        embedded.then(|| self.directory.as_deref().unwrap_or(Path::new(DEFAULT_DATA)))
    }

    /// As [`StoreArguments::open`], with settings that were read before.
    ///
    /// # Errors
    /// [`Failure`], which says what to do.
    pub(crate) async fn open_as(&self, settings: &Settings) -> Result<Store, Failure> {
        let store = self.open_any(settings).await?;
        let remedy = if self.embedded(settings).is_some() { "a start of `affitor up`" } else { "`worker migrate`" };
        if store.schema_is_current().await? { Ok(store) } else { Err(Failure::OldSchema(remedy)) }
    }

    /// Opens the store that is meant, whatever its schema.
    ///
    /// # Errors
    /// [`Failure`], which says what to do.
    pub(crate) async fn open_any(&self, settings: &Settings) -> Result<Store, Failure> {
        if let Some(directory) = self.embedded(settings) {
            return open_file(directory).await;
        }
        let flags = [("--database", "store.database_url", self.url.is_some())];
        settings.check(Role::Tool).map_err(|faults| flags::failure(faults, &flags))?;
        Ok(Store::postgres(servers::postgres(settings)).await?)
    }
}

async fn open_file(directory: &Path) -> Result<Store, Failure> {
    let file = directory.join(STORE_FILE);
    // Opening it would make it, and a mistyped directory is more likely than a wish for an empty store.
    match fs::metadata(&file) {
        Ok(metadata) if metadata.is_file() => Ok(Store::sqlite(&file).await?),
        Ok(_) => Err(Failure::NoStore(directory.to_owned())),
        Err(error) => Err(without_store(directory, error)),
    }
}

/// A store that somebody else may see is there all the same.
fn without_store(directory: &Path, error: io::Error) -> Failure {
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        return Failure::NoStore(directory.to_owned());
    }
    let what = format!("{} cannot be looked into; run this as the user of `affitor up`", directory.display());
    Failure::system(what)(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_may_not_be_seen_is_not_an_empty_one() {
        let told = |kind: ErrorKind| without_store(Path::new("data"), kind.into()).to_string();
        for kind in [ErrorKind::NotFound, ErrorKind::NotADirectory] {
            assert!(told(kind).starts_with("there is no store in data"), "{}", told(kind));
        }
        let denied = told(ErrorKind::PermissionDenied);
        assert!(denied.contains("permission denied") && denied.contains("user of `affitor up`"), "{denied}");
    }
}

//! Which store an administrative command means: Postgres, or the file in the directory of `affitor up`.
//!
//! The directory's lock belongs to `up` alone. SQLite's own locks let a command write beside it, so neither waits for
//! the other longer than one transaction. Nothing is created or migrated here.

use crate::failure::Failure;
use crate::servers;
use clap::Args;
use runtime::config::{Role, Settings};
use runtime::secret::Secret;
use std::path::{Path, PathBuf};
use store::Store;

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
        settings.check(Role::Tool).map_err(Failure::Settings)?;
        Ok(Store::postgres(servers::postgres(settings)).await?)
    }
}

async fn open_file(directory: &Path) -> Result<Store, Failure> {
    let file = directory.join(STORE_FILE);
    // Opening it would make it, and a mistyped directory is more likely than a wish for an empty store.
    if !file.is_file() {
        return Err(Failure::NoStore(directory.to_owned()));
    }
    Ok(Store::sqlite(&file).await?)
}

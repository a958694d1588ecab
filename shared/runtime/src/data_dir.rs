//! The embedded default's directory: made private, locked against a second process, home of its secrets.
//!
//! Used by `affitor up`; the store's own files in it are the store's business.

use crate::config::{LoadError, Settings};
use crate::secret::Secrets;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;

const LOCK_FILE: &str = "lock";
const SECRETS_FILE: &str = "secrets.toml";
const SECRET_BYTES: usize = 32;

/// Why the directory cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// Not there and not to be made, or not ours to write.
    #[error("the data directory {path} cannot be written: {source}; give another one with --data")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A second process would corrupt it.
    #[error(
        "the data directory {0} is already in use by another process; stop that one or give another directory with --data"
    )]
    InUse(PathBuf),
    /// The secrets are there but not usable. They are never replaced: click ids in the field hang on them.
    #[error("the secrets in {path} cannot be used: {reason}; restore the file from a backup")]
    BadSecrets {
        /// The file.
        path: PathBuf,
        /// What is wrong, without any secret.
        reason: String,
    },
    /// The system has no random numbers to give.
    #[error("no secrets can be made: {0}")]
    NoRandomness(getrandom::Error),
}

/// A data directory that is this process's own until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The lock ends with the file, and so with the process, however it ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if needed (mode 0700) and locks it.
    ///
    /// # Errors
    /// [`DataDirError::Unwritable`] or [`DataDirError::InUse`].
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let unwritable = |source| DataDirError::Unwritable { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unwritable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK_FILE))
            .map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(unwritable(source)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secrets kept here, made at the first call ever (mode 0600, on disk before they are used).
    ///
    /// The file has the form of a configuration file, so that it can be taken along to production.
    ///
    /// # Errors
    /// [`DataDirError`]; a file that is there is never overwritten.
    pub fn load_or_create_secrets(&self) -> Result<Secrets, DataDirError> {
        let file = self.path.join(SECRETS_FILE);
        let unwritable = |source| DataDirError::Unwritable { path: self.path.clone(), source };
        if !file.try_exists().map_err(unwritable)? {
            let text = new_secrets().map_err(DataDirError::NoRandomness)?;
            self.write_private(SECRETS_FILE, &text).map_err(unwritable)?;
        }
        read_secrets(&file)
    }

    /// Writes a file of the directory, mode 0600. Whole or not at all, also after a power cut: written aside, synced,
    /// renamed, directory synced.
    ///
    /// # Errors
    /// What the system says; the file is then the old one or the new one.
    pub fn write_private(&self, name: &str, text: &str) -> io::Result<()> {
        let file = self.path.join(name);
        let aside = file.with_extension("new");
        if aside.try_exists()? {
            fs::remove_file(&aside)?;
        }
        let mut written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&aside)?;
        written.write_all(text.as_bytes())?;
        written.sync_all()?;
        fs::rename(&aside, file)?;
        File::open(&self.path)?.sync_all()
    }
}

fn new_secrets() -> Result<String, getrandom::Error> {
    let secret = || {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map(|()| hex::encode(bytes))
    };
    Ok(format!(
        "# Click ids and email digests hang on these: keep a copy, and never let anyone see them.\n\
         [secrets]\nclick_secret = [\"a:{}\"]\nemail_pepper = [\"a:{}\"]\n",
        secret()?,
        secret()?
    ))
}

fn read_secrets(file: &Path) -> Result<Secrets, DataDirError> {
    let bad = |reason: String| DataDirError::BadSecrets { path: file.to_owned(), reason };
    // The environment is left out: these are the directory's own.
    let settings = Settings::load_from(Some(file), []).map_err(|error| match error {
        LoadError::File { reason, .. } => bad(reason),
        LoadError::Faults(faults) => bad(faults.join(" ")),
    })?;
    settings.secrets.parse().map_err(|faults| bad(faults.join(" ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_directory_and_its_secrets_are_private_and_stay_the_same() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a/data");
        let data = DataDir::open(&path).unwrap();
        let first = data.load_or_create_secrets().unwrap();
        assert_eq!((mode(&path), mode(&path.join(SECRETS_FILE))), (0o700, 0o600));
        drop(data);
        let second = DataDir::open(&path).unwrap().load_or_create_secrets().unwrap();
        let digest = |secrets: &Secrets| secrets.click.digest('a', &[b"x"]).unwrap();
        assert_eq!(digest(&first), digest(&second));
        assert_ne!(first.click.digest('a', &[b"x"]), first.email.digest('a', &[b"x"]));
    }

    #[test]
    fn a_directory_in_use_is_refused() {
        let room = tempfile::tempdir().unwrap();
        let first = DataDir::open(room.path()).unwrap();
        let error = DataDir::open(room.path()).unwrap_err();
        assert!(matches!(error, DataDirError::InUse(_)), "{error}");
        drop(first);
        assert!(DataDir::open(room.path()).is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDir::open(&file.join("data")).unwrap_err().to_string();
        assert!(error.contains("cannot be written") && error.contains("--data"), "{error}");
    }

    #[test]
    fn damaged_secrets_are_neither_replaced_nor_shown() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join(SECRETS_FILE);
        let damaged = "[secrets]\nclick_secret = [\"a:00ff\nemail_pepper = []\n";
        fs::write(&file, damaged).unwrap();
        let error = DataDir::open(room.path()).unwrap().load_or_create_secrets().unwrap_err();
        assert!(matches!(error, DataDirError::BadSecrets { .. }));
        assert!(!error.to_string().contains("00ff"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
    }

    #[test]
    fn what_a_crash_left_of_the_first_start_does_not_stop_the_second() {
        let room = tempfile::tempdir().unwrap();
        fs::write(room.path().join("secrets.new"), "half").unwrap();
        assert!(DataDir::open(room.path()).unwrap().load_or_create_secrets().is_ok());
    }
}

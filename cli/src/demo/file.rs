//! The demo's facts on disk: private, because they hold keys, and whole or not at all.

use super::Demo;
use crate::failure::Failure;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The facts, if they are there; a file that somebody has made something else of is left alone.
pub(super) fn read(path: &Path) -> Result<Option<Demo>, Failure> {
    match fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::system(format!("{} cannot be read", path.display()))(error)),
    }
}

/// Writes the facts, mode 0600.
pub(super) fn write(directory: &Path, path: &Path, demo: &Demo) -> Result<(), Failure> {
    let written = serde_json::to_string_pretty(demo).map_err(io::Error::from);
    written
        .and_then(|text| replace(directory, path, &format!("{text}\n")))
        .map_err(Failure::system(format!("{} cannot be written", path.display())))
}

/// Written aside, synced, renamed, directory synced: a crash leaves the old file or the new one.
fn replace(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    let aside = path.with_extension("new");
    if aside.try_exists()? {
        fs::remove_file(&aside)?;
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(directory)?.sync_all()
}

//! The demo's facts in the data directory: private, because they hold keys.

use super::{Demo, FILE};
use crate::failure::Failure;
use runtime::data_dir::DataDir;
use std::fs;
use std::io::{self, ErrorKind};

/// The facts, if they are there; a file that somebody has made something else of is left alone.
pub(super) fn read(data: &DataDir) -> Result<Option<Demo>, Failure> {
    let path = data.path().join(FILE);
    match fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::system(format!("{} cannot be read", path.display()))(error)),
    }
}

/// Writes the facts.
pub(super) fn write(data: &DataDir, demo: &Demo) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(demo).map_err(io::Error::from);
    text.and_then(|text| data.write_private(FILE, &format!("{text}\n")))
        .map_err(Failure::system(format!("{} cannot be written", data.path().join(FILE).display())))
}

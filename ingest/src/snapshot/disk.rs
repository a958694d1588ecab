//! The last known programs on disk, so that a start works while the database is away.
//!
//! Digests of keys are in it, no keys: they are hashes of 190 random bits. Blocking; called off the async threads.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use store::Snapshot;

const FILE: &str = "programs.json";

/// The directory, made if it is missing (mode 0700).
pub(super) fn prepare(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// What the last process knew; `None` when there was none.
pub(super) fn load(directory: &Path) -> io::Result<Option<Snapshot>> {
    match File::open(directory.join(FILE)) {
        Ok(file) => Ok(Some(serde_json::from_reader(BufReader::new(file))?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whole or not at all, also after a power cut: written aside, synced, renamed, directory synced.
pub(super) fn save(directory: &Path, snapshot: &Snapshot) -> io::Result<()> {
    // Named after the process: two that share the directory by mistake must not write into one file.
    let aside: PathBuf = directory.join(format!("{FILE}.{}", std::process::id()));
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&aside)?;
    let mut writer = BufWriter::new(file);
    serde_json::to_writer(&mut writer, snapshot)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    fs::rename(&aside, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}

//! The last known programs on disk, so that a start works while the database is away.
//!
//! Digests of keys are in it, no keys: they are hashes of 190 random bits. Blocking; called off the async threads.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use store::Snapshot;

const FILE: &str = "programs.json";

/// The directory, made if it is missing (mode 0700); an error means that nothing can be kept there.
pub(super) fn prepare(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let aside = aside(directory);
    create(&aside)?;
    fs::remove_file(aside)
}

/// What the last process knew; `None` when there was none. A file that cannot be read is no more than that: it is
/// a copy, which the next refresh replaces.
pub(super) fn load(directory: &Path) -> Option<Snapshot> {
    let file = directory.join(FILE);
    let read = File::open(&file).and_then(|open| Ok(serde_json::from_reader(BufReader::new(open))?));
    match read {
        Ok(snapshot) => Some(snapshot),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            // The parser's words could repeat what is in the file.
            let (file, kind) = (file.display(), error.kind());
            tracing::warn!(%file, %kind, "the programs kept on disk cannot be read: this start needs the database");
            None
        }
    }
}

/// Whole or not at all, also after a power cut: written aside, synced, renamed, directory synced.
pub(super) fn save(directory: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let aside = aside(directory);
    let mut writer = BufWriter::new(create(&aside)?);
    serde_json::to_writer(&mut writer, snapshot)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    fs::rename(&aside, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}

/// Named after the process: two that share the directory by mistake must not write into one file.
fn aside(directory: &Path) -> PathBuf {
    directory.join(format!("{FILE}.{}", std::process::id()))
}

fn create(file: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(file)
}

//! The two forms of the script that are checked in hold the same.

use std::{fs, path::Path, process::Command};

/// That the script belongs to its source is tested by `ingest`, everywhere, by digests that the build writes down. Building
/// it again needs tools from npm: `npm run check` in `ingest/browser`.
#[test]
fn the_compressed_script_is_the_script() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/browser/dist/affitor-tracker.js");
    let unpacked = Command::new("gzip").arg("-dc").arg(built.with_extension("js.gz")).output().unwrap();
    assert!(unpacked.status.success() && unpacked.stdout == fs::read(&built).unwrap(), "run `npm run build`");
}

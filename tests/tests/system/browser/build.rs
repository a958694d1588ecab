//! The script that is checked in is the one that its source makes.

use std::{env, fs, path::Path, process::Command};

/// The digests of source and script are compared by `ingest`'s own tests, everywhere. Here the script is built again where
/// npm can be had: the tools that npm brings are those of the lock file.
#[test]
fn the_script_is_built_from_its_source() {
    let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest/browser");
    let room = tempfile::tempdir().unwrap();
    let mut copy = Command::new("cp");
    copy.args(["-r", "src", "build.js", "package.json", "package-lock.json"]).arg(room.path()).current_dir(&browser);
    assert!(copy.status().unwrap().success());
    fs::create_dir(room.path().join("dist")).unwrap();
    let npm = |arguments: &[&str]| {
        let ran =
            Command::new("npm").args(arguments).current_dir(&room).env("npm_config_update_notifier", "false").output();
        ran.map(|output| (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    match npm(&["ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]) {
        Ok((true, _)) => {}
        Ok((false, why)) => return println!("npm brings no tools, so nothing is built: {why}"),
        Err(why) => return println!("there is no npm, so nothing is built: {why}"),
    }
    let (built, why) = npm(&["run", "build"]).unwrap();
    assert!(built, "{why}");
    let of = |directory: &Path| fs::read(directory.join("dist/affitor-tracker.js")).unwrap();
    assert_eq!(of(room.path()), of(&browser), "run `npm ci && npm run build` in ingest/browser");
    let unpacked = Command::new("gzip").args(["-dc"]).arg(browser.join("dist/affitor-tracker.js.gz")).output().unwrap();
    assert_eq!(unpacked.stdout, of(&browser));
}

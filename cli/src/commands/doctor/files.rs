//! What lies on this machine's disk: secrets, the programs that `ingest` keeps, and room for more.

use super::Check;
use domain::keyring::Keyring;
use runtime::config::Settings;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const SECRETS_FILE: &str = "secrets.toml";
const SNAPSHOT_FILE: &str = "programs.json";
/// `ingest` asks every second; after this it must have noticed.
const STALE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;
/// An hour of leads, or a write-ahead log that nobody folds back.
const LITTLE_ROOM: u64 = 1_024 * MIB;
const NO_ROOM: u64 = 100 * MIB;
/// Signed with each secret: the same on all machines that have the same one, and useless to anybody else.
const MARK: &[u8] = b"affitor doctor";

/// The secrets of the settings, or those of the data directory.
pub(super) fn secrets(settings: &Settings, directory: Option<&Path>, checks: &mut Vec<Check>) {
    let name = "secrets";
    let secrets = match directory.map(|directory| directory.join(SECRETS_FILE)) {
        Some(file) if !settings.secrets.any_given() => {
            if !file.is_file() {
                checks.push(Check::warning(name, "none yet", "the first start of `affitor up` makes them"));
                return;
            }
            checks.push(privacy(&file));
            Settings::load_from(Some(&file), []).map_err(|error| error.to_string()).map(|settings| settings.secrets)
        }
        _ => Ok(settings.secrets.clone()),
    };
    match secrets {
        Ok(secrets) if !secrets.any_given() => {
            let remedy = "`ingest` and `console` need AFFITOR_SECRETS__CLICK_SECRET and AFFITOR_SECRETS__EMAIL_PEPPER; \
                          a worker needs none";
            checks.push(Check::warning(name, "none in these settings", remedy));
        }
        Ok(secrets) => match secrets.parse() {
            Ok(secrets) => {
                let found = format!("click {}; email {}", marks(&secrets.click), marks(&secrets.email));
                checks.push(Check::ok(name, format!("{found}: the same on every machine")));
            }
            Err(faults) => checks.push(Check::fault(name, faults.join(" "), "correct them, never replace them")),
        },
        Err(reason) => checks.push(Check::fault(name, reason, "restore the file from a backup")),
    }
}

/// Each secret's id and a mark by which two machines can be compared.
fn marks(keyring: &Keyring) -> String {
    let mark = |id| {
        let digest = keyring.digest(id, &[MARK]).unwrap_or_default();
        format!("{id}:{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2])
    };
    keyring.ids().map(mark).collect::<Vec<_>>().join(" ")
}

fn privacy(file: &Path) -> Check {
    let name = "secrets file";
    match fs::metadata(file) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 == 0 => Check::ok(name, "only its owner can read it"),
        Ok(_) => Check::fault(name, "others can read it", format!("chmod 600 {}", file.display())),
        Err(error) => Check::fault(name, error.to_string(), "see that its owner runs this"),
    }
}

/// The programs that `ingest` starts with while the database is away. `version` is the store's.
pub(super) fn snapshot(directory: &Path, expected: bool, version: Option<i64>, checks: &mut Vec<Check>) {
    let (name, file) = ("snapshot", directory.join(SNAPSHOT_FILE));
    let (Ok(metadata), Ok(text)) = (fs::metadata(&file), fs::read(&file)) else {
        if expected {
            let found = format!("there is no {}", file.display());
            checks.push(Check::warning(name, found, "a start of `ingest` with the database makes it"));
        }
        return;
    };
    let kept = serde_json::from_slice::<Value>(&text).ok().and_then(|kept| kept["version"].as_i64());
    let age = metadata.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
    let Some(kept) = kept else {
        checks.push(Check::fault(name, "it cannot be read", format!("delete {}", file.display())));
        return;
    };
    let found = format!("version {kept}, {} seconds old", age.as_secs());
    checks.push(match version {
        Some(stored) if kept > stored => {
            Check::warning(name, format!("{found}; the store has {stored}"), "see that it is this store's `ingest`")
        }
        Some(stored) if kept < stored && age > STALE => {
            let remedy = "see that `ingest` runs and reaches the database";
            Check::warning(name, format!("{found}; the store has {stored}"), remedy)
        }
        _ => Check::ok(name, found),
    });
}

/// Room on the disk of the directory, if it is there.
pub(super) fn disk(directory: &Path, checks: &mut Vec<Check>) {
    let Ok(disk) = rustix::fs::statvfs(directory) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{} MiB free for {}", free / MIB, directory.display());
    let remedy = "make room, or move the directory";
    checks.push(if free < NO_ROOM {
        Check::fault("disk", found, remedy)
    } else if free < LITTLE_ROOM {
        Check::warning("disk", found, remedy)
    } else {
        Check::ok("disk", found)
    });
}

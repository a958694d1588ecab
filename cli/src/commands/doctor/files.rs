//! What lies on this machine's disk: secrets, the programs that `ingest` keeps, and room for more.

use super::Check;
use domain::keyring::Keyring;
use runtime::config::Settings;
use serde_json::Value;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const SECRETS_FILE: &str = "secrets.toml";
const SNAPSHOT_FILE: &str = "programs.json";
/// Between two looks at a snapshot that is behind.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// Nobody waits longer for the doctor, however seldom `ingest` asks for changes.
const LONGEST_PATIENCE: Duration = Duration::from_secs(10);
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
            match fs::metadata(&file) {
                Ok(metadata) => checks.push(privacy(&file, &metadata)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    checks.push(Check::warning(name, "none yet", "the first start of `affitor up` makes them"));
                    return;
                }
                Err(error) => {
                    checks.push(unreadable(name, &file, &error));
                    return;
                }
            }
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

fn privacy(file: &Path, metadata: &Metadata) -> Check {
    let name = "secrets file";
    if metadata.permissions().mode() & 0o077 == 0 {
        Check::ok(name, "only its owner can read it")
    } else {
        Check::fault(name, "others can read it", format!("chmod 600 {}", file.display()))
    }
}

fn unreadable(name: &'static str, file: &Path, error: &io::Error) -> Check {
    Check::fault(name, format!("{} cannot be read: {error}", file.display()), "run this as the user who owns it")
}

/// The programs that `ingest` starts with while the database is away. `version` is the store's, if the two must agree;
/// a snapshot that is behind gets `patience` to catch up, because somebody may just have changed something.
pub(super) async fn snapshot(
    directory: &Path,
    expected: bool,
    version: Option<i64>,
    patience: Duration,
    checks: &mut Vec<Check>,
) {
    let (file, began) = (directory.join(SNAPSHOT_FILE), Instant::now());
    loop {
        let kept = Kept::read(&file);
        let is_behind = kept.as_ref().is_ok_and(|kept| kept.version < version);
        if !is_behind || began.elapsed() > patience.min(LONGEST_PATIENCE) {
            checks.extend(snapshot_check(&file, kept, expected, version));
            return;
        }
        tokio::time::sleep(LOOK_PERIOD).await;
    }
}

/// What the file says of itself.
struct Kept {
    /// `None` when it cannot be understood.
    version: Option<i64>,
    age: Duration,
}

impl Kept {
    fn read(file: &Path) -> io::Result<Self> {
        let text = fs::read(file)?;
        let version = serde_json::from_slice::<Value>(&text).ok().and_then(|kept| kept["version"].as_i64());
        let age = fs::metadata(file)?.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
        Ok(Kept { version, age })
    }
}

fn snapshot_check(file: &Path, kept: io::Result<Kept>, expected: bool, version: Option<i64>) -> Option<Check> {
    let name = "snapshot";
    let kept = match kept {
        Ok(kept) => kept,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let found = format!("there is no {}", file.display());
            return expected.then(|| Check::warning(name, found, "a start of `ingest` with the database makes it"));
        }
        Err(error) => return Some(unreadable(name, file, &error)),
    };
    let Some(known) = kept.version else {
        return Some(Check::fault(name, "it cannot be understood", format!("delete {}", file.display())));
    };
    let found = format!("version {known}, {} seconds old", kept.age.as_secs());
    Some(match version {
        Some(stored) if known > stored => {
            Check::warning(name, format!("{found}; the store has {stored}"), "see that it is this store's `ingest`")
        }
        Some(stored) if known < stored => {
            let remedy = "see that `ingest` runs and reaches the database";
            Check::warning(name, format!("{found}; the store has {stored}"), remedy)
        }
        Some(_) | None => Check::ok(name, found),
    })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::State;
    use super::*;

    async fn state(directory: &Path, version: Option<i64>, patience: Duration) -> Option<State> {
        let mut checks = Vec::new();
        snapshot(directory, false, version, patience, &mut checks).await;
        checks.first().map(|check| check.state)
    }

    #[tokio::test]
    async fn a_snapshot_is_told_by_its_version() {
        let room = tempfile::tempdir().unwrap();
        let now = Duration::ZERO;
        assert_eq!(state(room.path(), Some(7), now).await, None, "nobody expects one here");
        fs::write(room.path().join(SNAPSHOT_FILE), r#"{"version": 7}"#).unwrap();
        for (stored, expected) in [(7, State::Ok), (8, State::Warning), (6, State::Warning)] {
            assert_eq!(state(room.path(), Some(stored), now).await, Some(expected), "{stored}");
        }
        assert_eq!(state(room.path(), None, now).await, Some(State::Ok), "nothing to compare it with");
        fs::write(room.path().join(SNAPSHOT_FILE), "{").unwrap();
        assert_eq!(state(room.path(), Some(7), now).await, Some(State::Fault));
    }

    #[tokio::test]
    async fn a_snapshot_that_catches_up_in_time_is_well() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join(SNAPSHOT_FILE);
        fs::write(&file, r#"{"version": 7}"#).unwrap();
        let (seen, ()) = tokio::join!(state(room.path(), Some(8), LONGEST_PATIENCE), async {
            // The first look has come back without it: the runtime has one thread, and that look does not wait.
            tokio::task::yield_now().await;
            fs::write(&file, r#"{"version": 8}"#).unwrap();
        });
        assert_eq!(seen, Some(State::Ok));
    }
}

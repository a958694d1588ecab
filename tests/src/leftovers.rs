//! What a test run leaves on servers that are not its own: databases, queues, directories. A program of ours, `janitor`, removes
//! them when the process of the tests has ended, however it ended. Called by `pipeline`.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex},
};

use crate::process::path_of;

/// Something on a server that nobody needs after the tests.
#[derive(Debug)]
pub(crate) enum Leftover<'a> {
    /// The database of that name.
    Database(&'a str),
    /// The queues and exchanges whose names begin with this prefix.
    Queues(&'a str),
    /// The directory of a private server, which ends with the tests.
    Directory(&'a Path),
}

static JANITOR: LazyLock<Mutex<Child>> = LazyLock::new(|| {
    let mut command = Command::new(path_of("janitor"));
    // In a group of its own: the signal that ends the tests must not end it.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Mutex::new(command.spawn().expect("the janitor"))
});

/// Has it removed when this process has ended.
pub(crate) fn remove_at_the_end(leftover: &Leftover<'_>) {
    let line = match leftover {
        Leftover::Database(name) => format!("database {name}\n"),
        Leftover::Queues(prefix) => format!("queues {prefix}\n"),
        Leftover::Directory(path) => format!("directory {}\n", path.display()),
    };
    let mut janitor = JANITOR.lock().expect("nothing panics with the janitor in hand");
    janitor.stdin.as_mut().expect("a pipe").write_all(line.as_bytes()).expect("the janitor listens");
}

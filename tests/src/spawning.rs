//! Starts programs so that they end with the process that started them, however it ends: tests share running programs,
//! and nobody drops what is shared. Called by `process`.

use std::{
    io,
    process::{Child, Command},
    sync::{
        LazyLock,
        mpsc::{self, Sender},
    },
    thread,
};

struct Order {
    command: Command,
    started: Sender<io::Result<Child>>,
}

/// The kernel's bond is to the thread that starts a program, and a test's own thread ends with the test.
static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (orders, taken) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for Order { mut command, started } in taken {
            drop(started.send(command.spawn()));
        }
    });
    orders
});

/// Starts a command made by [`bound`].
pub(crate) fn spawn_bound(command: Command) -> io::Result<Child> {
    let (started, child) = mpsc::channel();
    SPAWNER.send(Order { command, started }).expect("the spawner runs as long as the process");
    child.recv().expect("the spawner answers")
}

/// The same command, killed by the kernel when this process is gone. It keeps its process id from the start.
/// Input and output are not taken over.
pub(crate) fn bound(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        bound.current_dir(directory);
    }
    bound
}

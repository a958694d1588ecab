//! Where the real servers are, and names and ports that no other test uses.
//! It starts no server (`tests/run.sh` does). Tests and the other parts of the harness call it.

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU16, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// The servers that `tests/run.sh` named in the environment.
#[derive(Debug, Clone)]
pub struct Servers {
    /// RabbitMQ, with the user and the virtual host.
    pub amqp_url: String,
    /// PostgreSQL, as a role that may create databases.
    pub database_url: String,
    /// A program that passes its arguments on to the node's `rabbitmqctl`; only with a private node.
    pub rabbitmqctl: Option<PathBuf>,
    /// The directory of the server's programs (`pg_dump`, `pg_ctl`); only with a private server.
    pub postgres_programs: Option<PathBuf>,
}

impl Servers {
    /// Reads the environment.
    ///
    /// # Panics
    /// When a server is not named, with a sentence that says what to run.
    pub fn from_env() -> Self {
        Self {
            amqp_url: required("TEST_AMQP_URL"),
            database_url: required("TEST_DATABASE_URL"),
            rabbitmqctl: env::var_os("TEST_RABBITMQCTL").map(PathBuf::from),
            postgres_programs: env::var_os("TEST_PG_BIN").map(PathBuf::from),
        }
    }
}

fn required(variable: &str) -> String {
    match env::var(variable) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("{variable} names no server: run ./tests/run.sh, which starts one, or set it to a running one"),
    }
}

/// `topic` with a tail that no other call ever had: for queues, databases, customers.
/// Lower-case letters, digits and `_` only, if `topic` has no others.
pub fn unique_name(topic: &str) -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    format!("{topic}_{:x}_{:x}_{call}", now.as_micros(), process::id())
}

/// A TCP port of the loopback address that is free now and that this process hands out once.
/// It lies below the range from which the kernel takes ports for outgoing connections.
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 10_000;
    static CALLS: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run side by side start at different places.
    let start = u16::try_from(process::id().wrapping_mul(97) % u32::from(COUNT)).expect("below COUNT");
    for _ in 0..COUNT {
        let port = FIRST + (start + CALLS.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port between {FIRST} and {} is free: end what holds them", FIRST + COUNT);
}

//! Every setting there is: name, type, default, bounds and meaning, each said once.
//!
//! The structs, their defaults, the bounds check and the settings reference are all made from this
//! listing. What needs more than one setting to judge is in `check`.

use super::table::settings;
use super::value::{LogFormat, Networks};
use crate::secret::{Secret, SecretList};
use std::path::PathBuf;

settings! {
    /// Limits of the HTTP accept loop.
    http: HttpSettings {
        /// Milliseconds a client has to send a request's header, from its first byte.
        header_timeout_ms: u64 = 10_000, in 100..=120_000;
        /// Milliseconds a client has to send a request's body.
        body_timeout_ms: u64 = 10_000, in 100..=120_000;
        /// Milliseconds a client may leave an answer unread while we wait to write more of it.
        write_timeout_ms: u64 = 10_000, in 100..=120_000;
        /// Milliseconds an idle connection is kept for the next request; longer than the proxy's own limit.
        idle_timeout_ms: u64 = 75_000, in 100..=3_600_000;
        /// Open connections at a time; further ones wait in the kernel's queue.
        max_connections: usize = 10_000, in 1..=1_000_000;
        /// Bytes of request line and headers together; more is a 431.
        max_header_bytes: usize = 32_768, in 8_192..=1_048_576;
        /// Milliseconds that requests in hand have to finish when the process stops.
        drain_timeout_ms: u64 = 8_000, in 0..=60_000;
    }
    /// The binary that takes clicks and leads.
    ingest: IngestSettings {
        /// Address of the public API.
        listen: String = "127.0.0.1:8080".into();
        /// Address of metrics and health.
        metrics_listen: String = "127.0.0.1:9101".into();
        /// Events that may wait for a publishing slot; a full buffer answers 503 at once.
        buffer_events: usize = 8_192, in 1..=1_048_576;
        /// Publishing channels, each with one pack in flight. More make smaller packs, which cost the broker more.
        publish_slots: usize = 1, in 1..=64;
        /// Milliseconds until a request whose event is not confirmed is answered with 503.
        answer_deadline_ms: u64 = 5_000, in 50..=60_000;
        /// Milliseconds between two reads of programs, keys and links from the store.
        snapshot_refresh_ms: u64 = 1_000, in 50..=3_600_000;
        /// Directory for the last known programs, so that a start works while the database is away.
        state_dir: PathBuf = "./state".into();
        /// Hours during which a visitor who returns through the same partner keeps the click id.
        click_window_hours: u64 = 24, in 1..=720;
        /// Networks of your proxies, whose `X-Forwarded-For` is believed; all clients of any other proxy count as one address.
        trusted_proxies: Networks = Networks::default();
        /// Requests a second that one API key may send, each lead of a bulk request being one; 0 for no limit.
        limit_key_per_second: u32 = 1_000, in 0..=1_000_000;
        /// Leads a second that all browsers together may send for one program; 0 for no limit.
        limit_program_per_second: u32 = 500, in 0..=1_000_000;
        /// Requests a second without an API key from one address (IPv6: from one /64 network); 0 for no limit.
        limit_address_per_second: u32 = 100, in 0..=1_000_000;
        /// Clicks a second on one link; 0 for no limit.
        limit_link_per_second: u32 = 1_000, in 0..=1_000_000;
        /// Test events a second from one address; 0 for no limit.
        limit_test_per_second: u32 = 10, in 0..=1_000_000;
        /// Seconds' worth of each limit that may come at once after a pause.
        limit_burst_seconds: u32 = 5, in 1..=60;
        /// Whether the limits hold for clients on this machine too.
        limit_loopback: bool = false;
    }
    /// The binary that writes events into the store.
    worker: WorkerSettings {
        /// Address of metrics and health.
        metrics_listen: String = "127.0.0.1:9102".into();
        /// Lanes: each is one consuming channel, one database connection and one batch in flight.
        lanes: usize = 2, in 1..=64;
        /// Events in one batch at most.
        batch_events: usize = 2_000, in 1..=100_000;
        /// Packs of up to 1 MiB that the broker may hand to a lane before the first is acknowledged; fewer where all lanes together would hold more than 128.
        prefetch: u16 = 64, in 1..=10_000;
        /// Milliseconds between two looks at the account of packs, which also keep it small.
        ledger_interval_ms: u64 = 10_000, in 100..=3_600_000;
        /// Milliseconds that a pack may be late behind a later one of its run before it counts as missing.
        ledger_grace_ms: u64 = 60_000, in 0..=86_400_000;
        /// Milliseconds between two rounds of maintenance, in which old test events are forgotten.
        maintenance_interval_ms: u64 = 60_000, in 1_000..=86_400_000;
        /// Test events of each program that are kept, the newest.
        test_events_kept: u32 = 1_000, in 10..=1_000_000;
    }
    /// The binary that shows and explains what is stored.
    console: ConsoleSettings {
        /// Address of the read API and the pages.
        listen: String = "127.0.0.1:8081".into();
        /// Address of metrics and health.
        metrics_listen: String = "127.0.0.1:9103".into();
    }
    /// RabbitMQ.
    queue: QueueSettings {
        /// Broker, as `amqp://user:password@host:5672/vhost` or `amqps://…`.
        amqp_url: Secret = Secret::default();
        /// First part of every exchange's and queue's name.
        name_prefix: String = "affitor".into();
        /// Milliseconds to connect to the broker.
        connect_timeout_ms: u64 = 5_000, in 100..=60_000;
    }
    /// PostgreSQL.
    store: StoreSettings {
        /// Database, as `postgres://user:password@host:5432/database`.
        database_url: Secret = Secret::default();
        /// Connections for reads; each lane of a worker has one of its own besides.
        max_connections: u32 = 8, in 1..=1_000;
        /// Milliseconds to connect to the database, or to wait for a free connection.
        connect_timeout_ms: u64 = 5_000, in 100..=60_000;
        /// Milliseconds after which the database ends a statement.
        statement_timeout_ms: u64 = 15_000, in 100..=600_000;
        /// Milliseconds after which the database ends a wait for a lock.
        lock_timeout_ms: u64 = 5_000, in 10..=600_000;
        /// Milliseconds after which the database ends a session that sits idle in a transaction.
        idle_in_transaction_timeout_ms: u64 = 10_000, in 100..=600_000;
    }
    /// Secrets, the same on every `ingest` and `console`.
    secrets: SecretSettings {
        /// Secrets of click ids as `ID:HEX`, comma-separated: the first signs, all verify.
        click_secret: SecretList = SecretList::default();
        /// Secrets of email digests as `ID:HEX`, comma-separated: the first is used for new events.
        email_pepper: SecretList = SecretList::default();
    }
    /// Logging.
    log: LogSettings {
        /// What is logged: a level, or directives such as `info,ingest=debug`.
        filter: String = "info".into();
        /// `json` (one line an event) or `pretty` (for people).
        format: LogFormat = LogFormat::Json;
    }
}

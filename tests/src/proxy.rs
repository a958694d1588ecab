//! A TCP proxy before a server, which reads the protocol: what passes is put to a rule of the test, message by message.
//! A test may also end all connections, hold what one side says, and speak in the server's name. Loopback and plain
//! connections only. It never answers by itself, and knows nothing of the product.

pub mod amqp;
mod forwarding;
pub mod postgres;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{Notify, broadcast, watch},
    task::JoinSet,
};
use url::Url;

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Amqp,
    Postgres,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Whoever has connected to the proxy.
    Client,
    /// Whom the proxy has connected to.
    Server,
}

/// A whole message on its way: an AMQP frame, or a message of PostgreSQL's protocol.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'a> {
    /// The number of the connection, in the order they were made.
    pub connection: u64,
    /// Whose message it is.
    pub from: Side,
    /// All of it.
    pub bytes: &'a [u8],
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It passes.
    Passes,
    /// It passes after so long, and what its side says next passes after it.
    Waits(Duration),
    /// It is never seen again.
    IsLost,
    /// These are said in its place.
    Becomes {
        /// To whom it was for.
        onward: Vec<u8>,
        /// To whom it was from.
        back: Vec<u8>,
    },
    /// This is said in its place to whom it was for, and then the connection ends.
    Ends(Vec<u8>),
}

/// Decides about each message of all connections.
pub trait Rule: Send {
    /// What becomes of it.
    fn judge(&mut self, message: Passing<'_>) -> Fate;
}

/// A rule that the test goes on looking at.
impl<R: Rule> Rule for Arc<Mutex<R>> {
    fn judge(&mut self, message: Passing<'_>) -> Fate {
        self.lock().expect("no rule panics").judge(message)
    }
}

/// Everything passes.
struct Everything;

impl Rule for Everything {
    fn judge(&mut self, _: Passing<'_>) -> Fate {
        Fate::Passes
    }
}

/// Forwards as long as it lives; its connections end with it.
pub struct Proxy {
    url: String,
    wires: Arc<Wires>,
    _accepting: JoinSet<()>,
}

/// What all connections share.
struct Wires {
    protocol: Protocol,
    /// `host:port`.
    server: String,
    rule: Mutex<Box<dyn Rule>>,
    /// What the client says, and what the server says.
    held: watch::Sender<[bool; 2]>,
    cut: Notify,
    said: broadcast::Sender<Vec<u8>>,
}

impl Proxy {
    /// Before a RabbitMQ node.
    pub async fn before_broker(amqp_url: &str) -> Self {
        Self::before(Protocol::Amqp, amqp_url, 5672).await
    }

    /// Before a PostgreSQL server.
    pub async fn before_database(database_url: &str) -> Self {
        let mut proxy = Self::before(Protocol::Postgres, database_url, 5432).await;
        let mut url = Url::parse(&proxy.url).expect("still an address");
        // The answer to the question whether the server speaks TLS is no message.
        url.query_pairs_mut().append_pair("sslmode", "disable");
        proxy.url = url.into();
        proxy
    }

    async fn before(protocol: Protocol, url: &str, usual_port: u16) -> Self {
        let mut url = Url::parse(url).expect("a server's address");
        let server = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(usual_port));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of the system's choice");
        url.set_host(Some("127.0.0.1")).expect("an address with a host");
        let port = listener.local_addr().expect("it listens").port();
        url.set_port(Some(port)).expect("an address with a port");
        let wires = Arc::new(Wires {
            protocol,
            server,
            rule: Mutex::new(Box::new(Everything)),
            held: watch::Sender::new([false; 2]),
            cut: Notify::new(),
            said: broadcast::Sender::new(16),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(forwarding::accept(listener, Arc::clone(&wires)));
        Self { url: url.into(), wires, _accepting: accepting }
    }

    /// The server's address with this proxy in its place.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has this rule decide from now on.
    ///
    /// # Panics
    /// When the rule before it has panicked.
    pub fn rule(&self, rule: impl Rule + 'static) {
        *self.wires.rule.lock().expect("no rule panics") = Box::new(rule);
    }

    /// From now on everything passes.
    pub fn pass_everything(&self) {
        self.rule(Everything);
    }

    /// Ends all connections; new ones are accepted.
    pub fn cut(&self) {
        self.wires.cut.notify_waiters();
    }

    /// Keeps back what that side says, or lets it go. Nothing is lost, and nothing is closed.
    pub fn hold(&self, side: Side, held: bool) {
        self.wires.held.send_modify(|sides| sides[side as usize] = held);
    }

    /// Says a whole message to all clients in the server's name.
    pub fn say(&self, message: Vec<u8>) {
        // Without a client there is nobody to hear it.
        drop(self.wires.said.send(message));
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("url", &self.url).finish_non_exhaustive()
    }
}

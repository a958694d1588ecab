//! A TCP proxy between the queue and the broker that a test can cut, freeze, or speak through.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use crate::support::amqp_url;

/// Every connection through it shares these; dropping the proxy ends them all.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    frozen: watch::Sender<bool>,
    cut: broadcast::Sender<()>,
    said: broadcast::Sender<Vec<u8>>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn start_on(listener: TcpListener) -> Self {
        let (frozen, cut) = (watch::Sender::new(false), broadcast::Sender::new(4));
        let said = broadcast::Sender::new(4);
        let address = listener.local_addr().unwrap();
        let mut accepting = JoinSet::new();
        let wires = (frozen.clone(), cut.clone(), said.clone());
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (frozen, cut, said) = &wires;
                let (mut cut, frozen) = (cut.subscribe(), frozen.subscribe());
                let forwarding = forward(client, frozen, said.subscribe());
                connections.spawn(async move {
                    tokio::select! {
                        () = forwarding => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { address, frozen, cut, said, _accepting: accepting }
    }

    /// Ends all connections; new ones are accepted.
    pub(crate) fn cut(&self) {
        self.cut.send(()).unwrap();
    }

    /// Passes nothing on in either direction, and closes nothing.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Says something to the clients in the broker's name.
    pub(crate) fn say(&self, bytes: Vec<u8>) {
        self.said.send(bytes).unwrap();
    }

    /// The broker's address with this proxy in its place.
    pub(crate) fn amqp_url(&self) -> String {
        amqp_url_at(self.address)
    }
}

pub(crate) fn amqp_url_at(address: SocketAddr) -> String {
    amqp_url().replace(&broker(), &address.to_string())
}

/// `host:port` of the broker.
fn broker() -> String {
    let url = amqp_url();
    let after_user = url.rsplit('@').next().unwrap();
    after_user.split('/').next().unwrap().to_owned()
}

async fn forward(client: TcpStream, frozen: watch::Receiver<bool>, said: broadcast::Receiver<Vec<u8>>) {
    let broker = TcpStream::connect(broker()).await.unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let silent = Arc::new(broadcast::Sender::new(1));
    tokio::select! {
        () = copy(from_client, to_broker, frozen.clone(), silent.subscribe()) => {}
        () = copy(from_broker, to_client, frozen, said) => {}
    }
}

async fn copy(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mut frozen: watch::Receiver<bool>,
    mut said: broadcast::Receiver<Vec<u8>>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let bytes = tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => buffer[..length].to_vec(),
            },
            Ok(said) = said.recv() => said,
        };
        if frozen.wait_for(|frozen| !frozen).await.is_err() || to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

//! A TCP proxy before the broker whose connections a test can cut, without touching those of other tests.

use std::{net::SocketAddr, sync::Arc};
use tests::Servers;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};
use url::Url;

/// Forwards as long as it lives.
pub(super) struct Proxy {
    address: SocketAddr,
    cut: Arc<Notify>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, cut) = (listener.local_addr().unwrap(), Arc::new(Notify::new()));
        let (broker, cuts) = (broker(), Arc::clone(&cut));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let (broker, cuts) = (broker.clone(), Arc::clone(&cuts));
                connections.spawn(async move {
                    let Ok(mut server) = TcpStream::connect(broker).await else { return };
                    tokio::select! {
                        _ended = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        () = cuts.notified() => {}
                    }
                });
            }
        });
        Self { address, cut, _accepting: accepting }
    }

    /// Ends all connections; new ones are accepted.
    pub(super) fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// The broker's address with this proxy in its place.
    pub(super) fn amqp_url(&self) -> String {
        Servers::from_env().amqp_url.replace(&broker(), &self.address.to_string())
    }
}

fn broker() -> String {
    let url = Url::parse(&Servers::from_env().amqp_url).unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5672))
}

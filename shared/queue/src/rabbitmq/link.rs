//! One connection to the broker and the channels on it, none of which is ever waited for without
//! a deadline. Opened and dropped by the supervisor; channels are opened by publishing and
//! consuming.

use std::net::Shutdown;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::FieldTable;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Connection, ConnectionProperties};
use socket2::{SockRef, Socket};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::SourceQueue;
use crate::meters::Subscribed;

/// For the closing handshake of a channel or a connection; afterwards the socket is cut anyway.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
const REPLY_SUCCESS: u16 = 200;

pub(super) struct Link {
    connection: Connection,
    wire: Wire,
}

impl Link {
    /// Connects, with `name` for the broker's list of connections.
    pub(super) async fn open(address: AMQPUri, name: &str, deadline: Duration) -> Result<Self, String> {
        let wire = Wire::default();
        let socket = Arc::downgrade(&wire.0);
        // The client's own recovery stays off: it gives up for good, and does not bring back a
        // channel that the broker closed. The supervisor rebuilds everything instead.
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let runtime = lapin::runtime::default_runtime().map_err(|error| error.to_string())?;
        let connect = Connection::connector(
            address,
            runtime,
            async move |address, runtime| {
                let (host, port) = (address.authority.host.as_str(), address.authority.port);
                let resolved: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
                let tcp = AsyncTcpStream::connect(&runtime, resolved).await?;
                if let AsyncTcpStream::Plain(plain) = &tcp {
                    let plain = SockRef::from(plain.get_ref());
                    // A pack waits for its confirm alone on its channel: nothing to batch it with.
                    plain.set_tcp_nodelay(true)?;
                    let abandoned = || std::io::Error::other("connecting took too long");
                    let _ = socket.upgrade().ok_or_else(abandoned)?.set(plain.try_clone()?);
                }
                match address.scheme {
                    AMQPScheme::AMQP => Ok(tcp),
                    AMQPScheme::AMQPS => Ok(tcp.into_tls(host, OwnedTLSConfig::default().as_ref()).await?),
                }
            },
            properties,
        );
        match timeout(deadline, connect).await {
            Ok(Ok(connection)) => Ok(Self { connection, wire }),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no connection within {} s", deadline.as_secs_f32())),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// False also while the broker has blocked the connection: then nothing at all is written.
    pub(super) fn takes_writes(&self) -> bool {
        self.connection.status().connected() && !self.connection.status().blocked()
    }

    pub(super) async fn channel(self: &Arc<Self>) -> lapin::Result<Channel> {
        let channel = self.connection.create_channel().await?;
        Ok(Channel { channel, link: Arc::clone(self), deliveries: None, counted: None })
    }

    /// Says goodbye, so that the broker has seen everything sent before; then cuts.
    pub(super) async fn close(&self) {
        let goodbye = self.connection.close(REPLY_SUCCESS, "goodbye".into());
        let _ = timeout(CLOSE_DEADLINE, goodbye).await;
        self.cut();
    }

    /// Ends it without a handshake, for a connection that has failed.
    pub(super) fn cut(&self) {
        self.wire.cut();
    }
}

/// A second handle on the socket. The client has no way to end a connection whose other side is
/// silent: its thread and buffers would stay for as long as the silence lasts.
#[derive(Default)]
struct Wire(Arc<OnceLock<Socket>>);

impl Wire {
    fn cut(&self) {
        if let Some(socket) = self.0.get() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}

/// A channel that is closed when it is dropped.
pub(super) struct Channel {
    channel: lapin::Channel,
    link: Arc<Link>,
    /// Kept with the channel so that it outlives it: the client cancels a dropped consumer by
    /// itself, and ends the whole connection if the channel is being closed at that moment.
    deliveries: Option<lapin::Consumer>,
    /// There as long as `deliveries` is.
    counted: Option<Subscribed>,
}

impl Channel {
    pub(super) fn amqp(&self) -> &lapin::Channel {
        &self.channel
    }

    /// Whether this channel still works, and on this connection.
    pub(super) fn is_open_on(&self, link: &Arc<Link>) -> bool {
        self.channel.status().connected() && Arc::ptr_eq(&self.link, link)
    }

    pub(super) async fn consume(&mut self, queue: &str, source: SourceQueue) -> lapin::Result<()> {
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let deliveries = self.channel.basic_consume(queue.into(), "".into(), options, arguments).await?;
        self.deliveries = Some(deliveries);
        self.counted = Some(Subscribed::to(source));
        Ok(())
    }

    /// Ends the subscription; what came before the broker agreed can still be taken.
    pub(super) async fn cancel(&mut self) -> lapin::Result<()> {
        if let Some(deliveries) = &self.deliveries {
            self.channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default()).await?;
        }
        self.counted = None;
        Ok(())
    }

    /// The next delivery; `None` when the broker has ended the subscription.
    pub(super) async fn delivered(&mut self) -> Option<lapin::Result<Delivery>> {
        match &mut self.deliveries {
            Some(deliveries) => deliveries.next().await,
            None => None,
        }
    }

    pub(super) async fn close(self) {
        close(&self.channel).await;
    }
}

impl Drop for Channel {
    /// Not left to the client, for the same reason.
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.channel.status().connected(), Handle::try_current()) {
            let channel = self.channel.clone();
            let deliveries = self.deliveries.take();
            runtime.spawn(async move {
                close(&channel).await;
                drop(deliveries);
            });
        }
    }
}

async fn close(channel: &lapin::Channel) {
    let _ = timeout(CLOSE_DEADLINE, channel.close(REPLY_SUCCESS, "done".into())).await;
}

//! The connections of a proxy: each reads both sides message by message and does what the rule says. Called by `proxy`.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, tcp},
    sync::{Mutex, broadcast},
    task::JoinSet,
    time::sleep,
};

use super::{Fate, Passing, Protocol, Side, Wires};

/// Whole messages are written by whoever has it.
type Writer = Mutex<tcp::OwnedWriteHalf>;

pub(super) async fn accept(listener: TcpListener, wires: Arc<Wires>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(connect(client, number, Arc::clone(&wires)));
        number += 1;
    }
}

async fn connect(client: TcpStream, number: u64, wires: Arc<Wires>) {
    let (cut, said) = (wires.cut.notified(), wires.said.subscribe());
    let Ok(server) = TcpStream::connect(&wires.server).await else { return };
    for stream in [&client, &server] {
        // What came as one write leaves as several.
        stream.set_nodelay(true).expect("a connection that has just been made");
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (to_client, to_server) = (Mutex::new(to_client), Mutex::new(to_server));
    let direction = |from, onward, back| Direction { wires: &wires, number, from, onward, back };
    tokio::select! {
        _ended = direction(Side::Client, &to_server, &to_client).forward(from_client) => {}
        _ended = direction(Side::Server, &to_client, &to_server).forward(from_server) => {}
        _ended = speak(said, &to_client) => {}
        () = cut => {}
    }
}

async fn speak(mut said: broadcast::Receiver<Vec<u8>>, to: &Writer) -> io::Result<()> {
    while let Ok(message) = said.recv().await {
        to.lock().await.write_all(&message).await?;
    }
    Ok(())
}

/// What one side says.
struct Direction<'a> {
    wires: &'a Wires,
    number: u64,
    from: Side,
    onward: &'a Writer,
    back: &'a Writer,
}

impl Direction<'_> {
    /// Until its side has ended, or the rule ends the connection.
    async fn forward(self, reader: tcp::OwnedReadHalf) -> io::Result<()> {
        let mut reader = BufReader::new(reader);
        let mut is_greeting = self.from == Side::Client;
        loop {
            let message = self.wires.protocol.message(&mut reader, is_greeting).await?;
            is_greeting = false;
            let mut held = self.wires.held.subscribe();
            drop(held.wait_for(|held| !held[self.from as usize]).await.map_err(io::Error::other)?);
            match self.judge(&message) {
                Fate::Passes => self.say(self.onward, &message).await?,
                Fate::Waits(long) => {
                    sleep(long).await;
                    self.say(self.onward, &message).await?;
                }
                Fate::IsLost => {}
                Fate::Becomes { onward, back } => {
                    self.say(self.onward, &onward).await?;
                    self.say(self.back, &back).await?;
                }
                Fate::Ends(last) => return self.say(self.onward, &last).await,
            }
        }
    }

    fn judge(&self, bytes: &[u8]) -> Fate {
        let message = Passing { connection: self.number, from: self.from, bytes };
        self.wires.rule.lock().expect("no rule panics").judge(message)
    }

    async fn say(&self, to: &Writer, bytes: &[u8]) -> io::Result<()> {
        to.lock().await.write_all(bytes).await
    }
}

impl Protocol {
    /// The next whole message. The client's greeting has a shape of its own.
    async fn message(self, from: &mut BufReader<tcp::OwnedReadHalf>, is_greeting: bool) -> io::Result<Vec<u8>> {
        let head = match (self, is_greeting) {
            (Protocol::Amqp, true) => 8,
            (Protocol::Amqp, false) => 7,
            (Protocol::Postgres, true) => 4,
            (Protocol::Postgres, false) => 5,
        };
        let mut message = vec![0; head];
        from.read_exact(&mut message).await?;
        let length = message.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize);
        let rest = match (self, is_greeting) {
            (Protocol::Amqp, true) => 0,
            // The end mark is not counted, in the other protocol the length itself is.
            (Protocol::Amqp, false) => length + 1,
            (Protocol::Postgres, _) => length.saturating_sub(4),
        };
        message.resize(head + rest, 0);
        from.read_exact(&mut message[head..]).await?;
        Ok(message)
    }
}

//! The limit: COPY of rows as the store leaves them, a thousand in a transaction, over two connections.

use crate::cpu::{Clock, Cost};
use crate::database::Database;
use futures_util::TryStreamExt;
use sqlx::PgConnection;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

const ROWS: usize = 1_000;
const CONNECTIONS: usize = 2;

pub(crate) async fn connections(database: &Database) -> Vec<PgConnection> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(database.connect().await);
    }
    connections
}

/// The customers whose lead came after that event, in the order in which they came, as text, a thousand at a time.
pub(crate) async fn rows(database: &Database, after: Uuid) -> Vec<Vec<u8>> {
    let mut connection = database.connect().await;
    let statement = format!("COPY (SELECT * FROM customers WHERE event_id > '{after}' ORDER BY event_id) TO STDOUT");
    let mut stream = connection.copy_out_raw(&statement).await.unwrap();
    let mut chunks = vec![Vec::new()];
    let mut rows = 0;
    while let Some(row) = stream.try_next().await.unwrap() {
        if rows == ROWS {
            chunks.push(Vec::new());
            rows = 0;
        }
        chunks.last_mut().unwrap().extend_from_slice(&row);
        rows += 1;
    }
    chunks
}

/// Without a BEGIN each COPY is a transaction.
pub(crate) async fn copy(database: &Database, connections: &mut Vec<PgConnection>, chunks: Vec<Vec<u8>>) -> Cost {
    let clock = Clock::start(database).await;
    let queue = Arc::new(Mutex::new(VecDeque::from(chunks)));
    let copying: Vec<_> = connections
        .drain(..)
        .map(|mut connection| {
            let queue = queue.clone();
            tokio::spawn(async move {
                while let Some(chunk) = next(&queue) {
                    let mut copy = connection.copy_in_raw("COPY plain.customers FROM STDIN").await.unwrap();
                    copy.send(chunk).await.unwrap();
                    copy.finish().await.unwrap();
                }
                connection
            })
        })
        .collect();
    for connection in copying {
        connections.push(connection.await.unwrap());
    }
    clock.stop()
}

fn next(queue: &Mutex<VecDeque<Vec<u8>>>) -> Option<Vec<u8>> {
    queue.lock().unwrap().pop_front()
}

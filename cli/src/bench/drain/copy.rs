//! The limit of a drain: COPY of the rows that the product has stored into the same tables with the same indexes.
//!
//! Nothing is read, decided or acknowledged, so no worker can be faster on this database.

use super::super::words::cannot;
use crate::failure::Failure;
use futures_util::TryStreamExt;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Rows of one COPY, which is one transaction.
const ROWS_PER_TRANSACTION: usize = 1_000;
/// Connections that copy at a time: as many as a worker has lanes by default.
const CONNECTIONS: usize = 2;
/// Signature, flags and length of an extension of PostgreSQL's binary format; a row follows a row until the trailer.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: &[u8] = &[0xff, 0xff];

/// Rows as the server gave them out, in pieces that are copied in one transaction each.
pub(super) struct Rows {
    table: &'static str,
    pieces: Vec<Vec<u8>>,
    /// How many rows there are.
    pub(super) count: u64,
}

impl Rows {
    /// All rows of a table.
    ///
    /// # Errors
    /// The database does not give them out.
    pub(super) async fn of(table: &'static str, connection: &mut PgConnection) -> Result<Self, Failure> {
        let statement = format!("COPY {table} TO STDOUT (FORMAT binary)");
        let mut rows = Rows { table, pieces: Vec::new(), count: 0 };
        let reading = async {
            // The server sends each row by itself, the first one behind the header.
            let mut stream = connection.copy_out_raw(&statement).await?;
            while let Some(message) = stream.try_next().await? {
                let row = message.strip_prefix(HEADER).unwrap_or(&message);
                if !row.is_empty() && row != TRAILER {
                    rows.add(row);
                }
            }
            Ok::<(), sqlx::Error>(())
        };
        reading.await.map_err(cannot("the rows to copy cannot be read"))?;
        rows.pieces.iter_mut().for_each(|piece| piece.extend_from_slice(TRAILER));
        Ok(rows)
    }

    fn add(&mut self, row: &[u8]) {
        if self.count.is_multiple_of(ROWS_PER_TRANSACTION as u64) {
            self.pieces.push(HEADER.to_vec());
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.extend_from_slice(row);
        }
        self.count += 1;
    }

    /// Copies all rows into the table of that database, which must not hold them. Returns how long it took.
    ///
    /// # Errors
    /// The database does not take them.
    pub(super) async fn copy_into(&self, database: &PgConnectOptions) -> Result<Duration, Failure> {
        let connect = || async { database.connect().await.map_err(cannot("the database cannot be reached")) };
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(connect().await?);
        }
        let (statement, next) = (format!("COPY {} FROM STDIN (FORMAT binary)", self.table), AtomicUsize::new(0));
        let begun = Instant::now();
        let copying = connections.into_iter().map(|connection| self.copy_pieces(connection, &statement, &next));
        futures_util::future::try_join_all(copying).await.map_err(cannot("the rows cannot be copied"))?;
        Ok(begun.elapsed())
    }

    async fn copy_pieces(
        &self,
        mut connection: PgConnection,
        statement: &str,
        next: &AtomicUsize,
    ) -> Result<(), sqlx::Error> {
        while let Some(piece) = self.pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut copy = connection.copy_in_raw(statement).await?;
            copy.send(piece.as_slice()).await?;
            copy.finish().await?;
        }
        Ok(())
    }
}

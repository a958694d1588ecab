//! The usual worker: as many lanes as asked for, each with one message, one row and one acknowledgement at a time.

use super::baseline::serve_until_stopped;
use crate::bench::drain::textbook::lane;
use crate::bench::words::cannot;
use crate::failure::Failure;
use axum::Router;
use lapin::{Connection, ConnectionProperties};
use runtime::config::Settings;
use sqlx::postgres::PgConnectOptions;
use std::sync::Arc;

pub(super) async fn run(settings: &Settings, queue: &str) -> Result<(), Failure> {
    let connected = Connection::connect(settings.queue.amqp_url.expose(), ConnectionProperties::default()).await;
    let broker = Arc::new(connected.map_err(cannot("no broker"))?);
    let database: PgConnectOptions =
        settings.store.database_url.expose().parse().map_err(cannot("no address of a database"))?;
    for _ in 0..settings.worker.lanes {
        let (broker, queue, database) = (Arc::clone(&broker), queue.to_owned(), database.clone());
        tokio::spawn(async move {
            if let Err(failure) = lane(&broker, &queue, &database).await {
                eprintln!("bench: the textbook worker ends: {failure}");
                std::process::exit(1);
            }
        });
    }
    serve_until_stopped(settings, Router::new()).await
}

//! Queue and store as the settings name them. Called by `serve`, and by the commands of `affitor` that open them.

use queue::RabbitMqSettings;
use runtime::config::Settings;
use std::time::Duration;
use store::PostgresSettings;

/// The PostgreSQL server of the settings.
pub fn postgres(settings: &Settings) -> PostgresSettings {
    let store = &settings.store;
    PostgresSettings {
        url: store.database_url.expose().to_owned(),
        connect_timeout: Duration::from_millis(store.connect_timeout_ms),
        statement_timeout: Duration::from_millis(store.statement_timeout_ms),
        lock_timeout: Duration::from_millis(store.lock_timeout_ms),
        idle_in_transaction_timeout: Duration::from_millis(store.idle_in_transaction_timeout_ms),
        pool_size: store.max_connections,
    }
}

/// The RabbitMQ server of the settings.
pub fn rabbitmq(settings: &Settings) -> RabbitMqSettings {
    RabbitMqSettings {
        amqp_uri: settings.queue.amqp_url.expose().to_owned(),
        prefix: settings.queue.name_prefix.clone(),
        connect_timeout: Duration::from_millis(settings.queue.connect_timeout_ms),
        ..RabbitMqSettings::default()
    }
}

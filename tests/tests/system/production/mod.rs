//! The production shape, several programs side by side on RabbitMQ and PostgreSQL: under load, stopped, killed, and
//! with a server away.

mod away;
mod load;
mod start;

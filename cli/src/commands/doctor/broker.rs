//! RabbitMQ: version, topology, what waits where nothing should.

use super::Check;
use queue::{Policies, Queue, Readiness, SourceQueue};
use runtime::config::Settings;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use worker::servers;

/// Quorum queues with poison handling and at-least-once dead-lettering.
const OLDEST: (u32, u32) = (3, 10);
const AMQP_PORT: u16 = 5672;
/// The greeting is a few hundred bytes.
const LONGEST_GREETING: u32 = 64 * 1024;

/// Checks the broker of the settings.
pub(super) async fn check(settings: &Settings, checks: &mut Vec<Check>) {
    let url = settings.queue.amqp_url.expose();
    if url.is_empty() {
        checks.push(Check::warning("broker", "no broker is named, none was asked", "give --amqp"));
        return;
    }
    let patience = Duration::from_millis(settings.queue.connect_timeout_ms);
    checks.push(version(url, patience).await);
    let queue = match Queue::rabbitmq(servers::rabbitmq(settings)).await {
        Ok(queue) => queue,
        Err(error) => {
            checks.push(Check::fault("broker", error.to_string(), "correct --amqp or `queue.amqp_url`"));
            return;
        }
    };
    let mut readiness = queue.readiness();
    let ready = timeout(patience, readiness.wait_for(|told| *told == Readiness::Ready)).await.is_ok();
    let told = queue.readiness().borrow().clone();
    match told {
        Readiness::NotReady(reason) if !ready => {
            checks.push(Check::fault("broker", reason, "start the broker, free its resources, or correct the address"));
        }
        Readiness::Ready | Readiness::NotReady(_) => {
            checks.push(Check::ok("broker", "it can be reached; exchanges and queues are there"));
            waiting(&queue, checks).await;
            checks.push(policies(&queue, &settings.queue.name_prefix).await);
        }
    }
    queue.close().await;
}

async fn waiting(queue: &Queue, checks: &mut Vec<Check>) {
    for (source, name) in [
        (SourceQueue::Events, "queue events"),
        (SourceQueue::Unrouted, "queue unrouted"),
        (SourceQueue::Dead, "queue dead"),
    ] {
        checks.push(match queue.depth_of(source).await {
            Ok(waiting) if waiting == 0 || source == SourceQueue::Events => {
                Check::ok(name, format!("{waiting} messages wait"))
            }
            Ok(waiting) => {
                let remedy = "workers empty it: see that one runs, and its log";
                Check::warning(name, format!("{waiting} messages wait"), remedy)
            }
            Err(error) => Check::fault(name, error.to_string(), "ask again; see the broker's log"),
        });
    }
}

async fn policies(queue: &Queue, prefix: &str) -> Check {
    let name = "broker policies";
    match queue.policies().await {
        Policies::InForce => Check::ok(name, "they are set"),
        Policies::Missing => {
            let remedy =
                format!("run deploy/rabbitmq/policies.sh with PREFIX={prefix}: a long outage can fill the disk");
            Check::warning(name, "they are missing, or older than this version's", remedy)
        }
        Policies::Unknown(reason) => {
            let remedy =
                format!("`rabbitmqctl list_policies` must show {prefix}-events, {prefix}-aside, {prefix}-probe");
            Check::warning(name, format!("they cannot be seen: {reason}"), remedy)
        }
    }
}

async fn version(url: &str, patience: Duration) -> Check {
    let name = "broker version";
    let Some(address) = plain_address(url) else {
        return Check::warning(name, "not told before TLS is up", "`rabbitmqctl version` tells it");
    };
    let found = match timeout(patience, greeting(&address)).await {
        Ok(Ok(greeting)) => version_in(&greeting),
        Ok(Err(error)) => {
            return Check::fault(name, format!("{address}: {error}"), "start the broker or correct the address");
        }
        Err(_) => return Check::fault(name, format!("{address} does not answer"), "see firewall and broker"),
    };
    match found.as_deref().map(|version| (version, numbers(version))) {
        Some((version, numbers)) if numbers >= OLDEST => Check::ok(name, version),
        Some((version, _)) => Check::fault(name, version, format!("use RabbitMQ {}.{} or newer", OLDEST.0, OLDEST.1)),
        None => Check::warning(name, "it does not say", "see that it is RabbitMQ"),
    }
}

/// Host and port of `amqp://user:password@host:port/vhost`; `None` for TLS.
fn plain_address(url: &str) -> Option<String> {
    let rest = url.strip_prefix("amqp://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(if host.contains(':') { host.to_owned() } else { format!("{host}:{AMQP_PORT}") })
}

/// The broker says who it is before it asks who we are.
async fn greeting(address: &str) -> std::io::Result<Vec<u8>> {
    let mut broker = TcpStream::connect(address).await?;
    broker.write_all(b"AMQP\0\0\x09\x01").await?;
    let mut header = [0; 7];
    broker.read_exact(&mut header).await?;
    let length = u32::from_be_bytes([header[3], header[4], header[5], header[6]]).min(LONGEST_GREETING);
    let mut body = vec![0; length as usize];
    broker.read_exact(&mut body).await?;
    Ok(body)
}

/// The text behind the name `version` in the table of the broker's properties.
fn version_in(greeting: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\x07versionS";
    let at = greeting.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let (length, rest) = greeting[at..].split_first_chunk::<4>()?;
    let text = rest.get(..u32::from_be_bytes(*length) as usize)?;
    String::from_utf8(text.to_vec()).ok()
}

fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_without_its_password() {
        for (url, address) in [
            ("amqp://user:p@ss@host:5673/%2f", Some("host:5673")),
            ("amqp://host", Some("host:5672")),
            ("amqp://host/vhost?heartbeat=5", Some("host:5672")),
            ("amqps://user:secret@host", None),
        ] {
            assert_eq!(plain_address(url).as_deref(), address);
        }
    }

    #[test]
    fn the_version_is_found_in_the_greeting() {
        let greeting = b"\0\x0a\0\x0a\0\x09\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x063.10.8\x04moreS\0\0\0\0";
        assert_eq!(version_in(greeting).as_deref(), Some("3.10.8"));
        assert!(numbers("3.10.8") >= OLDEST && numbers("4.1.0") >= OLDEST && numbers("3.9.29") < OLDEST);
        assert_eq!(version_in(b"\x07versionS\0\0\0\xffshort"), None);
        assert_eq!(version_in(b""), None);
    }
}

//! The two ports of `up`: the API for everybody, metrics and health for who runs it.

use crate::failure::Failure;
use axum::Router;
use ingest::Ingest;
use runtime::config::IngestSettings;
use runtime::health::Health;
use runtime::http::{HttpLimits, bind, ops_router, serve};
use runtime::lifecycle::Supervisor;
use runtime::telemetry::MetricsHandle;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// Both ports, had before anything else is begun.
pub(super) struct Ports {
    public: TcpListener,
    metrics: TcpListener,
    local: bool,
    /// Where this machine reaches the API.
    pub(super) base_url: String,
    /// Where this machine reaches the metrics.
    pub(super) metrics_url: String,
}

impl Ports {
    /// Takes both.
    ///
    /// # Errors
    /// One of them cannot be had.
    pub(super) async fn bind(settings: &IngestSettings) -> Result<Self, Failure> {
        let public = bind(&settings.listen).await?;
        let metrics = bind(&settings.metrics_listen).await?;
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(Failure::system("the system does not tell the port that it gave"))
        };
        let (api, ops) = (address(&public)?, address(&metrics)?);
        Ok(Ports {
            public,
            metrics,
            local: api.ip().is_loopback(),
            base_url: url(api),
            metrics_url: format!("{}/metrics", url(ops)),
        })
    }

    /// Whether only this machine can reach the API.
    pub(super) fn are_local(&self) -> bool {
        self.local
    }

    /// Serves both until the stop. Once no request is in hand any more, `ingest` may publish its last.
    pub(super) fn serve(
        self,
        supervisor: &mut Supervisor,
        app: Router,
        ingest: Ingest,
        metrics: MetricsHandle,
        health: &Health,
        limits: HttpLimits,
    ) {
        let stop = supervisor.stop();
        let ops = ops_router(metrics, health.clone());
        let stopped = stop.clone();
        supervisor.spawn("http", async move {
            serve(self.public, app, limits, stopped).await;
            ingest.finish();
            Ok::<_, Infallible>(())
        });
        let stopped = stop.clone();
        supervisor.spawn("metrics", async move {
            serve(self.metrics, ops, limits, stopped).await;
            Ok::<_, Infallible>(())
        });
        let health = health.clone();
        supervisor.spawn("readiness", async move {
            stop.cancelled().await;
            health.stopping();
            Ok::<_, Infallible>(())
        });
    }
}

/// An address that listens everywhere is reached on the loopback one.
fn url(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_one_that_this_machine_reaches() {
        for (listen, expected) in [
            ([127, 0, 0, 1].into(), "http://127.0.0.1:80"),
            (IpAddr::V4(Ipv4Addr::UNSPECIFIED), "http://127.0.0.1:80"),
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), "http://[::1]:80"),
            ([192, 0, 2, 1].into(), "http://192.0.2.1:80"),
        ] {
            assert_eq!(url(SocketAddr::new(listen, 80)), expected);
        }
    }
}

//! One `ingest` with two programs, and a client that keeps every answer.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use domain::keyring::Keyring;
use domain::pack::decode;
use domain::program::{LeadAuth, Terms};
use domain::{ApiKey, ClickEvent, ClickId, Event, LeadEvent, PartnerId, ProgramId, Timestamp};
use http_body_util::BodyExt;
use ingest::{Ingest, Parts, standalone};
use queue::{EmbeddedSettings, Queue};
use runtime::config::IngestSettings;
use runtime::health::Health;
use runtime::lifecycle::Supervisor;
use runtime::secret::Secrets;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{NewProgram, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) const CLICK: &str = "/api/v1/track/click";
pub(crate) const LEAD: &str = "/api/v1/track/lead";
pub(crate) const LEADS: &str = "/api/v1/track/leads";
pub(crate) const SHOP: &str = "https://shop.example";

/// A program with a partner, an active link, an inactive one and a key.
pub(crate) struct Shop {
    pub(crate) program: ProgramId,
    pub(crate) partner: PartnerId,
    pub(crate) code: String,
    pub(crate) inactive_code: String,
    pub(crate) key: String,
}

pub(crate) struct Bench {
    pub(crate) room: TempDir,
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) health: Health,
    pub(crate) app: Router,
    pub(crate) secrets: Secrets,
    /// Allows any origin.
    pub(crate) open: Shop,
    /// Allows `SHOP` only, and waits for its server's leads.
    pub(crate) strict: Shop,
    _supervisor: Supervisor,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Reply {
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn secrets() -> Secrets {
    let ring = |byte: u8| Keyring::new([('a', [byte; 32])]).unwrap();
    Secrets { click: ring(1), email: ring(2) }
}

async fn shop(store: &Store, name: &str, new: NewProgram, entropy: u8) -> Shop {
    let program = store.create_program(new).await.unwrap().program_id;
    let partner = store.create_partner(program, "partner").await.unwrap().partner_id;
    let code = store.create_link(program, partner, Some(format!("{name}-LINK"))).await.unwrap().code;
    let inactive_code = store.create_link(program, partner, Some(format!("{name}-OFF"))).await.unwrap().code;
    store.disable_link(program, &inactive_code).await.unwrap();
    let (_, key) = store.create_key(program, "server", [entropy; ApiKey::ENTROPY]).await.unwrap();
    Shop { program, partner, code, inactive_code, key: key.text().to_owned() }
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::start_with(IngestSettings::default()).await
    }

    pub(crate) async fn start_with(settings: IngestSettings) -> Self {
        let room = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&room.path().join("affitor.db")).await.unwrap();
        store.migrate().await.unwrap();
        let open = shop(&store, "OPEN", NewProgram::named("open"), 1).await;
        let listed = NewProgram {
            allowed_origins: vec![SHOP.to_owned()],
            terms: Terms { lead_auth: LeadAuth::ServerRequired, ..Terms::default() },
            ..NewProgram::named("strict")
        };
        let strict = shop(&store, "STRICT", listed, 2).await;
        let queue = Queue::embedded(store.sqlite_writer().unwrap(), EmbeddedSettings::default()).await.unwrap();
        let (health, mut supervisor) = (Health::new(), Supervisor::new(CancellationToken::new()));
        // Longer than any test: what is found in time was looked up, not refreshed by chance.
        let settings =
            IngestSettings { state_dir: room.path().join("state"), snapshot_refresh_ms: 3_600_000, ..settings };
        let parts = Parts {
            queue: &queue,
            store: &store,
            secrets: secrets(),
            settings: &settings,
            body_timeout: Duration::from_secs(10),
            health: &health,
        };
        let app = standalone(Ingest::start(parts, &mut supervisor).await.unwrap());
        Bench { room, store, queue, health, app, secrets: secrets(), open, strict, _supervisor: supervisor }
    }

    /// Ends the present `ingest` and starts another one on the same state directory, with that store.
    pub(crate) async fn restart_with(&mut self, store: Store) {
        let (health, mut supervisor) = (Health::new(), Supervisor::new(CancellationToken::new()));
        let settings = IngestSettings { state_dir: self.room.path().join("state"), ..IngestSettings::default() };
        let parts = Parts {
            queue: &self.queue,
            store: &store,
            secrets: secrets(),
            settings: &settings,
            body_timeout: Duration::from_secs(10),
            health: &health,
        };
        self.app = standalone(Ingest::start(parts, &mut supervisor).await.unwrap());
        self.health = health;
        self._supervisor = supervisor;
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: head.status, headers: head.headers, json }
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let mut request = Request::post(path);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A lead from the server of the open program.
    pub(crate) async fn lead(&self, body: &str) -> Reply {
        self.post(LEAD, &[("authorization", &bearer(&self.open))], body.to_owned()).await
    }

    /// Many leads from the server of the open program.
    pub(crate) async fn leads(&self, body: impl Into<Body>) -> Reply {
        self.post(LEADS, &[("authorization", &bearer(&self.open))], body).await
    }

    pub(crate) async fn click(&self, body: &str) -> Reply {
        self.post(CLICK, &[], body.to_owned()).await
    }

    /// A new click on a program's link; its id.
    pub(crate) async fn click_on(&self, shop: &Shop) -> String {
        let reply = self.click(&format!(r#"{{"affiliate_url":"https://h/?aff={}"}}"#, shop.code)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json);
        reply.json["click_id"].as_str().unwrap().to_owned()
    }

    /// The id of a click made some time ago.
    pub(crate) fn click_of(&self, shop: &Shop, partner: PartnerId, age: Duration) -> ClickId {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - age;
        let at = Timestamp::from_micros(i64::try_from(at.as_micros()).unwrap());
        ClickId::mint(shop.program, Some(partner), false, at, 1, &self.secrets.click)
    }

    /// Takes everything out of the queue that is there by now.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut consumer = self.queue.consumer(1_000);
        let mut events = Vec::new();
        for _ in 0..self.queue.depth().await.unwrap() {
            let delivery = consumer.next().await.unwrap();
            consumer.ack_through(delivery.tag).await.unwrap();
            let pack = decode(&delivery.body).unwrap();
            events.extend(pack.records.into_iter().map(Result::unwrap));
        }
        events
    }

    pub(crate) async fn only_lead(&self) -> LeadEvent {
        match self.events().await.pop() {
            Some(Event::Lead(lead)) => lead,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn last_click(&self) -> ClickEvent {
        match self.events().await.pop() {
            Some(Event::Click(click)) => click,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn bearer(shop: &Shop) -> String {
    format!("Bearer {}", shop.key)
}

//! A console over a fresh store with two programs, and one request at a time.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use console::Console;
use domain::keyring::Keyring;
use domain::scenario::{ClickDraft, OTHER_PROGRAM, PROGRAM};
use domain::{ApiKey, Event};
use http_body_util::BodyExt;
use store::batch::Batch;
use store::{NewProgram, Store};
use tempfile::TempDir;
use tower::ServiceExt;

/// The console, and a key of each program.
pub(crate) struct Stage {
    pub(crate) app: Router,
    pub(crate) store: Store,
    pub(crate) key: String,
    pub(crate) other_key: String,
    _directory: TempDir,
}

/// An answer, read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// The ring behind the drafts' click ids.
pub(crate) fn secrets() -> Keyring {
    Keyring::new([('0', [7; 32])]).unwrap()
}

/// The text of a drafted click's id.
pub(crate) fn cookie(click: &ClickDraft) -> String {
    click.id().text(&secrets()).unwrap()
}

impl Stage {
    /// Partners and links 1 to 3 belong to program 1, 4 to program 2, as the drafts number them.
    pub(crate) async fn new() -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&directory.path().join("affitor.db")).await.unwrap();
        store.migrate().await.unwrap();
        let mut keys = Vec::new();
        for (program, numbers) in [(PROGRAM, 1..=3), (OTHER_PROGRAM, 4..=4)] {
            store.create_program(NewProgram::named("Shop")).await.unwrap();
            for number in numbers {
                let partner = store.create_partner(program, "Partner").await.unwrap().partner_id;
                store.create_link(program, partner, Some(format!("CODE{number}"))).await.unwrap();
            }
            let entropy = [program.get() as u8; ApiKey::ENTROPY];
            keys.push(store.create_key(program, "Server", entropy).await.unwrap().1.text().to_owned());
        }
        let app = console::standalone(Console::new(store.clone(), secrets()));
        let [key, other_key] = keys.try_into().unwrap();
        Stage { app, store, key, other_key, _directory: directory }
    }

    pub(crate) async fn apply(&self, events: impl IntoIterator<Item = Event>) {
        let batch = Batch { events: events.into_iter().collect(), ..Batch::default() };
        self.store.session().apply(&batch).await.unwrap();
    }

    /// Asks with the first program's key.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[&format!("Bearer {}", self.key)]).await
    }

    /// Asks with the other program's key.
    pub(crate) async fn get_as_other(&self, path: &str) -> Answer {
        self.get_with(path, &[&format!("Bearer {}", self.other_key)]).await
    }

    pub(crate) async fn get_with(&self, path: &str, authorization: &[&str]) -> Answer {
        let mut request = Request::get(path);
        for value in authorization {
            request = request.header("authorization", *value);
        }
        ask(&self.app, request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        ask(&self.app, request).await
    }
}

pub(crate) async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, body }
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.body).unwrap()
    }

    /// The JSON of a success, with every `recorded_at` checked and then replaced: the one thing a test cannot know.
    pub(crate) fn found(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        assert_eq!(self.headers["cache-control"], "no-store");
        self.json();
        let mut parts = self.body.split("\"recorded_at\":\"");
        let mut text = parts.next().unwrap().to_owned();
        for part in parts {
            let (time, rest) = part.split_once('"').unwrap();
            assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{time}");
            text.push_str("\"recorded_at\":\"NOW\"");
            text.push_str(rest);
        }
        text
    }

    pub(crate) fn assert_refused(&self, status: u16, code: &str) {
        let json = self.json();
        assert_eq!((self.status.as_u16(), json["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(json["success"], false);
        assert!(json["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
        assert_eq!(json.as_object().unwrap().len(), 3, "{}", self.body);
    }
}

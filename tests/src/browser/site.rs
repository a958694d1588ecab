//! A web server for the pages of a test, which also passes `/js/` and `/api/` on to the pipeline, as a reverse proxy does.
//! All host names lead to it, so one server is the shop, the shop's subdomains and the API's host. It writes down what
//! passes, and can refuse, hold or delay it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, Response, StatusCode, Uri, header},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::locked;
use crate::Pipeline;

/// What becomes of requests to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They pass.
    Fair,
    /// They are answered with a 503 and never reach the pipeline.
    Refusing,
    /// They wait until the weather changes.
    Holding,
    /// They pass, but their answers wait until the weather changes.
    Late,
}

/// A request to the API that has arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// The end of its path: `click`, `lead`.
    pub event: String,
    /// What is behind the question mark.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null when it is no JSON.
    pub body: Value,
    /// The answer's status; none as long as there is no answer.
    pub status: Option<u16>,
    /// The answer's headers.
    pub answer: HeaderMap,
}

/// The server; it ends when dropped.
#[derive(Debug)]
pub struct Site {
    port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    api: String,
    http: reqwest::Client,
    pages: Mutex<HashMap<String, Page>>,
    seen: Mutex<Vec<Seen>>,
    weather: watch::Sender<HashMap<String, Weather>>,
}

#[derive(Debug, Clone, Default)]
struct Page {
    headers: Vec<(String, String)>,
    body: String,
}

impl Site {
    /// Starts a server before that pipeline.
    ///
    /// # Panics
    /// When the system has no port for it.
    pub async fn before(pipeline: &Pipeline) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let shared = Arc::new(Shared {
            api: pipeline.api.clone(),
            http,
            pages: Mutex::default(),
            seen: Mutex::default(),
            weather: watch::channel(HashMap::new()).0,
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { port, shared, serving }
    }

    /// An address on it. Any host name will do.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    /// Puts a page there.
    pub fn page(&self, path: &str, body: &str) {
        self.page_with(path, body, &[]);
    }

    /// The same with further headers.
    pub fn page_with(&self, path: &str, body: &str, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        locked(&self.shared.pages).insert(path.to_owned(), Page { headers, body: body.to_owned() });
    }

    /// Changes the weather for the API's `event`.
    pub fn weather(&self, event: &str, weather: Weather) {
        self.shared.weather.send_modify(|all| {
            all.insert(event.to_owned(), weather);
        });
    }

    /// The requests of that kind that have arrived, the oldest first; preflights too.
    pub fn seen(&self, event: &str) -> Vec<Seen> {
        locked(&self.shared.seen).iter().filter(|seen| seen.event == event).cloned().collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if path.contains("/api/v1/") || path.contains("/js/") {
        return pass(&shared, request).await;
    }
    let page = locked(&shared.pages).get(&path).cloned().unwrap_or_default();
    let script = [".js", ".mjs"].iter().any(|end| path.ends_with(end));
    let kind = if script { "text/javascript" } else { "text/html; charset=utf-8" };
    let made = Response::builder().header(header::CONTENT_TYPE, kind);
    let made = page.headers.iter().fold(made, |made, (name, value)| made.header(name, value));
    made.body(page.body.into()).expect("a page")
}

async fn pass(shared: &Shared, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let event = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let number = {
        let mut all = locked(&shared.seen);
        all.push(Seen {
            method: head.method.clone(),
            event: event.clone(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.clone(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            status: None,
            answer: HeaderMap::new(),
        });
        all.len() - 1
    };
    let mut weather = shared.weather.subscribe();
    drop(weather.wait_for(|all| all.get(&event) != Some(&Weather::Holding)).await);
    let refusing = weather.borrow().get(&event) == Some(&Weather::Refusing);
    let (status, headers, body) = if refusing {
        (StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new(), Bytes::new())
    } else {
        forward(shared, head.method, &head.uri, head.headers, body).await
    };
    drop(weather.wait_for(|all| all.get(&event) != Some(&Weather::Late)).await);
    if let Some(seen) = locked(&shared.seen).get_mut(number) {
        (seen.status, seen.answer) = (Some(status.as_u16()), headers.clone());
    }
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

/// Passes everything on but what belongs to the one connection. What stands before `/api/` and `/js/` is this server's.
async fn forward(
    shared: &Shared,
    method: Method,
    uri: &Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, Bytes) {
    let whole = uri.path_and_query().map_or("/", |path| path.as_str());
    let start = whole.find("/api/v1/").or_else(|| whole.find("/js/")).unwrap_or_default();
    for own in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH] {
        headers.remove(own);
    }
    let request = shared.http.request(method, format!("{}{}", shared.api, &whole[start..])).headers(headers).body(body);
    let Ok(response) = request.send().await else {
        return (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new());
    };
    let (status, mut headers) = (response.status(), response.headers().clone());
    for own in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(own);
    }
    (status, headers, response.bytes().await.unwrap_or_default())
}

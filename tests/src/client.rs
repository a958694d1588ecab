//! Sends what clients send and reads what they read. It checks nothing: that is the tests' business.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use crate::{Pipeline, TestProgram, eventually};

/// How long what was accepted may take to be visible on a busy machine.
pub const VISIBLE: Duration = Duration::from_secs(20);

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Sends the request.
    ///
    /// # Panics
    /// When no whole answer comes.
    pub async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).await.expect("an answer")
    }

    /// Sends the request; an error when no whole answer comes.
    ///
    /// # Errors
    /// The connection's fault.
    pub async fn try_to(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect();
        Ok(Self { status, headers, body: response.text().await? })
    }

    /// The value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The stable code of a refusal, or nothing.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The sentence of a refusal, or nothing.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// The warnings beside a success.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.json()["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The receipt.
    ///
    /// # Panics
    /// When there is none.
    pub fn event_id(&self) -> String {
        self.header("x-event-id").unwrap_or_else(|| panic!("no X-Event-Id in {self:?}")).to_owned()
    }
}

/// A client of one pipeline, for one test.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    api: String,
    reads: String,
}

impl Client {
    /// A client that opens its own connections.
    ///
    /// # Panics
    /// When the system has no room for it.
    pub fn of(pipeline: &Pipeline) -> Self {
        Self::at(&pipeline.api, &pipeline.reads)
    }

    /// A client of whatever runs at these addresses.
    ///
    /// # Panics
    /// When the system has no room for it.
    pub fn at(api: &str, reads: &str) -> Self {
        let http = reqwest::Client::builder().timeout(VISIBLE).build().expect("a client");
        Self { http, api: api.into(), reads: reads.into() }
    }

    /// Any request to the API.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.api))
    }

    /// A click to send.
    pub fn click(&self) -> RequestBuilder {
        self.request(Method::POST, "/api/v1/track/click")
    }

    /// A lead to send.
    pub fn lead(&self) -> RequestBuilder {
        self.request(Method::POST, "/api/v1/track/lead")
    }

    /// Opens a partner's link.
    pub async fn open_link(&self, code: &str) -> Answer {
        let body = json!({"affiliate_url": format!("https://shop.example/pricing?aff={code}")});
        Answer::to(self.click().json(&body)).await
    }

    /// Opens a partner's link and hands on the click id.
    ///
    /// # Panics
    /// When there is none in the answer.
    pub async fn click_id(&self, code: &str) -> String {
        let answer = self.open_link(code).await;
        answer.json()["click_id"].as_str().unwrap_or_else(|| panic!("no click id in {answer:?}")).to_owned()
    }

    /// Sends a lead in server mode.
    pub async fn send_lead(&self, program: &TestProgram, body: &Value) -> Answer {
        Answer::to(self.lead().bearer_auth(&program.api_key).json(body)).await
    }

    /// Any read, with the program's key.
    pub async fn read(&self, program: &TestProgram, path: &str) -> Answer {
        let url = format!("{}{path}", self.reads);
        Answer::to(self.http.get(url).bearer_auth(&program.api_key)).await
    }

    /// A customer as the read API shows it now.
    pub async fn customer(&self, program: &TestProgram, key: &str) -> Answer {
        let mut url = Url::parse(&self.reads).expect("an address");
        url.path_segments_mut().expect("an address with a path").extend(["api", "v1", "customers", key]);
        Answer::to(self.http.get(url).bearer_auth(&program.api_key)).await
    }

    /// Waits until an event is in the store, and hands on what is shown of it.
    pub async fn recorded(&self, program: &TestProgram, event: &str) -> Value {
        eventually(VISIBLE, || async {
            let answer = self.read(program, &format!("/api/v1/events/{event}")).await;
            if answer.status == 200 { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
        })
        .await
    }

    /// Sends a lead in server mode that must be taken, waits until it is in the store, and hands on its customer.
    ///
    /// # Panics
    /// When it is refused, or names no `customer_key`.
    pub async fn customer_after(&self, program: &TestProgram, body: &Value) -> Value {
        let answer = self.send_lead(program, body).await;
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        self.recorded(program, &answer.event_id()).await;
        let key = &body["customer_key"];
        let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let customer = self.customer(program, &key).await;
        assert_eq!(customer.status, 200, "{customer:?}");
        customer.json()
    }
}

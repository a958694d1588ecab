//! The tracker in a real browser, before a real pipeline: pages of a shop on one origin, the API on another.

mod broken;
mod build;
mod clicks;
mod consent;
mod cookies;
mod demo;
mod guides;
mod loading;
mod lost;
mod signups;
mod slow;
mod snippets;

use serde_json::Value;
use tests::{Client, Pipeline, Shape, Site, Tab, TestProgram, VISIBLE, Visitor, eventually};

/// Where the shop's pages are.
const SHOP: &str = "www.shop.test";
/// A host that browsers trust as they trust https: what they say about a request's site, they say only there.
const TRUSTED: &str = "www.shop.localhost";
/// Where the API and the script are.
const API: &str = "api.affitor.test";

/// A shop with a program of its own. Its pages have the tracker unless a test puts others there.
struct Shop {
    pipeline: &'static Pipeline,
    client: Client,
    program: TestProgram,
    site: Site,
}

impl Shop {
    async fn open() -> Self {
        let pipeline = Pipeline::shared(Shape::Embedded).await;
        let (client, program) = (Client::of(pipeline), pipeline.program().await);
        let shop = Self { pipeline, client, program, site: Site::before(pipeline).await };
        for path in ["/", "/signup", "/welcome"] {
            shop.site.page(path, &shop.html(&shop.tag("")));
        }
        shop
    }

    /// The published script tag, with further attributes.
    fn tag(&self, more: &str) -> String {
        let (source, id) = (self.site.url(API, "/js/affitor-tracker.js"), self.program.id);
        format!(r#"<script src="{source}" data-affitor-program-id="{id}" {more}></script>"#)
    }

    fn html(&self, head: &str) -> String {
        format!("<!doctype html><title>Shop</title>{head}<p>Welcome")
    }

    fn url(&self, path: &str) -> String {
        self.site.url(SHOP, path)
    }

    /// The address of the first partner's link.
    fn link(&self) -> String {
        self.url(&format!("/?aff={}", self.program.code))
    }

    /// Somebody opens the first partner's link and gets a click id.
    async fn visitor(&self) -> (Visitor, Tab, String) {
        self.visitor_of(&self.link()).await
    }

    /// Somebody opens some link and gets a click id.
    async fn visitor_of(&self, link: &str) -> (Visitor, Tab, String) {
        let visitor = Visitor::new().await;
        let tab = visitor.opens(link).await;
        let click = tab.sees("affitor.clickId").await.as_str().unwrap().to_owned();
        (visitor, tab, click)
    }

    /// The customer, once the store has it.
    async fn customer(&self, key: &str) -> Value {
        self.customer_where(key, |_| true).await
    }

    /// The customer, once it is attributed to the first partner.
    async fn referred(&self, key: &str) -> Value {
        self.customer_where(key, |customer| customer["partner_code"] == self.program.code.as_str()).await
    }

    async fn customer_where(&self, key: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(VISIBLE, || async {
            let answer = self.client.customer(&self.program, key).await;
            if answer.status == 200 && wanted(&answer.json()) { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
        })
        .await
    }

    /// The bodies of the events of that kind that were sent, the oldest first.
    fn sent(&self, event: &str) -> Vec<Value> {
        self.site.seen(event).into_iter().map(|seen| seen.body).collect()
    }

    /// Waits until so many events of that kind have arrived, and gives their bodies.
    async fn arrived(&self, event: &str, count: usize) -> Vec<Value> {
        eventually(VISIBLE, || {
            let sent = self.sent(event);
            async move { if sent.len() >= count { Ok(sent) } else { Err(format!("{sent:?}")) } }
        })
        .await
    }

    /// Waits until so many events of that kind have been answered with a success.
    async fn taken(&self, event: &str, count: usize) {
        eventually(VISIBLE, || {
            let answers: Vec<_> = self.site.seen(event).into_iter().map(|seen| seen.status).collect();
            let taken = answers.iter().filter(|status| **status == Some(200)).count();
            async move { if taken >= count { Ok(()) } else { Err(format!("{answers:?}")) } }
        })
        .await;
    }
}

/// What the tracker keeps for later, by its names.
const KEPT: &str = "JSON.stringify(Object.keys(localStorage).filter((name) => name.startsWith('affitor_l')).sort())";

async fn kept(tab: &Tab) -> Vec<String> {
    serde_json::from_str(tab.run(KEPT).await.as_str().unwrap()).unwrap()
}

/// Waits until no signup is kept any more.
async fn sent_all(tab: &Tab) {
    tab.sees("Object.keys(localStorage).every((name) => !name.startsWith('affitor_lead'))").await;
}

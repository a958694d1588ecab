//! A visitor and their tabs: opening pages, running scripts in them, what they have printed, cookies, being offline.

use serde_json::{Value, json};

use super::{BROWSER, PATIENCE};
use crate::{VISIBLE, eventually};

/// A person with a browser of their own: cookies and storage are shared by their tabs and by nobody else.
#[derive(Debug)]
pub struct Visitor {
    context: String,
}

/// One tab of a visitor.
#[derive(Debug)]
pub struct Tab {
    session: String,
    target: String,
}

impl Visitor {
    /// Somebody who was never here.
    ///
    /// # Panics
    /// When there is no browser.
    pub async fn new() -> Self {
        let made = BROWSER.command(None, "Target.createBrowserContext", json!({})).await.expect("a context");
        Self { context: text(&made["browserContextId"]) }
    }

    /// Opens an empty tab.
    ///
    /// # Panics
    /// When the browser refuses.
    pub async fn tab(&self) -> Tab {
        let asked = json!({"url": "about:blank", "browserContextId": self.context});
        let made = BROWSER.command(None, "Target.createTarget", asked).await.expect("a tab");
        let target = text(&made["targetId"]);
        let asked = json!({"targetId": target, "flatten": true});
        let attached = BROWSER.command(None, "Target.attachToTarget", asked).await.expect("a session");
        let tab = Tab { session: text(&attached["sessionId"]), target };
        for domain in ["Page", "Runtime", "Network"] {
            tab.command(&format!("{domain}.enable"), json!({})).await;
        }
        tab.command("Page.setLifecycleEventsEnabled", json!({"enabled": true})).await;
        tab
    }

    /// Opens an address in a new tab.
    pub async fn opens(&self, url: &str) -> Tab {
        let tab = self.tab().await;
        tab.open(url).await;
        tab
    }

    /// Opens an address in a tab that nobody watches: there the browser also prepares pages ahead.
    ///
    /// # Panics
    /// When the browser refuses.
    pub async fn opens_unwatched(&self, url: &str) {
        let asked = json!({"url": url, "browserContextId": self.context});
        BROWSER.command(None, "Target.createTarget", asked).await.expect("a tab");
    }

    /// All cookies of the visitor, as the browser describes them.
    ///
    /// # Panics
    /// When the browser refuses.
    pub async fn cookies(&self) -> Vec<Value> {
        let asked = json!({"browserContextId": self.context});
        let mut cookies = BROWSER.command(None, "Storage.getCookies", asked).await.expect("the cookies");
        cookies["cookies"].as_array_mut().map(std::mem::take).expect("a list of cookies")
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        // Nobody waits for the answer.
        BROWSER.write(0, None, "Target.disposeBrowserContext", json!({"browserContextId": self.context}));
    }
}

impl Tab {
    /// Any command of the protocol.
    ///
    /// # Panics
    /// When the browser refuses it.
    pub async fn command(&self, method: &str, parameters: Value) -> Value {
        BROWSER.command(Some(&self.session), method, parameters).await.expect("a command that the browser takes")
    }

    /// Opens an address and waits until it has loaded.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(&self, url: &str) {
        let opened = self.command("Page.navigate", json!({"url": url})).await;
        assert!(opened["errorText"].is_null(), "{url}: {}", opened["errorText"]);
        let loader = text(&opened["loaderId"]);
        let loaded =
            |event: &Value| event["params"]["name"] == "load" && event["params"]["loaderId"] == loader.as_str();
        eventually(PATIENCE, || {
            let seen = BROWSER.events(&self.session, |events| events.iter().any(loaded));
            async move { if seen { Ok(()) } else { Err(format!("{url} still loads")) } }
        })
        .await;
    }

    /// Goes back one page and waits until it is there; says whether it came from the back/forward cache.
    ///
    /// # Panics
    /// When there is none.
    pub async fn back(&self) -> bool {
        let history = self.command("Page.getNavigationHistory", json!({})).await;
        let place = usize::try_from(history["currentIndex"].as_u64().expect("a place")).expect("a small number");
        let entry = &history["entries"][place.checked_sub(1).expect("a page before this one")];
        let before = self.count("Page.frameNavigated");
        self.command("Page.navigateToHistoryEntry", json!({"entryId": entry["id"]})).await;
        eventually(PATIENCE, || {
            let count = self.count("Page.frameNavigated");
            async move { if count > before { Ok(()) } else { Err("still the same page") } }
        })
        .await;
        let kinds = self.parameters("Page.frameNavigated", |event| event["type"].clone());
        kinds.last().is_some_and(|kind| kind == "BackForwardCacheRestore")
    }

    /// Runs a script in the page, waits for its promise, and gives its value.
    ///
    /// # Panics
    /// When it throws.
    pub async fn run(&self, script: &str) -> Value {
        self.try_run(script).await.unwrap_or_else(|error| panic!("{script}\n{error}"))
    }

    /// The same where the page may be left meanwhile.
    ///
    /// # Errors
    /// What it has thrown, or that the page is gone.
    pub async fn try_run(&self, script: &str) -> Result<Value, String> {
        let asked = json!({
            "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let mut run = BROWSER.command(Some(&self.session), "Runtime.evaluate", asked).await?;
        let thrown = &run["exceptionDetails"];
        if thrown.is_null() { Ok(run["result"]["value"].take()) } else { Err(thrown.to_string()) }
    }

    /// Waits until a script in the page gives something that is true, and gives that. The page may change meanwhile.
    pub async fn sees(&self, script: &str) -> Value {
        eventually(VISIBLE, || async {
            match self.try_run(script).await {
                Ok(value) if value != json!(false) && !value.is_null() => Ok(value),
                seen => Err(format!("{script}: {seen:?}; printed: {:?}", self.printed())),
            }
        })
        .await
    }

    /// What the pages of this tab have printed with `console.log`, a line each.
    pub fn printed(&self) -> Vec<String> {
        self.parameters("Runtime.consoleAPICalled", |call| {
            let values = call["args"].as_array().map(Vec::as_slice).unwrap_or_default();
            values.iter().filter_map(|value| value["value"].as_str()).collect::<Vec<_>>().join(" ")
        })
    }

    /// What has been thrown into the pages of this tab and caught by nobody.
    pub fn thrown(&self) -> Vec<String> {
        self.parameters("Runtime.exceptionThrown", |event| event["exceptionDetails"].to_string())
    }

    /// Cuts the tab off from the network, or connects it again.
    pub async fn offline(&self, offline: bool) {
        let asked = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.command("Network.emulateNetworkConditions", asked).await;
    }

    /// Refuses what scripts write to `document.cookie`, as a browser does whose owner wants no cookies.
    pub async fn refuse_cookies(&self) {
        self.command("Emulation.setDocumentCookieDisabled", json!({"disabled": true})).await;
    }

    /// Closes the tab as its owner would: the page hears that it is being left.
    pub async fn close(self) {
        // The session may end before the answer.
        drop(BROWSER.command(None, "Target.closeTarget", json!({"targetId": self.target})).await);
        eventually(PATIENCE, || async {
            let all = BROWSER.command(None, "Target.getTargets", json!({})).await?;
            let is_there = all["targetInfos"].to_string().contains(&self.target);
            if is_there { Err("the tab is still there".to_owned()) } else { Ok(()) }
        })
        .await;
    }

    fn count(&self, method: &str) -> usize {
        self.parameters(method, |_| ()).len()
    }

    fn parameters<T>(&self, method: &str, of: impl Fn(&Value) -> T) -> Vec<T> {
        BROWSER.events(&self.session, |events| {
            let wanted = events.iter().filter(|event| event["method"] == method);
            wanted.map(|event| of(&event["params"])).collect()
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

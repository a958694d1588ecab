//! The recipes and programs of the guides, run as they stand there: only the host is changed.

use super::{SHOP, Shop, TRUSTED};
use crate::documents::block;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::{Process, START, Visitor, free_port};

const FIRST_PARTY: &str = "docs/guides/first-party.md";
const ELSEWHERE: &str = "docs/guides/signups-elsewhere.md";
const AFFITOR: &str = "https://AFFITOR_HOST";

/// Opens the shop behind a proxy with that recipe: the server sets the cookie, and a signup is attributed.
async fn works_behind(shop: &Shop, port: u16) {
    let tag = block(FIRST_PARTY, "# The tracker from your own domain", "html");
    let tag = tag.replace("program-id=\"1\"", &format!("program-id=\"{}\"", shop.program.id));
    shop.site.page("/", &shop.html(&tag));
    let link = format!("http://{TRUSTED}:{port}/?aff={}", shop.program.code);
    let visitor = Visitor::new().await;
    let tab = visitor.tab().await;
    tab.open(&format!("http://{TRUSTED}:{port}/nothing")).await;
    tab.run("document.cookie = 'session=secret; path=/'").await;
    tab.open(&link).await;
    let click = tab.sees("affitor.clickId").await;
    let seen = &shop.site.seen("click")[0];
    let set = seen.answer["set-cookie"].to_str().unwrap();
    assert!(set.contains(click.as_str().unwrap()) && set.ends_with("Domain=shop.localhost"), "{set}");
    assert!(!seen.headers.get("cookie").is_some_and(|cookie| cookie.to_str().unwrap().contains("secret")), "{seen:?}");
    let cookies = visitor.cookies().await;
    assert_eq!(cookies.iter().filter(|cookie| cookie["name"] == "affitor_click_id").count(), 1, "{cookies:?}");
    assert_eq!(tab.run("affitor.signup('u1', 'user@example.com')").await["success"], true);
    assert_eq!(shop.referred("u1").await["click_id"], click);
    tab.open(&link).await;
    shop.taken("click", 2).await;
    let again = &shop.site.seen("click")[1];
    assert!(again.answer.get("set-cookie").is_none(), "the cookie has come through the proxy: {again:?}");
    let other = tab.run("fetch('/partners/api/v1/customers').then((answer) => answer.status)").await;
    assert_eq!(other, 404, "nothing else of the API is there");
}

fn start(name: &str, command: &Command) -> Process {
    Process::spawn(name, command)
}

fn write(path: &Path, text: &str) -> String {
    fs::write(path, text).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn the_recipe_for_nginx_works() {
    let (shop, room, port) = (Shop::open().await, tempfile::tempdir().unwrap(), free_port());
    let upstream = shop.site.url("127.0.0.1", "");
    let recipe = block(FIRST_PARTY, "## nginx", "nginx").replace(AFFITOR, &upstream);
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", room.path().join(kind).display()))
        .concat();
    let settings = format!(
        "daemon off; master_process off; error_log stderr; pid {}; events {{}}
        http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port};
        {recipe} location /partners/ {{ return 404; }} location / {{ proxy_pass {upstream}; }} }} }}",
        room.path().join("pid").display(),
    );
    let settings = write(&room.path().join("nginx.conf"), &settings);
    let mut command = Command::new(std::env::var("TEST_NGINX").unwrap_or_else(|_| "nginx".to_owned()));
    command.args(["-c", &settings, "-p"]).arg(room.path());
    let mut nginx = start("nginx", &command);
    nginx.wait_for_port(START, ([127, 0, 0, 1], port).into()).await;
    works_behind(&shop, port).await;
}

#[tokio::test]
async fn the_recipe_for_caddy_works() {
    let (shop, room, port) = (Shop::open().await, tempfile::tempdir().unwrap(), free_port());
    let upstream = shop.site.url("127.0.0.1", "");
    let recipe = block(FIRST_PARTY, "## Caddy", "caddy").replace(AFFITOR, &upstream);
    let settings = format!(
        "{{\nadmin off\nauto_https off\n}}\nhttp://:{port} {{\nbind 127.0.0.1\n{recipe}\nreverse_proxy {upstream}\n}}\n"
    );
    let settings = write(&room.path().join("Caddyfile"), &settings);
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config", &settings]);
    command.env("HOME", room.path()).env("XDG_DATA_HOME", room.path()).env("XDG_CONFIG_HOME", room.path());
    let mut caddy = start("caddy", &command);
    caddy.wait_for_port(START, ([127, 0, 0, 1], port).into()).await;
    works_behind(&shop, port).await;
}

/// A shop that the program of the guide serves, without a tracker; and a login provider that sends people back at once.
async fn serves_signups(language: &str, mut command: Command) {
    let (shop, port) = (Shop::open().await, free_port());
    let back = format!("http://{SHOP}:{port}/login/back");
    let provider = "<!doctype html><script>
        const state = new URLSearchParams(location.search).get('state');
        location.href = 'BACK?code=ada&state=' + state</script>";
    shop.site.page("/provider", &provider.replace("BACK", &back));
    command.env("AFFITOR_URL", &shop.pipeline.api).env("AFFITOR_API_TOKEN", &shop.program.api_key);
    command.env("PROVIDER_URL", shop.site.url("login.example", "/provider")).env("PORT", port.to_string());
    let mut server = start(language, &command);
    server.wait_for_port(START, ([127, 0, 0, 1], port).into()).await;

    let visitor = Visitor::new().await;
    let tab = visitor.opens(&format!("http://{SHOP}:{port}/?aff={}", shop.program.code)).await;
    let click = tab.sees("document.cookie.split('affitor_click_id=')[1]").await;
    tab.run("document.querySelector('a').click()").await;
    tab.sees("location.pathname === '/login/back'").await;
    let customer = shop.referred("user_ada").await;
    assert_eq!((&customer["click_id"], &customer["email_masked"]), (&click, &json!("a***@example.com")));
    assert_eq!(customer["events"].as_array().unwrap().last().unwrap()["source"], "server");

    // Somebody else's login, which an attacker has begun: nobody is signed up with it.
    let attacked = Visitor::new().await;
    let tab = attacked.opens(&format!("{back}?code=eve&state=00000000-0000-4000-8000-000000000000")).await;
    assert!(tab.sees("document.body.innerText").await.as_str().unwrap().contains("start the login again"));
    assert_eq!(shop.client.customer(&shop.program, "user_eve").await.status, 404);

    // A visitor who has changed their mind: the provider says so instead of giving a code.
    let address = format!("http://{SHOP}:{port}/login");
    shop.site.page("/provider", &provider.replace("BACK", &back).replace("code=ada", "error=access_denied"));
    tab.command("Page.navigate", json!({"url": address})).await;
    tab.sees(
        "location.search.includes('error=access_denied') && document.body.innerText.includes('start the login again')",
    )
    .await;

    // On another domain there is no cookie: the address brings the click.
    let other = Visitor::new().await;
    let address = format!("http://app.example:{port}/login?affitor_click_id={}", click.as_str().unwrap());
    shop.site.page("/provider", &provider.replace("BACK", &back.replace(SHOP, "app.example")).replace("=ada", "=bob"));
    let tab = other.tab().await;
    tab.command("Page.navigate", json!({"url": address})).await;
    tab.sees("location.pathname === '/login/back'").await;
    assert_eq!(shop.referred("user_bob").await["click_id"], click);
}

#[tokio::test]
async fn the_node_program_reports_clicks_and_signups_without_a_script() {
    let mut node = Command::new("node");
    node.args(["-e", &block(ELSEWHERE, "## Node.js", "js")]);
    serves_signups("node", node).await;
}

#[tokio::test]
async fn the_python_program_reports_clicks_and_signups_without_a_script() {
    let mut python = Command::new(std::env::var("TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    python.args(["-u", "-c", &block(ELSEWHERE, "## Python", "python")]);
    serves_signups("python", python).await;
}

#[tokio::test]
async fn a_link_to_another_domain_brings_the_click_along() {
    let shop = Shop::open().await;
    let link = r#"<a href="https://app.other-domain.example/signup?plan=2">Sign up</a>"#;
    let script = block(ELSEWHERE, "## To another domain", "js");
    shop.site.page("/", &format!("{}{link}<script>{script}</script>", shop.html(&shop.tag(""))));
    let (_visitor, tab, click) = shop.visitor().await;
    let followed =
        "const link = document.querySelector('a'); link.addEventListener('click', (event) => event.preventDefault());
        link.click(); link.href";
    let expected = format!("https://app.other-domain.example/signup?plan=2&affitor_click_id={click}");
    assert_eq!(tab.run(followed).await, json!(expected));
}

#[tokio::test]
async fn a_page_that_opens_after_a_login_may_say_so_itself() {
    let shop = Shop::open().await;
    let call = block(ELSEWHERE, "## When the visitor is back", "js");
    let facts = "const customerKey = 'u1', email = 'user@example.com';";
    shop.site.page("/welcome", &shop.html(&format!("<script>{facts}{call}</script>{}", shop.tag("async"))));
    let (_visitor, tab, click) = shop.visitor().await;
    for _ in 0..2 {
        tab.open(&shop.url("/welcome")).await;
    }
    shop.taken("lead", 2).await;
    let customer = shop.customer_where("u1", |customer| customer["events_total"].as_u64() >= Some(3)).await;
    let counted = customer["events"].as_array().unwrap().iter().filter(|event| event["outcome"] == "recorded").count();
    assert_eq!((&customer["click_id"], counted), (&json!(click), 2), "a click and a lead: {customer}");
}

//! The snippets that integrators have copied from the published documentation, word for word.

use super::Shop;
use serde_json::json;
use tests::Visitor;

const BASIC: &str = "if (window.affitor) {
  await window.affitor.signup('user_123', 'user@example.com');
} else {
  window.affitorQueue = window.affitorQueue || [];
  window.affitorQueue.push(['signup', 'user_123', 'user@example.com']);
}";

const FORM: &str = "document.getElementById('signup-form').addEventListener('submit', async function(e) {
  e.preventDefault();

  const email = document.getElementById('email').value;

  // Your own signup logic first
  const result = await createAccount(email);

  if (result.success) {
    if (window.affitor) {
      await window.affitor.signup(result.userId, email);
    } else {
      window.affitorQueue = window.affitorQueue || [];
      window.affitorQueue.push(['signup', result.userId, email]);
    }
  }
});";

#[tokio::test]
async fn the_basic_snippet_records_a_signup_when_the_script_has_loaded() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    tab.run(&format!("(async () => {{ {BASIC} }})()")).await;
    let customer = shop.referred("user_123").await;
    assert_eq!((&customer["click_id"], &customer["email_masked"]), (&json!(click), &json!("u***@example.com")));
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn the_basic_snippet_records_a_signup_when_the_script_has_not_loaded_yet() {
    let shop = Shop::open().await;
    let early = format!("<script>(async () => {{ {BASIC} }})()</script>");
    shop.site.page("/", &shop.html(&format!("{early}{}", shop.tag("async"))));
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    assert_eq!(shop.referred("user_123").await["events_total"], 2);
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn the_signup_form_snippet_records_the_signup() {
    let shop = Shop::open().await;
    let form = "<form id=signup-form><input id=email></form>
        <script>const createAccount = async () => ({ success: true, userId: 'user_form' });";
    shop.site.page("/", &format!("{}{form}{FORM}</script>", shop.html(&shop.tag("defer"))));
    let (_visitor, tab, _) = shop.visitor().await;
    let fill = "document.getElementById('email').value = 'form@example.com';
        document.getElementById('signup-form').requestSubmit()";
    tab.run(fill).await;
    assert_eq!(shop.referred("user_form").await["email_masked"], "f***@example.com");
}

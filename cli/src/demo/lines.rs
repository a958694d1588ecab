//! The demo as lines for a shell: a click, the lead that follows, and what became of the customer.

use super::Demo;

const CUSTOMER: &str = "usr_abc123";

impl Demo {
    /// Lines ready to paste into bash, one after the other or all at once.
    pub(crate) fn lines(&self) -> String {
        let Demo { base_url, api_key, partner_code, .. } = self;
        let json = "-H 'Content-Type: application/json'";
        let key = format!("-H 'Authorization: Bearer {api_key}'");
        let click_id = r#"sed -n 's/.*"click_id": *"\([^"]*\)".*/\1/p'"#;
        // No apostrophes in the comments: zsh takes them for quotes when a comment is pasted.
        // The worker is a moment behind: the last line asks again until the lead is recorded.
        format!(
            r#"# A visitor comes through the link of a partner
CLICK=$(curl -s '{base_url}/api/v1/track/click' {json} -d '{{"affiliate_url": "https://shop.example/?aff={partner_code}"}}' | {click_id}); echo "$CLICK"
# The visitor signs up, and the server of the shop says so
curl -s '{base_url}/api/v1/track/lead' {key} {json} -d '{{"click_id": "'"$CLICK"'", "customer_key": "{CUSTOMER}", "email": "user@example.com"}}'; echo
# What became of the customer: a lead, attributed to {partner_code}
for try in 1 2 3 4 5; do curl -sf '{base_url}/api/v1/customers/{CUSTOMER}' {key} && break; sleep 1; done; echo
"#
        )
    }
}

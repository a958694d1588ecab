//! The JSON that clients rely on, made from the store's views. Members and their order are part of the contract.

use crate::moment::rfc3339;
use domain::keyring::Keyring;
use domain::{ClickId, CustomerKey};
use serde::Serialize;
use store::{CustomerEvent, CustomerView, EventKind, EventView};
use utoipa::ToSchema;

/// A customer and the newest events of the journey.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Customer {
    /// The advertiser's own id; null while the customer is known by a click only.
    customer_key: Option<String>,
    program_id: i64,
    /// `click`, `lead` or `conversion`. Never goes back.
    #[schema(value_type = String)]
    status: &'static str,
    /// Whether a partner was found.
    attributed: bool,
    /// Why or why not; null for a click without a lead.
    #[schema(value_type = Option<String>)]
    reason: Option<&'static str>,
    /// What the integrator can change.
    #[schema(value_type = Option<String>)]
    hint: Option<&'static str>,
    partner_code: Option<String>,
    click_id: Option<String>,
    /// When the lead that counts was received; null while there is none.
    #[schema(format = DateTime)]
    lead_at: Option<String>,
    /// Whether a browser's lead waits for the server's.
    provisional: bool,
    /// Such as `u***@example.com`.
    email_masked: Option<String>,
    /// Such as `shared_click` and `click_from_browser`.
    #[schema(value_type = Vec<String>)]
    flags: Vec<&'static str>,
    events_total: u64,
    /// The newest 100, oldest first.
    events: Vec<JourneyEvent>,
}

/// One event of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JourneyEvent {
    event_id: String,
    /// `click` or `lead`.
    #[schema(value_type = String)]
    r#type: &'static str,
    /// `server` or `browser`.
    #[schema(value_type = String)]
    source: &'static str,
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(format = DateTime)]
    recorded_at: String,
    /// `recorded` or `duplicate`.
    #[schema(value_type = String)]
    outcome: &'static str,
    click_id: Option<String>,
    /// The event that counts in its stead.
    duplicate_of: Option<String>,
}

/// The customers of a click.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Customers {
    pub(crate) customers: Vec<Customer>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventAnswer {
    event_id: String,
    /// `click` or `lead`; null when it was set aside and cannot be read.
    #[schema(value_type = Option<String>)]
    r#type: Option<&'static str>,
    /// `recorded`, `duplicate` or `dead_lettered`.
    #[schema(value_type = String)]
    state: &'static str,
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(format = DateTime)]
    recorded_at: String,
    customer_key: Option<String>,
    click_id: Option<String>,
    /// Whether its customer is attributed; null for what has no verdict, such as a click.
    attributed: Option<bool>,
    /// The verdict on its customer.
    #[schema(value_type = Option<String>)]
    reason: Option<&'static str>,
    /// What the integrator can change.
    #[schema(value_type = Option<String>)]
    hint: Option<&'static str>,
    duplicate_of: Option<String>,
    /// Only there, and true, for a test event.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    test: bool,
}

impl Customer {
    pub(crate) fn of(view: CustomerView, clicks: &Keyring) -> Self {
        Customer {
            program_id: view.program.get(),
            status: view.status.name(),
            attributed: view.is_attributed(),
            reason: view.reason.map(|reason| reason.name()),
            hint: view.reason.and_then(|reason| reason.hint()),
            provisional: view.is_provisional(),
            customer_key: text(view.key),
            partner_code: view.partner_code,
            click_id: cookie(view.click, clicks),
            lead_at: view.lead_at.map(rfc3339),
            email_masked: view.email_mask,
            flags: view.flags.names(),
            events_total: view.events_total,
            events: view.events.into_iter().map(|event| JourneyEvent::of(&event, clicks)).collect(),
        }
    }
}

impl JourneyEvent {
    fn of(event: &CustomerEvent, clicks: &Keyring) -> Self {
        JourneyEvent {
            event_id: event.id.to_string(),
            r#type: event.kind.name(),
            source: event.source.name(),
            received_at: rfc3339(event.id.received_at()),
            recorded_at: rfc3339(event.recorded_at),
            outcome: event.state().name(),
            click_id: cookie(event.click, clicks),
            duplicate_of: event.duplicate_of.map(|event| event.to_string()),
        }
    }
}

impl EventAnswer {
    pub(crate) fn of(view: EventView, clicks: &Keyring) -> Self {
        EventAnswer {
            event_id: view.id.to_string(),
            r#type: view.kind.map(EventKind::name),
            state: view.state.name(),
            received_at: rfc3339(view.id.received_at()),
            recorded_at: rfc3339(view.recorded_at),
            click_id: cookie(view.click, clicks),
            attributed: view.is_attributed(),
            reason: view.reason.map(|reason| reason.name()),
            hint: view.reason.and_then(|reason| reason.hint()),
            duplicate_of: view.duplicate_of.map(|event| event.to_string()),
            test: view.test,
            customer_key: text(view.key),
        }
    }
}

/// The text in the visitor's cookie; null when the secret that signed it has been retired.
fn cookie(click: Option<ClickId>, clicks: &Keyring) -> Option<String> {
    click?.text(clicks)
}

fn text(key: Option<CustomerKey>) -> Option<String> {
    key.map(String::from)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(test: &bool) -> bool {
    !test
}

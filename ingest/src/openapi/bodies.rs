//! What may be sent, for the schema only. `null` and `""` mean absent everywhere; unknown members are ignored.
#![expect(dead_code, reason = "read by the schema; requests are parsed by `domain::request`")]

use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// A visit through a referral link.
#[derive(ToSchema)]
pub(crate) struct ClickBody {
    /// Full http or https URL with `aff`; not needed in test mode.
    affiliate_url: Option<String>,
    /// At most 2048 characters; the values of its query are not kept.
    page_url: Option<String>,
    page_title: Option<String>,
    referrer_url: Option<String>,
    /// At most 128 characters.
    session_id: Option<String>,
    /// Falls back to the header.
    user_agent: Option<String>,
    /// Such as `1920x1080`.
    screen_resolution: Option<String>,
    /// Such as `1920x1080`.
    viewport_size: Option<String>,
    /// Such as `en-US`.
    language: Option<String>,
    /// Such as `Europe/Berlin`.
    timezone: Option<String>,
    /// The click id that the visitor has; it comes back when it is of the same partner and young enough.
    existing_click_id: Option<String>,
    additional_data: Option<AdditionalData>,
}

/// A signup. Outside test mode `click_id` or `customer_key` is needed.
#[derive(ToSchema)]
pub(crate) struct LeadBody {
    /// The value of the cookie `affitor_click_id`: 1 to 128 of `A-Z a-z 0-9 . _ : -`.
    click_id: Option<String>,
    #[schema(schema_with = customer_key, required = false)]
    customer_key: Option<String>,
    /// Kept as a keyed digest and a mask only.
    email: Option<String>,
    /// At most 128 characters.
    session_id: Option<String>,
    /// At most 2048 characters; the values of its query are not kept.
    page_url: Option<String>,
    #[schema(schema_with = program_id, required = false)]
    program_id: Option<i64>,
    /// At most 20 distinct candidates, newest last.
    click_ids: Option<Vec<String>>,
    has_attribution: Option<bool>,
    /// Makes it a test event.
    debug_mode: Option<bool>,
    additional_data: Option<AdditionalData>,
}

/// Many signups. At most 1 MiB, and each lead at most 16 KiB.
#[derive(ToSchema)]
pub(crate) struct LeadsBody {
    #[schema(min_items = 1, max_items = 1000)]
    leads: Vec<LeadBody>,
}

/// An object of your own: at most 4 KiB and 5 levels. Three members are known.
#[derive(ToSchema)]
pub(crate) struct AdditionalData {
    /// `true` makes it a test event.
    test_mode: Option<bool>,
    #[schema(schema_with = program_id, required = false)]
    program_id: Option<i64>,
    event_name: Option<String>,
}

fn program_id() -> Object {
    number_or_text("The program's number or its decimal text.")
}

fn customer_key() -> Object {
    number_or_text(
        "Your own id of the customer: 1 to 255 characters, compared byte for byte. A whole number is read as its text.",
    )
}

fn number_or_text(description: &str) -> Object {
    let types = SchemaType::from_iter([Type::Integer, Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(types).description(Some(description)).build()
}

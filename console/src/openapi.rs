//! The console's part of the contract, generated from the code that serves it.

use crate::shapes;
use crate::{customers, events};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "affitor", description = "Lead tracking for affiliate programmes: what became of every lead."),
    paths(customers::customer, customers::of_click, events::event),
    components(schemas(shapes::Customer, shapes::Customers, shapes::JourneyEvent, shapes::EventAnswer)),
    modifiers(&ApiKeys)
)]
struct Contract;

struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, contract: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The program's API key. It sees its own program; everything else is a 404."))
            .build();
        let components = contract.components.get_or_insert_with(Default::default);
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// What the console answers, to be served as it is or merged with `ingest`'s part.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Contract::openapi()
}

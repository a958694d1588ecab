//! The console's part of the contract, generated from the code that serves it.

pub(crate) mod refusals;

use crate::fault::{Fault, ReadFailure};
use crate::shapes;
use crate::{customers, events};
use runtime::http::health_contract;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, Schema};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "affitor", description = "Lead tracking for affiliate programmes: what became of every lead."),
    paths(customers::customer, customers::of_click, events::event),
    components(schemas(
        shapes::Customer,
        shapes::Customers,
        shapes::JourneyEvent,
        shapes::EventAnswer,
        ReadFailure
    )),
    modifiers(&Codes, &ApiKeys)
)]
struct Contract;

/// The closed list of codes, from the list itself.
struct Codes;

impl Modify for Codes {
    fn modify(&self, contract: &mut Document) {
        let schemas = contract.components.as_mut().map(|components| &mut components.schemas);
        if let Some(RefOr::T(Schema::Object(failure))) = schemas.and_then(|schemas| schemas.get_mut("ReadFailure"))
            && let Some(RefOr::T(Schema::Object(code))) = failure.properties.get_mut("code")
        {
            code.enum_values = Some(Fault::ALL.map(|fault| fault.code().into()).to_vec());
        }
    }
}

struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, contract: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The program's API key. It sees its own program; everything else is a 404."))
            .build();
        let components = contract.components.get_or_insert_with(Default::default);
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// What the console answers, to be served as it is or merged with `ingest`'s part.
pub fn openapi() -> Document {
    let mut contract = Contract::openapi();
    contract.merge(health_contract());
    contract
}

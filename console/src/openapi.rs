//! The console's part of the contract, generated from the code that serves it.

use crate::fault::{Fault, ReadFailure};
use crate::shapes;
use crate::{customers, events};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, Schema};
use utoipa::{IntoResponses, Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "affitor", description = "Lead tracking for affiliate programmes: what became of every lead."),
    paths(customers::customer, customers::of_click, events::event),
    components(schemas(shapes::Customer, shapes::Customers, shapes::JourneyEvent, shapes::EventAnswer, ReadFailure)),
    modifiers(&Codes, &ApiKeys)
)]
struct Contract;

/// What every read can be refused for.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the schema; answers are made by `fault`")]
pub(crate) enum AnyRead {
    /// No API key, or a wrong one.
    #[response(status = 401)]
    Key(ReadFailure),
    /// The path takes other methods: see `Allow`.
    #[response(status = 405, headers(("Allow" = String, description = "Those that it takes.")))]
    Method(ReadFailure),
    /// A fault of ours, which has been logged.
    #[response(status = 500, headers(("X-Affitor-Outcome" = String, description = "`not-accepted`.")))]
    Ours(ReadFailure),
    /// The database does not answer: try again later.
    #[response(status = 503, headers(
        ("X-Affitor-Outcome" = String, description = "`not-accepted`."),
        ("Retry-After" = u32, description = "Whole seconds."),
    ))]
    Store(ReadFailure),
}

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
    Contract::openapi()
}

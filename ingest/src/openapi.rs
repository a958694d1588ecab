//! This binary's part of the contract for machines, generated from the code that serves it.

pub(crate) mod bodies;
pub(crate) mod refusals;

use crate::answer::{Failure, Success, TestData};
use crate::bulk::{BulkAnswer, LeadResult};
use crate::refusal::Refusal;
use crate::routes;
use bodies::{AdditionalData, ClickBody, LeadBody, LeadsBody};
use runtime::http::health_contract;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, Schema};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "affitor", description = "Lead tracking for affiliate programmes: where clicks and leads are sent."),
    paths(routes::take_click, routes::take_lead, routes::take_leads),
    components(schemas(ClickBody, LeadBody, LeadsBody, AdditionalData, Success, TestData, BulkAnswer, LeadResult, Failure)),
    modifiers(&Codes, &ApiKeys)
)]
struct Contract;

/// The closed list of codes, from the list itself.
struct Codes;

impl Modify for Codes {
    fn modify(&self, document: &mut Document) {
        let schemas = document.components.as_mut().map(|components| &mut components.schemas);
        if let Some(RefOr::T(Schema::Object(failure))) = schemas.and_then(|schemas| schemas.get_mut("Failure"))
            && let Some(RefOr::T(Schema::Object(code))) = failure.properties.get_mut("code")
        {
            code.enum_values = Some(Refusal::all().map(|refusal| refusal.code().into()).collect());
        }
    }
}

struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The program's API key."));
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme.build()));
    }
}

/// What `ingest` takes and answers, to be served as it is or merged with `console`'s part.
pub fn openapi() -> Document {
    let mut contract = Contract::openapi();
    contract.merge(health_contract());
    contract
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_document_has_every_path_and_every_code() {
        let document = serde_json::to_value(openapi()).unwrap();
        for path in ["/api/v1/track/click", "/api/v1/track/lead"] {
            let operation = &document["paths"][path]["post"];
            for kind in ["application/json", "text/plain"] {
                assert!(operation["requestBody"]["content"][kind]["schema"].is_object(), "{path} {kind}");
            }
            for status in
                Refusal::all().map(|refusal| refusal.status().as_u16()).filter(|status| ![200, 404].contains(status))
            {
                let schema = &operation["responses"][status.to_string()]["content"]["application/json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Failure", "{path} {status}");
            }
        }
        assert!(["/healthz", "/readyz"].into_iter().all(|path| document["paths"][path]["get"].is_object()));
        let bulk = &document["paths"]["/api/v1/track/leads"]["post"];
        assert_eq!(
            bulk["requestBody"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/LeadsBody"
        );
        assert_eq!(bulk["security"], serde_json::json!([{"api_key": []}]), "a key is needed");
        for status in ["400", "401", "405", "408", "413", "415", "429", "503"] {
            let schema = &bulk["responses"][status]["content"]["application/json"]["schema"];
            assert_eq!(schema["$ref"], "#/components/schemas/Failure", "{status}");
        }
        let schemas = &document["components"]["schemas"];
        let listed = &schemas["LeadsBody"]["properties"]["leads"];
        assert_eq!((&listed["minItems"], &listed["maxItems"]), (&1.into(), &1_000.into()));
        assert_eq!(schemas["LeadResult"]["required"], serde_json::json!(["index"]));
        for (body, member) in
            [("LeadBody", "program_id"), ("LeadBody", "customer_key"), ("AdditionalData", "program_id")]
        {
            let types = &schemas[body]["properties"][member]["type"];
            assert_eq!(types, &serde_json::json!(["integer", "string", "null"]), "{body}.{member}");
        }
        for body in ["ClickBody", "LeadBody", "AdditionalData"] {
            assert!(schemas[body]["required"].is_null(), "no member of {body} is needed in every mode");
        }
        let codes = schemas["Failure"]["properties"]["code"]["enum"].as_array().unwrap();
        assert_eq!(codes.len(), Refusal::all().count());
    }
}

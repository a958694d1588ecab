//! `POST /api/v1/track/lead`: read → whose is it → event → durable → answer.

use crate::answer::{Accepted, Success, TestData};
use crate::ingest::Ingest;
use crate::intake::receive;
use crate::meters::Kind;
use crate::mint::now;
use crate::origin::{Grant, Origin};
use crate::refusal::Refusal;
use crate::refused::Refused;
use crate::who::{Caller, Claim, NamedClick};
use axum::body::Body;
use axum::http::request::Parts;
use domain::event::{Class, Source};
use domain::keyring::Keyring;
use domain::request::{Faulty, LeadRequest, Warning};
use domain::{ClickId, Event, EventId, LeadEvent, ProgramId};
use std::sync::Arc;
use store::Program;

const TRACKED: &str = "Lead tracked successfully";
const TEST_TRACKED: &str = "Test lead event tracked successfully";
const PROVISIONAL: &str = "Lead received. It counts once your server sends the lead for the same customer";

/// Takes one lead. `grant` is set as soon as it is known which program is spoken of, so that its pages can read
/// refusals too.
pub(crate) async fn take(ingest: &Ingest, head: &Parts, body: Body, grant: &mut Grant) -> Result<Accepted, Refused> {
    let visitor = ingest.limits().visitor(head);
    let (keyed, body) = receive(ingest.snapshots(), visitor, &head.headers, body, ingest.body_timeout()).await?;
    let origin = Origin::of(&head.headers);
    let parsed = LeadRequest::parse(&body, &ingest.secrets().email);
    if let Some(program) = keyed.clone().or_else(|| named_by(ingest, &parsed)) {
        *grant = origin.grant(&program);
    }
    let mut request = parsed?;
    if request.test {
        visitor.test()?;
    }
    warn_of_key_in_query(head, &mut request);
    let claim = claim(&request, keyed.as_deref(), origin, &ingest.secrets().click);
    let number = claim.program()?;
    let program = match keyed {
        Some(program) => program,
        None => ingest.snapshots().program(number).await?.ok_or(Refusal::UnknownProgram)?,
    };
    *grant = origin.grant(&program);
    let caller = claim.admit(&program)?;
    if caller.source == Source::Browser && !request.test {
        visitor.program(program.program_id)?;
    }
    let warnings = request.details.warnings.clone();
    let lead = event(ingest.mint().event(now()), request, &program, caller);
    let (id, class, test) = (lead.id, lead.class(), lead.test);
    ingest.publish(Event::Lead(lead), Kind::Lead).await?;
    let answer = if test { test_answer(id, program.program_id, &warnings) } else { answer(class, &warnings) };
    Ok(answer.accepted(Some(id)))
}

/// The program that a body names, or else its first genuine click, if it is known without a look-up.
fn named_by(ingest: &Ingest, parsed: &Result<LeadRequest<'_>, Faulty<'_>>) -> Option<Arc<Program>> {
    let (named, clicks): (_, Vec<&str>) = match parsed {
        Ok(request) => {
            (request.program, request.click_id.iter().chain(&request.click_ids).map(AsRef::as_ref).collect())
        }
        Err(faulty) => (faulty.program, faulty.click_ids.iter().map(AsRef::as_ref).collect()),
    };
    let verify = |text: &str| ClickId::verify(text, &ingest.secrets().click);
    let program = named.or_else(|| clicks.into_iter().find_map(verify).map(|click| click.program));
    ingest.snapshots().known_program(program?)
}

/// A key in the address is ignored: addresses end up in logs.
pub(crate) fn warn_of_key_in_query(head: &Parts, request: &mut LeadRequest<'_>) {
    let query = head.uri.query().unwrap_or_default();
    let has_key = query.split('&').any(|pair| pair == "api_key" || pair.starts_with("api_key="));
    if has_key && !request.details.warnings.contains(&Warning::ApiKeyIgnored) {
        request.details.warnings.push(Warning::ApiKeyIgnored);
    }
}

pub(crate) fn claim<'a>(
    request: &LeadRequest<'_>,
    keyed: Option<&Program>,
    origin: Origin<'a>,
    secrets: &Keyring,
) -> Claim<'a> {
    let click = match request.click_id.as_deref().map(|text| ClickId::verify(text, secrets)) {
        None => NamedClick::Absent,
        Some(None) => NamedClick::Foreign,
        Some(Some(click)) => NamedClick::Genuine(click),
    };
    Claim {
        key: keyed.map(|program| program.program_id),
        origin,
        named: request.program,
        test: request.test,
        click,
        click_ids: request.click_ids.iter().filter_map(|text| ClickId::verify(text, secrets)).collect(),
        has_customer_key: request.customer_key.is_some(),
        placeholder_key: request.placeholder_key,
    }
}

/// The lead with everything it will be judged by.
pub(crate) fn event(id: EventId, request: LeadRequest<'_>, program: &Program, caller: Caller) -> LeadEvent {
    LeadEvent {
        id,
        program: program.program_id,
        test: request.test,
        source: caller.source,
        terms: program.terms,
        customer_key: request.customer_key,
        click: caller.click,
        click_ids: caller.click_ids,
        foreign_click: caller.foreign_click,
        email: request.email,
        detail: request.details.render(),
    }
}

fn answer(class: Class, warnings: &[Warning]) -> Success<'_> {
    match class {
        Class::Server | Class::Browser => {
            Success { success: true, message: Some(TRACKED), warnings, ..Success::default() }
        }
        Class::Provisional => Success {
            success: true,
            provisional: Some(true),
            message: Some(PROVISIONAL),
            warnings,
            ..Success::default()
        },
    }
}

fn test_answer(id: EventId, program_id: ProgramId, warnings: &[Warning]) -> Success<'_> {
    let data = TestData::of_lead(id, program_id);
    Success { success: true, message: Some(TEST_TRACKED), data: Some(data), warnings, ..Success::default() }
}

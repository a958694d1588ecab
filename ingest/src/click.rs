//! `POST /api/v1/track/click`: read → which link → the id the visitor has, or a new one made durable → answer.

use crate::answer::{Accepted, Success, TestData};
use crate::crawlers::{is_prefetch, names_itself};
use crate::first_party;
use crate::ingest::Ingest;
use crate::intake::receive;
use crate::limits::Visitor;
use crate::meters::Kind;
use crate::mint::now;
use crate::origin::{Grant, Origin};
use crate::refusal::Refusal;
use crate::refused::Refused;
use crate::snapshot::Snapshots;
use axum::body::Body;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use axum::http::request::Parts;
use domain::event::ClickEvent;
use domain::request::{ClickRequest, Faulty, Warning};
use domain::timestamp::Span;
use domain::{ClickId, Event, PartnerId, Timestamp};
use std::sync::Arc;
use store::{Link, Program};

const TEST_TRACKED: &str = "Test click event tracked successfully";
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// Where a click leads. Only a test click may have no link.
struct Target {
    program: Arc<Program>,
    link: Option<Arc<Link>>,
    test: bool,
}

/// Takes one click. `grant` is set as soon as it is known which program is spoken of, so that its pages can read
/// refusals too; `cookie`, where the page should get one from here.
pub(crate) async fn take(
    ingest: &Ingest,
    head: &Parts,
    body: Body,
    grant: &mut Grant,
    cookie: &mut Option<HeaderValue>,
) -> Result<Accepted, Refused> {
    let visitor = ingest.limits().visitor(head);
    let (keyed, body) = receive(ingest.snapshots(), visitor, &head.headers, body, ingest.body_timeout()).await?;
    let origin = Origin::of(&head.headers);
    let mut speaks_of = |program: &Program| *grant = origin.grant(program);
    let parsed = ClickRequest::parse(&body);
    if let Some(program) = keyed.clone().or_else(|| named_by(ingest.snapshots(), &parsed)) {
        speaks_of(&program);
    }
    let mut request = parsed?;
    if request.test {
        visitor.test()?;
    }
    let target = match request.test {
        true => test_target(ingest, &request, keyed, speaks_of).await?,
        false => real_target(ingest, &request, keyed.as_deref(), speaks_of).await?,
    };
    if !target.test && !origin.is_absent() && !origin.is_allowed_by(&target.program) {
        return Err(Refusal::OriginRefused.into());
    }
    let secrets = &ingest.secrets().click;
    let sent = request.existing_click_id.as_deref();
    let existing = sent.and_then(|text| ClickId::verify(text, secrets)).filter(|click| target.is_world_of(*click));
    let at = now();
    if let (Some(text), Some(click)) = (sent, existing)
        && target.keeps(click, at, ingest.click_window())
    {
        *cookie = target.cookie(head, text);
        return Ok(target.answer(click, text, &request.details.warnings).accepted(None));
    }
    target.limit(visitor)?;
    let click = target.mint(ingest, at);
    let text = click.text(secrets).unwrap_or_default();
    request.details.or_user_agent(user_agent(&head.headers));
    let bot = is_bot(&head.headers, request.details.user_agent());
    let event = ClickEvent {
        click,
        link: target.link.as_ref().map(|link| link.link_id),
        bot,
        replaces: existing.map(|replaced| replaced.event),
        detail: request.details.render(),
    };
    ingest.publish(Event::Click(event), Kind::Click).await?;
    *cookie = target.cookie(head, &text);
    Ok(target.answer(click, &text, &request.details.warnings).accepted(Some(click.event)))
}

/// The program that a body names, if it is known without a look-up.
fn named_by(snapshots: &Snapshots, parsed: &Result<ClickRequest<'_>, Faulty<'_>>) -> Option<Arc<Program>> {
    let (code, named) = match parsed {
        Ok(request) if request.test => (None, request.program),
        Ok(request) => (request.link_code.as_deref(), request.program),
        Err(faulty) => (faulty.link_code.as_deref(), faulty.program),
    };
    let of_link = code.and_then(|code| snapshots.known_link(code)).map(|link| link.program_id);
    snapshots.known_program(of_link.or(named)?)
}

/// The link says which program it is. A key of another program sees no link there.
async fn real_target(
    ingest: &Ingest,
    request: &ClickRequest<'_>,
    keyed: Option<&Program>,
    mut speaks_of: impl FnMut(&Program),
) -> Result<Target, Refused> {
    let code = request.link_code.as_deref().unwrap_or_default();
    let link = ingest.snapshots().link(code).await?.ok_or(Refusal::LinkNotFound)?;
    if keyed.is_some_and(|program| program.program_id != link.program_id) {
        return Err(Refusal::LinkNotFound.into());
    }
    let program = ingest.snapshots().program_in_any_state(link.program_id).await?.ok_or(Refusal::LinkInactive)?;
    speaks_of(&program);
    if !program.active || !link.active {
        return Err(Refusal::LinkInactive.into());
    }
    Ok(Target { program, link: Some(link), test: false })
}

/// The program is named as for test leads. Without a link the program's first one is taken, so that a test lead that
/// names the click can be attributed.
async fn test_target(
    ingest: &Ingest,
    request: &ClickRequest<'_>,
    keyed: Option<Arc<Program>>,
    mut speaks_of: impl FnMut(&Program),
) -> Result<Target, Refused> {
    let program = match (keyed, request.program) {
        (Some(keyed), Some(named)) if keyed.program_id != named => return Err(Refusal::UnknownProgram.into()),
        (Some(keyed), _) => keyed,
        (None, Some(named)) => ingest.snapshots().program(named).await?.ok_or(Refusal::UnknownProgram)?,
        (None, None) => return Err(Refusal::ProgramRequired.into()),
    };
    speaks_of(&program);
    let link = match &request.link_code {
        None => ingest.snapshots().first_link(program.program_id),
        Some(code) => {
            let link = ingest.snapshots().link(code).await?;
            let own = link.filter(|link| link.program_id == program.program_id).ok_or(Refusal::LinkNotFound)?;
            Some(own).filter(|link| link.active)
        }
    };
    if request.link_code.is_some() && link.is_none() {
        return Err(Refusal::LinkInactive.into());
    }
    Ok(Target { program, link, test: true })
}

impl Target {
    fn partner(&self) -> Option<PartnerId> {
        self.link.as_ref().map(|link| link.partner_id)
    }

    /// Whether a click is of this program and in the same world, real or test.
    fn is_world_of(&self, click: ClickId) -> bool {
        click.program == self.program.program_id && click.is_test() == self.test
    }

    /// Whether a visitor who has that click keeps it: same partner, and young enough.
    fn keeps(&self, click: ClickId, at: Timestamp, window: Span) -> bool {
        click.partner == self.partner() && at - click.clicked_at() < window
    }

    /// Only a click that is going to be stored takes a token of its link.
    fn limit(&self, visitor: Visitor<'_>) -> Result<(), Refused> {
        match &self.link {
            Some(link) if !self.test => visitor.link(link.link_id),
            Some(_) | None => Ok(()),
        }
    }

    fn mint(&self, ingest: &Ingest, at: Timestamp) -> ClickId {
        let entropy = ingest.mint().entropy();
        ClickId::mint(self.program.program_id, self.partner(), self.test, at, entropy, &ingest.secrets().click)
    }

    /// A test click is nobody's visit.
    fn cookie(&self, head: &Parts, text: &str) -> Option<HeaderValue> {
        if self.test { None } else { first_party::cookie(head, text, self.program.cookie_window_days) }
    }

    fn answer<'a>(&'a self, click: ClickId, text: &'a str, warnings: &'a [Warning]) -> Success<'a> {
        if self.test {
            let program_id = self.program.program_id;
            let data = TestData { event_id: click.event.number(), program_id, test_mode: true, click_id: Some(text) };
            return Success {
                success: true,
                message: Some(TEST_TRACKED),
                data: Some(data),
                warnings,
                ..Success::default()
            };
        }
        Success {
            success: true,
            click_id: Some(text),
            partner_code: self.link.as_ref().map(|link| link.code.as_str()),
            cookie_window_days: Some(self.program.cookie_window_days),
            warnings,
            ..Success::default()
        }
    }
}

fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether the visitor says that it is no person, by its user agent or by the request's purpose. Where the body gives
/// the user agent, the header's is that of whoever passes the visit on.
fn is_bot(headers: &HeaderMap, user_agent: Option<&str>) -> bool {
    let mut purposes = headers.get_all(SEC_PURPOSE).iter().map(|value| value.as_bytes());
    user_agent.is_some_and(names_itself) || purposes.any(is_prefetch)
}

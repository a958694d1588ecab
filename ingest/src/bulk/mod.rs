//! `POST /api/v1/track/leads`: read → each lead by itself → all that are taken durable at once → a result for each.
//!
//! A lead that is refused takes no other down, and is judged by the same steps as one that is sent alone with a key.

mod results;

use crate::answer::Accepted;
use crate::ingest::{Ingest, record};
use crate::intake::{Bulk, MAX_BODY_BYTES, receive_bulk};
use crate::lead::{claim, event, warn_of_key_in_query};
use crate::limits::Visitor;
use crate::meters::Kind;
use crate::mint::now;
use crate::origin::Origin;
use crate::refusal::Refusal;
use crate::refused::Refused;
use axum::body::Body;
use axum::http::request::Parts;
use domain::request::{FaultCode, LeadRequest, leads_of};
use domain::{Event, Timestamp};
pub(crate) use results::{BulkAnswer, LeadResult};
use results::{Results, Taken};
use runtime::request_id::RequestId;
use std::sync::Arc;
use store::Program;

/// So many leads are read before other requests have their turn.
const LEADS_A_TURN: usize = 64;

// In a list, the sentences of single bodies would mislead.
const LEAD_TOO_LARGE: &str = "A lead must be at most 16 KiB";
const NOT_AN_OBJECT: Refusal = Refusal::Invalid(FaultCode::NotAnObject);
const LEAD_NOT_AN_OBJECT: &str = "A lead must be a JSON object";

/// Takes many leads.
pub(crate) async fn take(ingest: &Ingest, head: &Parts, body: Body) -> Result<Accepted, Refused> {
    let visitor = ingest.limits().visitor(head);
    let deadline = ingest.body_timeout();
    let received = receive_bulk(ingest.snapshots(), ingest.limits(), visitor, &head.headers, body, deadline);
    let (_place, bulk) = received.await?;
    let (results, records) = read_all(ingest, head, visitor, bulk).await?;
    let answers = ingest.publish_all(records, Kind::Lead).await;
    results.answer(answers, ingest.meters(), head.extensions.get::<RequestId>())
}

/// What became of each lead so far, and the records of those that are to be published, in the order sent.
async fn read_all(
    ingest: &Ingest,
    head: &Parts,
    visitor: Visitor<'_>,
    bulk: Bulk<'_>,
) -> Result<(Results, Vec<Vec<u8>>), Refused> {
    let texts = leads_of(&bulk.body)?;
    // The header has paid for the first one.
    let (paid, over) = visitor.leads(bulk.key, texts.len() - 1);
    let mut reader = Reader { ingest, head, visitor, program: bulk.program, last: Timestamp::from_micros(0) };
    let mut results = Results::with_capacity(texts.len());
    let mut records = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 && index.is_multiple_of(LEADS_A_TURN) {
            tokio::task::yield_now().await;
        }
        let read = match &over {
            Some(refused) if index > paid => Err(refused.clone()),
            Some(_) | None => reader.read(text),
        };
        results.push(read.map(|(taken, record)| {
            records.push(record);
            taken
        }));
    }
    Ok((results, records))
}

/// Reads the leads of one request, in their order.
struct Reader<'a> {
    ingest: &'a Ingest,
    head: &'a Parts,
    visitor: Visitor<'a>,
    program: Arc<Program>,
    /// When the last lead was received: each is later than the one before it.
    last: Timestamp,
}

impl Reader<'_> {
    fn read(&mut self, text: &str) -> Result<(Taken, Vec<u8>), Refused> {
        if text.len() > MAX_BODY_BYTES {
            return Err(Refused::from(Refusal::BodyTooLarge).worded(Refusal::BodyTooLarge, LEAD_TOO_LARGE));
        }
        let secrets = self.ingest.secrets();
        let parsed = LeadRequest::parse(text.as_bytes(), &secrets.email);
        let mut request = parsed.map_err(|faulty| Refused::from(faulty).worded(NOT_AN_OBJECT, LEAD_NOT_AN_OBJECT))?;
        if request.test {
            self.visitor.test()?;
        }
        warn_of_key_in_query(self.head, &mut request);
        let claim = claim(&request, Some(&self.program), Origin::Absent, &secrets.click);
        claim.program()?;
        let caller = claim.admit(&self.program)?;
        self.last = now().max(Timestamp::from_micros(self.last.micros() + 1));
        let warnings = request.details.warnings.clone();
        let lead = event(self.ingest.mint().event(self.last), request, &self.program, caller);
        let taken = Taken { id: lead.id, test_of: lead.test.then_some(lead.program), warnings };
        Ok((taken, record(&Event::Lead(lead))?))
    }
}

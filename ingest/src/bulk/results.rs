//! What became of each lead of a bulk request, and the one answer that follows.
//!
//! The whole request is a 503 when no lead was accepted and at least one of them by a fault of ours: then it is to be
//! sent again as it is. Otherwise it is a 200 with a result for each lead, and those whose code means so are to be sent
//! again.

use crate::answer::{Accepted, RETRY_SECONDS, TestData};
use crate::meters::Meters;
use crate::refusal::Refusal;
use crate::refused::Refused;
use domain::request::Warning;
use domain::{EventId, ProgramId};
use runtime::refusal::Outcome;
use runtime::request_id::RequestId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A lead that is being made durable.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: EventId,
    /// The program of a test lead.
    pub(super) test_of: Option<ProgramId>,
    pub(super) warnings: Vec<Warning>,
}

/// One for each lead, in the order sent.
#[derive(Debug)]
pub(super) struct Results(Vec<Result<Taken, Refused>>);

/// What became of many leads.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkAnswer<'a> {
    success: bool,
    /// How many leads are durable.
    accepted: usize,
    /// One for each lead, in the order sent.
    results: Vec<LeadResult<'a>>,
}

/// What became of one lead: `event_id` when it is durable, else `error` and `code`.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeadResult<'a> {
    /// Its place in `leads`, from 0.
    index: usize,
    /// The receipt of a durable lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    event_id: Option<Uuid>,
    /// Of a test lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<TestData<'a>>,
    /// What was dropped or ignored.
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    #[schema(value_type = Option<Vec<String>>)]
    warnings: &'a [Warning],
    /// A sentence a person can act on.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// Stable, from the same list as in every refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    code: Option<&'static str>,
}

impl Results {
    pub(super) fn with_capacity(leads: usize) -> Self {
        Results(Vec::with_capacity(leads))
    }

    pub(super) fn push(&mut self, result: Result<Taken, Refused>) {
        self.0.push(result);
    }

    /// The answer, once the queue's answers about those that were taken are there, in their order. Refused leads are
    /// counted and logged here, because the request itself is none that was refused.
    pub(super) fn answer(
        mut self,
        answers: Vec<Result<(), Refusal>>,
        meters: &Meters,
        request: Option<&RequestId>,
    ) -> Result<Accepted, Refused> {
        let taken = self.0.iter_mut().filter(|result| result.is_ok());
        for (result, answer) in taken.zip(answers) {
            if let Err(refusal) = answer {
                *result = Err(refusal.into());
            }
        }
        let accepted = self.0.iter().flatten().count();
        match self.whole_failure() {
            Some(refusal) if accepted == 0 => Err(refusal.into()),
            failure => {
                self.refused().for_each(|refused| meters.refused(refused));
                if let Some(refusal) = failure {
                    let request = request.map(RequestId::as_str).unwrap_or_default();
                    let refused = self.refused().filter(|refused| refused.refusal.outcome().is_some()).count();
                    let code = refusal.code();
                    tracing::warn!(code, accepted, refused, request, "a part of a bulk request was not accepted");
                }
                let results = self.0.iter().enumerate().map(|(index, result)| shown(index, result)).collect();
                let answer = BulkAnswer { success: true, accepted, results };
                Ok(Accepted::bulk(&answer, self.retry_seconds()))
            }
        }
    }

    fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.0.iter().filter_map(|result| result.as_ref().err())
    }

    /// The fault of ours that says most about the request: one after which a lead may be accepted all the same.
    fn whole_failure(&self) -> Option<Refusal> {
        let ours = || self.refused().map(|refused| refused.refusal).filter(|refusal| refusal.outcome().is_some());
        ours().find(|refusal| refusal.outcome() == Some(Outcome::Unknown)).or_else(|| ours().next())
    }

    /// After how many seconds all refused leads that may be taken then are worth sending again.
    fn retry_seconds(&self) -> Option<u64> {
        let wait = |refused: &Refused| match refused.limited {
            Some(limited) => Some(limited.retry_seconds),
            None => refused.refusal.outcome().map(|_| RETRY_SECONDS),
        };
        self.refused().filter_map(wait).max()
    }
}

fn shown(index: usize, result: &Result<Taken, Refused>) -> LeadResult<'_> {
    match result {
        Ok(taken) => LeadResult {
            index,
            event_id: Some(taken.id.uuid()),
            data: taken.test_of.map(|program| TestData::of_lead(taken.id, program)),
            warnings: &taken.warnings,
            error: None,
            code: None,
        },
        Err(refused) => LeadResult {
            index,
            event_id: None,
            data: None,
            warnings: &[],
            error: Some(refused.message()),
            code: Some(refused.refusal.code()),
        },
    }
}

#[cfg(test)]
mod tests;

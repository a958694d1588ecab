//! Whose lead it is, and what of it may be believed. Pure: the program is looked up between the two steps.
//!
//! Precedence: key > program_id > genuine click_id > newest genuine member of click_ids name the program;
//! a contradiction among the first three is refused; then origin (browser mode only), then identity.
//! Test mode needs neither proof nor identity. A wrong key never gets here.

use crate::origin::Origin;
use crate::refusal::Refusal;
use domain::event::Source;
use domain::request::FaultCode;
use domain::{ClickId, ProgramId};
use store::Program;

/// What a lead says about whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Claim<'a> {
    /// The program of the valid key it came with.
    pub(crate) key: Option<ProgramId>,
    pub(crate) origin: Origin<'a>,
    /// `program_id` in the body.
    pub(crate) named: Option<ProgramId>,
    pub(crate) test: bool,
    pub(crate) click: NamedClick,
    /// The genuine members of `click_ids`.
    pub(crate) click_ids: Vec<ClickId>,
    pub(crate) has_customer_key: bool,
    pub(crate) placeholder_key: bool,
}

/// The `click_id` of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedClick {
    Absent,
    /// Not ours: forged, damaged or another system's.
    Foreign,
    Genuine(ClickId),
}

/// A lead that may be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) source: Source,
    /// The click it names, of its own program.
    pub(crate) click: Option<ClickId>,
    /// Further candidates: sorted, distinct, without `click`.
    pub(crate) click_ids: Vec<ClickId>,
    pub(crate) foreign_click: bool,
}

impl Claim<'_> {
    /// The program it speaks of, before anything is known of it.
    pub(crate) fn program(&self) -> Result<ProgramId, Refusal> {
        if let (Some(key), Some(named)) = (self.key, self.named)
            && key != named
        {
            return Err(Refusal::UnknownProgram);
        }
        let newest = self.click_ids.iter().max().map(|click| click.program);
        let program = self.key.or(self.named).or(self.genuine().map(|click| click.program)).or(newest);
        match (program, self.genuine()) {
            (Some(program), Some(click)) if click.program != program => Err(Refusal::ClickOfOtherProgram),
            (Some(program), _) => Ok(program),
            (None, _) if self.test => Err(Refusal::ProgramRequired),
            (None, _) => Err(Refusal::ProofMissing),
        }
    }

    /// Whether that program takes the lead, and as what.
    pub(crate) fn admit(self, program: &Program) -> Result<Caller, Refusal> {
        if self.key.is_none() && !self.test {
            self.check_origin(program)?;
        }
        let own = self.click_ids.iter().copied().filter(|click| click.program == program.program_id);
        let click = self.genuine().or(own.max());
        if !self.test && !self.has_customer_key && click.is_none() {
            return Err(self.names_nobody());
        }
        let foreign_click = self.click == NamedClick::Foreign;
        let source = if self.key.is_some() { Source::Server } else { Source::Browser };
        let mut click_ids = self.click_ids;
        click_ids.retain(|candidate| Some(*candidate) != click);
        click_ids.sort_unstable();
        click_ids.dedup();
        Ok(Caller { source, click, click_ids, foreign_click })
    }

    fn genuine(&self) -> Option<ClickId> {
        match self.click {
            NamedClick::Genuine(click) => Some(click),
            NamedClick::Absent | NamedClick::Foreign => None,
        }
    }

    /// A genuine click proves the program by itself; `program_id` does only from a page that may speak for it.
    fn check_origin(&self, program: &Program) -> Result<(), Refusal> {
        let is_own = |click: &ClickId| click.program == program.program_id;
        let proven = self.genuine().iter().chain(&self.click_ids).any(is_own);
        if self.origin.is_absent() {
            return if proven { Ok(()) } else { Err(Refusal::OriginMissing) };
        }
        if self.origin.is_allowed_by(program) { Ok(()) } else { Err(Refusal::OriginRefused) }
    }

    fn names_nobody(&self) -> Refusal {
        if self.click == NamedClick::Foreign {
            Refusal::CustomerNotFound
        } else if !self.click_ids.is_empty() {
            Refusal::ClickOfOtherProgram
        } else if self.placeholder_key {
            Refusal::Invalid(FaultCode::PlaceholderKey)
        } else {
            Refusal::Invalid(FaultCode::IdentityRequired)
        }
    }
}

#[cfg(test)]
mod tests;

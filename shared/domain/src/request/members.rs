//! Takes named members out of an object and checks them one by one, collecting every fault and warning.
//!
//! `null` and `""` mean absent everywhere. What is never taken is unknown and therefore ignored.

use super::fault::{Fault, FaultCode, NOT_AN_OBJECT};
use super::json::{Json, Object};
use super::warning::Warning;
use crate::identity::is_forbidden;
use crate::program::ProgramId;
use std::borrow::Cow;

/// A member whose absence, or faultiness, matters to others.
#[derive(Debug)]
pub(super) enum Given<T> {
    Absent,
    /// A text that integrations send by mistake; counts as absent.
    Placeholder,
    /// Sent, and a fault has been noted.
    Faulty,
    Value(T),
}

impl<T> Given<T> {
    pub(super) fn names_nobody(&self) -> bool {
        matches!(self, Given::Absent | Given::Placeholder)
    }

    pub(super) fn value(self) -> Option<T> {
        match self {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Placeholder | Given::Faulty => None,
        }
    }
}

/// An object being read.
pub(super) struct Members<'a> {
    object: Object<'a>,
    prefix: &'static str,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Members<'a> {
    pub(super) fn of_body(json: Json<'a>) -> Result<Self, Fault> {
        if let Json::Object(object) = json {
            Ok(Self::new(object, ""))
        } else {
            Err(Fault::new(FaultCode::NotAnObject, NOT_AN_OBJECT))
        }
    }

    /// `prefix` is what stands before a name in sentences.
    pub(super) fn new(object: Object<'a>, prefix: &'static str) -> Self {
        Members { object, prefix, faults: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn into_object(self) -> Object<'a> {
        self.object
    }

    pub(super) fn has(&self, wanted: &str) -> bool {
        self.object.iter().any(|(name, _)| name == wanted)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.object.iter().map(|(name, _)| name.as_ref())
    }

    /// Takes the member out, in any order of the rest.
    pub(super) fn take(&mut self, wanted: &str) -> Option<Json<'a>> {
        let place = self.object.iter().position(|(name, _)| name == wanted)?;
        let value = self.object.swap_remove(place).1;
        let is_absent = value == Json::Null || value == Json::Text(Cow::Borrowed(""));
        (!is_absent).then_some(value)
    }

    /// Notes that the member breaks a rule; `rule` ends the sentence that its name begins.
    pub(super) fn fault(&mut self, name: &str, rule: &str) {
        let mut code = FaultCode::of_member(name);
        if code == FaultCode::InvalidMember && !self.prefix.is_empty() {
            code = FaultCode::InvalidAdditionalData;
        }
        self.faults.push(Fault::new(code, format!("{}{name} {rule}", self.prefix)));
    }

    pub(super) fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        if let Json::Text(text) = self.take(name)? {
            return Some(text);
        }
        self.fault(name, "must be a string");
        None
    }

    /// A text that is refused when it is too long or holds a forbidden character.
    pub(super) fn strict_text(&mut self, name: &str, max_chars: usize) -> Option<Cow<'a, str>> {
        let text = self.text(name)?;
        if text.contains(is_forbidden) {
            self.fault(name, "contains control characters");
        } else if !fits(&text, max_chars) {
            self.fault(name, &format!("must be at most {max_chars} characters"));
        } else {
            return Some(text);
        }
        None
    }

    /// A text that is dropped with a warning when it does not pass.
    pub(super) fn lenient_text(
        &mut self,
        name: &str,
        warning: Warning,
        passes: impl Fn(&str) -> bool,
    ) -> Option<Cow<'a, str>> {
        let text = self.text(name)?;
        if passes(&text) {
            return Some(text);
        }
        self.warnings.push(warning);
        None
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.take(name) {
            Some(Json::Bool(value)) => value,
            Some(_) => {
                self.fault(name, "must be true or false");
                false
            }
            None => false,
        }
    }

    /// A JSON integer or its canonical decimal text.
    pub(super) fn program(&mut self, name: &str) -> Option<ProgramId> {
        let value = self.take(name)?;
        let number = if let Json::Unsigned(number) = value {
            i64::try_from(number).ok()
        } else if let Json::Text(text) = value {
            text.parse().ok().filter(|_| is_canonical_number(&text))
        } else {
            None
        };
        let program = number.and_then(ProgramId::new);
        if program.is_none() {
            self.fault(name, "must be a program number such as 1 or \"1\"");
        }
        program
    }
}

/// Whether a text has at most so many characters; bytes are looked at first, since they are free.
pub(super) fn fits(text: &str, max_chars: usize) -> bool {
    text.len() <= max_chars || text.chars().count() <= max_chars
}

/// Whether a text may be shown: short enough and without characters that act on the screen.
pub(super) fn is_printable(text: &str, max_chars: usize) -> bool {
    fits(text, max_chars) && !text.contains(is_forbidden)
}

fn is_canonical_number(text: &str) -> bool {
    text.len() <= 18 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

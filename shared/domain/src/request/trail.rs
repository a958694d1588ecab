//! What a body that is refused while it is read is told: kept on the way out of the fault. Used by the readers of bodies.

use super::bounds::{MAX_DEPTH, MAX_LEADS};
use super::fault::{Fault, FaultCode, NOT_AN_OBJECT};
use serde::de::Error;

pub(super) fn invalid() -> Fault {
    Fault::new(FaultCode::InvalidJson, "Invalid JSON body")
}

fn invalid_leads() -> Fault {
    Fault::new(FaultCode::InvalidLeads, format!("leads must be a list of 1 to {MAX_LEADS} leads"))
}

/// Filled on the way out of a fault only: what it is, if it is one of ours, and the members around it, inner first.
#[derive(Default)]
pub(super) struct Trail {
    own: Option<FaultCode>,
    pub(super) names: Vec<String>,
}

impl Trail {
    pub(super) fn stop<E: Error>(&mut self, code: FaultCode) -> E {
        self.own = Some(code);
        E::custom("refused")
    }

    pub(super) fn fault(&self, error: &serde_json::Error) -> Fault {
        let member = self.member();
        match self.own {
            Some(FaultCode::DuplicateMember) => {
                return Fault::new(FaultCode::DuplicateMember, format!("{member} is given twice"));
            }
            Some(FaultCode::NotAnObject) => return Fault::new(FaultCode::NotAnObject, NOT_AN_OBJECT),
            Some(FaultCode::InvalidLeads) => return invalid_leads(),
            Some(code) => {
                return Fault::new(code, format!("{member} is nested deeper than {MAX_DEPTH} levels"));
            }
            // Only the list of leads is asked for as what it must be.
            None if error.is_data() => return invalid_leads(),
            None => {}
        }
        // serde_json tells its faults apart by text only.
        let text = error.to_string();
        let outer = self.names.last().map_or("", String::as_str);
        if text.starts_with("number out of range") {
            self.bad_number(&member)
        } else if text.starts_with("lone leading surrogate") || text.starts_with("unexpected end of hex escape") {
            let message = format!("{member} contains half of a surrogate pair");
            Fault::new(FaultCode::of_member(outer), message)
        } else {
            invalid()
        }
    }

    fn bad_number(&self, member: &str) -> Fault {
        let outer = self.names.last().map_or("", String::as_str);
        let code = FaultCode::of_member(outer);
        let expected = match outer {
            "program_id" => "must be a program number",
            "customer_key" | "click_id" | "email" | "session_id" | "affiliate_url" | "page_url" => "must be a string",
            _ => "holds a number out of range",
        };
        Fault::new(code, format!("{member} {expected}"))
    }

    /// The member's path. A name that is no plain word is not repeated.
    fn member(&self) -> String {
        if self.names.is_empty() {
            return "body".to_owned();
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let shown = |name: &String| match name.as_str() {
            name if (1..=64).contains(&name.len()) && name.bytes().all(plain) => name.to_owned(),
            _ => "a member with an unusual name".to_owned(),
        };
        self.names.iter().rev().map(shown).collect::<Vec<_>>().join(".")
    }
}

//! The leads that a bulk body lists, each as the text that was sent.
//!
//! Only what no single lead is to blame for is judged here: the grammar of the whole, the members beside `leads`, how
//! many leads there are. Each text is then read by [`super::LeadRequest`] as if it were a body of its own, so that a lead
//! that breaks any other rule is refused alone.

use super::bounds::MAX_LEADS;
use super::fault::{Fault, FaultCode};
use super::json::{Json, Name, Node, Object, given_twice};
use super::trail::{Trail, invalid};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Reads a whole body of the form `{"leads": […]}`: the text of each lead, in the order sent, borrowed from the body.
///
/// # Errors
/// The first [`Fault`] that takes all leads down.
pub fn leads_of(body: &[u8]) -> Result<Vec<&str>, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| invalid())?;
    let mut trail = Trail::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = if text.trim_ascii_start().starts_with('{') {
        deserializer.deserialize_map(Body { trail: &mut trail })
    } else {
        Node { depth: 1, keeps: false, trail: &mut trail }
            .deserialize(&mut deserializer)
            .and_then(|_| Err(trail.stop(FaultCode::NotAnObject)))
    };
    let leads = read.map_err(|error| trail.fault(&error))?;
    deserializer.end().map_err(|_| invalid())?;
    Ok(leads)
}

struct Body<'t> {
    trail: &'t mut Trail,
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<&'de str>, A::Error> {
        let mut leads = Vec::new();
        let mut members: Object<'de> = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            let read = if name == "leads" {
                map.next_value_seed(Leads).map(|listed| leads = listed)
            } else {
                map.next_value_seed(Node { depth: 2, keeps: false, trail: self.trail }).map(drop)
            };
            if let Err(error) = read {
                self.trail.names.push(name.into_owned());
                return Err(error);
            }
            members.push((name, Json::Null));
        }
        if let Some(name) = given_twice(&members) {
            self.trail.names.push(name.to_owned());
            return Err(self.trail.stop(FaultCode::DuplicateMember));
        }
        if leads.is_empty() { Err(self.trail.stop(FaultCode::InvalidLeads)) } else { Ok(leads) }
    }
}

/// The list. A value that is none is an error of type, which [`Trail::fault`] knows from an error of grammar.
struct Leads;

impl<'de> DeserializeSeed<'de> for Leads {
    type Value = Vec<&'de str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<&'de str>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Leads {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of 1 to {MAX_LEADS} leads")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<&'de str>, A::Error> {
        let mut leads = Vec::new();
        while let Some(lead) = seq.next_element::<&RawValue>()? {
            if leads.len() == MAX_LEADS {
                return Err(A::Error::invalid_length(MAX_LEADS + 1, &self));
            }
            leads.push(lead.get());
        }
        Ok(leads)
    }
}

#[cfg(test)]
mod tests;

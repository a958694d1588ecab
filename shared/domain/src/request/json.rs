//! A JSON body as a small tree that borrows from it, read once and strictly.
//!
//! Grammar and UTF-8 are serde_json's; this adds what it does not check: a member given twice, the depth, and which
//! member a fault belongs to. Integers stay exact; every other number is a double. No meaning is given to members.

use super::bounds::MAX_DEPTH;
use super::fault::{Fault, FaultCode};
use super::trail::{Trail, invalid};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Up to this many members, comparing all pairs is cheaper than sorting them.
const FEW_MEMBERS: usize = 16;

/// The members of an object in the order sent; no name occurs twice.
pub type Object<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// One JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer from 0 to 2^64 - 1.
    Unsigned(u64),
    /// An integer from -2^63 to -1.
    Negative(i64),
    /// A fraction, an exponent, minus zero or an integer out of those ranges.
    Float(f64),
    /// Text, with its escapes resolved.
    Text(Cow<'a, str>),
    /// A list.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

impl<'a> Json<'a> {
    /// Reads a whole body.
    ///
    /// # Errors
    /// The first [`Fault`] of the text, with the member it belongs to.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(body).map_err(|_| invalid())?;
        let mut trail = Trail::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = Node { depth: 1, keeps: true, trail: &mut trail }.deserialize(&mut deserializer);
        let json = read.map_err(|error| trail.fault(&error))?;
        deserializer.end().map_err(|_| invalid())?;
        Ok(json)
    }

    /// How many levels of objects and arrays it has, itself included; 0 for a plain value.
    pub fn depth(&self) -> usize {
        match self {
            Json::Array(items) => 1 + items.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            Json::Null | Json::Bool(_) | Json::Unsigned(_) | Json::Negative(_) | Json::Float(_) | Json::Text(_) => 0,
        }
    }

    /// Applies `change` to every text in it, member names included.
    pub(super) fn for_each_text(&mut self, change: &mut impl FnMut(&mut Cow<'a, str>)) {
        match self {
            Json::Text(text) => change(text),
            Json::Array(items) => items.iter_mut().for_each(|item| item.for_each_text(change)),
            Json::Object(members) => members.iter_mut().for_each(|(name, value)| {
                change(name);
                value.for_each_text(change);
            }),
            Json::Null | Json::Bool(_) | Json::Unsigned(_) | Json::Negative(_) | Json::Float(_) => {}
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Unsigned(number) => serializer.serialize_u64(*number),
            Json::Negative(number) => serializer.serialize_i64(*number),
            Json::Float(number) => serializer.serialize_f64(*number),
            Json::Text(text) => serializer.serialize_str(text),
            Json::Array(items) => serializer.collect_seq(items),
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// One value of a body.
pub(super) struct Node<'t> {
    /// The level that it is if it is an object or an array.
    pub(super) depth: usize,
    /// Whether what it holds is kept, or only checked.
    pub(super) keeps: bool,
    pub(super) trail: &'t mut Trail,
}

impl Node<'_> {
    fn inner(&mut self) -> Node<'_> {
        Node { depth: self.depth + 1, keeps: self.keeps, trail: self.trail }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Negative(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Json<'de>, A::Error> {
        if self.depth > MAX_DEPTH {
            return Err(self.trail.stop(FaultCode::TooDeep));
        }
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.inner())? {
            if self.keeps {
                items.push(item);
            }
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Json<'de>, A::Error> {
        if self.depth > MAX_DEPTH {
            return Err(self.trail.stop(FaultCode::TooDeep));
        }
        let mut members: Object<'de> = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            match map.next_value_seed(self.inner()) {
                Ok(value) => members.push((name, value)),
                Err(error) => {
                    self.trail.names.push(name.into_owned());
                    return Err(error);
                }
            }
        }
        if let Some(name) = given_twice(&members) {
            self.trail.names.push(name.to_owned());
            return Err(self.trail.stop(FaultCode::DuplicateMember));
        }
        Ok(if self.keeps { Json::Object(members) } else { Json::Null })
    }
}

/// Sorted rather than hashed: no choice of names makes it slow.
pub(super) fn given_twice<'m>(members: &'m Object<'_>) -> Option<&'m str> {
    if members.len() <= FEW_MEMBERS {
        let repeated = |(place, (name, _)): &(usize, &(Cow<'_, str>, Json<'_>))| {
            members[..*place].iter().any(|(earlier, _)| earlier == name)
        };
        return members.iter().enumerate().find(repeated).map(|(_, (name, _))| name.as_ref());
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

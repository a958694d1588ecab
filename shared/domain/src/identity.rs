//! Who a lead is about: the advertiser's own key for the customer, or the click where there is no key.

use crate::click_id::ClickId;
use crate::event_id::EventId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;
use uuid::Uuid;

/// The longest key, in characters.
pub const MAX_KEY_CHARS: usize = 255;
/// The longest key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 512;

/// Texts that integrations send by mistake in place of an id; such an id counts as absent. Lower case.
pub const PLACEHOLDERS: [&str; 17] = [
    "undefined",
    "null",
    "nan",
    "none",
    "nil",
    "true",
    "false",
    "0",
    "anonymous",
    "guest",
    "unknown",
    "missing-id",
    "not_authenticated",
    "distinct_id",
    "id",
    "email",
    "[object object]",
];

/// Whether an id is a placeholder and therefore counts as absent.
pub fn is_placeholder(id: &str) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| id.eq_ignore_ascii_case(placeholder))
}

/// Removes TAB, LF, FF, CR and SPACE at both ends; other white space belongs to the id.
pub fn trim_ascii_space(text: &str) -> &str {
    text.trim_matches(['\t', '\n', '\x0c', '\r', ' '])
}

/// Whether the character may not stand in an identifier: controls, line separators, bidirectional controls.
pub fn is_forbidden(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The advertiser's own id of a customer: compared byte for byte, never folded or normalised.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomerKey(String);

/// Why a text cannot be a customer key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadCustomerKey {
    /// Nothing is left after trimming.
    #[error("customer_key is empty")]
    Empty,
    /// More than [`MAX_KEY_CHARS`] or [`MAX_KEY_BYTES`].
    #[error("customer_key must be at most 255 characters and 512 bytes")]
    TooLong,
    /// See [`is_forbidden`].
    #[error("customer_key contains control characters")]
    ControlCharacters,
}

impl CustomerKey {
    /// Trims ASCII white space at both ends and checks length and characters.
    ///
    /// # Errors
    /// [`BadCustomerKey`] says which rule is broken. Placeholders are the caller's concern.
    pub fn parse(text: &str) -> Result<Self, BadCustomerKey> {
        let key = trim_ascii_space(text);
        if key.is_empty() {
            return Err(BadCustomerKey::Empty);
        }
        if key.len() > MAX_KEY_BYTES || key.chars().count() > MAX_KEY_CHARS {
            return Err(BadCustomerKey::TooLong);
        }
        if key.contains(is_forbidden) {
            return Err(BadCustomerKey::ControlCharacters);
        }
        Ok(CustomerKey(key.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CustomerKey {
    type Error = BadCustomerKey;
    fn try_from(text: String) -> Result<Self, BadCustomerKey> {
        let key = CustomerKey::parse(&text)?;
        if key.0 == text { Ok(key) } else { Err(BadCustomerKey::ControlCharacters) }
    }
}

impl From<CustomerKey> for String {
    fn from(key: CustomerKey) -> String {
        key.0
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(…)")
    }
}

/// Where a customer or a click stands within a program: sixteen bytes, the second half of every key of the store.
///
/// Real and test events live in two worlds that never meet, so the world is part of it. Its version nibble tells
/// the kind: 7 a click in its own world (the click's own uuid), c a click named from the other world,
/// 8 a customer key (its SHA-256), e a single event. Bytewise order is the one order in which rows are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ident(Uuid);

const VERSION_SHIFT: u32 = 76;

impl Ident {
    /// The customer of that key. A digest, so that the place can outlive the key when the customer is erased.
    pub fn of_key(test: bool, key: &CustomerKey) -> Self {
        let digest = Sha256::new_with_prefix([u8::from(test)]).chain_update(key.as_str()).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::marked(Uuid::from_bytes(bytes), 0x8)
    }

    /// The click, and the customer who is known by nothing else, as seen from the real or the test world.
    pub fn of_click(test: bool, click: ClickId) -> Self {
        let uuid = click.event.uuid();
        if click.is_test() == test { Ident(uuid) } else { Self::marked(uuid, 0xc) }
    }

    /// The customer of a test lead that names nobody.
    pub fn of_event(event: EventId) -> Self {
        Self::marked(event.uuid(), 0xe)
    }

    /// Whether it is a customer known by a key.
    pub fn is_keyed(self) -> bool {
        self.version() == 0x8
    }

    /// Whether it is a click, or a customer known by a click only.
    pub fn is_click(self) -> bool {
        matches!(self.version(), 0x7 | 0xc)
    }

    /// Reads back what [`Ident::uuid`] gave to a store.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Ident(uuid)
    }

    /// The sixteen bytes, for stores.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    fn version(self) -> u8 {
        (self.0.as_u128() >> VERSION_SHIFT) as u8 & 0xf
    }

    fn marked(uuid: Uuid, version: u128) -> Self {
        Ident(Uuid::from_u128(uuid.as_u128() & !(0xf << VERSION_SHIFT) | (version << VERSION_SHIFT)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(text: &str) -> Result<CustomerKey, BadCustomerKey> {
        CustomerKey::parse(text)
    }

    #[test]
    fn ascii_white_space_is_trimmed_and_other_space_kept() {
        assert_eq!(key(" usr_1\r\n\t").unwrap().as_str(), "usr_1");
        assert_eq!(key("\u{a0}usr\u{200d}1").unwrap().as_str(), "\u{a0}usr\u{200d}1");
    }

    #[test]
    fn the_bounds_are_255_characters_and_512_bytes() {
        assert!(key(&"a".repeat(255)).is_ok());
        assert_eq!(key(&"a".repeat(256)), Err(BadCustomerKey::TooLong));
        assert!(key(&"é".repeat(255)).is_ok());
        assert_eq!(key(&"€".repeat(171)), Err(BadCustomerKey::TooLong));
    }

    #[test]
    fn controls_and_bidi_controls_are_refused_inside() {
        for text in [
            "a\0b",
            "a\u{1}b",
            "a\u{7f}b",
            "a\u{85}b",
            "a\nb",
            "a\tb",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{61c}b",
        ] {
            assert_eq!(key(text), Err(BadCustomerKey::ControlCharacters), "{text:?}");
        }
        assert!(key("\u{ffff}").is_ok());
    }

    #[test]
    fn keys_are_compared_byte_for_byte() {
        let idents: std::collections::BTreeSet<_> = ["USR_1", "usr_1", "é", "e\u{301}", "ｕｓｒ_1"]
            .iter()
            .map(|text| Ident::of_key(false, &key(text).unwrap()))
            .collect();
        assert_eq!(idents.len(), 5);
    }

    #[test]
    fn the_two_worlds_never_share_a_place() {
        let usr = key("usr_1").unwrap();
        assert_ne!(Ident::of_key(false, &usr), Ident::of_key(true, &usr));
    }

    #[test]
    fn placeholders_are_known_in_any_case() {
        assert!(is_placeholder("Undefined") && is_placeholder("[object Object]") && is_placeholder("0"));
        assert!(!is_placeholder("user_0"));
    }
}

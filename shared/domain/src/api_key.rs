//! API keys: a public id that finds the key, a secret that proves it, and a checksum that tells a typo at once.
//!
//! `affk_<12 public id><32 secret><6 checksum>`, all base62. Stores keep only the digest of the whole text.
//! Minted where keys are created, parsed where a request carries one; neither looks anything up here.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;

const PREFIX: &str = "affk_";
const ID: usize = 12;
const HALF: usize = 16;
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX.len() + ID + 2 * HALF + CHECKSUM;

/// A new API key in plain text. It is shown once and then forgotten; `Debug` shows its public id only.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// A text that has the shape of an API key. Whether it is one is for the digest to say.
#[derive(Clone, Copy)]
pub struct ParsedKey<'a>(&'a str);

/// Why a text is not an API key, without any look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadKey {
    /// Another product's token, perhaps.
    #[error("an API key begins with affk_")]
    Prefix,
    /// Cut off, or with something attached.
    #[error("an API key has 55 characters; this one was cut off or has something attached")]
    Length,
    /// Spaces, quotes, other scripts.
    #[error("an API key has only letters and digits after affk_")]
    Alphabet,
    /// One wrong character is enough.
    #[error("the API key was mistyped: its checksum does not match")]
    Checksum,
}

impl ApiKey {
    /// How many random bytes a key is made from.
    pub const ENTROPY: usize = 48;

    /// Makes a key: 71 bits of public id and 190 bits of secret, from bytes that must be unpredictable.
    pub fn mint(entropy: [u8; Self::ENTROPY]) -> Self {
        let [id, first, second] = [0, 1, 2].map(|part: usize| {
            let mut word = [0; 16];
            word.copy_from_slice(&entropy[part * 16..][..16]);
            u128::from_le_bytes(word)
        });
        let mut text = format!("{PREFIX}{}{}{}", base62(id, ID), base62(first, HALF), base62(second, HALF));
        text.push_str(&checksum(&text));
        ApiKey(text)
    }

    /// Reads the text of a key that somebody sent.
    ///
    /// # Errors
    /// [`BadKey`] when it cannot have come from [`ApiKey::mint`].
    pub fn parse(text: &str) -> Result<ParsedKey<'_>, BadKey> {
        let payload = text.strip_prefix(PREFIX).ok_or(BadKey::Prefix)?;
        if text.len() != LENGTH {
            return Err(BadKey::Length);
        }
        if !payload.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadKey::Alphabet);
        }
        let (body, sum) = text.split_at(LENGTH - CHECKSUM);
        if checksum(body) == sum { Ok(ParsedKey(text)) } else { Err(BadKey::Checksum) }
    }

    /// The whole key, as its owner must keep it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The public id: safe to store, list and log.
    pub fn key_id(&self) -> &str {
        ParsedKey(&self.0).key_id()
    }

    /// What a store keeps: SHA-256 of the whole text.
    pub fn digest(&self) -> [u8; 32] {
        ParsedKey(&self.0).digest()
    }
}

impl<'a> ParsedKey<'a> {
    /// The public id, by which the key is looked up.
    pub fn key_id(self) -> &'a str {
        &self.0[PREFIX.len()..PREFIX.len() + ID]
    }

    /// SHA-256 of the whole text. A fast digest is enough for 190 bits of chance.
    pub fn digest(self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// Whether this is the key of that digest, in a time that does not tell how much of it matched.
    pub fn has_digest(self, digest: &[u8; 32]) -> bool {
        self.digest().ct_eq(digest).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}..)", self.key_id())
    }
}

impl fmt::Debug for ParsedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParsedKey({}..)", self.key_id())
    }
}

/// The last `width` base62 digits of a number, with leading zeros. At most 16 digits, so that the remainder of a
/// random 128-bit number is even to within 2^-32.
fn base62(number: u128, width: usize) -> String {
    let count = (0..width).fold(1_u128, |count, _| count * 62);
    format!("{:0>width$}", base62::encode_fmt(number % count))
}

fn checksum(text: &str) -> String {
    base62(u128::from(crc32fast::hash(text.as_bytes())), CHECKSUM)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_minted_key_is_read_back(entropy in prop::array::uniform32(any::<u8>()), more in prop::array::uniform16(any::<u8>())) {
            let mut bytes = [0; ApiKey::ENTROPY];
            bytes[..32].copy_from_slice(&entropy);
            bytes[32..].copy_from_slice(&more);
            let key = ApiKey::mint(bytes);
            let parsed = ApiKey::parse(key.text()).unwrap();
            prop_assert_eq!(parsed.key_id(), key.key_id());
            prop_assert!(parsed.has_digest(&key.digest()));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "(affk_)?\\PC{0,60}") {
            let _ = ApiKey::parse(&text);
        }
    }

    #[test]
    fn every_single_wrong_character_is_found_without_a_look_up() {
        let key = ApiKey::mint([7; ApiKey::ENTROPY]);
        for place in PREFIX.len()..LENGTH {
            let mut text = key.text().to_owned();
            let other = if text.as_bytes()[place] == b'x' { "y" } else { "x" };
            text.replace_range(place..=place, other);
            assert_eq!(ApiKey::parse(&text).unwrap_err(), BadKey::Checksum, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_key_is_told_apart() {
        let key = ApiKey::mint([0; ApiKey::ENTROPY]).text().to_owned();
        assert_eq!(key.len(), LENGTH);
        assert_eq!(ApiKey::parse("").unwrap_err(), BadKey::Prefix);
        assert_eq!(ApiKey::parse(&key.to_uppercase()).unwrap_err(), BadKey::Prefix);
        assert_eq!(ApiKey::parse(&format!("{key} ")).unwrap_err(), BadKey::Length);
        assert_eq!(ApiKey::parse(&key[..LENGTH - 1]).unwrap_err(), BadKey::Length);
        assert_eq!(ApiKey::parse(&format!("{}é", &key[..LENGTH - 2])).unwrap_err(), BadKey::Alphabet);
    }

    #[test]
    fn the_plain_text_is_not_in_its_debug_output() {
        let key = ApiKey::mint([9; ApiKey::ENTROPY]);
        let shown = format!("{key:?} {:?}", ApiKey::parse(key.text()).unwrap());
        assert!(shown.contains(key.key_id()));
        assert!(!shown.contains(&key.text()[PREFIX.len() + ID..]));
    }
}

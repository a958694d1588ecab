//! Secrets with ids, so that they can be rotated: the first signs, all verify.
//!
//! Handed in by the binaries; the rules never read a secret from anywhere.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use thiserror::Error;

/// One or more HMAC-SHA256 keys, each known by a one-character id.
#[derive(Clone)]
pub struct Keyring(Vec<(char, Hmac<Sha256>)>);

/// Why a list of secrets cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadKeyring {
    /// There must be one to sign with.
    #[error("at least one secret is needed")]
    Empty,
    /// Ids travel in click ids.
    #[error("a secret's id is one character of 0-9, A-Z, a-z")]
    BadId,
    /// The id tells which secret verifies.
    #[error("two secrets have the same id")]
    DuplicateId,
    /// Shorter ones could be guessed.
    #[error("a secret has at least 32 bytes")]
    TooShort,
}

impl Keyring {
    /// Takes `(id, secret)` pairs, the signing one first.
    ///
    /// # Errors
    /// [`BadKeyring`] says which rule is broken.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = (char, S)>) -> Result<Self, BadKeyring> {
        let mut ring: Vec<(char, Hmac<Sha256>)> = Vec::new();
        for (id, secret) in secrets {
            if !id.is_ascii_alphanumeric() {
                return Err(BadKeyring::BadId);
            }
            if ring.iter().any(|(known, _)| *known == id) {
                return Err(BadKeyring::DuplicateId);
            }
            if secret.as_ref().len() < 32 {
                return Err(BadKeyring::TooShort);
            }
            let keyed = Hmac::<Sha256>::new_from_slice(secret.as_ref()).map_err(|_| BadKeyring::TooShort)?;
            ring.push((id, keyed));
        }
        if ring.is_empty() { Err(BadKeyring::Empty) } else { Ok(Keyring(ring)) }
    }

    /// The id of the secret that signs.
    pub fn signing_id(&self) -> char {
        self.0[0].0
    }

    /// The ids of all secrets, the signing one first.
    pub fn ids(&self) -> impl Iterator<Item = char> {
        self.0.iter().map(|(id, _)| *id)
    }

    /// HMAC-SHA256 over the parts, with the secret of that id; `None` when there is none.
    pub fn digest(&self, id: char, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let (_, keyed) = self.0.iter().find(|(known, _)| *known == id)?;
        let mut mac = keyed.clone();
        for part in parts {
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

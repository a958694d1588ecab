//! An email address, kept only as a keyed digest and a mask; the plain address never leaves this file's caller.

use crate::keyring::Keyring;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest address that is looked at, in bytes (RFC 5321).
pub const MAX_EMAIL_BYTES: usize = 254;

/// What is kept of an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EmailMark {
    /// Which pepper made the digest.
    pub pepper: char,
    /// HMAC-SHA256 of the trimmed, lower-cased address with its domain in A-label form.
    pub digest: [u8; 32],
    /// For people, such as `u***@example.com`.
    pub mask: String,
}

impl EmailMark {
    /// Marks an address; `None` when the text is none (then the lead is kept without it).
    pub fn of(text: &str, peppers: &Keyring) -> Option<Self> {
        let address = normalised(text)?;
        let pepper = peppers.signing_id();
        let digest = peppers.digest(pepper, &[b"email", address.as_bytes()])?;
        Some(EmailMark { pepper, digest, mask: masked(&address) })
    }
}

impl fmt::Debug for EmailMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mask)
    }
}

/// Whether the text is an address, all of it.
pub fn is_address(text: &str) -> bool {
    normalised(text).is_some()
}

fn normalised(text: &str) -> Option<String> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\x0c']);
    if trimmed.is_empty() || trimmed.len() > MAX_EMAIL_BYTES {
        return None;
    }
    let (local, domain) = trimmed.rsplit_once('@')?;
    let local_is_plain = !local.is_empty() && !local.contains(['@', ' ', '\t']) && !local.contains(char::is_control);
    let domain = idna::domain_to_ascii_strict(domain).ok()?;
    (local_is_plain && domain.contains('.')).then(|| format!("{}@{domain}", local.to_lowercase()))
}

fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}***@{domain}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mark(text: &str) -> Option<EmailMark> {
        EmailMark::of(text, &Keyring::new([('a', [1; 32])]).unwrap())
    }

    #[test]
    fn case_and_surrounding_space_do_not_matter() {
        assert_eq!(mark("User@Example.COM "), mark("user@example.com"));
        assert_eq!(mark("user@example.com").unwrap().mask, "u***@example.com");
    }

    #[test]
    fn a_domain_and_its_punycode_are_the_same() {
        assert_eq!(mark("ü@exämple.de"), mark("ü@xn--exmple-cua.de"));
    }

    #[test]
    fn tags_and_dots_are_kept() {
        assert_ne!(mark("a+tag@gmail.com"), mark("a@gmail.com"));
        assert_ne!(mark("a.b@gmail.com"), mark("ab@gmail.com"));
    }

    #[test]
    fn what_is_no_address_is_none() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in ["", "@", "not-an-email", "a@", "@b.de", "a b@c.de", "a@b", "a@@b.de", &long] {
            assert_eq!(mark(text), None, "{text}");
        }
    }

    #[test]
    fn the_address_is_not_in_the_debug_text() {
        assert_eq!(format!("{:?}", mark("secret@example.com").unwrap()), "s***@example.com");
    }
}

//! Texts and keys that must never be shown, and the reading of `ID:HEX` entries into keyrings.
//!
//! The rules of a keyring are `domain`'s; here they become sentences about settings.

use crate::config::SecretSettings;
use domain::keyring::Keyring;
use std::fmt;

/// A text that must not be logged: its `Debug` form hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(none)" } else { "(hidden)" })
    }
}

/// Secrets with ids as they were written, `ID:HEX` each, the signing one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretList(Vec<Secret>);

impl FromIterator<Secret> for SecretList {
    fn from_iter<I: IntoIterator<Item = Secret>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl SecretList {
    fn keyring(&self, key: &str, variable: &str) -> Result<Keyring, Vec<String>> {
        let fault = |what: &str| format!("`{key}` ({variable} in the environment): {what}.");
        let mut faults = Vec::new();
        let mut entries = Vec::new();
        for (place, entry) in self.0.iter().enumerate() {
            match parse_entry(entry.expose()) {
                Some(parsed) => entries.push(parsed),
                None => faults.push(fault(&format!(
                    "entry {} must be `ID:HEX`, one character and hexadecimal digits such as `a:0123…`",
                    place + 1
                ))),
            }
        }
        // An unreadable entry must not make a list look empty.
        if entries.is_empty() && !faults.is_empty() {
            return Err(faults);
        }
        match Keyring::new(entries) {
            Ok(keyring) if faults.is_empty() => Ok(keyring),
            Ok(_) => Err(faults),
            Err(bad) => {
                faults.push(fault(&bad.to_string()));
                Err(faults)
            }
        }
    }
}

fn parse_entry(entry: &str) -> Option<(char, Vec<u8>)> {
    let (id, digits) = entry.split_once(':')?;
    let mut characters = id.chars();
    let id = characters.next()?;
    if characters.next().is_some() {
        return None;
    }
    Some((id, hex::decode(digits).ok()?))
}

/// The keyrings that sign and recognise; `Debug` shows their ids only.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Signs click ids.
    pub click: Keyring,
    /// Digests email addresses.
    pub email: Keyring,
}

impl SecretSettings {
    /// The keyrings, ready for use.
    ///
    /// # Errors
    /// Every fault of both lists, a sentence each, without any secret.
    pub fn parse(&self) -> Result<Secrets, Vec<String>> {
        let click = self.click_secret.keyring("secrets.click_secret", "AFFITOR_SECRETS__CLICK_SECRET");
        let email = self.email_pepper.keyring("secrets.email_pepper", "AFFITOR_SECRETS__EMAIL_PEPPER");
        match (click, email) {
            (Ok(click), Ok(email)) => Ok(Secrets { click, email }),
            (click, email) => {
                let faults = [click.err(), email.err()];
                Err(faults.into_iter().flatten().flatten().collect())
            }
        }
    }

    /// Whether any secret was given.
    pub fn any_given(&self) -> bool {
        !self.click_secret.0.is_empty() || !self.email_pepper.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const GOOD: &str = "a:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn settings(click: &[&str], email: &[&str]) -> SecretSettings {
        let list = |entries: &[&str]| entries.iter().map(|entry| Secret::from(*entry)).collect();
        SecretSettings { click_secret: list(click), email_pepper: list(email) }
    }

    #[test]
    fn the_first_secret_signs() {
        let second = GOOD.replace("a:", "B:");
        let secrets = settings(&[&second, GOOD], &[GOOD]).parse().unwrap();
        assert_eq!(secrets.click.signing_id(), 'B');
    }

    #[test]
    fn all_faults_of_both_lists_are_told_and_no_secret_is() {
        let faults = settings(&["secret", "x:zz", GOOD, GOOD], &["b:00ff"]).parse().unwrap_err();
        let text = faults.join("\n");
        assert_eq!(faults.len(), 4, "{text}");
        for part in ["entry 1", "entry 2", "same id", "at least 32 bytes", "AFFITOR_SECRETS__EMAIL_PEPPER"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("00ff") && !text.contains("0b0c0d"), "{text}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let settings = settings(&[GOOD], &[GOOD]);
        assert!(!format!("{settings:?}").contains("0001"));
        assert!(!format!("{:?}", settings.parse().unwrap()).contains("0001"));
    }
}

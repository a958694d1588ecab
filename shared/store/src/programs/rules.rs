//! Which values programs, partners, links and keys may have. Pure; asked before anything is stored.

use super::{NewProgram, Program, ProgramChange};
use crate::StoreError;
use domain::program::Terms;
use url::Url;

const MAX_NAME: usize = 200;
const MAX_DOMAIN: usize = 253;
const MAX_ORIGINS: usize = 100;
const MAX_CODE: usize = 64;
const MAX_DAYS: u16 = Terms::MAX_WINDOW_DAYS;

impl NewProgram {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        check_settings(&self.name, self.domain.as_deref(), self.cookie_window_days, self.terms, &self.allowed_origins)
    }
}

impl ProgramChange {
    /// The program as it is after the change.
    pub(crate) fn apply(self, before: Program) -> Result<Program, StoreError> {
        let after = Program {
            name: self.name.unwrap_or(before.name),
            domain: self.domain.unwrap_or(before.domain),
            active: self.active.unwrap_or(before.active),
            cookie_window_days: self.cookie_window_days.unwrap_or(before.cookie_window_days),
            terms: Terms {
                attribution_window_days: self.attribution_window_days.unwrap_or(before.terms.attribution_window_days),
                attribution_model: self.attribution_model.unwrap_or(before.terms.attribution_model),
                lead_auth: self.lead_auth.unwrap_or(before.terms.lead_auth),
            },
            allowed_origins: self.allowed_origins.unwrap_or(before.allowed_origins),
            ..before
        };
        check_settings(
            &after.name,
            after.domain.as_deref(),
            after.cookie_window_days,
            after.terms,
            &after.allowed_origins,
        )?;
        Ok(after)
    }
}

fn check_settings(
    name: &str,
    domain: Option<&str>,
    cookie_window_days: u16,
    terms: Terms,
    allowed_origins: &[String],
) -> Result<(), StoreError> {
    check_text("a program's name", name, MAX_NAME)?;
    if let Some(domain) = domain {
        check_text("a program's domain", domain, MAX_DOMAIN)?;
    }
    if !(1..=MAX_DAYS).contains(&cookie_window_days) {
        return invalid(format!("the cookie window is 1 to {MAX_DAYS} days, not {cookie_window_days}"));
    }
    if terms.attribution_window_days > MAX_DAYS {
        let days = terms.attribution_window_days;
        return invalid(format!("the attribution window is 0 to {MAX_DAYS} days, not {days}"));
    }
    if allowed_origins.len() > MAX_ORIGINS {
        return invalid(format!("a program has at most {MAX_ORIGINS} allowed origins"));
    }
    allowed_origins.iter().try_for_each(|origin| check_origin(origin))
}

/// A name or label that people read.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    check_text(what, name, MAX_NAME)
}

fn check_text(what: &str, text: &str, most: usize) -> Result<(), StoreError> {
    if text.chars().any(char::is_control) {
        return invalid(format!("{what} has no control characters"));
    }
    if text.trim().is_empty() || text.chars().count() > most {
        return invalid(format!("{what} has 1 to {most} characters"));
    }
    Ok(())
}

/// Compared byte by byte with what browsers send, so it must be written as they write it.
fn check_origin(origin: &str) -> Result<(), StoreError> {
    let canonical = match Url::parse(origin) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url.origin().ascii_serialization(),
        Ok(_) | Err(_) => return invalid("an origin is scheme://host[:port], like https://shop.example".to_owned()),
    };
    if origin == canonical {
        return Ok(());
    }
    invalid(format!("an origin is written as browsers send it: {canonical}"))
}

pub(super) fn check_code(code: &str) -> Result<(), StoreError> {
    let fits = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if (1..=MAX_CODE).contains(&code.len()) && fits {
        return Ok(());
    }
    invalid(format!("a link's code has 1 to {MAX_CODE} characters of A-Z, a-z, 0-9, dot, underscore and hyphen"))
}

fn invalid<T>(message: String) -> Result<T, StoreError> {
    Err(StoreError::Invalid(message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn origins_are_taken_only_as_browsers_send_them() {
        for origin in ["https://shop.example", "http://localhost:3000", "https://xn--mller-kva.example"] {
            assert_eq!(check_origin(origin), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "*",
            "",
            "shop.example",
            "https://Shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://shop.example:443",
            "https://user@shop.example",
            "https://müller.example",
            "file:///tmp",
        ] {
            assert!(matches!(check_origin(origin), Err(StoreError::Invalid(_))), "{origin}");
        }
    }

    #[test]
    fn windows_and_names_are_bounded() {
        let fine = NewProgram::named("Shop");
        assert_eq!(fine.check(), Ok(()));
        let day = |days| Terms { attribution_window_days: days, ..Terms::default() };
        for program in [
            NewProgram::named(""),
            NewProgram::named("  "),
            NewProgram::named("a\u{0}b"),
            NewProgram::named("é".repeat(201)),
            NewProgram { domain: Some(String::new()), ..fine.clone() },
            NewProgram { cookie_window_days: 0, ..fine.clone() },
            NewProgram { cookie_window_days: 3_651, ..fine.clone() },
            NewProgram { terms: day(3_651), ..fine.clone() },
            NewProgram { allowed_origins: vec!["https://shop.example".to_owned(); 101], ..fine.clone() },
        ] {
            assert!(matches!(program.check(), Err(StoreError::Invalid(_))), "{program:?}");
        }
        for program in [
            NewProgram::named("é".repeat(200)),
            NewProgram { cookie_window_days: 3_650, terms: day(0), ..fine.clone() },
            NewProgram { cookie_window_days: 1, terms: day(3_650), ..fine },
        ] {
            assert_eq!(program.check(), Ok(()));
        }
    }

    #[test]
    fn codes_are_short_and_plain() {
        for code in ["a", "Jane.Doe_2-x", &"x".repeat(64)] {
            assert_eq!(check_code(code), Ok(()), "{code}");
        }
        for code in ["", "a b", "é", "a/b", &"x".repeat(65)] {
            assert!(check_code(code).is_err(), "{code}");
        }
    }
}

//! How one value is read, from the file's types and from the environment's text alike.
//!
//! Text is never guessed to be a number: only a setting that is a number reads it as one, so a secret
//! of digits stays the text it is.

use crate::secret::{Secret, SecretList};
use config::ValueKind;
use std::path::PathBuf;

/// A type that a setting can have.
pub(super) trait SettingValue: Sized {
    /// What a value must be, to end the sentence "… must be".
    const EXPECTED: &'static str;

    /// The value, or `None` when it is not what is expected.
    fn read(kind: &ValueKind) -> Option<Self>;

    /// The value for the settings reference; never a secret.
    fn show(&self) -> String;
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// Coloured text, for people.
    Pretty,
}

impl SettingValue for LogFormat {
    const EXPECTED: &'static str = "`json` or `pretty`";

    fn read(kind: &ValueKind) -> Option<Self> {
        match text(kind)? {
            "json" => Some(Self::Json),
            "pretty" => Some(Self::Pretty),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Json => "json".into(),
            Self::Pretty => "pretty".into(),
        }
    }
}

macro_rules! whole_number {
    ($($Number:ty),*) => {$(
        impl SettingValue for $Number {
            const EXPECTED: &'static str = concat!("a whole number that fits ", stringify!($Number));

            fn read(kind: &ValueKind) -> Option<Self> {
                if let ValueKind::I64(number) = kind {
                    Self::try_from(*number).ok()
                } else {
                    text(kind)?.parse().ok()
                }
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_number!(u16, u32, u64, usize);

impl SettingValue for String {
    const EXPECTED: &'static str = "text";

    fn read(kind: &ValueKind) -> Option<Self> {
        text(kind).map(str::to_owned)
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl SettingValue for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn read(kind: &ValueKind) -> Option<Self> {
        text(kind).filter(|path| !path.is_empty()).map(Self::from)
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl SettingValue for Secret {
    const EXPECTED: &'static str = "text";

    fn read(kind: &ValueKind) -> Option<Self> {
        text(kind).map(Self::from)
    }

    fn show(&self) -> String {
        String::new()
    }
}

impl SettingValue for SecretList {
    const EXPECTED: &'static str = "a list of `ID:HEX` texts (in the environment: separated by commas)";

    fn read(kind: &ValueKind) -> Option<Self> {
        if let ValueKind::Array(entries) = kind {
            entries.iter().map(|entry| text(&entry.kind).map(Secret::from)).collect()
        } else {
            let entries = text(kind)?.split(',').map(str::trim);
            Some(entries.filter(|entry| !entry.is_empty()).map(Secret::from).collect())
        }
    }

    fn show(&self) -> String {
        String::new()
    }
}

fn text(kind: &ValueKind) -> Option<&str> {
    if let ValueKind::String(text) = kind { Some(text) } else { None }
}

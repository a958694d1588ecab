//! How one value is read, from the file's types and from the environment's text alike.
//!
//! Text is never guessed to be a number: only a setting that is a number reads it as one, so a secret
//! of digits stays the text it is.

use crate::secret::{Secret, SecretList};
use config::ValueKind;
use ipnet::IpNet;
use std::net::IpAddr;
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

impl SettingValue for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn read(kind: &ValueKind) -> Option<Self> {
        if let ValueKind::Boolean(truth) = kind { Some(*truth) } else { text(kind)?.parse().ok() }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Networks of addresses; one that is a single address is the network of that address alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// All of them.
    pub fn as_slice(&self) -> &[IpNet] {
        &self.0
    }

    fn parse<'a>(entries: impl Iterator<Item = Option<&'a str>>) -> Option<Self> {
        let network = |text: &str| text.parse().ok().or_else(|| text.parse().ok().map(|alone: IpAddr| alone.into()));
        entries.map(|entry| network(entry?)).collect::<Option<_>>().map(Self)
    }
}

impl SettingValue for Networks {
    const EXPECTED: &'static str = "a list of networks such as `10.0.0.0/8` (in the environment: separated by commas)";

    fn read(kind: &ValueKind) -> Option<Self> {
        if let ValueKind::Array(entries) = kind {
            Self::parse(entries.iter().map(|entry| text(&entry.kind)))
        } else {
            let entries = text(kind)?.split(',').map(str::trim);
            Self::parse(entries.filter(|entry| !entry.is_empty()).map(Some))
        }
    }

    fn show(&self) -> String {
        self.0.iter().map(IpNet::to_string).collect::<Vec<_>>().join(",")
    }
}

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

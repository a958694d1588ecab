//! Programs, partners and links as far as the rules know them: numbers, and the terms a lead is judged by.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(i64);

        impl $name {
            /// The largest number there can be.
            pub const MAX: i64 = $max;

            /// The number, if it is within `1..=MAX`.
            pub const fn new(number: i64) -> Option<Self> {
                if number >= 1 && number <= Self::MAX { Some(Self(number)) } else { None }
            }

            /// The number itself.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = &'static str;
            fn try_from(number: i64) -> Result<Self, Self::Error> {
                Self::new(number).ok_or(concat!(stringify!($name), " out of range"))
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// An advertiser's program: at most 18 decimal digits, as the protocol allows.
    ProgramId,
    999_999_999_999_999_999
);
number!(
    /// Who refers. At most 2^48 - 1, the room it has in a click id.
    PartnerId,
    (1 << 48) - 1
);
number!(
    /// A partner's short code in one program.
    LinkId,
    i64::MAX
);

/// Which of several candidate clicks wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AttributionModel {
    /// The newest click.
    #[default]
    LastClick,
    /// The oldest click.
    FirstClick,
}

/// Whether a lead from a browser counts on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum LeadAuth {
    /// A genuine click id, or the program with an allowed origin, is enough.
    #[default]
    BrowserAllowed,
    /// A browser's lead is provisional until the server's arrives.
    ServerRequired,
}

/// What a lead is judged by: the program's settings as `ingest` knew them when it accepted the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// How many days a click may be older than the lead.
    pub attribution_window_days: u16,
    /// Which of several candidates wins.
    pub attribution_model: AttributionModel,
    /// Whether a browser's lead counts on its own.
    pub lead_auth: LeadAuth,
}

impl Terms {
    /// The longest window, in days, that a program may set.
    pub const MAX_WINDOW_DAYS: u16 = 3_650;
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            attribution_window_days: 60,
            attribution_model: AttributionModel::default(),
            lead_auth: LeadAuth::default(),
        }
    }
}

impl AttributionModel {
    /// The name used in JSON, SQL and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            AttributionModel::LastClick => "last_click",
            AttributionModel::FirstClick => "first_click",
        }
    }

    /// The model of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::LastClick, Self::FirstClick].into_iter().find(|model| model.name() == name)
    }
}

impl LeadAuth {
    /// The name used in JSON, SQL and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            LeadAuth::BrowserAllowed => "browser_allowed",
            LeadAuth::ServerRequired => "server_required",
        }
    }

    /// The setting of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::BrowserAllowed, Self::ServerRequired].into_iter().find(|auth| auth.name() == name)
    }
}

//! The closed lists of what can become of an event: one place for code, SQL, metrics and people.

use serde::{Deserialize, Serialize};

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every member, in the order of their codes.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The number kept in the store. Never reused.
            pub const fn code(self) -> i16 {
                match self { $($name::$variant => $code,)* }
            }

            /// The name in JSON, metrics and documents.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The member with that number.
            pub fn from_code(code: i16) -> Option<Self> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }
        }
    };
}

closed_list!(
    /// Why a customer is or is not attributed.
    Reason {
        /// A partner was found.
        Attributed = 1, "attributed";
        /// No lead of the customer named a click.
        NoClickId = 2, "no_click_id";
        /// The click named has not been seen, or the id is not ours.
        ClickNotFound = 3, "click_not_found";
        /// Only another program's clicks were named.
        ClickInOtherProgram = 4, "click_in_other_program";
        /// The click is older than the window.
        WindowExpired = 5, "window_expired";
        /// The click was made after the signup.
        ClickAfterLead = 6, "click_after_lead";
        /// The click was a bot's or a preview's.
        BotClick = 7, "bot_click";
        /// A test click was named by a real lead.
        TestClick = 8, "test_click";
        /// A browser's lead waits for the server's.
        Provisional = 9, "provisional";
    }
);

impl Reason {
    /// What the integrator can change, for the console, the API and the command line.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Reason::Attributed => None,
            Reason::NoClickId => Some(
                "The visitor did not come through a referral link, or the cookie was not passed: send affitor_click_id as click_id.",
            ),
            Reason::ClickNotFound => {
                Some("The tracker did not run before the signup, or the click id is another system's.")
            }
            Reason::ClickInOtherProgram => {
                Some("The click belongs to another program: the API key and the tracker's program id differ.")
            }
            Reason::WindowExpired => {
                Some("The click is older than the attribution window, which is a setting of the program.")
            }
            Reason::ClickAfterLead => Some(
                "The click was made after the signup: the signup was sent with a cookie set later, often a self-referral.",
            ),
            Reason::BotClick => Some("The click was made by a crawler, a prefetch or a link preview."),
            Reason::TestClick => Some("A real lead named a test click: a test id has been left in production code."),
            Reason::Provisional => Some("A browser's lead waits for the server's: send the server-side lead."),
        }
    }
}

closed_list!(
    /// How far a customer has come. Never goes back.
    Status {
        /// Came through a link; a provisional lead does not change it.
        Click = 1, "click";
        /// Signed up.
        Lead = 2, "lead";
        /// Paid.
        Conversion = 3, "conversion";
    }
);

closed_list!(
    /// What became of an event.
    EventState {
        /// It is in the store and counts for what it is.
        Recorded = 1, "recorded";
        /// It is in the store; another lead of the same customer counts.
        Duplicate = 2, "duplicate";
        /// It could not be processed and was set aside with its reason.
        DeadLettered = 3, "dead_lettered";
    }
);

closed_list!(
    /// Why a message or an event was set aside.
    DeadLetterReason {
        /// The pack or the record cannot be read.
        Undecodable = 1, "undecodable";
        /// The version is not known to this worker.
        UnknownVersion = 2, "unknown_version";
        /// The record can be read and contradicts itself.
        Impossible = 3, "impossible";
        /// The database refuses this event again and again.
        RefusedByStore = 4, "refused_by_store";
        /// Workers died of it.
        CrashedWorker = 5, "crashed_worker";
        /// The broker gave up delivering the message.
        GivenUpByBroker = 6, "given_up_by_broker";
    }
);

closed_list!(
    /// What a worker did with one event: the label of its outcome counter.
    Outcome {
        /// A new click was stored.
        ClickRecorded = 1, "click_recorded";
        /// A new lead was stored and counts.
        LeadRecorded = 2, "lead_recorded";
        /// A lead was stored; another one of the customer counts.
        LeadDuplicate = 3, "lead_duplicate";
        /// The event had been stored before; nothing changed.
        Redelivered = 4, "redelivered";
        /// The event was set aside.
        DeadLettered = 5, "dead_lettered";
    }
);

//! Small faults that do not cost an event: what was dropped or ignored, told beside the success.

use serde::{Serialize, Serializer};

macro_rules! warnings {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// What was dropped or ignored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Warning { $($(#[$doc])* $variant,)* }

        impl Warning {
            /// Every warning.
            pub const ALL: &'static [Warning] = &[$(Warning::$variant,)*];

            /// The text in answers and in what is kept of the event.
            pub const fn text(self) -> &'static str {
                match self { $(Warning::$variant => $text,)* }
            }
        }
    };
}

warnings! {
    /// See [`crate::identity::PLACEHOLDERS`].
    PlaceholderCustomerKey = "customer_key is a placeholder";
    /// See [`crate::identity::PLACEHOLDERS`].
    PlaceholderClickId = "click_id is a placeholder";
    /// It is stored as it is, unlike `email`.
    AddressAsCustomerKey = "customer_key is an email address and is stored as it is: send an id of your own";
    /// Only the one in `additional_data` counts.
    TestModeIgnored = "test_mode was ignored: it belongs into additional_data";
    /// The lead is kept without it.
    EmailDropped = "email was dropped: it is not an address";
    /// Too long or unprintable.
    PageUrlDropped = "page_url was dropped: it is longer than 2048 characters or unprintable";
    /// Too long or unprintable.
    ReferrerUrlDropped = "referrer_url was dropped: it is longer than 2048 characters or unprintable";
    /// Too long or unprintable.
    PageTitleDropped = "page_title was dropped: it is longer than 512 characters or unprintable";
    /// Too long or unprintable.
    UserAgentDropped = "user_agent was dropped: it is longer than 1024 characters or unprintable";
    /// Not of the form `1920x1080`.
    ScreenResolutionDropped = "screen_resolution was dropped: it is not of the form 1920x1080";
    /// Not of the form `1920x1080`.
    ViewportSizeDropped = "viewport_size was dropped: it is not of the form 1920x1080";
    /// Not of the form `en-US`.
    LanguageDropped = "language was dropped: it is not of the form en-US";
    /// Not of the form `Europe/Berlin`.
    TimezoneDropped = "timezone was dropped: it is not of the form Europe/Berlin";
    /// Only the header is looked at.
    ApiKeyIgnored = "api_key was ignored: send the key as Authorization: Bearer";
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

//! What is wrong with a request: a closed list of codes, each fault with a sentence a person can act on.
//!
//! Sentences name members and limits, never what was sent.

use crate::program::ProgramId;
use std::borrow::Cow;

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// What kind of fault it is; stable, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaultCode { $($(#[$doc])* $variant,)* }

        impl FaultCode {
            /// Every code.
            pub const ALL: &'static [FaultCode] = &[$(FaultCode::$variant,)*];

            /// The code in answers, metrics and documents.
            pub const fn name(self) -> &'static str {
                match self { $(FaultCode::$variant => $text,)* }
            }
        }
    };
}

fault_codes! {
    /// The body is not UTF-8 or not JSON.
    InvalidJson = "invalid_json";
    /// The body is JSON but no object.
    NotAnObject = "body_not_an_object";
    /// A member is given twice.
    DuplicateMember = "duplicate_member";
    /// Objects and arrays are nested deeper than allowed.
    TooDeep = "too_deep";
    /// A member has the wrong type or holds what it may not.
    InvalidMember = "invalid_member";
    /// `customer_key` cannot be one.
    InvalidCustomerKey = "invalid_customer_key";
    /// `click_id` cannot be one.
    InvalidClickId = "invalid_click_id";
    /// `click_ids` is no list of at most 20 click ids.
    InvalidClickIds = "invalid_click_ids";
    /// `email` is no text or holds control characters.
    InvalidEmail = "invalid_email";
    /// `session_id` is no text, too long or holds control characters.
    InvalidSessionId = "invalid_session_id";
    /// `program_id` is no program number.
    InvalidProgramId = "invalid_program_id";
    /// `additional_data` breaks one of its rules.
    InvalidAdditionalData = "invalid_additional_data";
    /// A lead names nobody.
    IdentityRequired = "identity_required";
    /// The only identity is a text that integrations send by mistake.
    PlaceholderKey = "placeholder_key";
    /// The `leads` of a bulk body are no list of 1 to 1,000.
    InvalidLeads = "invalid_leads";
    /// A click without `affiliate_url`.
    AffiliateUrlRequired = "affiliate_url_required";
    /// `affiliate_url` is no absolute http or https URL.
    InvalidAffiliateUrl = "invalid_affiliate_url";
    /// `affiliate_url` has no `aff`.
    AffRequired = "aff_required";
}

impl FaultCode {
    /// The code for faults of that member's value.
    pub(super) fn of_member(name: &str) -> Self {
        match name {
            "customer_key" => Self::InvalidCustomerKey,
            "click_id" => Self::InvalidClickId,
            "click_ids" => Self::InvalidClickIds,
            "email" => Self::InvalidEmail,
            "session_id" => Self::InvalidSessionId,
            "program_id" => Self::InvalidProgramId,
            "additional_data" => Self::InvalidAdditionalData,
            "affiliate_url" => Self::InvalidAffiliateUrl,
            _ => Self::InvalidMember,
        }
    }
}

/// What [`FaultCode::IdentityRequired`] says.
pub const IDENTITY_REQUIRED: &str = "click_id or customer_key is required";
/// What [`FaultCode::PlaceholderKey`] says.
pub const PLACEHOLDER_KEY: &str = "customer_key is a placeholder: send your own id of the customer, or a click_id";

/// What [`FaultCode::NotAnObject`] says.
pub(super) const NOT_AN_OBJECT: &str = "body must be a JSON object";

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind it is.
    pub code: FaultCode,
    /// What to do about it.
    pub message: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new(code: FaultCode, message: impl Into<Cow<'static, str>>) -> Self {
        Fault { code, message: message.into() }
    }
}

/// A body that is refused: every fault of it, and what it names of a program all the same, which decides who may read
/// the refusal.
#[derive(Debug, Default)]
pub struct Faulty<'a> {
    /// At least one.
    pub faults: Vec<Fault>,
    /// The program named in the body.
    pub program: Option<ProgramId>,
    /// A lead's click ids as sent, `click_id` first.
    pub click_ids: Vec<Cow<'a, str>>,
    /// A click's link.
    pub link_code: Option<String>,
}

impl From<Fault> for Faulty<'_> {
    fn from(fault: Fault) -> Self {
        Faulty { faults: vec![fault], ..Faulty::default() }
    }
}

/// All faults as the one text that clients show.
pub fn sentence(faults: &[Fault]) -> String {
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_ref()).collect();
    messages.join("; ")
}

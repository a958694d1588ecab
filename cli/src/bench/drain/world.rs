//! The one program of a drain: its clicks and its customers' leads by number, always the same for the same number.
//!
//! It makes events in the form in which `ingest` would have sent them, and decides nothing. `stream` puts them in order.

use crate::bench::place::Place;
use domain::email::EmailMark;
use domain::event::{ClickEvent, Detail, Event, LeadEvent, Source};
use domain::identity::{BadCustomerKey, CustomerKey};
use domain::keyring::Keyring;
use domain::program::Terms;
use domain::{ClickId, EventId, LinkId, PartnerId, ProgramId, Timestamp};
use time::OffsetDateTime;

/// Between two clicks: a million of them are 28 hours.
const MICROS_PER_CLICK: i64 = 100_000;
/// Between two leads.
const MICROS_PER_LEAD: i64 = 100;

/// A program with one partner and one link.
#[derive(Clone)]
pub(in crate::bench) struct World {
    /// Which program it is.
    pub(in crate::bench) program: ProgramId,
    /// Whose clicks they are.
    pub(in crate::bench) partner: PartnerId,
    /// Signs clicks.
    pub(in crate::bench) clicks: Keyring,
    /// Makes digests of addresses.
    pub(in crate::bench) emails: Keyring,
    /// When the first lead was sent; all clicks that are stored are older.
    pub(in crate::bench) now: Timestamp,
    /// Tells the customers of worlds with the same program apart.
    pub(in crate::bench) name: u64,
}

impl World {
    /// The bench's own program. Leads begin now.
    pub(in crate::bench) fn of(place: &Place, name: u64) -> Self {
        let micros = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000;
        World {
            program: place.program,
            partner: place.partner,
            clicks: place.click_secret.clone(),
            emails: place.email_pepper.clone(),
            now: Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)),
            name,
        }
    }

    /// Click number `number` of `of`, in the order of their times; the last one is a moment old.
    pub(in crate::bench) fn old_click(&self, number: u64, of: u64) -> ClickId {
        let age = i64::try_from(of.saturating_sub(number)).unwrap_or(i64::MAX);
        self.click_at(self.now.micros() - age * MICROS_PER_CLICK, number)
    }

    /// A click that was made when lead number `lead` was sent.
    pub(in crate::bench) fn click_with(&self, lead: u64) -> ClickId {
        self.click_at(self.moment(lead).micros(), lead | 1 << 54)
    }

    /// The click as an event.
    pub(in crate::bench) fn click(&self, click: ClickId) -> Event {
        Event::Click(ClickEvent {
            click,
            link: LinkId::new(1),
            bot: false,
            replaces: None,
            detail: Detail(Some(CLICK_DETAIL.to_owned())),
        })
    }

    /// The lead of a customer, as number `number` in the order of their times.
    ///
    /// # Errors
    /// Never for a number.
    pub(in crate::bench) fn lead(
        &self,
        number: u64,
        customer: u64,
        click: Option<ClickId>,
        source: Source,
    ) -> Result<Event, BadCustomerKey> {
        let detail = match source {
            Source::Server => None,
            Source::Browser => Some(LEAD_DETAIL.to_owned()),
        };
        Ok(Event::Lead(LeadEvent {
            id: EventId::mint(self.moment(number), scatter(self.name, number)),
            program: self.program,
            test: false,
            source,
            terms: Terms::default(),
            customer_key: Some(self.key(customer)?),
            click,
            click_ids: Vec::new(),
            foreign_click: false,
            email: EmailMark::of(&format!("customer{customer}@example.com"), &self.emails),
            detail: Detail(detail),
        }))
    }

    /// The advertiser's own id of a customer.
    ///
    /// # Errors
    /// Never for a number.
    pub(in crate::bench) fn key(&self, customer: u64) -> Result<CustomerKey, BadCustomerKey> {
        CustomerKey::parse(&format!("user_{}_{customer:09}", self.name))
    }

    fn moment(&self, lead: u64) -> Timestamp {
        let later = i64::try_from(lead).unwrap_or(i64::MAX) * MICROS_PER_LEAD;
        Timestamp::from_micros(self.now.micros() + later)
    }

    fn click_at(&self, micros: i64, number: u64) -> ClickId {
        let at = Timestamp::from_micros(micros);
        let entropy = scatter(self.name ^ 0xc11c, number);
        ClickId::mint(self.program, Some(self.partner), false, at, entropy, &self.clicks)
    }
}

const CLICK_DETAIL: &str = r#"{"page_url":"https://shop.example/pricing","page_title":"Pricing","referrer_url":"https://blog.example/review","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0","language":"en-US"}"#;
const LEAD_DETAIL: &str = r#"{"page_url":"https://shop.example/signup"}"#;

/// Bits that look random and are the same for the same place (SplitMix64).
pub(in crate::bench) fn scatter(seed: u64, place: u64) -> u64 {
    let mut bits = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
impl World {
    #![allow(clippy::unwrap_used)]
    pub(in crate::bench) fn of_test() -> Self {
        let keyring = |byte: u8| Keyring::new([('a', [byte; 32])]).unwrap();
        let (program, partner) = (ProgramId::new(7).unwrap(), PartnerId::new(1).unwrap());
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        World { program, partner, clicks: keyring(1), emails: keyring(2), now, name: 1 }
    }
}

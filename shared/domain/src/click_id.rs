//! Click ids: minted without asking anybody, recognised without looking anything up.
//!
//! `cust_<program>_<key version><uuid><partner and MAC>`: the UUID v7 of the click event (which holds the click's
//! time, the key version and the test mark), the partner, and 80 bits of a keyed MAC over all of it. The uuid and
//! the tail are base62 numbers of fixed width. Only the exact text that [`ClickId::text`] gives verifies.

use crate::event_id::EventId;
use crate::keyring::Keyring;
use crate::program::{PartnerId, ProgramId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

const DIGITS: usize = 22;
const MAC_BITS: u32 = 80;
const ENTROPY_BITS: u32 = 55;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A click id that is ours: its MAC was verified (or it was just minted).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClickId {
    /// The id of the click event; it holds the time of the click. First, so that clicks sort by time.
    pub event: EventId,
    /// The program in which the link was opened.
    pub program: ProgramId,
    /// Whose link was opened; `None` for a test click made without a link.
    pub partner: Option<PartnerId>,
}

impl ClickId {
    /// Makes the id of a click received `at`; of `entropy` the low 55 bits are used.
    pub fn mint(
        program: ProgramId,
        partner: Option<PartnerId>,
        test: bool,
        at: Timestamp,
        entropy: u64,
        secrets: &Keyring,
    ) -> Self {
        let version = version_number(secrets.signing_id());
        let bits = (version << 56) | (u64::from(test) << ENTROPY_BITS) | (entropy & ((1 << ENTROPY_BITS) - 1));
        ClickId { event: EventId::mint(at, bits), program, partner }
    }

    /// When the click was made.
    pub fn clicked_at(self) -> Timestamp {
        self.event.received_at()
    }

    /// Whether the click was made in test mode.
    pub fn is_test(self) -> bool {
        (self.event.random_bits() >> ENTROPY_BITS) & 1 == 1
    }

    /// The id of the secret that signs this click id.
    pub fn key_version(self) -> Option<char> {
        let version = (self.event.random_bits() >> 56) as usize;
        ALPHABET.get(version).map(|digit| char::from(*digit))
    }

    /// The text that lives in the visitor's cookie; `None` when its secret has been retired.
    pub fn text(self, secrets: &Keyring) -> Option<String> {
        let version = self.key_version()?;
        let mac = self.mac(version, secrets)?;
        let tail = (u128::from(self.partner_number().unsigned_abs()) << MAC_BITS) | mac;
        let event = base62::encode_fmt(self.event.uuid().as_u128());
        let tail = base62::encode_fmt(tail);
        Some(format!("cust_{}_{version}{event:0>DIGITS$}{tail:0>DIGITS$}", self.program))
    }

    /// Reads an id that a client sent. `None` for whatever is not ours: forged, damaged, foreign.
    pub fn verify(text: &str, secrets: &Keyring) -> Option<Self> {
        let (program, payload) = text.strip_prefix("cust_")?.split_once('_')?;
        let program = parse_program(program)?;
        if payload.len() != 1 + 2 * DIGITS || !payload.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (version, rest) = payload.split_at(1);
        let (event, tail) = rest.split_at(DIGITS);
        let event = EventId::from_uuid(uuid::Uuid::from_u128(base62::decode(event).ok()?)).ok()?;
        let tail = base62::decode(tail).ok()?;
        let partner = match i64::try_from(tail >> MAC_BITS).ok()? {
            0 => None,
            number => Some(PartnerId::new(number)?),
        };
        let claimed = ClickId { event, program, partner };
        let version = version.chars().next()?;
        let mac = claimed.mac(version, secrets)?;
        let sent = tail & ((1 << MAC_BITS) - 1);
        let genuine = bool::from(mac.to_be_bytes().ct_eq(&sent.to_be_bytes()));
        (genuine && claimed.key_version() == Some(version)).then_some(claimed)
    }

    fn partner_number(self) -> i64 {
        self.partner.map_or(0, PartnerId::get)
    }

    fn mac(self, version: char, secrets: &Keyring) -> Option<u128> {
        let digest = secrets.digest(
            version,
            &[
                b"click",
                &self.program.get().to_be_bytes(),
                self.event.uuid().as_bytes(),
                &self.partner_number().to_be_bytes(),
            ],
        )?;
        let mut mac = [0; 16];
        mac[6..].copy_from_slice(&digest[..10]);
        Some(u128::from_be_bytes(mac))
    }
}

/// Canonical decimal text only, so that one id has one spelling.
fn parse_program(text: &str) -> Option<ProgramId> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { ProgramId::new(text.parse().ok()?) } else { None }
}

fn version_number(id: char) -> u64 {
    let position = ALPHABET.iter().position(|digit| char::from(*digit) == id);
    position.unwrap_or_default() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn secrets() -> Keyring {
        Keyring::new([('b', [7; 32]), ('a', [9; 32])]).unwrap()
    }

    fn minted(program: i64, partner: i64, test: bool, at: i64, entropy: u64) -> ClickId {
        let program = ProgramId::new(program).unwrap();
        let partner = PartnerId::new(partner);
        ClickId::mint(program, partner, test, Timestamp::from_micros(at), entropy, &secrets())
    }

    proptest! {
        #[test]
        fn a_minted_id_verifies_and_holds_what_it_was_made_of(
            program in 1..=999_999_999_999_999_999_i64, partner in 0..(1_i64 << 48), test: bool,
            at in 0..=Timestamp::MAX.micros(), entropy: u64,
        ) {
            let id = minted(program, partner, test, at, entropy);
            let text = id.text(&secrets()).unwrap();
            prop_assert!(text.len() <= 128);
            prop_assert_eq!(ClickId::verify(&text, &secrets()), Some(id));
            prop_assert_eq!((id.is_test(), id.clicked_at().micros(), id.key_version()), (test, at, Some('b')));
        }

        #[test]
        fn one_changed_character_makes_it_foreign(position in 0_usize..53, digit in 0_usize..62) {
            let text = minted(42, 5, false, 1_714_000_000_000_000, 1).text(&secrets()).unwrap();
            let mut bytes = text.clone().into_bytes();
            let position = position % bytes.len();
            bytes[position] = ALPHABET[digit];
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(ClickId::verify(&changed, &secrets()).is_some(), changed == text);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,140}") {
            prop_assert_eq!(ClickId::verify(&text, &secrets()), None);
        }
    }

    #[test]
    fn an_id_signed_before_a_rotation_still_verifies_and_keeps_its_text() {
        let old = Keyring::new([('a', [9; 32])]).unwrap();
        let id =
            ClickId::mint(ProgramId::new(1).unwrap(), PartnerId::new(2), false, Timestamp::from_micros(1), 3, &old);
        let text = id.text(&old).unwrap();
        assert_eq!(ClickId::verify(&text, &secrets()), Some(id));
        assert_eq!(id.text(&secrets()), Some(text));
    }

    #[test]
    fn the_guessable_ids_of_older_trackers_are_foreign() {
        for text in ["cust_42_1714000000000", "cust_042_1", "cust_42_", "cust__", "", "cust_42", "CUST_42_17"] {
            assert_eq!(ClickId::verify(text, &secrets()), None, "{text}");
        }
    }
}

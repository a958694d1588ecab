//! Requests with leads that no request had before, rendered once and patched in place from then on.

use crate::bench::place::Place;
use domain::{ClickId, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Ordinals that one load may use up.
const ROOM: u64 = 1 << 40;
/// Loads of this bench so far.
static LOADS: AtomicU64 = AtomicU64::new(0);

/// Stands where an ordinal goes; as long as one.
const SLOT: &str = "________________";
/// Digits of an ordinal.
const DIGITS: usize = SLOT.len();
/// Clicks that leads name, one after the other.
const CLICKS: u64 = 10_000;

/// An endless supply of requests.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Leads {
    /// A whole request.
    template: Vec<u8>,
    /// Where in it ordinals go, by lead.
    ordinals: Vec<Vec<usize>>,
    /// Where in it click ids go, by lead.
    clicks_at: Vec<usize>,
    clicks: Arc<[String]>,
    next: u64,
    step: u64,
}

impl Leads {
    /// Requests of one lead each.
    pub(in crate::bench) fn single(place: &Place) -> Self {
        let clicks = clicks(place);
        let body = lead(&place.id, &clicks);
        Self::of("127.0.0.1", "/api/v1/track/lead", &place.key, &body, 1, clicks)
    }

    /// Requests of one lead each to any installation: new customers who came by no click.
    pub(in crate::bench) fn without_clicks(host: &str, key: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = format!("bench-{:x}", since.as_micros());
        let body = format!(
            r#"{{"customer_key":"{id}-{SLOT}","email":"customer.{SLOT}@mail.example","session_id":"session-{SLOT}","page_url":"https://shop.example/account/welcome?order={SLOT}"}}"#
        );
        Self::of(host, "/api/v1/track/lead", key, &body, 1, Vec::new()).renewed()
    }

    /// Requests of many leads each.
    pub(in crate::bench) fn bulk(place: &Place, leads: usize) -> Self {
        let clicks = clicks(place);
        let members = vec![lead(&place.id, &clicks); leads].join(",");
        let body = format!("{{\"leads\":[{members}]}}");
        Self::of("127.0.0.1", "/api/v1/track/leads", &place.key, &body, leads, clicks)
    }

    fn of(host: &str, path: &str, key: &str, body: &str, leads: usize, clicks: Vec<String>) -> Self {
        let length = body.len();
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let slots: Vec<usize> = text.match_indices(SLOT).map(|(at, _)| at).collect();
        let clicks_at = match clicks.first() {
            Some(example) => text.match_indices(example.as_str()).map(|(at, _)| at).collect(),
            None => vec![0; leads],
        };
        Leads {
            ordinals: slots.chunks((slots.len() / leads).max(1)).map(<[usize]>::to_vec).collect(),
            clicks_at,
            template: text.into_bytes(),
            clicks: clicks.into(),
            next: 0,
            step: leads as u64,
        }
    }

    /// How many leads a request has.
    pub(in crate::bench) fn per_request(&self) -> u64 {
        self.step
    }

    /// The same, naming these clicks one after the other; their ids are as long as any.
    pub(in crate::bench) fn naming(self, clicks: Vec<String>) -> Self {
        Leads { clicks: clicks.into(), ..self }
    }

    /// The same, with leads that no other load of this bench has.
    pub(in crate::bench) fn renewed(&self) -> Self {
        Leads { next: LOADS.fetch_add(1, Ordering::Relaxed) * ROOM, ..self.clone() }
    }

    /// Renders the next request.
    pub(super) fn request(&mut self, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&self.template);
        for (slots, click_at) in self.ordinals.iter().zip(&self.clicks_at) {
            let ordinal = digits(self.next);
            for at in slots {
                put(into, *at, &ordinal);
            }
            let place = self.next % self.clicks.len().max(1) as u64;
            if let Some(click) = self.clicks.get(place as usize) {
                put(into, *click_at, click.as_bytes());
            }
            self.next += 1;
        }
    }
}

fn put(into: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = into.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn digits(ordinal: u64) -> [u8; DIGITS] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|place| HEX[(ordinal >> (4 * (DIGITS - 1 - place))) as usize & 0xf])
}

/// What a shop's server sends when somebody has signed up.
fn lead(id: &str, clicks: &[String]) -> String {
    let click = clicks.first().map_or("", String::as_str);
    format!(
        r#"{{"click_id":"{click}","customer_key":"{id}-{SLOT}","email":"customer.{SLOT}@mail.example","session_id":"session-{SLOT}","page_url":"https://shop.example/account/welcome?plan=pro&order={SLOT}","has_attribution":true,"additional_data":{{"event_name":"signup","plan":"professional","source":"newsletter","country":"DE","seats":5}}}}"#
    )
}

/// Genuine ids, all of one length.
fn clicks(place: &Place) -> Vec<String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_micros()).unwrap_or_default();
    let click = |ordinal: u64| {
        let at = Timestamp::from_micros(now.saturating_sub_unsigned(ordinal));
        let click = ClickId::mint(place.program, Some(place.partner), false, at, ordinal, &place.click_secret);
        click.text(&place.click_secret)
    };
    (0..CLICKS).filter_map(click).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn leads(per_request: usize) -> Leads {
        let clicks = vec!["cust_1_aaa".to_owned(), "cust_1_bbb".to_owned()];
        let body = vec![lead("1f", &clicks); per_request].join(",");
        Leads::of("127.0.0.1", "/x", "key", &body, per_request, clicks)
    }

    fn rendered(leads: &mut Leads) -> String {
        let mut request = Vec::new();
        leads.request(&mut request);
        String::from_utf8(request).unwrap()
    }

    #[test]
    fn every_lead_has_its_own_key_and_the_length_is_that_of_the_body() {
        let mut leads = leads(1);
        let (first, second) = (rendered(&mut leads), rendered(&mut leads));
        assert!(first.contains(r#""customer_key":"1f-0000000000000000""#), "{first}");
        assert!(second.contains(r#""customer_key":"1f-0000000000000001""#), "{second}");
        assert!(first.contains("cust_1_aaa") && second.contains("cust_1_bbb"));
        let (head, body) = first.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        assert!((350..600).contains(&body.len()), "{}", body.len());
        assert!(!first.contains(SLOT));
    }

    #[test]
    fn no_two_loads_send_the_same_lead() {
        let leads = leads(1);
        assert_ne!(rendered(&mut leads.renewed()), rendered(&mut leads.renewed()));
    }

    #[test]
    fn leads_of_one_request_differ() {
        let request = rendered(&mut leads(3));
        for ordinal in 0..3 {
            assert_eq!(request.matches(&format!("-{ordinal:016x}\",\"email\"")).count(), 1);
        }
    }
}

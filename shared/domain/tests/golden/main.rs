//! Every wire version ever released can be read for ever: its bytes are kept here and never changed, only added to.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use domain::email::EmailMark;
use domain::event::{ClickEvent, Detail, Event, LeadEvent, Source};
use domain::pack::{self, Pack, PackHeader, PackWriter, RecordFault, Unconfirmed};
use domain::program::{AttributionModel, LeadAuth, LinkId, PartnerId, ProgramId, Terms};
use domain::{ClickId, CustomerKey, EventId, Timestamp};
use uuid::Uuid;

const PACK_V1: &str = include_str!("pack-v1.hex");

/// Where a click's id says that it was made in test mode.
const TEST_MARK: u64 = 1 << 55;

fn event(second: i64, entropy: u64) -> EventId {
    EventId::mint(Timestamp::from_micros(1_760_000_000_000_123 + second * 1_000_000), entropy)
}

fn click(second: i64, program: i64, partner: i64) -> ClickId {
    let program = ProgramId::new(program).unwrap();
    ClickId { event: event(second, 0x1234_5678_9abc), program, partner: PartnerId::new(partner) }
}

/// Every member of every record, present and absent.
fn events_v1() -> Vec<Event> {
    let full = LeadEvent {
        id: event(60, 7),
        program: ProgramId::new(42).unwrap(),
        test: false,
        source: Source::Server,
        terms: Terms {
            attribution_window_days: 30,
            attribution_model: AttributionModel::FirstClick,
            lead_auth: LeadAuth::ServerRequired,
        },
        customer_key: Some(CustomerKey::parse("usr_é_1").unwrap()),
        click: Some(click(1, 42, 5)),
        click_ids: vec![click(0, 42, 6), click(2, 43, 7)],
        foreign_click: true,
        email: Some(EmailMark { pepper: 'a', digest: [0xab; 32], mask: "u***@example.com".into() }),
        detail: Detail(Some(r#"{"page_url":"https://shop.example/"}"#.into())),
    };
    let bare = LeadEvent {
        id: event(61, 8),
        test: true,
        source: Source::Browser,
        terms: Terms::default(),
        customer_key: None,
        click: None,
        click_ids: vec![],
        foreign_click: false,
        email: None,
        detail: Detail(None),
        ..full.clone()
    };
    let seen = ClickEvent {
        click: click(1, 42, 5),
        link: LinkId::new(9),
        bot: true,
        replaces: Some(event(0, 3)),
        detail: Detail(Some(r#"{"language":"de"}"#.into())),
    };
    let test = ClickId { event: event(3, TEST_MARK | 5), ..click(3, 42, 0) };
    let linkless = ClickEvent { click: test, link: None, bot: false, replaces: None, detail: Detail(None) };
    vec![Event::Lead(full), Event::Lead(bare), Event::Click(seen), Event::Click(linkless)]
}

fn header_v1() -> PackHeader {
    let unconfirmed = vec![Unconfirmed { number: 2, events: 17 }, Unconfirmed { number: 5, events: 1 }];
    PackHeader {
        run: Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        number: 7,
        confirmed_before: 99,
        unconfirmed,
    }
}

fn body_v1() -> Vec<u8> {
    let mut writer = PackWriter::new(&header_v1());
    for event in events_v1() {
        assert!(writer.push(&pack::encode_record(&event).unwrap()));
    }
    writer.finish()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_pack_of_version_1_is_read_as_it_was_written() {
    let pack = pack::decode(&bytes(PACK_V1)).unwrap();
    assert_eq!(pack, Pack { header: header_v1(), records: events_v1().into_iter().map(Ok).collect() });
}

#[test]
fn version_1_is_still_written_byte_for_byte() {
    let written: String = body_v1().iter().map(|byte| format!("{byte:02x}")).collect();
    let golden: String = PACK_V1.split_whitespace().collect();
    assert_eq!(written, golden, "the wire form changed: give it a new version and a golden file of its own");
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_pack_is_a_fault_and_never_a_panic() {
    let body = body_v1();
    for length in 0..body.len() {
        assert!(pack::decode(&body[..length]).is_err());
    }
    for position in 0..body.len() * 8 {
        let mut flipped = body.clone();
        flipped[position / 8] ^= 1 << (position % 8);
        assert!(pack::decode(&flipped).is_err());
    }
}

#[test]
fn a_damaged_record_leaves_its_neighbours_alone() {
    let good = pack::encode_record(&events_v1()[0]).unwrap();
    let mut unknown = good.clone();
    unknown[0] = 9;
    let mut writer = PackWriter::new(&header_v1());
    for record in [&good[..], &unknown, &good[..good.len() - 1], &[], &good] {
        assert!(writer.push(record));
    }
    let records = pack::decode(&writer.finish()).unwrap().records;
    let faults: Vec<_> = records.into_iter().map(|record| record.err().map(|bad| bad.fault)).collect();
    let undecodable = Some(RecordFault::Undecodable);
    assert_eq!(faults, [None, Some(RecordFault::UnknownVersion(9)), undecodable, undecodable, None]);
}

#[test]
fn a_lead_that_contradicts_itself_is_impossible() {
    let Event::Lead(lead) = events_v1().remove(0) else { unreachable!() };
    let foreign_program = LeadEvent { click: Some(click(1, 43, 5)), ..lead.clone() };
    let unsorted = LeadEvent { click_ids: vec![click(2, 43, 7), click(0, 42, 6)], ..lead.clone() };
    let unpaid = ClickEvent { click: click(1, 42, 0), link: None, bot: false, replaces: None, detail: Detail(None) };
    let record = pack::encode_record(&Event::Click(unpaid)).unwrap();
    assert_eq!(pack::decode_record(&record), Err(RecordFault::Impossible), "a real click is owed to a partner");
    let nobody = LeadEvent { customer_key: None, click: None, ..lead.clone() };
    let endless = LeadEvent { terms: Terms { attribution_window_days: 9_999, ..lead.terms }, ..lead };
    for impossible in [foreign_program, unsorted, nobody, endless] {
        let record = pack::encode_record(&Event::Lead(impossible)).unwrap();
        assert_eq!(pack::decode_record(&record), Err(RecordFault::Impossible));
    }
}

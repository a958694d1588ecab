//! What each pure step on the way of a lead costs: `cargo bench -p domain`. Each figure is for one lead or one click.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::attribution::Arrival;
use domain::event::Source;
use domain::keyring::Keyring;
use domain::merge::{ClickRow, Loaded, Scope, fold, parties};
use domain::pack::{PackHeader, PackWriter, decode, encode_record};
use domain::program::{LinkId, PartnerId, ProgramId, Terms};
use domain::request::LeadRequest;
use domain::scenario;
use domain::{ApiKey, ClickId, Event, EventId, LeadEvent, Timestamp};
use std::hint::black_box;
use uuid::Uuid;

/// As many as a full pack of a busy `ingest` has.
const PACK: u64 = 256;

fn secrets() -> Keyring {
    Keyring::new([('1', b"a secret of thirty-two bytes and more".as_slice())]).unwrap()
}

fn program() -> ProgramId {
    ProgramId::new(42).unwrap()
}

fn now() -> Timestamp {
    scenario::ZERO
}

fn mint(number: u64) -> ClickId {
    ClickId::mint(program(), PartnerId::new(7), false, now(), number, &secrets())
}

/// A lead as an advertiser's server sends it.
fn body(number: u64) -> Vec<u8> {
    let click = mint(number).text(&secrets()).unwrap();
    let members = format!(
        r#"{{"click_id":"{click}","customer_key":"user_{number}","email":"person.{number}@example.com",
        "session_id":"s-{number}","page_url":"https://shop.example/signup?plan=pro",
        "additional_data":{{"plan":"pro","seats":3,"campaign":"spring","event_name":"signup"}}}}"#
    );
    members.into_bytes()
}

/// What `ingest` makes of [`body`].
fn lead(number: u64) -> LeadEvent {
    let (body, secrets) = (body(number), secrets());
    let request = LeadRequest::parse(&body, &secrets).unwrap();
    LeadEvent {
        id: EventId::mint(now(), number | 1 << 50),
        program: program(),
        test: false,
        source: Source::Server,
        terms: Terms::default(),
        customer_key: request.customer_key,
        click: request.click_id.and_then(|text| ClickId::verify(&text, &secrets)),
        click_ids: Vec::new(),
        foreign_click: false,
        email: request.email,
        detail: request.details.render(),
    }
}

fn accept(criterion: &mut Criterion) {
    let secrets = secrets();
    let mut group = criterion.benchmark_group("accept");
    let lead_body = body(1);
    group.bench_function("parse a lead and digest its email", |bench| {
        bench.iter(|| LeadRequest::parse(black_box(&lead_body), &secrets).unwrap());
    });
    let click = mint(1).text(&secrets).unwrap();
    group.bench_function("verify a click id", |bench| {
        bench.iter(|| ClickId::verify(black_box(&click), &secrets).unwrap());
    });
    group.bench_function("mint a click id and write it", |bench| {
        bench.iter(|| ClickId::mint(program(), PartnerId::new(7), false, now(), black_box(1), &secrets).text(&secrets));
    });
    let key = ApiKey::mint([7; ApiKey::ENTROPY]).text().to_owned();
    group.bench_function("read and digest an API key", |bench| {
        bench.iter(|| ApiKey::parse(black_box(&key)).unwrap().digest());
    });
    let event = Event::Lead(lead(1));
    group.bench_function("encode a record", |bench| bench.iter(|| encode_record(black_box(&event)).unwrap()));
    group.finish();
}

fn header() -> PackHeader {
    PackHeader { run: Uuid::from_u128(1), number: 1, confirmed_before: 0, unconfirmed: Vec::new() }
}

fn pack() -> Vec<u8> {
    let mut writer = PackWriter::new(&header());
    for number in 0..PACK {
        assert!(writer.push(&encode_record(&Event::Lead(lead(number))).unwrap()));
    }
    writer.finish()
}

fn carry(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("carry");
    group.throughput(Throughput::Elements(PACK));
    let records: Vec<_> = (0..PACK).map(|number| encode_record(&Event::Lead(lead(number))).unwrap()).collect();
    group.bench_function("write a pack of 256", |bench| {
        bench.iter(|| {
            let mut writer = PackWriter::new(&header());
            records.iter().for_each(|record| assert!(writer.push(record)));
            writer.finish()
        });
    });
    let body = pack();
    group.bench_function("read a pack of 256", |bench| bench.iter(|| decode(black_box(&body)).unwrap()));
    group.finish();
}

/// Every click has been seen and belongs to nobody.
fn arrived(leads: &[Event]) -> Loaded {
    let scope = Scope::of(leads);
    let arrival = Some(Arrival { link: LinkId::new(1), bot: false });
    let clicks = scope.clicks.keys().map(|place| (*place, ClickRow { arrival, ..ClickRow::default() }));
    let mut loaded = Loaded { clicks: clicks.collect(), ..Loaded::default() };
    loaded.asked = scope.customers_to_lock(&loaded.clicks);
    loaded
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(PACK));
    let events: Vec<Event> = (0..PACK).map(lead).map(Event::Lead).collect();
    let arrival = Some(Arrival { link: LinkId::new(1), bot: false });
    group.bench_function("256 leads that meet nobody", |bench| {
        bench.iter(|| {
            let settled = parties(black_box(&events)).iter().filter_map(|party| party.settle(arrival)).count();
            assert_eq!(settled as u64, PACK);
        });
    });
    let loaded = arrived(&events);
    group.bench_function("256 leads by the general fold", |bench| {
        bench.iter(|| fold(black_box(&events), &loaded).unwrap());
    });
    group.finish();
}

criterion_group!(benches, accept, carry, decide);
criterion_main!(benches);

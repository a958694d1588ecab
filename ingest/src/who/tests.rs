//! Tables: which program a lead speaks of, and whether it takes the lead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use axum::http::HeaderValue;
use domain::keyring::Keyring;
use domain::program::Terms;
use domain::{PartnerId, Timestamp};

const SHOP: HeaderValue = HeaderValue::from_static("https://shop.example");
const EVIL: HeaderValue = HeaderValue::from_static("https://shop.example.evil.com");
const NULL: HeaderValue = HeaderValue::from_static("null");

fn id(number: i64) -> ProgramId {
    ProgramId::new(number).unwrap()
}

fn click(program: i64, second: i64) -> ClickId {
    let at = Timestamp::from_micros(second * 1_000_000);
    let secrets = Keyring::new([('a', [1; 32])]).unwrap();
    ClickId::mint(id(program), PartnerId::new(1), false, at, 7, &secrets)
}

fn program(number: i64, origins: &[&str]) -> Program {
    Program {
        program_id: id(number),
        name: "p".into(),
        domain: None,
        active: true,
        cookie_window_days: 60,
        terms: Terms::default(),
        allowed_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        created_at: Timestamp::from_micros(0),
        version: 1,
    }
}

fn nobody() -> Claim<'static> {
    Claim {
        key: None,
        origin: Origin::Absent,
        named: None,
        test: false,
        click: NamedClick::Absent,
        click_ids: Vec::new(),
        has_customer_key: true,
        placeholder_key: false,
    }
}

#[test]
fn the_program_is_named_by_key_then_body_then_click() {
    let genuine = NamedClick::Genuine(click(3, 10));
    let (one, two) = (Some(id(1)), Some(id(2)));
    let list = vec![click(5, 30), click(4, 20)];
    for (claim, expected) in [
        (Claim { key: one, ..nobody() }, Ok(1)),
        (Claim { key: one, named: one, ..nobody() }, Ok(1)),
        (Claim { key: one, named: two, ..nobody() }, Err(Refusal::UnknownProgram)),
        (Claim { key: one, click: genuine, ..nobody() }, Err(Refusal::ClickOfOtherProgram)),
        (Claim { named: one, click: genuine, ..nobody() }, Err(Refusal::ClickOfOtherProgram)),
        (Claim { key: one, click_ids: list.clone(), ..nobody() }, Ok(1)),
        (Claim { key: one, click: NamedClick::Foreign, ..nobody() }, Ok(1)),
        (Claim { named: two, ..nobody() }, Ok(2)),
        (Claim { click: genuine, click_ids: list.clone(), ..nobody() }, Ok(3)),
        (Claim { click_ids: list.clone(), ..nobody() }, Ok(5)),
        (Claim { click: NamedClick::Foreign, click_ids: list, ..nobody() }, Ok(5)),
        (Claim { click: NamedClick::Foreign, ..nobody() }, Err(Refusal::ProofMissing)),
        (nobody(), Err(Refusal::ProofMissing)),
        (Claim { test: true, ..nobody() }, Err(Refusal::ProgramRequired)),
        (Claim { test: true, click: genuine, ..nobody() }, Ok(3)),
        (Claim { test: true, named: one, click: genuine, ..nobody() }, Err(Refusal::ClickOfOtherProgram)),
    ] {
        assert_eq!(claim.program().map(ProgramId::get), expected, "{claim:?}");
    }
}

#[test]
fn a_browser_needs_a_genuine_click_or_an_allowed_origin() {
    let (open, listed) = (program(1, &[]), program(1, &["https://shop.example"]));
    let named = Claim { named: Some(id(1)), ..nobody() };
    let clicked = Claim { click: NamedClick::Genuine(click(1, 10)), ..nobody() };
    let candidate = Claim { click_ids: vec![click(1, 10)], ..nobody() };
    let elsewhere = Claim { click_ids: vec![click(2, 10)], ..named.clone() };
    let from = |claim: &Claim<'static>, origin| Claim { origin, ..claim.clone() };
    let (shop, evil, null) = (Origin::Given(&SHOP), Origin::Given(&EVIL), Origin::Given(&NULL));
    for (claim, program, expected) in [
        (from(&named, Origin::Absent), &open, Some(Refusal::OriginMissing)),
        (from(&elsewhere, Origin::Absent), &open, Some(Refusal::OriginMissing)),
        (from(&named, evil), &open, None),
        (from(&named, null), &open, None),
        (from(&named, Origin::Several), &open, Some(Refusal::OriginRefused)),
        (from(&named, shop), &listed, None),
        (from(&named, evil), &listed, Some(Refusal::OriginRefused)),
        (from(&named, null), &listed, Some(Refusal::OriginRefused)),
        (from(&clicked, Origin::Absent), &listed, None),
        (from(&candidate, Origin::Absent), &listed, None),
        (from(&clicked, evil), &listed, Some(Refusal::OriginRefused)),
        (Claim { test: true, ..from(&named, evil) }, &listed, None),
        (Claim { key: Some(id(1)), ..from(&named, evil) }, &listed, None),
    ] {
        let text = format!("{claim:?} {:?}", program.allowed_origins);
        assert_eq!(claim.admit(program).err(), expected, "{text}");
    }
}

#[test]
fn a_lead_without_an_identity_says_what_is_missing() {
    let nobody = Claim { key: Some(id(1)), has_customer_key: false, ..nobody() };
    for (claim, expected) in [
        (nobody.clone(), Some(Refusal::Invalid(FaultCode::IdentityRequired))),
        (Claim { placeholder_key: true, ..nobody.clone() }, Some(Refusal::Invalid(FaultCode::PlaceholderKey))),
        (Claim { click: NamedClick::Foreign, ..nobody.clone() }, Some(Refusal::CustomerNotFound)),
        (Claim { click_ids: vec![click(2, 1)], ..nobody.clone() }, Some(Refusal::ClickOfOtherProgram)),
        (Claim { click_ids: vec![click(1, 1)], ..nobody.clone() }, None),
        (Claim { click: NamedClick::Foreign, click_ids: vec![click(1, 1)], ..nobody.clone() }, None),
        (Claim { test: true, ..nobody.clone() }, None),
        (Claim { has_customer_key: true, click: NamedClick::Foreign, ..nobody }, None),
    ] {
        let text = format!("{claim:?}");
        assert_eq!(claim.admit(&program(1, &[])).err(), expected, "{text}");
    }
}

#[test]
fn the_newest_own_candidate_stands_in_for_a_missing_click() {
    let list = vec![click(1, 20), click(2, 40), click(1, 30), click(1, 20)];
    for named in [NamedClick::Absent, NamedClick::Foreign] {
        let claim = Claim { key: Some(id(1)), click: named, click_ids: list.clone(), ..nobody() };
        let caller = claim.admit(&program(1, &[])).unwrap();
        assert_eq!(caller.click, Some(click(1, 30)));
        assert_eq!(caller.click_ids, [click(1, 20), click(2, 40)]);
        assert_eq!(caller.foreign_click, named == NamedClick::Foreign);
        assert_eq!(caller.source, Source::Server);
    }
    let claim = Claim { click: NamedClick::Genuine(click(1, 20)), click_ids: list, ..nobody() };
    let caller = claim.admit(&program(1, &[])).unwrap();
    assert_eq!((caller.click, caller.source), (Some(click(1, 20)), Source::Browser));
    assert_eq!(caller.click_ids, [click(1, 30), click(2, 40)]);
}

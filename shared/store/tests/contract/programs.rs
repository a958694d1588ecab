//! Programs, partners, links and keys: what is set is what is read, and refreshes miss nothing.

use crate::stage::Stage;
use domain::program::{AttributionModel, LeadAuth, Terms};
use domain::{ApiKey, PartnerId, ProgramId, Timestamp};
use store::{NewProgram, Program, ProgramChange, Snapshot, Store, StoreError};

on_both! {
    a_program_is_read_back_as_it_was_made,
    a_change_sets_what_it_names_and_nothing_else,
    values_out_of_bounds_are_refused_and_change_nothing,
    a_store_without_programs_is_empty,
    partners_belong_to_their_program,
    a_disabled_partner_takes_its_links_with_it,
    a_code_is_unique_over_all_programs_and_compared_exactly,
    a_link_without_a_chosen_code_gets_one,
    a_disabled_link_keeps_its_code,
    a_key_is_shown_once_and_only_its_digest_is_stored,
    a_revoked_key_never_comes_back,
    what_is_not_there_is_not_found,
    a_refresh_gives_exactly_what_changed,
    a_disabled_partners_links_are_in_the_refresh,
    refreshes_beside_eight_writers_miss_nothing,
}

const MOMENT: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

async fn program(store: &Store, name: &str) -> ProgramId {
    store.create_program(NewProgram::named(name)).await.unwrap().program_id
}

fn id(number: i64) -> ProgramId {
    ProgramId::new(number).unwrap()
}

async fn a_program_is_read_back_as_it_was_made(stage: &Stage) {
    let new = NewProgram {
        name: "Café 株式会社".to_owned(),
        domain: Some("shop.example".to_owned()),
        cookie_window_days: 3_650,
        terms: Terms {
            attribution_window_days: 0,
            attribution_model: AttributionModel::FirstClick,
            lead_auth: LeadAuth::ServerRequired,
        },
        allowed_origins: vec!["https://shop.example".to_owned(), "http://localhost:3000".to_owned()],
    };
    let made = stage.store.create_program(new.clone()).await.unwrap();
    assert_eq!(made.program_id, id(1));
    assert!(made.active);
    let read = NewProgram {
        name: made.name.clone(),
        domain: made.domain.clone(),
        cookie_window_days: made.cookie_window_days,
        terms: made.terms,
        allowed_origins: made.allowed_origins.clone(),
    };
    assert_eq!(read, new);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap());
    assert!((now - made.created_at).micros().abs() < 60_000_000, "{made:?}");
    assert_eq!(stage.store.program(made.program_id).await.unwrap(), Some(made.clone()));

    let plain = stage.store.create_program(NewProgram::named("Plain")).await.unwrap();
    assert_eq!((plain.cookie_window_days, plain.terms.attribution_window_days), (60, 60));
    assert_eq!(stage.store.programs().await.unwrap(), [made, plain]);
}

async fn a_change_sets_what_it_names_and_nothing_else(stage: &Stage) {
    let before = stage.store.create_program(NewProgram::named("Shop")).await.unwrap();
    let change = ProgramChange {
        domain: Some(Some("shop.example".to_owned())),
        attribution_model: Some(AttributionModel::FirstClick),
        allowed_origins: Some(vec!["https://shop.example".to_owned()]),
        ..ProgramChange::default()
    };
    let after = stage.store.set_program(before.program_id, change).await.unwrap();
    let terms = Terms { attribution_model: AttributionModel::FirstClick, ..before.terms };
    let expected = Program {
        domain: Some("shop.example".to_owned()),
        terms,
        allowed_origins: vec!["https://shop.example".to_owned()],
        version: after.version,
        ..before.clone()
    };
    assert_eq!(after, expected);
    assert!(after.version > before.version);
    let change = ProgramChange { active: Some(false), domain: Some(None), ..ProgramChange::default() };
    let off = stage.store.set_program(before.program_id, change).await.unwrap();
    assert_eq!((off.active, off.domain.as_deref()), (false, None));
    assert_eq!(stage.store.program(before.program_id).await.unwrap(), Some(off));
}

async fn values_out_of_bounds_are_refused_and_change_nothing(stage: &Stage) {
    let store = &stage.store;
    let shop = store.create_program(NewProgram::named("Shop")).await.unwrap();
    let version = store.settings_version().await.unwrap();
    let origin =
        |origin: &str| ProgramChange { allowed_origins: Some(vec![origin.to_owned()]), ..ProgramChange::default() };
    for change in [
        ProgramChange { name: Some("x".repeat(201)), ..ProgramChange::default() },
        ProgramChange { cookie_window_days: Some(0), ..ProgramChange::default() },
        ProgramChange { attribution_window_days: Some(3_651), ..ProgramChange::default() },
        origin("null"),
        origin("https://Shop.example"),
    ] {
        let error = store.set_program(shop.program_id, change).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
    }
    for error in [
        store.create_program(NewProgram::named("")).await.unwrap_err(),
        store.create_partner(shop.program_id, "a\u{0}b").await.unwrap_err(),
        store.create_key(shop.program_id, "", [1; ApiKey::ENTROPY]).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
    }
    assert_eq!(store.program(shop.program_id).await.unwrap(), Some(shop));
    assert_eq!(store.settings_version().await.unwrap(), version);
}

async fn a_store_without_programs_is_empty(stage: &Stage) {
    assert!(stage.store.is_empty().await.unwrap());
    assert_eq!(stage.store.snapshot_since(0).await.unwrap(), Snapshot::default());
    program(&stage.store, "Shop").await;
    assert!(!stage.store.is_empty().await.unwrap());
}

async fn partners_belong_to_their_program(stage: &Stage) {
    let (store, first, second) =
        (&stage.store, program(&stage.store, "First").await, program(&stage.store, "Second").await);
    let jane = store.create_partner(first, "Jane").await.unwrap();
    let john = store.create_partner(second, "John").await.unwrap();
    assert_ne!(jane.partner_id, john.partner_id);
    assert_eq!(store.partners(first).await.unwrap(), std::slice::from_ref(&jane));
    assert_eq!(store.partners(second).await.unwrap(), std::slice::from_ref(&john));
    let foreign = store.disable_partner(first, john.partner_id).await.unwrap_err();
    assert!(matches!(foreign, StoreError::NotFound(_)), "{foreign:?}");
    let foreign = store.create_link(second, jane.partner_id, None).await.unwrap_err();
    assert!(matches!(foreign, StoreError::NotFound(_)), "{foreign:?}");
    assert_eq!(store.partners(second).await.unwrap(), [john]);
}

async fn a_disabled_partner_takes_its_links_with_it(stage: &Stage) {
    let store = &stage.store;
    let shop = program(store, "Shop").await;
    let jane = store.create_partner(shop, "Jane").await.unwrap().partner_id;
    let john = store.create_partner(shop, "John").await.unwrap().partner_id;
    for (partner, code) in [(jane, "jane"), (jane, "jane-2"), (john, "john")] {
        assert!(store.create_link(shop, partner, Some(code.to_owned())).await.unwrap().active);
    }
    assert!(!store.disable_partner(shop, jane).await.unwrap().active);
    let links = store.links(shop).await.unwrap();
    let active: Vec<_> = links.iter().map(|link| (link.code.as_str(), link.active)).collect();
    assert_eq!(active, [("jane", false), ("jane-2", false), ("john", true)]);
    let error = store.create_link(shop, jane, None).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
    assert!(!store.disable_partner(shop, jane).await.unwrap().active, "once more changes nothing");
}

async fn a_code_is_unique_over_all_programs_and_compared_exactly(stage: &Stage) {
    let store = &stage.store;
    let (first, second) = (program(store, "First").await, program(store, "Second").await);
    let jane = store.create_partner(first, "Jane").await.unwrap().partner_id;
    let john = store.create_partner(second, "John").await.unwrap().partner_id;
    store.create_link(first, jane, Some("Summer".to_owned())).await.unwrap();
    let version = store.settings_version().await.unwrap();
    let taken = store.create_link(second, john, Some("Summer".to_owned())).await.unwrap_err();
    assert!(matches!(&taken, StoreError::Conflict(text) if text.contains("Summer")), "{taken:?}");
    assert!(store.links(second).await.unwrap().is_empty());
    assert_eq!(store.snapshot_since(version).await.unwrap().links, []);
    store.create_link(second, john, Some("summer".to_owned())).await.unwrap();
    let wrong = store.create_link(second, john, Some("sum mer".to_owned())).await.unwrap_err();
    assert!(matches!(wrong, StoreError::Invalid(_)), "{wrong:?}");
}

async fn a_link_without_a_chosen_code_gets_one(stage: &Stage) {
    let shop = program(&stage.store, "Shop").await;
    let jane = stage.store.create_partner(shop, "Jane").await.unwrap().partner_id;
    let one = stage.store.create_link(shop, jane, None).await.unwrap();
    let other = stage.store.create_link(shop, jane, None).await.unwrap();
    assert_eq!(one.code.len(), 8);
    assert_ne!(one.code, other.code);
}

async fn a_disabled_link_keeps_its_code(stage: &Stage) {
    let store = &stage.store;
    let shop = program(store, "Shop").await;
    let jane = store.create_partner(shop, "Jane").await.unwrap().partner_id;
    store.create_link(shop, jane, Some("jane".to_owned())).await.unwrap();
    let disabled = store.disable_link(shop, "jane").await.unwrap();
    assert!(!disabled.active);
    assert_eq!(store.links(shop).await.unwrap(), [disabled]);
    let taken = store.create_link(shop, jane, Some("jane".to_owned())).await.unwrap_err();
    assert!(matches!(taken, StoreError::Conflict(_)), "{taken:?}");
}

async fn a_key_is_shown_once_and_only_its_digest_is_stored(stage: &Stage) {
    let shop = program(&stage.store, "Shop").await;
    let (key, plain) = stage.store.create_key(shop, "backend", [7; ApiKey::ENTROPY]).await.unwrap();
    assert_eq!((key.key_id.as_str(), key.label.as_str(), key.revoked_at), (plain.key_id(), "backend", None));
    assert_eq!(stage.store.keys(shop).await.unwrap(), [key]);

    let snapshot = stage.store.snapshot_since(0).await.unwrap();
    let [digest] = snapshot.keys.as_slice() else { panic!("{snapshot:?}") };
    let sent = ApiKey::parse(plain.text()).unwrap();
    assert!(digest.admits(sent, MOMENT));
    let other = ApiKey::mint([8; ApiKey::ENTROPY]);
    assert!(!digest.admits(ApiKey::parse(other.text()).unwrap(), MOMENT));

    let everything = stage.place.everything().await;
    let secret = &plain.text()["affk_".len() + plain.key_id().len()..];
    assert!(everything.contains(plain.key_id()), "the search finds what is stored");
    for part in [secret, &secret[..16], &secret[16..]] {
        assert!(!everything.contains(part));
        assert!(!everything.contains(&hex::encode(part)));
    }
}

async fn a_revoked_key_never_comes_back(stage: &Stage) {
    let store = &stage.store;
    let shop = program(store, "Shop").await;
    let (key, plain) = store.create_key(shop, "old", [1; ApiKey::ENTROPY]).await.unwrap();
    let later = Timestamp::from_micros(MOMENT.micros() + 86_400_000_000);
    let revoked = store.revoke_key(shop, &key.key_id, later).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(later));
    let digest = store.snapshot_since(key.version).await.unwrap().keys.remove(0);
    let sent = ApiKey::parse(plain.text()).unwrap();
    assert!(digest.admits(sent, MOMENT), "the old key is good until then");
    assert!(!digest.admits(sent, later));

    assert_eq!(store.revoke_key(shop, &key.key_id, MOMENT).await.unwrap().revoked_at, Some(MOMENT));
    assert_eq!(store.revoke_key(shop, &key.key_id, later).await.unwrap().revoked_at, Some(MOMENT));
    assert_eq!(store.keys(shop).await.unwrap()[0].revoked_at, Some(MOMENT));
}

async fn what_is_not_there_is_not_found(stage: &Stage) {
    let store = &stage.store;
    let shop = program(store, "Shop").await;
    let nobody = PartnerId::new(99).unwrap();
    assert_eq!(store.program(id(99)).await.unwrap(), None);
    for error in [
        store.set_program(id(99), ProgramChange::default()).await.unwrap_err(),
        store.create_partner(id(99), "Jane").await.unwrap_err(),
        store.disable_partner(shop, nobody).await.unwrap_err(),
        store.create_link(shop, nobody, None).await.unwrap_err(),
        store.disable_link(shop, "jane").await.unwrap_err(),
        store.create_key(id(99), "backend", [1; ApiKey::ENTROPY]).await.unwrap_err(),
        store.revoke_key(shop, "000000000000", MOMENT).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotFound(_)), "{error:?}");
    }
}

async fn a_refresh_gives_exactly_what_changed(stage: &Stage) {
    let store = &stage.store;
    let (first, second) = (program(store, "First").await, program(store, "Second").await);
    let jane = store.create_partner(first, "Jane").await.unwrap().partner_id;
    let link = store.create_link(first, jane, Some("jane".to_owned())).await.unwrap();
    let (key, _) = store.create_key(first, "backend", [1; ApiKey::ENTROPY]).await.unwrap();
    let all = store.snapshot_since(0).await.unwrap();
    assert_eq!(all.version, store.settings_version().await.unwrap());
    assert_eq!((all.programs.len(), all.links.as_slice(), all.keys.len()), (2, [link].as_slice(), 1));
    let nothing = Snapshot { version: all.version, ..Snapshot::default() };
    assert_eq!(store.snapshot_since(all.version).await.unwrap(), nothing);

    let change = ProgramChange { name: Some("Changed".to_owned()), ..ProgramChange::default() };
    let changed = store.set_program(second, change).await.unwrap();
    let refresh = store.snapshot_since(all.version).await.unwrap();
    let expected = Snapshot { version: changed.version, programs: vec![changed], ..Snapshot::default() };
    assert_eq!(refresh, expected);

    store.revoke_key(first, &key.key_id, MOMENT).await.unwrap();
    let last = store.snapshot_since(refresh.version).await.unwrap();
    assert_eq!((last.programs.len(), last.links.len(), last.keys.len()), (0, 0, 1));
    assert_eq!(last.keys[0].revoked_at, Some(MOMENT));
}

async fn a_disabled_partners_links_are_in_the_refresh(stage: &Stage) {
    let store = &stage.store;
    let shop = program(store, "Shop").await;
    let jane = store.create_partner(shop, "Jane").await.unwrap().partner_id;
    let john = store.create_partner(shop, "John").await.unwrap().partner_id;
    for (partner, code) in [(jane, "jane"), (jane, "jane-2"), (john, "john")] {
        store.create_link(shop, partner, Some(code.to_owned())).await.unwrap();
    }
    let known = store.settings_version().await.unwrap();
    store.disable_partner(shop, jane).await.unwrap();
    let mut links = store.snapshot_since(known).await.unwrap().links;
    links.sort_by(|one, other| one.code.cmp(&other.code));
    let inactive: Vec<_> = links.iter().map(|link| (link.code.as_str(), link.active)).collect();
    assert_eq!(inactive, [("jane", false), ("jane-2", false)]);
}

async fn refreshes_beside_eight_writers_miss_nothing(stage: &Stage) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 10;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = stage.store.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    program(&store, &format!("{writer}-{number}")).await;
                }
            })
        })
        .collect();
    let mut seen = std::collections::BTreeMap::new();
    let mut known = 0;
    // A writer that fails ends the test with its own words, not with a refresh that waits for ever.
    while known < WRITERS * EACH && !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let refresh = stage.store.snapshot_since(known).await.unwrap();
        assert!(refresh.version >= known, "versions never go back");
        known = refresh.version;
        seen.extend(refresh.programs.into_iter().map(|program| (program.version, program.name)));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let rest = stage.store.snapshot_since(known).await.unwrap().programs;
    seen.extend(rest.into_iter().map(|program| (program.version, program.name)));
    assert_eq!(seen.len(), 80, "every version was seen, each on one program");
    assert!(seen.keys().copied().eq(1..=WRITERS * EACH));
}

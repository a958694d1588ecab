//! What people see of the store: journeys, the customers of a click, single events; and what they must never see.

use crate::stage::Stage;
use domain::event::Source;
use domain::journey::Flags;
use domain::outcome::{DeadLetterReason, EventState, Reason, Status};
use domain::scenario::{ClickDraft, LeadDraft, MINUTE, OTHER_PROGRAM, PROGRAM, browser, click, provisional, server};
use domain::{CustomerKey, Event, EventId, Timestamp, pack};
use std::time::{SystemTime, UNIX_EPOCH};
use store::batch::{Batch, DeadLetter};
use store::{CustomerEvent, CustomerView, EventKind, EventView, NewProgram};

on_both! {
    a_customer_nobody_sent_is_none,
    a_journey_shows_the_click_and_the_lead,
    a_duplicate_names_the_lead_that_counts_and_moves_with_it,
    a_lead_without_a_key_is_shown_with_the_owner_of_its_click,
    a_lead_without_a_key_and_with_a_duplicate_is_shown_with_the_owner,
    a_customer_known_by_a_click_only_is_found_by_it,
    every_key_that_named_a_click_is_found_by_it,
    a_click_without_a_lead_is_a_customer_in_status_click,
    a_click_that_was_only_named_is_no_event,
    a_candidate_is_part_of_the_journey_and_identifies_nobody,
    a_provisional_customer_has_no_lead_yet,
    a_click_of_another_program_is_named_in_full,
    of_many_events_the_newest_hundred_are_shown_and_all_counted,
    a_test_event_is_found_by_its_id_and_shown_nowhere_else,
    nothing_of_another_program_is_seen,
    an_event_says_what_became_of_it,
    an_event_that_was_set_aside_says_so_until_it_is_recorded,
    a_key_is_found_by_its_public_id,
}

/// Two programs; links and partners 1 to 3 belong to the first, 4 to the second, as the drafts number them.
async fn programs(stage: &Stage) {
    for (program, numbers) in [(PROGRAM, 1..=3), (OTHER_PROGRAM, 4..=4)] {
        stage.store.create_program(NewProgram::named(format!("Program {program}"))).await.unwrap();
        for number in numbers {
            let partner = stage.store.create_partner(program, "Partner").await.unwrap();
            let code = Some(format!("CODE{number}"));
            let link = stage.store.create_link(program, partner.partner_id, code).await.unwrap();
            assert_eq!((partner.partner_id.get(), link.link_id.get()), (number, number));
        }
    }
}

/// Applies the events one by one, in that order.
async fn apply(stage: &Stage, events: impl IntoIterator<Item = Event>) {
    let mut session = stage.store.session();
    for event in events {
        session.apply(&Batch { events: vec![event], ..Batch::default() }).await.unwrap();
    }
}

fn key(text: &str) -> CustomerKey {
    CustomerKey::parse(text).unwrap()
}

async fn customer(stage: &Stage, text: &str) -> CustomerView {
    stage.store.customer(PROGRAM, &key(text)).await.unwrap().expect("a customer")
}

async fn of_click(stage: &Stage, click: &ClickDraft) -> Vec<CustomerView> {
    stage.store.customers_of_click(PROGRAM, click.id()).await.unwrap()
}

async fn event(stage: &Stage, id: EventId) -> Option<EventView> {
    stage.store.event(PROGRAM, id).await.unwrap()
}

fn ids(customer: &CustomerView) -> Vec<EventId> {
    customer.events.iter().map(|event| event.id).collect()
}

fn id(lead: &LeadDraft) -> EventId {
    lead.lead().id
}

fn of(customer: &CustomerView, id: EventId) -> &CustomerEvent {
    customer.events.iter().find(|event| event.id == id).expect("the event is listed")
}

fn assert_just_recorded(at: Timestamp) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let age = i64::try_from(now).unwrap() - at.micros();
    assert!((-5_000_000..60_000_000).contains(&age), "recorded {age} µs ago");
}

async fn a_customer_nobody_sent_is_none(stage: &Stage) {
    programs(stage).await;
    apply(stage, [server(1).key("usr_1").event()]).await;
    for text in ["usr_2", "USR_1", "%", "' OR 1=1--"] {
        assert_eq!(stage.store.customer(PROGRAM, &key(text)).await.unwrap(), None, "{text}");
    }
}

async fn a_journey_shows_the_click_and_the_lead(stage: &Stage) {
    programs(stage).await;
    let (visit, lead) = (click(2), server(1).key("a/b").click(&click(2)).email(7));
    apply(stage, [visit.event(), lead.event()]).await;

    let found = customer(stage, "a/b").await;
    for event in &found.events {
        assert_just_recorded(event.recorded_at);
    }
    let shown = |id, kind, source| CustomerEvent {
        id,
        kind,
        source,
        recorded_at: of(&found, id).recorded_at,
        click: Some(visit.id()),
        duplicate_of: None,
    };
    let expected = CustomerView {
        program: PROGRAM,
        key: Some(key("a/b")),
        status: Status::Lead,
        reason: Some(Reason::Attributed),
        partner_code: Some("CODE2".to_owned()),
        click: Some(visit.id()),
        lead_at: Some(id(&lead).received_at()),
        email_mask: Some("7***@example.com".to_owned()),
        flags: Flags::default(),
        events_total: 2,
        events: vec![
            shown(visit.id().event, EventKind::Click, Source::Browser),
            shown(id(&lead), EventKind::Lead, Source::Server),
        ],
    };
    assert_eq!(found, expected);
    assert!(found.is_attributed() && !found.is_provisional());
}

async fn a_duplicate_names_the_lead_that_counts_and_moves_with_it(stage: &Stage) {
    programs(stage).await;
    let (first, second, best) = (browser(1).key("usr_1"), browser(2).key("usr_1"), server(3).key("usr_1"));
    apply(stage, [second.event(), first.event()]).await;
    let before = customer(stage, "usr_1").await;
    assert_eq!(ids(&before), [id(&first), id(&second)]);
    assert_eq!(before.lead_at, Some(id(&first).received_at()));
    assert_eq!(of(&before, id(&first)).duplicate_of, None);
    assert_eq!(of(&before, id(&second)).duplicate_of, Some(id(&first)));

    apply(stage, [best.event()]).await;
    let after = customer(stage, "usr_1").await;
    assert_eq!((after.lead_at, after.events_total), (Some(id(&best).received_at()), 3));
    for (lead, state) in
        [(&first, EventState::Duplicate), (&second, EventState::Duplicate), (&best, EventState::Recorded)]
    {
        assert_eq!(of(&after, id(lead)).state(), state);
    }
}

async fn a_lead_without_a_key_is_shown_with_the_owner_of_its_click(stage: &Stage) {
    programs(stage).await;
    let visit = click(1);
    let (nameless, named) = (browser(1).click(&visit), server(2).key("usr_1").click(&visit));
    apply(stage, [visit.event(), nameless.event(), named.event()]).await;

    let found = customer(stage, "usr_1").await;
    assert_eq!(ids(&found), [visit.id().event, id(&nameless), id(&named)]);
    assert_eq!(found.events_total, 3);
    assert_eq!(of(&found, id(&nameless)).duplicate_of, Some(id(&named)));
    assert_eq!(of_click(stage, &visit).await, [found]);
    let seen = event(stage, id(&nameless)).await.unwrap();
    assert_eq!(
        (seen.state, seen.key, seen.duplicate_of),
        (EventState::Duplicate, Some(key("usr_1")), Some(id(&named)))
    );
}

async fn a_lead_without_a_key_and_with_a_duplicate_is_shown_with_the_owner(stage: &Stage) {
    programs(stage).await;
    let visit = click(1);
    let nameless = [1, 2, 3].map(|number| server(number).click(&visit));
    let named = browser(4).key("usr_1").click(&visit);
    apply(stage, [named.event(), visit.event()]).await;
    apply(stage, nameless.iter().map(LeadDraft::event)).await;

    let found = customer(stage, "usr_1").await;
    assert_eq!((found.events_total, found.events.len()), (5, 5));
    assert_eq!(found.lead_at, Some(id(&nameless[0]).received_at()), "a joined lead may be the better one");
    assert_eq!(of(&found, id(&named)).duplicate_of, Some(id(&nameless[0])));
    assert_eq!(event(stage, id(&nameless[2])).await.unwrap().duplicate_of, Some(id(&nameless[0])));
}

async fn a_customer_known_by_a_click_only_is_found_by_it(stage: &Stage) {
    programs(stage).await;
    let (visit, lead) = (click(1), browser(1).click(&click(1)));
    apply(stage, [lead.event(), visit.event()]).await;
    let found = of_click(stage, &visit).await;
    let [only] = &found[..] else { panic!("one customer, not {found:?}") };
    assert_eq!((&only.key, only.status, only.partner_code.as_deref()), (&None, Status::Lead, Some("CODE1")));
    assert_eq!(ids(only), [visit.id().event, id(&lead)]);
    assert_eq!(of_click(stage, &click(2)).await, []);
}

async fn every_key_that_named_a_click_is_found_by_it(stage: &Stage) {
    programs(stage).await;
    let visit = click(1);
    let leads = [server(1).key("usr_1").click(&visit), server(2).key("usr_2").click(&visit), server(3).key("usr_3")];
    let later = server(4).key("usr_3").click(&visit);
    apply(stage, [visit.event()]).await;
    apply(stage, leads.iter().chain([&later]).map(LeadDraft::event)).await;

    let found = of_click(stage, &visit).await;
    let keys: Vec<_> = found.iter().map(|customer| customer.key.clone().unwrap()).collect();
    assert_eq!(keys, [key("usr_1"), key("usr_2"), key("usr_3")]);
    assert_eq!(found[1].flags.names(), ["shared_click"]);
    for customer in &found {
        assert_eq!(
            stage.store.customer(PROGRAM, customer.key.as_ref().unwrap()).await.unwrap().as_ref(),
            Some(customer)
        );
    }
}

async fn a_click_without_a_lead_is_a_customer_in_status_click(stage: &Stage) {
    programs(stage).await;
    let visit = click(3);
    apply(stage, [visit.event()]).await;
    let found = of_click(stage, &visit).await;
    let [only] = &found[..] else { panic!("one customer, not {found:?}") };
    assert_eq!((&only.key, only.status, only.reason, only.lead_at), (&None, Status::Click, None, None));
    assert_eq!((only.partner_code.as_deref(), only.click), (Some("CODE3"), Some(visit.id())));
    assert_eq!((ids(only), only.events_total), (vec![visit.id().event], 1));
}

async fn a_click_that_was_only_named_is_no_event(stage: &Stage) {
    programs(stage).await;
    let lead = server(1).key("usr_1").click(&click(1));
    apply(stage, [lead.event()]).await;
    let found = customer(stage, "usr_1").await;
    assert_eq!(
        (found.reason, found.click, &found.partner_code),
        (Some(Reason::ClickNotFound), Some(click(1).id()), &None)
    );
    assert_eq!(ids(&found), [id(&lead)]);
    assert_eq!(event(stage, click(1).id().event).await, None);
}

async fn a_candidate_is_part_of_the_journey_and_identifies_nobody(stage: &Stage) {
    programs(stage).await;
    let lead = server(1).key("usr_1").candidates([&click(1), &click(2)]);
    apply(stage, [click(1).event(), click(2).event(), lead.event()]).await;
    let found = customer(stage, "usr_1").await;
    assert_eq!((found.click, found.partner_code.as_deref()), (Some(click(2).id()), Some("CODE2")));
    assert_eq!(ids(&found), [click(1).id().event, click(2).id().event, id(&lead)]);
    assert_eq!(of(&found, id(&lead)).click, None);
    assert_eq!(of_click(stage, &click(1)).await[0].status, Status::Click);
}

async fn a_provisional_customer_has_no_lead_yet(stage: &Stage) {
    programs(stage).await;
    let lead = provisional(1).key("usr_1").click(&click(1));
    apply(stage, [click(1).event(), lead.event()]).await;
    let found = customer(stage, "usr_1").await;
    assert_eq!((found.status, found.reason, found.lead_at), (Status::Click, Some(Reason::Provisional), None));
    assert!(found.is_provisional() && !found.is_attributed());
    assert_eq!(found.click, Some(click(1).id()), "the counted lead's click");
    assert_eq!(event(stage, id(&lead)).await.unwrap().state, EventState::Recorded);
}

async fn a_click_of_another_program_is_named_in_full(stage: &Stage) {
    programs(stage).await;
    let foreign = click(4).in_program(OTHER_PROGRAM);
    apply(stage, [foreign.event(), server(1).key("usr_1").candidates([&foreign]).event()]).await;
    let found = customer(stage, "usr_1").await;
    assert_eq!((found.reason, found.click), (Some(Reason::ClickInOtherProgram), Some(foreign.id())));
    assert_eq!(found.events_total, 1, "the click itself is the other program's");
}

async fn of_many_events_the_newest_hundred_are_shown_and_all_counted(stage: &Stage) {
    programs(stage).await;
    let leads: Vec<_> = (1..=150).map(|number| browser(number).key("usr_1").click(&click(1))).collect();
    let batch = Batch { events: leads.iter().map(LeadDraft::event).collect(), ..Batch::default() };
    apply(stage, [click(1).event()]).await;
    stage.store.session().apply(&batch).await.unwrap();
    let found = customer(stage, "usr_1").await;
    assert_eq!(found.events_total, 151);
    assert_eq!(ids(&found), leads[50..].iter().map(id).collect::<Vec<_>>());
    assert_eq!(found.lead_at, Some(id(&leads[0]).received_at()), "the counted lead itself is not among them");
    assert!(found.events.iter().all(|event| event.duplicate_of == Some(id(&leads[0]))));
}

async fn a_test_event_is_found_by_its_id_and_shown_nowhere_else(stage: &Stage) {
    programs(stage).await;
    let visit = click(1).test();
    let lead = server(1).key("usr_1").click(&visit).test();
    let anonymous = browser(2).test();
    apply(stage, [visit.event(), lead.event(), anonymous.event()]).await;

    assert_eq!(stage.store.customer(PROGRAM, &key("usr_1")).await.unwrap(), None);
    assert_eq!(of_click(stage, &visit).await, []);
    for (event_id, kind) in
        [(visit.id().event, EventKind::Click), (id(&lead), EventKind::Lead), (id(&anonymous), EventKind::Lead)]
    {
        let seen = event(stage, event_id).await.expect("the event");
        assert_eq!((seen.test, seen.kind, seen.state), (true, Some(kind), EventState::Recorded));
    }
    let seen = event(stage, id(&lead)).await.unwrap();
    assert_eq!((seen.key, seen.reason), (Some(key("usr_1")), Some(Reason::Attributed)));

    // A real lead that names the test click shows it as its reason, not as an event.
    apply(stage, [server(3).key("usr_2").click(&visit).event()]).await;
    let found = customer(stage, "usr_2").await;
    assert_eq!((found.reason, found.click, found.events_total), (Some(Reason::TestClick), Some(visit.id()), 1));
    assert_eq!(of_click(stage, &visit).await, [found]);
}

async fn nothing_of_another_program_is_seen(stage: &Stage) {
    programs(stage).await;
    let visit = click(4).in_program(OTHER_PROGRAM);
    let lead = server(1).in_program(OTHER_PROGRAM).key("usr_1").click(&visit);
    apply(stage, [visit.event(), lead.event()]).await;
    assert_eq!(stage.store.customer(PROGRAM, &key("usr_1")).await.unwrap(), None);
    assert_eq!(of_click(stage, &visit).await, []);
    assert_eq!(event(stage, id(&lead)).await, None);
    assert_eq!(event(stage, visit.id().event).await, None);
    let own = stage.store.customer(OTHER_PROGRAM, &key("usr_1")).await.unwrap().unwrap();
    assert_eq!((own.program, own.partner_code.as_deref()), (OTHER_PROGRAM, Some("CODE4")));
    assert!(stage.store.event(OTHER_PROGRAM, id(&lead)).await.unwrap().is_some());
}

async fn an_event_says_what_became_of_it(stage: &Stage) {
    programs(stage).await;
    let visit = click(1);
    let (counted, double) = (server(1).key("usr_1").click(&visit), server(2).key("usr_1"));
    apply(stage, [visit.event(), counted.event(), double.event()]).await;
    let seen = event(stage, id(&counted)).await.unwrap();
    assert_just_recorded(seen.recorded_at);
    let recorded = EventView {
        id: id(&counted),
        kind: Some(EventKind::Lead),
        state: EventState::Recorded,
        test: false,
        recorded_at: seen.recorded_at,
        key: Some(key("usr_1")),
        click: Some(visit.id()),
        reason: Some(Reason::Attributed),
        duplicate_of: None,
    };
    assert_eq!(seen, recorded);
    let seen = event(stage, id(&double)).await.unwrap();
    let duplicate = EventView {
        id: id(&double),
        state: EventState::Duplicate,
        recorded_at: seen.recorded_at,
        click: None,
        duplicate_of: Some(id(&counted)),
        ..recorded
    };
    assert_eq!(seen, duplicate);
    let seen = event(stage, visit.id().event).await.unwrap();
    assert_eq!((seen.kind, seen.state, seen.click), (Some(EventKind::Click), EventState::Recorded, Some(visit.id())));
    assert_eq!(event(stage, EventId::mint(Timestamp::from_micros(MINUTE), 1)).await, None);
}

async fn an_event_that_was_set_aside_says_so_until_it_is_recorded(stage: &Stage) {
    programs(stage).await;
    let lead = server(1).key("usr_1");
    let letter = DeadLetter {
        reason: DeadLetterReason::RefusedByStore,
        message: "The database refuses it.".to_owned(),
        program: Some(PROGRAM),
        event: Some(id(&lead)),
        pack: None,
        body: pack::encode_record(&lead.event()).unwrap(),
        whole_message: false,
    };
    let batch = Batch { dead_letters: vec![letter], ..Batch::default() };
    stage.store.session().apply(&batch).await.unwrap();
    let seen = event(stage, id(&lead)).await.unwrap();
    assert_eq!((seen.state, seen.kind, seen.reason), (EventState::DeadLettered, Some(EventKind::Lead), None));
    assert_eq!(stage.store.event(OTHER_PROGRAM, id(&lead)).await.unwrap(), None);

    apply(stage, [lead.event()]).await;
    assert_eq!(event(stage, id(&lead)).await.unwrap().state, EventState::Recorded);
}

async fn a_key_is_found_by_its_public_id(stage: &Stage) {
    programs(stage).await;
    let (key, plain) = stage.store.create_key(OTHER_PROGRAM, "Server", [5; domain::ApiKey::ENTROPY]).await.unwrap();
    let found = stage.store.key_by_id(&key.key_id).await.unwrap().expect("the key");
    assert_eq!((found.program_id, found.revoked_at), (OTHER_PROGRAM, None));
    assert!(found.admits(domain::ApiKey::parse(plain.text()).unwrap(), Timestamp::from_micros(0)));
    let at = Timestamp::from_micros(1_800_000_000_000_000);
    stage.store.revoke_key(OTHER_PROGRAM, &key.key_id, at).await.unwrap();
    assert_eq!(stage.store.key_by_id(&key.key_id).await.unwrap().unwrap().revoked_at, Some(at));
    assert_eq!(stage.store.key_by_id("000000000000").await.unwrap(), None);
}

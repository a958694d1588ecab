//! Single events as JSON.

use crate::stage::{Stage, cookie};
use domain::scenario::{click, server};

#[tokio::test]
async fn a_lead_a_duplicate_and_a_click_are_answered_exactly_as_documented() {
    let stage = Stage::new().await;
    let (counted, double) = (server(1).key("usr_1").click(&click(1)), server(2).key("usr_1"));
    stage.apply([click(1).event(), counted.event(), double.event()]).await;
    let (visit, cookie) = (click(1).id().event, cookie(&click(1)));
    let (counted, double) = (counted.lead().id, double.lead().id);

    let expected = [
        format!(
            r#"{{"event_id":"{counted}","type":"lead","state":"recorded","received_at":"2026-05-28T20:27:40.000Z","#
        ),
        format!(r#""recorded_at":"NOW","customer_key":"usr_1","click_id":"{cookie}","attributed":true,"#),
        r#""reason":"attributed","hint":null,"duplicate_of":null}"#.to_owned(),
    ];
    assert_eq!(stage.get(&format!("/api/v1/events/{counted}")).await.found(), expected.concat());
    let expected = [
        format!(
            r#"{{"event_id":"{double}","type":"lead","state":"duplicate","received_at":"2026-05-28T20:28:40.000Z","#
        ),
        r#""recorded_at":"NOW","customer_key":"usr_1","click_id":null,"attributed":true,"#.to_owned(),
        format!(r#""reason":"attributed","hint":null,"duplicate_of":"{counted}"}}"#),
    ];
    assert_eq!(stage.get(&format!("/api/v1/events/{double}")).await.found(), expected.concat());
    let expected = [
        format!(
            r#"{{"event_id":"{visit}","type":"click","state":"recorded","received_at":"2026-05-27T20:27:40.000Z","#
        ),
        format!(r#""recorded_at":"NOW","customer_key":null,"click_id":"{cookie}","attributed":null,"#),
        r#""reason":null,"hint":null,"duplicate_of":null}"#.to_owned(),
    ];
    assert_eq!(stage.get(&format!("/api/v1/events/{visit}")).await.found(), expected.concat());
}

#[tokio::test]
async fn a_test_event_says_that_it_is_one() {
    let stage = Stage::new().await;
    let lead = server(1).key("usr_1").test();
    stage.apply([lead.event()]).await;
    assert_eq!(stage.get(&format!("/api/v1/events/{}", lead.lead().id)).await.json()["test"], true);
    stage.get("/api/v1/customers/usr_1").await.assert_refused(404, "customer_not_found");
}

#[tokio::test]
async fn what_cannot_be_an_event_id_is_answered_like_one_that_was_never_accepted() {
    let stage = Stage::new().await;
    let unknown = stage.get("/api/v1/events/01900000-0000-7000-8000-000000000000").await;
    unknown.assert_refused(404, "not_recorded");
    for id in ["x", "1", "%ff", "%00", "01900000-0000-4000-8000-000000000000", "01900000000070008000000000000000"] {
        assert_eq!(stage.get(&format!("/api/v1/events/{id}")).await, unknown, "{id}");
    }
}

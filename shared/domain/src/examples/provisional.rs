//! Leads of programs that wait for their server.

use super::{Example, counted};
use crate::scenario::{browser, click, provisional, server};

pub(super) fn a_provisional_lead_waits_in_status_click() -> Example {
    let visit = click(1);
    let (first, second) = (provisional(1).key("usr_1").click(&visit).email(1), provisional(2).key("usr_1"));
    let expected = counted(&first).also(&second).provisional().email(1);
    Example::new().click(&visit).lead(&first).lead(&second).customer(expected)
}

pub(super) fn the_servers_lead_confirms_a_provisional_one() -> Example {
    let visit = click(1);
    let (waiting, confirming) = (provisional(1).key("usr_1").click(&visit), server(2).key("usr_1"));
    let expected = counted(&confirming).also(&waiting).attributed(&visit).click_from_browser();
    Example::new().click(&visit).lead(&waiting).lead(&confirming).customer(expected)
}

pub(super) fn a_browser_lead_that_is_enough_confirms_a_provisional_one() -> Example {
    let visit = click(1);
    let (waiting, confirming) = (provisional(1).key("usr_1").click(&visit), browser(2).key("usr_1"));
    let expected = counted(&confirming).also(&waiting).attributed(&visit);
    Example::new().click(&visit).lead(&waiting).lead(&confirming).customer(expected)
}

pub(super) fn a_lead_without_a_key_never_confirms_a_provisional_one() -> Example {
    let visit = click(1);
    let (waiting, keyless) = (provisional(1).key("usr_1").click(&visit), server(2).click(&visit).email(2));
    let expected = counted(&keyless).known_by(&waiting).provisional().email(2);
    Example::new().click(&visit).lead(&waiting).lead(&keyless).customer(expected)
}

pub(super) fn a_lead_without_a_key_waits_like_any_other() -> Example {
    let visit = click(1);
    let waiting = provisional(1).click(&visit);
    Example::new().click(&visit).lead(&waiting).customer(counted(&waiting).provisional())
}

pub(super) fn a_second_lead_of_the_same_click_confirms_where_there_is_no_key() -> Example {
    let visit = click(1);
    let (waiting, confirming) = (provisional(1).click(&visit), server(2).click(&visit));
    let expected = counted(&confirming).also(&waiting).attributed(&visit);
    Example::new().click(&visit).lead(&waiting).lead(&confirming).customer(expected)
}

pub(super) fn a_provisional_lead_owns_its_click() -> Example {
    let visit = click(1);
    let (waiting, keyless) = (provisional(1).key("usr_1").click(&visit), provisional(2).click(&visit));
    let expected = counted(&waiting).also(&keyless).provisional();
    Example::new().click(&visit).lead(&waiting).lead(&keyless).customer(expected)
}

pub(super) fn a_provisional_lead_may_share_a_click() -> Example {
    let visit = click(1);
    let (waiting, owner) = (provisional(1).key("usr_1").click(&visit), browser(2).key("usr_2").click(&visit));
    Example::new()
        .click(&visit)
        .lead(&waiting)
        .lead(&owner)
        .customer(counted(&waiting).provisional().shared_click())
        .customer(counted(&owner).attributed(&visit))
}

pub(super) fn a_confirmed_key_does_not_confirm_the_other_on_its_click() -> Example {
    let visit = click(1);
    let (first, second) = (provisional(1).key("usr_1").click(&visit), provisional(2).key("usr_2").click(&visit));
    let confirming = server(3).key("usr_2");
    Example::new()
        .click(&visit)
        .lead(&first)
        .lead(&second)
        .lead(&confirming)
        .customer(counted(&first).provisional())
        .customer(counted(&confirming).also(&second).attributed(&visit).shared_click().click_from_browser())
}

//! Which of a customer's leads counts, and how leads of different rank share what they know of clicks.

use super::{Example, counted};
use crate::scenario::{browser, click, provisional, server};

pub(super) fn a_server_lead_takes_the_place_of_an_earlier_browser_lead() -> Example {
    let (early, better) = (browser(1).key("usr_1"), server(2).key("usr_1"));
    Example::new().lead(&early).lead(&better).customer(counted(&better).also(&early))
}

pub(super) fn an_earlier_lead_of_the_same_class_counts() -> Example {
    let (late, early) = (browser(2).key("usr_1"), browser(1).key("usr_1"));
    Example::new().lead(&late).lead(&early).customer(counted(&early).also(&late))
}

pub(super) fn leads_of_the_same_moment_stand_in_the_order_of_their_ids() -> Example {
    let (larger, smaller) = (server(2).at(0).key("usr_1"), server(1).at(0).key("usr_1"));
    Example::new().lead(&larger).lead(&smaller).customer(counted(&smaller).also(&larger))
}

pub(super) fn a_browser_lead_stands_before_a_provisional_one() -> Example {
    let (early, better) = (provisional(1).key("usr_1"), browser(2).key("usr_1"));
    Example::new().lead(&early).lead(&better).customer(counted(&better).also(&early))
}

pub(super) fn a_browser_never_displaces_the_click_that_the_server_named() -> Example {
    let (named, newer) = (click(1), click(2));
    let (from_server, from_browser) = (server(2).click(&named).key("usr_1"), browser(1).click(&newer).key("usr_1"));
    Example::new()
        .click(&named)
        .click(&newer)
        .lead(&from_server)
        .lead(&from_browser)
        .customer(counted(&from_server).also(&from_browser).attributed(&named))
}

pub(super) fn a_server_lead_without_a_click_takes_over_the_browsers() -> Example {
    let visit = click(1);
    let (from_browser, from_server) = (browser(1).click(&visit).key("usr_1"), server(2).key("usr_1"));
    let expected = counted(&from_server).also(&from_browser).attributed(&visit).click_from_browser();
    Example::new().click(&visit).lead(&from_browser).lead(&from_server).customer(expected)
}

pub(super) fn a_server_lead_whose_click_does_not_count_takes_over_the_browsers() -> Example {
    let (crawled, visit) = (click(2).bot(), click(1));
    let (from_server, from_browser) = (server(1).click(&crawled).key("usr_1"), browser(2).click(&visit).key("usr_1"));
    Example::new()
        .click(&crawled)
        .click(&visit)
        .lead(&from_server)
        .lead(&from_browser)
        .customer(counted(&from_server).also(&from_browser).attributed(&visit).click_from_browser())
}

pub(super) fn a_second_server_lead_brings_the_click_that_the_first_lacked() -> Example {
    let visit = click(1);
    let (first, second) = (server(1).key("usr_1"), server(2).click(&visit).key("usr_1"));
    let expected = counted(&first).also(&second).attributed(&visit);
    Example::new().click(&visit).lead(&first).lead(&second).customer(expected)
}

pub(super) fn a_joined_browser_lead_brings_the_click_for_a_server_lead() -> Example {
    let (crawled, visit) = (click(1).bot(), click(2));
    let keyed = server(1).click(&crawled).key("usr_1");
    let keyless = browser(2).click(&crawled).candidates([&visit]);
    Example::new()
        .click(&crawled)
        .click(&visit)
        .lead(&keyed)
        .lead(&keyless)
        .customer(counted(&keyed).also(&keyless).attributed(&visit).click_from_browser())
}

/// To be delivered with the candidate last: a lead known by its click waits for it, and is another's by then.
pub(super) fn a_late_candidate_of_a_joined_lead_attributes() -> Example {
    let (crawled, late) = (click(1).bot(), click(2));
    let keyless = browser(1).click(&crawled).candidates([&late]);
    let keyed = browser(2).click(&crawled).key("usr_1");
    Example::new()
        .lead(&keyless)
        .lead(&keyed)
        .click(&crawled)
        .click(&late)
        .customer(counted(&keyless).known_by(&keyed).attributed(&late))
}

//! Every reason, which of several faults is told, and of which click.

use super::{Example, counted};
use crate::outcome::Reason;
use crate::scenario::{ClickDraft, DAY, MINUTE, OTHER_PROGRAM, browser, click, server};

/// A server's lead names that click, which arrived, and nothing else.
fn names_one_seen(visit: &ClickDraft, reason: Reason) -> Example {
    let lead = server(1).key("usr_1").click(visit);
    Example::new().click(visit).lead(&lead).customer(counted(&lead).because(reason, visit))
}

/// The same where the click never arrives.
fn names_one_unseen(visit: &ClickDraft, reason: Reason) -> Example {
    let lead = server(1).key("usr_1").click(visit);
    Example::new().lead(&lead).customer(counted(&lead).because(reason, visit))
}

pub(super) fn attributed_tells_link_and_click() -> Example {
    let visit = click(7);
    let lead = browser(1).click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).attributed(&visit))
}

pub(super) fn no_click_id_when_no_lead_names_a_click() -> Example {
    let (first, second) = (server(1).key("usr_1"), browser(2).key("usr_1"));
    Example::new().click(&click(1)).lead(&first).lead(&second).customer(counted(&first).also(&second))
}

pub(super) fn click_not_found_when_the_click_has_not_come() -> Example {
    names_one_unseen(&click(1), Reason::ClickNotFound)
}

pub(super) fn click_not_found_for_a_click_id_that_is_not_ours() -> Example {
    let (without, foreign) = (server(1).key("usr_1"), browser(2).key("usr_1").foreign_click());
    Example::new().lead(&without).lead(&foreign).customer(counted(&without).also(&foreign).foreign())
}

pub(super) fn a_click_id_that_is_not_ours_gives_way_to_a_genuine_one() -> Example {
    let crawled = click(1).bot();
    let (foreign, genuine) = (server(1).key("usr_1").foreign_click(), browser(2).key("usr_1").click(&crawled));
    let expected = counted(&foreign).also(&genuine).because(Reason::BotClick, &crawled);
    Example::new().click(&crawled).lead(&foreign).lead(&genuine).customer(expected)
}

pub(super) fn click_in_other_program_when_only_another_programs_clicks_are_named() -> Example {
    let (seen, lost) = (click(1).in_program(OTHER_PROGRAM), click(2).in_program(OTHER_PROGRAM));
    let lead = server(1).key("usr_1").candidates([&seen, &lost]);
    let expected = counted(&lead).because(Reason::ClickInOtherProgram, &lost);
    Example::new().click(&seen).lead(&lead).customer(expected)
}

pub(super) fn window_expired_when_the_click_is_too_old() -> Example {
    names_one_seen(&click(1).at(-61 * DAY), Reason::WindowExpired)
}

pub(super) fn click_after_lead_when_the_click_was_made_after_the_signup() -> Example {
    names_one_seen(&click(1).at(2 * MINUTE), Reason::ClickAfterLead)
}

pub(super) fn bot_click_when_a_crawler_clicked() -> Example {
    names_one_seen(&click(1).bot(), Reason::BotClick)
}

pub(super) fn test_click_when_a_real_lead_names_a_test_click() -> Example {
    names_one_seen(&click(1).test(), Reason::TestClick)
}

pub(super) fn the_reason_is_that_of_the_first_lead_that_names_a_click() -> Example {
    let (lost, crawled) = (click(1), click(2).bot());
    let (none, first) = (server(1).key("usr_1"), server(2).key("usr_1").candidates([&lost]));
    let second = server(3).key("usr_1").click(&crawled);
    Example::new()
        .click(&crawled)
        .lead(&none)
        .lead(&first)
        .lead(&second)
        .customer(counted(&none).also(&first).also(&second).because(Reason::ClickNotFound, &lost))
}

pub(super) fn the_reason_speaks_of_the_newest_click() -> Example {
    let (old, crawled) = (click(1).at(-61 * DAY), click(2).bot());
    let lead = server(1).key("usr_1").click(&old).candidates([&crawled]);
    let expected = counted(&lead).because(Reason::BotClick, &crawled);
    Example::new().click(&old).click(&crawled).lead(&lead).customer(expected)
}

pub(super) fn the_reason_speaks_of_the_oldest_click_where_the_first_counts() -> Example {
    let (old, crawled) = (click(1).at(-61 * DAY), click(2).bot());
    let lead = server(1).key("usr_1").click(&old).candidates([&crawled]).first_click();
    let expected = counted(&lead).because(Reason::WindowExpired, &old);
    Example::new().click(&old).click(&crawled).lead(&lead).customer(expected)
}

pub(super) fn the_reason_speaks_of_seen_clicks_before_unseen_ones() -> Example {
    let (crawled, lost) = (click(1).bot(), click(2));
    let lead = server(1).key("usr_1").click(&lost).candidates([&crawled]);
    let expected = counted(&lead).because(Reason::BotClick, &crawled);
    Example::new().click(&crawled).lead(&lead).customer(expected)
}

pub(super) fn the_reason_speaks_of_own_clicks_before_another_programs() -> Example {
    let (lost, others) = (click(1), click(2).in_program(OTHER_PROGRAM));
    let lead = server(1).key("usr_1").candidates([&lost, &others]);
    let expected = counted(&lead).because(Reason::ClickNotFound, &lost);
    Example::new().click(&others).lead(&lead).customer(expected)
}

pub(super) fn the_reason_counts_a_test_click_among_the_unseen() -> Example {
    let (crawled, tried) = (click(1).bot(), click(2).test());
    let lead = server(1).key("usr_1").click(&tried).candidates([&crawled]);
    let expected = counted(&lead).because(Reason::BotClick, &crawled);
    Example::new().click(&crawled).click(&tried).lead(&lead).customer(expected)
}

pub(super) fn another_programs_test_click_is_another_programs() -> Example {
    let tried = click(1).in_program(OTHER_PROGRAM).test();
    let lead = server(1).key("usr_1").candidates([&tried]);
    Example::new().click(&tried).lead(&lead).customer(counted(&lead).because(Reason::ClickInOtherProgram, &tried))
}

pub(super) fn an_old_test_click_is_a_test_click() -> Example {
    names_one_unseen(&click(1).at(-61 * DAY).test(), Reason::TestClick)
}

pub(super) fn an_old_bots_click_is_a_bots_click() -> Example {
    names_one_seen(&click(1).at(-61 * DAY).bot(), Reason::BotClick)
}

pub(super) fn a_bots_click_after_the_lead_is_a_bots_click() -> Example {
    names_one_seen(&click(1).at(2 * MINUTE).bot(), Reason::BotClick)
}

pub(super) fn an_unseen_click_out_of_the_window_is_expired() -> Example {
    names_one_unseen(&click(1).at(-61 * DAY), Reason::WindowExpired)
}

pub(super) fn an_unseen_click_after_the_lead_is_after_the_lead() -> Example {
    names_one_unseen(&click(1).at(2 * MINUTE), Reason::ClickAfterLead)
}

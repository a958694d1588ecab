//! What never meets: two programs, and the real and the test world of each.

use super::{Example, counted};
use crate::outcome::Reason;
use crate::scenario::{DAY, OTHER_PROGRAM, browser, click, server};

pub(super) fn the_same_key_in_two_programs_is_two_customers() -> Example {
    let visit = click(1);
    let (here, there) = (server(1).key("usr_1").click(&visit), server(2).key("usr_1").in_program(OTHER_PROGRAM));
    Example::new()
        .click(&visit)
        .lead(&here)
        .lead(&there)
        .customer(counted(&here).attributed(&visit))
        .customer(counted(&there))
}

pub(super) fn the_same_key_in_both_worlds_is_two_customers() -> Example {
    let (real, tried) = (server(2).key("usr_1").email(1), server(1).key("usr_1").test());
    Example::new().lead(&real).lead(&tried).customer(counted(&real).email(1)).customer(counted(&tried))
}

pub(super) fn a_test_lead_is_attributed_to_a_test_click() -> Example {
    let visit = click(1).test();
    let lead = server(1).test().key("usr_1").click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).attributed(&visit))
}

pub(super) fn a_test_click_without_a_link_attributes() -> Example {
    let visit = click(1).test().without_link();
    let lead = browser(1).test().click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).attributed(&visit))
}

pub(super) fn a_test_lead_does_not_find_a_real_click() -> Example {
    let visit = click(1).bot();
    let lead = server(1).test().key("usr_1").click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).because(Reason::ClickNotFound, &visit))
}

pub(super) fn a_test_lead_naming_an_old_real_click_has_it_expired() -> Example {
    let visit = click(1).at(-61 * DAY);
    let lead = server(1).test().key("usr_1").click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).because(Reason::WindowExpired, &visit))
}

pub(super) fn test_leads_that_name_nobody_are_each_their_own() -> Example {
    let (first, second) = (server(1).test(), server(2).test());
    Example::new().lead(&first).lead(&second).customer(counted(&first)).customer(counted(&second))
}

pub(super) fn a_real_and_a_test_lead_on_one_click_do_not_meet() -> Example {
    let visit = click(1);
    let (real, tried) = (server(2).key("usr_1").click(&visit), server(1).test().key("usr_2").click(&visit));
    let keyless = browser(3).click(&visit);
    let keyless_tried = browser(4).test().click(&visit);
    Example::new()
        .click(&visit)
        .lead(&real)
        .lead(&tried)
        .lead(&keyless)
        .lead(&keyless_tried)
        .customer(counted(&real).also(&keyless).attributed(&visit))
        .customer(counted(&tried).also(&keyless_tried).because(Reason::ClickNotFound, &visit))
}

pub(super) fn a_test_click_identifies_real_leads() -> Example {
    let (tried, other) = (click(1).test(), click(2).test());
    let (keyless, keyed) = (browser(1).click(&tried), browser(2).click(&tried).key("usr_1"));
    let alone = browser(3).click(&other);
    Example::new()
        .click(&tried)
        .lead(&keyless)
        .lead(&keyed)
        .lead(&alone)
        .customer(counted(&keyless).known_by(&keyed).because(Reason::TestClick, &tried))
        .customer(counted(&alone).because(Reason::TestClick, &other))
}

pub(super) fn two_real_keys_on_one_test_click_share_it() -> Example {
    let tried = click(1).test();
    let (first, second) = (server(1).key("usr_1").click(&tried), server(2).key("usr_2").click(&tried));
    Example::new()
        .click(&tried)
        .lead(&first)
        .lead(&second)
        .customer(counted(&first).because(Reason::TestClick, &tried))
        .customer(counted(&second).because(Reason::TestClick, &tried).shared_click())
}

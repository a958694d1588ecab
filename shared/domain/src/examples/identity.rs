//! Who is one customer, whom a click belongs to, and what leads of one customer add to each other.

use super::{Example, counted};
use crate::outcome::Reason;
use crate::scenario::{DAY, browser, click, server};

pub(super) fn a_lead_with_a_key_is_a_customer() -> Example {
    let lead = server(1).key("usr_1");
    Example::new().lead(&lead).customer(counted(&lead))
}

pub(super) fn a_second_lead_with_the_same_customer_key_is_a_duplicate() -> Example {
    let (first, second) = (server(1).key("usr_1"), server(2).key("usr_1"));
    Example::new().lead(&first).lead(&second).customer(counted(&first).also(&second))
}

pub(super) fn leads_with_only_a_click_are_one_customer_per_click() -> Example {
    let (one, two) = (click(1), click(2));
    let (first, second, third) = (browser(1).click(&one), browser(2).click(&one), browser(3).click(&two));
    Example::new()
        .click(&one)
        .click(&two)
        .lead(&first)
        .lead(&second)
        .lead(&third)
        .customer(counted(&first).also(&second).attributed(&one))
        .customer(counted(&third).attributed(&two))
}

pub(super) fn a_click_without_a_lead_is_no_customer() -> Example {
    Example::new().click(&click(1))
}

pub(super) fn a_lead_with_only_a_click_joins_the_key_that_names_the_click_later() -> Example {
    let visit = click(1);
    let (keyless, keyed) = (browser(1).click(&visit), browser(2).click(&visit).key("usr_1"));
    Example::new()
        .click(&visit)
        .lead(&keyless)
        .lead(&keyed)
        .customer(counted(&keyless).known_by(&keyed).attributed(&visit))
}

pub(super) fn a_lead_with_only_a_click_joins_the_key_that_named_the_click_before() -> Example {
    let visit = click(1);
    let (keyed, keyless) = (browser(1).click(&visit).key("usr_1"), browser(2).click(&visit));
    Example::new().click(&visit).lead(&keyed).lead(&keyless).customer(counted(&keyed).also(&keyless).attributed(&visit))
}

pub(super) fn a_joined_lead_counts_when_it_is_the_better_one() -> Example {
    let visit = click(1);
    let (keyed, keyless) = (browser(1).click(&visit).key("usr_1"), server(2).click(&visit));
    let expected = counted(&keyless).known_by(&keyed).attributed(&visit);
    Example::new().click(&visit).lead(&keyed).lead(&keyless).customer(expected)
}

pub(super) fn two_keys_on_one_click_are_two_customers_and_the_second_is_flagged() -> Example {
    let visit = click(1);
    let (first, second) = (server(1).click(&visit).key("usr_1"), server(2).click(&visit).key("usr_2"));
    Example::new()
        .click(&visit)
        .lead(&first)
        .lead(&second)
        .customer(counted(&first).attributed(&visit))
        .customer(counted(&second).attributed(&visit).shared_click())
}

pub(super) fn a_better_lead_takes_the_click_and_the_leads_that_follow_it() -> Example {
    let visit = click(1);
    let (first, keyless) = (browser(1).click(&visit).key("usr_1"), browser(2).click(&visit).email(1));
    let better = server(3).click(&visit).key("usr_2");
    Example::new()
        .click(&visit)
        .lead(&first)
        .lead(&keyless)
        .lead(&better)
        .customer(counted(&first).attributed(&visit).shared_click())
        .customer(counted(&better).also(&keyless).attributed(&visit).email(1))
}

pub(super) fn the_best_lead_that_names_the_click_decides_who_owns_it() -> Example {
    let visit = click(1);
    let without_click = server(1).key("usr_1");
    let naming = browser(3).click(&visit).key("usr_1");
    let earlier = browser(2).click(&visit).key("usr_2");
    Example::new()
        .click(&visit)
        .lead(&without_click)
        .lead(&naming)
        .lead(&earlier)
        .customer(counted(&without_click).also(&naming).attributed(&visit).shared_click().click_from_browser())
        .customer(counted(&earlier).attributed(&visit))
}

pub(super) fn a_candidate_identifies_nobody() -> Example {
    let visit = click(1);
    let (keyless, keyed) = (browser(1).click(&visit), server(2).key("usr_1").candidates([&visit]));
    Example::new()
        .click(&visit)
        .lead(&keyless)
        .lead(&keyed)
        .customer(counted(&keyless).attributed(&visit))
        .customer(counted(&keyed).attributed(&visit))
}

pub(super) fn a_candidate_that_another_owns_is_not_shared() -> Example {
    let (own, anothers) = (click(1), click(2));
    let owner = server(1).key("usr_1").click(&anothers);
    let lead = server(2).key("usr_2").click(&own).candidates([&anothers]);
    Example::new()
        .click(&own)
        .click(&anothers)
        .lead(&owner)
        .lead(&lead)
        .customer(counted(&owner).attributed(&anothers))
        .customer(counted(&lead).attributed(&anothers))
}

pub(super) fn a_click_that_never_came_still_identifies() -> Example {
    let (lost, old) = (click(1), click(2).at(-90 * DAY));
    let (keyless, keyed) = (browser(1).click(&lost), browser(2).click(&lost).key("usr_1"));
    let (keyless_old, keyed_old) = (browser(3).click(&old), browser(4).click(&old).key("usr_2"));
    Example::new()
        .lead(&keyless)
        .lead(&keyed)
        .lead(&keyless_old)
        .lead(&keyed_old)
        .customer(counted(&keyless).known_by(&keyed).because(Reason::ClickNotFound, &lost))
        .customer(counted(&keyless_old).known_by(&keyed_old).because(Reason::WindowExpired, &old))
}

pub(super) fn the_email_of_the_first_lead_that_has_one_is_kept() -> Example {
    let (first, second) = (server(1).key("usr_1"), server(2).key("usr_1").email(2));
    let third = server(3).key("usr_1").email(3);
    let expected = counted(&first).also(&second).also(&third).email(2);
    Example::new().lead(&first).lead(&second).lead(&third).customer(expected)
}

pub(super) fn the_email_of_a_better_lead_goes_first() -> Example {
    let (early, better) = (browser(1).key("usr_1").email(1), server(2).key("usr_1").email(2));
    Example::new().lead(&early).lead(&better).customer(counted(&better).also(&early).email(2))
}

pub(super) fn a_joined_lead_brings_its_email() -> Example {
    let visit = click(1);
    let (keyed, keyless) = (server(1).click(&visit).key("usr_1"), browser(2).click(&visit).email(2));
    let expected = counted(&keyed).also(&keyless).attributed(&visit).email(2);
    Example::new().click(&visit).lead(&keyed).lead(&keyless).customer(expected)
}

pub(super) fn keys_are_compared_byte_for_byte() -> Example {
    let (lower, upper) = (server(1).key("usr_1"), server(2).key("USR_1"));
    Example::new().lead(&lower).lead(&upper).customer(counted(&lower)).customer(counted(&upper))
}

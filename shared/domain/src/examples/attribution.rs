//! Which click attributes a customer: candidates, windows, tolerance, and the program's model.

use super::{Example, counted};
use crate::outcome::Reason;
use crate::scenario::{DAY, MINUTE, OTHER_PROGRAM, SECOND, browser, click, server};

pub(super) fn the_newest_click_wins() -> Example {
    let (older, newer) = (click(1), click(2));
    let lead = server(1).key("usr_1").click(&newer).candidates([&older]);
    Example::new().click(&older).click(&newer).lead(&lead).customer(counted(&lead).attributed(&newer))
}

pub(super) fn the_oldest_click_wins_where_the_first_click_counts() -> Example {
    let (older, newer) = (click(1), click(2));
    let lead = server(1).key("usr_1").click(&newer).candidates([&older]).first_click();
    Example::new().click(&older).click(&newer).lead(&lead).customer(counted(&lead).attributed(&older))
}

pub(super) fn the_named_click_has_no_advantage_over_a_candidate() -> Example {
    let (older, newer) = (click(1), click(2));
    let lead = server(1).key("usr_1").click(&older).candidates([&newer]);
    Example::new().click(&older).click(&newer).lead(&lead).customer(counted(&lead).attributed(&newer))
}

pub(super) fn clicks_of_the_same_moment_stand_in_the_order_of_their_ids() -> Example {
    let (smaller, larger) = (click(1).at(-MINUTE), click(2).at(-MINUTE));
    let last = server(1).key("usr_1").click(&smaller).candidates([&larger]);
    let first = server(2).key("usr_2").candidates([&smaller, &larger]).first_click();
    Example::new()
        .click(&smaller)
        .click(&larger)
        .lead(&last)
        .lead(&first)
        .customer(counted(&last).attributed(&larger))
        .customer(counted(&first).attributed(&smaller))
}

pub(super) fn the_first_lead_that_has_a_candidate_decides() -> Example {
    let (older, newer) = (click(1), click(2));
    let (first, second) = (server(1).key("usr_1").click(&older), server(2).key("usr_1").click(&newer));
    let expected = counted(&first).also(&second).attributed(&older);
    Example::new().click(&older).click(&newer).lead(&first).lead(&second).customer(expected)
}

pub(super) fn the_model_is_the_counted_leads() -> Example {
    let (older, newer) = (click(1), click(2));
    let first = server(1).key("usr_1").first_click();
    let second = server(2).key("usr_1").click(&newer).candidates([&older]);
    let expected = counted(&first).also(&second).attributed(&older);
    Example::new().click(&older).click(&newer).lead(&first).lead(&second).customer(expected)
}

pub(super) fn the_window_is_the_counted_leads() -> Example {
    let visit = click(1).at(-2 * DAY);
    let (first, second) = (server(1).key("usr_1").window(1), server(2).key("usr_1").click(&visit).window(60));
    let expected = counted(&first).also(&second).because(Reason::WindowExpired, &visit);
    Example::new().click(&visit).lead(&first).lead(&second).customer(expected)
}

pub(super) fn the_window_ends_at_the_counted_lead() -> Example {
    let between = click(1).at(MINUTE);
    let (first, second) = (server(1).at(0).key("usr_1"), server(2).at(2 * MINUTE).key("usr_1").click(&between));
    let expected = counted(&first).also(&second).because(Reason::ClickAfterLead, &between);
    Example::new().click(&between).lead(&first).lead(&second).customer(expected)
}

pub(super) fn a_click_as_old_as_the_window_attributes() -> Example {
    let visit = click(1).at(-60 * DAY);
    let lead = server(1).at(0).key("usr_1").click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).attributed(&visit))
}

pub(super) fn a_click_older_than_the_window_expires() -> Example {
    let visit = click(1).at(-60 * DAY - 1);
    let lead = server(1).at(0).key("usr_1").click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).because(Reason::WindowExpired, &visit))
}

pub(super) fn a_window_of_no_days_takes_the_moment_itself() -> Example {
    let (same, before) = (click(1).at(0), click(2).at(-1));
    let taken = server(1).at(0).key("usr_1").click(&same).window(0);
    let expired = server(2).at(0).key("usr_2").click(&before).window(0);
    Example::new()
        .click(&same)
        .click(&before)
        .lead(&taken)
        .lead(&expired)
        .customer(counted(&taken).attributed(&same))
        .customer(counted(&expired).because(Reason::WindowExpired, &before))
}

pub(super) fn a_click_five_seconds_after_the_lead_attributes() -> Example {
    let visit = click(1).at(5 * SECOND);
    let lead = server(1).at(0).key("usr_1").click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).attributed(&visit))
}

pub(super) fn a_click_more_than_five_seconds_after_the_lead_does_not() -> Example {
    let visit = click(1).at(5 * SECOND + 1);
    let lead = server(1).at(0).key("usr_1").click(&visit);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).because(Reason::ClickAfterLead, &visit))
}

pub(super) fn a_bots_click_gives_way_to_a_persons() -> Example {
    let (visit, crawled) = (click(1), click(2).bot());
    let lead = server(1).key("usr_1").click(&crawled).candidates([&visit]);
    Example::new().click(&visit).click(&crawled).lead(&lead).customer(counted(&lead).attributed(&visit))
}

pub(super) fn an_unseen_click_gives_way_to_a_seen_one() -> Example {
    let (visit, lost) = (click(1), click(2));
    let lead = server(1).key("usr_1").click(&lost).candidates([&visit]);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).attributed(&visit))
}

pub(super) fn another_programs_click_gives_way_to_an_own_one() -> Example {
    let (own, others) = (click(1), click(2).in_program(OTHER_PROGRAM));
    let lead = server(1).key("usr_1").candidates([&own, &others]);
    Example::new().click(&own).click(&others).lead(&lead).customer(counted(&lead).attributed(&own))
}

pub(super) fn a_foreign_click_id_does_not_spoil_a_genuine_candidate() -> Example {
    let visit = click(1);
    let lead = browser(1).foreign_click().key("usr_1").candidates([&visit]);
    Example::new().click(&visit).lead(&lead).customer(counted(&lead).attributed(&visit))
}

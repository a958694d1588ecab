//! Every rule and every reason as a small named story: its events, and the customers they must make.
//!
//! Plain data, so that the model, the core and each store can be held to the same stories. The stories speak of
//! the set of events; in which order and in which batches they are delivered is up to the test that runs them.

mod attribution;
mod identity;
mod provisional;
mod rank;
mod reasons;
mod worlds;

use crate::event::Event;
use crate::identity::Ident;
use crate::model::{ModelCustomer, Realm};
use crate::outcome::{Reason, Status};
use crate::scenario::{ClickDraft, LeadDraft, email_mark};
use std::collections::{BTreeMap, BTreeSet};

/// One story.
#[derive(Debug, Clone, Default)]
pub struct Example {
    /// What it shows, as a sentence.
    pub name: &'static str,
    /// Its events.
    pub events: Vec<Event>,
    /// Every customer that there must be, and no other.
    pub customers: BTreeMap<(Realm, Ident), ModelCustomer>,
}

/// Hands the names of all examples, by area, to a macro: so that a test crate can make a test of each.
#[macro_export]
macro_rules! for_every_example {
    ($callback:ident) => {
        $callback! {
            identity {
                a_lead_with_a_key_is_a_customer
                a_second_lead_with_the_same_customer_key_is_a_duplicate
                leads_with_only_a_click_are_one_customer_per_click
                a_click_without_a_lead_is_no_customer
                a_lead_with_only_a_click_joins_the_key_that_names_the_click_later
                a_lead_with_only_a_click_joins_the_key_that_named_the_click_before
                a_joined_lead_counts_when_it_is_the_better_one
                two_keys_on_one_click_are_two_customers_and_the_second_is_flagged
                a_better_lead_takes_the_click_and_the_leads_that_follow_it
                the_best_lead_that_names_the_click_decides_who_owns_it
                a_candidate_identifies_nobody
                a_candidate_that_another_owns_is_not_shared
                a_click_that_never_came_still_identifies
                the_email_of_the_first_lead_that_has_one_is_kept
                the_email_of_a_better_lead_goes_first
                a_joined_lead_brings_its_email
                keys_are_compared_byte_for_byte
            }
            rank {
                a_server_lead_takes_the_place_of_an_earlier_browser_lead
                an_earlier_lead_of_the_same_class_counts
                leads_of_the_same_moment_stand_in_the_order_of_their_ids
                a_browser_lead_stands_before_a_provisional_one
                a_browser_never_displaces_the_click_that_the_server_named
                a_server_lead_without_a_click_takes_over_the_browsers
                a_server_lead_whose_click_does_not_count_takes_over_the_browsers
                a_second_server_lead_brings_the_click_that_the_first_lacked
                a_joined_browser_lead_brings_the_click_for_a_server_lead
                a_late_candidate_of_a_joined_lead_attributes
            }
            attribution {
                the_newest_click_wins
                the_oldest_click_wins_where_the_first_click_counts
                the_named_click_has_no_advantage_over_a_candidate
                clicks_of_the_same_moment_stand_in_the_order_of_their_ids
                the_first_lead_that_has_a_candidate_decides
                the_model_is_the_counted_leads
                the_window_is_the_counted_leads
                the_window_ends_at_the_counted_lead
                a_click_as_old_as_the_window_attributes
                a_click_older_than_the_window_expires
                a_window_of_no_days_takes_the_moment_itself
                a_click_five_seconds_after_the_lead_attributes
                a_click_more_than_five_seconds_after_the_lead_does_not
                a_bots_click_gives_way_to_a_persons
                an_unseen_click_gives_way_to_a_seen_one
                another_programs_click_gives_way_to_an_own_one
                a_foreign_click_id_does_not_spoil_a_genuine_candidate
            }
            reasons {
                attributed_tells_link_and_click
                no_click_id_when_no_lead_names_a_click
                click_not_found_when_the_click_has_not_come
                click_not_found_for_a_click_id_that_is_not_ours
                a_click_id_that_is_not_ours_gives_way_to_a_genuine_one
                click_in_other_program_when_only_another_programs_clicks_are_named
                window_expired_when_the_click_is_too_old
                click_after_lead_when_the_click_was_made_after_the_signup
                bot_click_when_a_crawler_clicked
                test_click_when_a_real_lead_names_a_test_click
                the_reason_is_that_of_the_first_lead_that_names_a_click
                the_reason_speaks_of_the_newest_click
                the_reason_speaks_of_the_oldest_click_where_the_first_counts
                the_reason_speaks_of_seen_clicks_before_unseen_ones
                the_reason_speaks_of_own_clicks_before_another_programs
                the_reason_counts_a_test_click_among_the_unseen
                another_programs_test_click_is_another_programs
                an_old_test_click_is_a_test_click
                an_old_bots_click_is_a_bots_click
                a_bots_click_after_the_lead_is_a_bots_click
                an_unseen_click_out_of_the_window_is_expired
                an_unseen_click_after_the_lead_is_after_the_lead
            }
            provisional {
                a_provisional_lead_waits_in_status_click
                the_servers_lead_confirms_a_provisional_one
                a_browser_lead_that_is_enough_confirms_a_provisional_one
                a_lead_without_a_key_never_confirms_a_provisional_one
                a_lead_without_a_key_waits_like_any_other
                a_second_lead_of_the_same_click_confirms_where_there_is_no_key
                a_provisional_lead_owns_its_click
                a_provisional_lead_may_share_a_click
                a_confirmed_key_does_not_confirm_the_other_on_its_click
            }
            worlds {
                the_same_key_in_two_programs_is_two_customers
                the_same_key_in_both_worlds_is_two_customers
                a_test_lead_is_attributed_to_a_test_click
                a_test_click_without_a_link_attributes
                a_test_lead_does_not_find_a_real_click
                a_test_lead_naming_an_old_real_click_has_it_expired
                test_leads_that_name_nobody_are_each_their_own
                a_real_and_a_test_lead_on_one_click_do_not_meet
                a_test_click_identifies_real_leads
                two_real_keys_on_one_test_click_share_it
            }
        }
    };
}

/// All of them.
pub fn examples() -> Vec<Example> {
    macro_rules! collected {
        ($($area:ident { $($name:ident)* })*) => {
            vec![$($(Example { name: stringify!($name), ..$area::$name() }),*),*]
        };
    }
    for_every_example!(collected)
}

/// The example of that name.
pub fn example(name: &str) -> Option<Example> {
    examples().into_iter().find(|example| example.name == name)
}

impl Example {
    fn new() -> Self {
        Example::default()
    }

    fn click(mut self, click: &ClickDraft) -> Self {
        self.events.push(click.event());
        self
    }

    fn lead(mut self, lead: &LeadDraft) -> Self {
        self.events.push(lead.event());
        self
    }

    fn customer(mut self, expected: Expected) -> Self {
        self.customers.insert((expected.realm, expected.customer.ident), expected.customer);
        self
    }
}

/// A customer as it must become.
struct Expected {
    realm: Realm,
    customer: ModelCustomer,
}

/// The customer whom that lead speaks of, and for whom it counts: with no click, no email and nothing else to tell.
fn counted(lead: &LeadDraft) -> Expected {
    let lead = lead.lead();
    Expected {
        realm: Realm { program: lead.program, test: lead.test },
        customer: ModelCustomer {
            ident: lead.ident(),
            counted: lead.id,
            status: Status::Lead,
            reason: Reason::NoClickId,
            click: None,
            link: None,
            shared_click: false,
            click_from_browser: false,
            email: None,
            leads: BTreeSet::from([lead.id]),
        },
    }
}

impl Expected {
    /// Another of its leads, which is a duplicate.
    fn also(mut self, lead: &LeadDraft) -> Self {
        self.customer.leads.insert(lead.lead().id);
        self
    }

    /// A duplicate by whose key the customer is known.
    fn known_by(mut self, lead: &LeadDraft) -> Self {
        self.customer.ident = lead.lead().ident();
        self.also(lead)
    }

    fn attributed(mut self, click: &ClickDraft) -> Self {
        self.customer.link = click.link();
        self.because(Reason::Attributed, click)
    }

    fn because(mut self, reason: Reason, click: &ClickDraft) -> Self {
        self.customer.reason = reason;
        self.customer.click = Some(click.id());
        self
    }

    fn foreign(mut self) -> Self {
        self.customer.reason = Reason::ClickNotFound;
        self
    }

    fn provisional(mut self) -> Self {
        (self.customer.status, self.customer.reason) = (Status::Click, Reason::Provisional);
        self
    }

    fn shared_click(mut self) -> Self {
        self.customer.shared_click = true;
        self
    }

    fn click_from_browser(mut self) -> Self {
        self.customer.click_from_browser = true;
        self
    }

    fn email(mut self, number: u8) -> Self {
        self.customer.email = Some(email_mark(number));
        self
    }
}

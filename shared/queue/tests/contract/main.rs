//! What a queue promises, tried on both backends (`suite`), and what only one of them can do wrong
//! (`rabbitmq`, `embedded`). Runs against a real broker named by `TEST_AMQP_URL`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod embedded;
mod proxy;
mod rabbitmq;
mod suite;
mod support;

macro_rules! contract {
    ($($name:ident,)*) => {
        mod on_rabbitmq {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::support::on_rabbitmq(|stage| crate::suite::$name(stage.queue)).await;
            })*
        }
        mod on_embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::suite::$name(crate::support::Embedded::new().await.open().await).await;
            })*
        }
    };
}

contract! {
    what_is_published_is_delivered_once_and_gone_when_acknowledged,
    what_is_given_back_comes_again_and_is_marked,
    what_a_dropped_consumer_held_comes_again,
    messages_of_one_channel_come_in_order,
    acknowledging_settles_all_before_and_nothing_after,
    acknowledging_again_changes_nothing,
    a_tag_from_before_a_give_back_acknowledges_nothing,
    a_body_of_one_mebibyte_arrives_unchanged_and_a_longer_one_is_refused,
    many_channels_deliver_each_message_exactly_once,
    several_consumers_share_the_messages,
    id_type_and_trace_context_are_preserved,
    no_more_than_the_prefetch_is_handed_out,
    waiting_for_the_next_message_may_be_given_up_without_losing_one,
    a_publish_that_was_given_up_leaves_the_channel_usable,
    publishing_after_close_is_refused,
    consuming_after_close_says_so,
    a_waiting_consumer_is_told_of_the_close,
    depth_counts_what_waits,
    a_consumer_that_stops_gives_out_what_it_has_and_no_more,
    consumers_that_stop_one_after_the_other_leave_nothing_marked,
    a_consumer_that_stops_before_it_has_begun_takes_nothing,
    nothing_is_dead_or_unrouted_to_begin_with,
}

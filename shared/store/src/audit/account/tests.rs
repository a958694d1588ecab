//! The account's rules: runs are written as a publisher would make them, then judged.

use super::super::ranges::fold;
use super::*;

const SECOND: i64 = 1_000_000;
const GRACE: Duration = Duration::from_secs(60);

/// A publishing channel that makes packs of ten events, and what of it arrives.
struct Channel {
    run: Uuid,
    number: i64,
    confirmed: i64,
    arrived: Vec<Range>,
    unconfirmed: Vec<(Uuid, i64, i64)>,
}

impl Channel {
    fn new(run: u128) -> Self {
        Channel { run: Uuid::from_u128(run), number: 0, confirmed: 0, arrived: Vec::new(), unconfirmed: Vec::new() }
    }

    fn publish(&mut self, confirmed: bool, arrives: bool) {
        self.number += 1;
        if arrives {
            let number = self.number;
            let accepted = self.confirmed + 10;
            let (run, events, applied_at) = (self.run, 10, number * SECOND);
            self.arrived.push(Range { run, first: number, last: number, events, accepted, applied_at });
        }
        if confirmed {
            self.confirmed += 10;
        }
    }

    fn confirmed(&mut self) {
        self.publish(true, true);
    }

    fn lost(&mut self) {
        self.publish(true, false);
    }

    fn told(&mut self) {
        self.unconfirmed.push((self.run, self.number, 10));
    }

    fn account(&self, now: i64) -> Account {
        Account::of(fold(self.arrived.clone()), &self.unconfirmed, &BTreeSet::new(), now)
    }
}

fn named(account: &Account) -> Vec<(u64, u64)> {
    account.gaps.iter().map(|gap| (gap.first, gap.last)).collect()
}

#[test]
fn packs_that_all_arrived_are_balanced() {
    let mut channel = Channel::new(1);
    (0..5).for_each(|_| channel.confirmed());
    let account = channel.account(100 * SECOND);
    assert_eq!((account.runs, account.accepted, account.processed, account.waiting()), (1, 50, 50, 0));
    assert_eq!(account.verdict(Some(0), GRACE), Verdict::Balanced);
    assert_eq!(Account::default().verdict(None, GRACE), Verdict::Balanced);
}

#[test]
fn lost_packs_are_named_by_number_once_the_queues_are_empty_and_the_grace_is_over() {
    let mut channel = Channel::new(1);
    channel.lost();
    channel.confirmed();
    channel.lost();
    channel.lost();
    channel.confirmed();
    let account = channel.account(65 * SECOND);
    assert_eq!((account.accepted, account.processed, account.waiting()), (50, 20, 30));
    assert_eq!(named(&account), [(1, 1), (3, 4)]);
    assert_eq!(account.missing(Some(0), GRACE).map(|gap| gap.first).collect::<Vec<_>>(), [1]);
    assert_eq!(account.verdict(Some(0), GRACE), Verdict::Imbalance);
    assert_eq!(account.verdict(None, GRACE), Verdict::Imbalance);
    assert_eq!(account.verdict(Some(1), GRACE), Verdict::Waiting);
    assert_eq!(account.verdict(Some(0), 2 * GRACE), Verdict::Waiting);
    // No queue keeps the earlier pack of a run that long.
    assert_eq!(channel.account(605 * SECOND).verdict(Some(1), GRACE), Verdict::Imbalance);
}

#[test]
fn a_refused_pack_that_a_later_one_tells_of_is_not_missing() {
    let mut channel = Channel::new(1);
    channel.confirmed();
    channel.publish(false, false);
    channel.told();
    channel.confirmed();
    let account = channel.account(100 * SECOND);
    assert_eq!((account.accepted, account.processed, named(&account)), (20, 20, vec![]));
}

#[test]
fn an_unconfirmed_pack_that_arrived_was_accepted() {
    let mut channel = Channel::new(1);
    channel.confirmed();
    channel.publish(false, true);
    channel.told();
    channel.confirmed();
    let account = channel.account(100 * SECOND);
    assert_eq!((account.accepted, account.processed, named(&account)), (30, 30, vec![]));
}

#[test]
fn an_unconfirmed_pack_that_arrived_does_not_stand_in_for_a_lost_one() {
    let mut channel = Channel::new(1);
    channel.publish(false, true);
    channel.told();
    channel.lost();
    channel.confirmed();
    let account = channel.account(100 * SECOND);
    assert_eq!((account.accepted, account.processed, named(&account)), (30, 20, vec![(2, 2)]));
}

#[test]
fn a_refused_pack_that_nothing_has_told_of_yet_is_not_missing() {
    let mut channel = Channel::new(1);
    channel.confirmed();
    channel.publish(false, false);
    channel.confirmed();
    assert_eq!(channel.account(100 * SECOND).verdict(Some(0), GRACE), Verdict::Balanced);
}

#[test]
fn the_last_packs_of_a_run_that_ended_are_known_when_they_arrive() {
    let mut channel = Channel::new(1);
    channel.confirmed();
    let before = channel.account(100 * SECOND);
    assert_eq!((before.accepted, before.verdict(Some(0), GRACE)), (10, Verdict::Balanced));
    // Its confirm came after the process had been killed.
    channel.publish(false, true);
    let after = channel.account(100 * SECOND);
    assert_eq!((after.accepted, after.processed, after.verdict(Some(0), GRACE)), (20, 20, Verdict::Balanced));
}

#[test]
fn a_message_that_was_set_aside_whole_is_not_missing() {
    let mut channel = Channel::new(1);
    channel.confirmed();
    channel.lost();
    channel.confirmed();
    let aside = BTreeSet::from([(channel.run, 2)]);
    let account = Account::of(fold(channel.arrived), &[], &aside, 100 * SECOND);
    assert_eq!((account.accepted, account.processed, account.set_aside), (30, 20, 10));
    assert_eq!(account.verdict(Some(0), GRACE), Verdict::Balanced);
}

#[test]
fn explained_numbers_split_a_gap() {
    let mut channel = Channel::new(1);
    channel.lost();
    channel.publish(false, false);
    channel.told();
    channel.lost();
    channel.lost();
    channel.confirmed();
    assert_eq!(named(&channel.account(100 * SECOND)), [(1, 1), (3, 4)]);
}

#[test]
fn runs_are_judged_each_by_itself() {
    let (mut whole, mut broken) = (Channel::new(1), Channel::new(2));
    whole.confirmed();
    broken.lost();
    broken.confirmed();
    let arrived = [whole.arrived, broken.arrived].concat();
    let account = Account::of(fold(arrived), &[], &BTreeSet::new(), 100 * SECOND);
    assert_eq!((account.runs, account.accepted, account.processed), (2, 30, 20));
    assert_eq!(account.gaps.iter().map(|gap| gap.run).collect::<Vec<_>>(), [broken.run]);
    assert_eq!(account.open, [RunAccount { run: broken.run, accepted: 20, processed: 10 }]);
}

#[test]
fn numbers_that_no_publisher_would_count_to_cost_no_memory() {
    let range = Range {
        run: Uuid::nil(),
        first: i64::MAX,
        last: i64::MAX,
        events: i64::MAX,
        accepted: i64::MAX,
        applied_at: i64::MIN,
    };
    let account = Account::of(vec![range, Range { run: Uuid::max(), ..range }], &[], &BTreeSet::new(), i64::MAX);
    assert_eq!(account.runs, 2);
}

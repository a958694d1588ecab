//! Packs that follow one another without a gap are one range: what was folded is counted once, however often a pack
//! is delivered again.

use std::cmp::Reverse;
use uuid::Uuid;

/// One pack or several that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) run: Uuid,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// In all of them.
    pub(crate) events: i64,
    /// Of the run, before the last of them, plus those in it.
    pub(crate) accepted: i64,
    /// When the first of them was applied, in microseconds since the Unix epoch.
    pub(crate) applied_at: i64,
}

/// The fewest ranges that say the same, by run and number. A pack that lies in a range was counted with it.
pub(crate) fn fold(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_by_key(|range| (range.run, range.first, Reverse(range.last)));
    let mut folded: Vec<Range> = Vec::new();
    for range in ranges {
        match folded.last_mut().filter(|before| before.run == range.run) {
            Some(before) if range.first <= before.last => {}
            Some(before) if range.first == before.last.saturating_add(1) => {
                before.last = range.last;
                before.events = before.events.saturating_add(range.events);
                before.accepted = range.accepted;
                before.applied_at = before.applied_at.min(range.applied_at);
            }
            _ => folded.push(range),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(run: u128, first: i64, last: i64) -> Range {
        let events = (first..=last).sum();
        Range { run: Uuid::from_u128(run), first, last, events, accepted: last * 10, applied_at: 100 - first }
    }

    #[test]
    fn packs_without_a_gap_become_one_range_whatever_their_order() {
        let packs = [3, 1, 2, 7, 6].map(|number| range(1, number, number)).to_vec();
        let folded = fold(packs);
        assert_eq!(folded.iter().map(|range| (range.first, range.last)).collect::<Vec<_>>(), [(1, 3), (6, 7)]);
        assert_eq!((folded[0].events, folded[0].accepted, folded[0].applied_at), (6, 30, 97));
    }

    #[test]
    fn a_late_pack_closes_the_gap_between_two_ranges() {
        let folded = fold(vec![range(1, 1, 3), range(1, 5, 9), range(1, 4, 4)]);
        assert_eq!(folded, [Range { applied_at: 95, ..range(1, 1, 9) }]);
    }

    #[test]
    fn a_pack_that_comes_again_counts_once() {
        let folded = fold(vec![range(1, 1, 9), range(1, 1, 1), range(1, 4, 4), range(1, 9, 9)]);
        assert_eq!(folded, [range(1, 1, 9)]);
    }

    #[test]
    fn runs_are_kept_apart() {
        let folded = fold(vec![range(2, 2, 2), range(1, 1, 1)]);
        assert_eq!(folded, [range(1, 1, 1), range(2, 2, 2)]);
    }

    #[test]
    fn folding_in_steps_is_folding_at_once() {
        let packs: Vec<Range> = [9, 2, 4, 1, 8, 3, 6].map(|number| range(1, number, number)).to_vec();
        for cut in 0..packs.len() {
            let mut steps = fold(packs[..cut].to_vec());
            steps.extend(&packs[cut..]);
            assert_eq!(fold(steps), fold(packs.clone()));
        }
    }
}

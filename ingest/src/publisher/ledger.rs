//! A slot's account of its packs, carried by the packs themselves: numbers without gaps, what was confirmed before,
//! and the packs that were not.

use domain::pack::{MAX_UNCONFIRMED, PackHeader, Unconfirmed};
use uuid::Uuid;

/// One run of packs: one channel of one process.
#[derive(Debug)]
pub(super) struct Ledger {
    run: Uuid,
    number: u64,
    confirmed: u64,
    /// Not yet told by a confirmed pack, oldest first.
    unconfirmed: Vec<Unconfirmed>,
}

impl Ledger {
    pub(super) fn new(run: Uuid) -> Self {
        Ledger { run, number: 0, confirmed: 0, unconfirmed: Vec::new() }
    }

    /// The header of the next pack.
    pub(super) fn next(&mut self) -> PackHeader {
        self.number += 1;
        let told = self.unconfirmed.len().min(MAX_UNCONFIRMED);
        PackHeader {
            run: self.run,
            number: self.number,
            confirmed_before: self.confirmed,
            unconfirmed: self.unconfirmed[..told].to_vec(),
        }
    }

    /// That pack is in the queue, and with it what it told of earlier ones.
    pub(super) fn confirmed(&mut self, header: &PackHeader, events: u32) {
        self.confirmed += u64::from(events);
        self.unconfirmed.drain(..header.unconfirmed.len());
    }

    /// That pack was refused, or nobody knows.
    pub(super) fn failed(&mut self, header: &PackHeader, events: u32) {
        self.unconfirmed.push(Unconfirmed { number: header.number, events });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_pack_is_told_until_a_confirmed_one_has_told_it() {
        let mut ledger = Ledger::new(Uuid::nil());
        let first = ledger.next();
        ledger.confirmed(&first, 10);
        let second = ledger.next();
        ledger.failed(&second, 3);
        let third = ledger.next();
        assert_eq!((third.number, third.confirmed_before), (3, 10));
        assert_eq!(third.unconfirmed, [Unconfirmed { number: 2, events: 3 }]);
        ledger.failed(&third, 5);
        let fourth = ledger.next();
        assert_eq!(fourth.unconfirmed.iter().map(|pack| pack.number).collect::<Vec<_>>(), [2, 3]);
        ledger.confirmed(&fourth, 1);
        let fifth = ledger.next();
        assert_eq!((fifth.confirmed_before, fifth.unconfirmed), (11, vec![]));
    }

    #[test]
    fn a_pack_tells_at_most_what_fits_and_the_next_one_the_rest() {
        let mut ledger = Ledger::new(Uuid::nil());
        for _ in 0..MAX_UNCONFIRMED + 6 {
            let header = ledger.next();
            ledger.failed(&header, 1);
        }
        let header = ledger.next();
        assert_eq!(header.unconfirmed.len(), MAX_UNCONFIRMED);
        ledger.confirmed(&header, 1);
        assert_eq!(ledger.next().unconfirmed.len(), 6);
    }
}

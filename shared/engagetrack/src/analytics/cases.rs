//! Who passes the filters.

use crate::View;
use crate::selection::{Selection, count};
use workspace::Outcome;

/// Customers looked at together, so that what is gathered of them stays in the nearest cache.
pub(super) const GROUP: usize = 1024;

/// The customers who pass the filters, whatever the status.
pub(super) struct Cases {
    /// For each customer one more than the code of the outcome, and [`Self::NONE`] for one who does not pass.
    pub codes: Vec<u8>,
    /// How many pass with each outcome.
    pub by_outcome: [usize; 3],
}

impl Cases {
    /// The code of a customer who does not pass.
    pub const NONE: u8 = 0;
    /// The code of one who passes and stayed.
    pub const STAYED: u8 = Outcome::Stayed as u8 + 1;
    /// The code of one who passes and left.
    pub const LEFT: u8 = Outcome::Left as u8 + 1;
    const UNKNOWN: u8 = Outcome::Unknown as u8 + 1;

    pub fn of(view: &View<'_>, selection: &Selection) -> Self {
        let mask = selection.mask_of_any_status(view, 0..view.customers.len());
        let mut codes: Vec<u8> = mask.into_iter().map(u8::from).collect();
        for (code, outcome) in codes.iter_mut().zip(view.customers.outcomes()) {
            *code *= outcome.min(&(Outcome::Unknown as u8)) + 1;
        }
        let by_outcome = [Self::STAYED, Self::LEFT, Self::UNKNOWN]
            .map(|wanted| count(&codes, |code| code == wanted));
        Self { codes, by_outcome }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_outcome.iter().sum()
    }

    /// Their known outcomes.
    pub fn known_outcomes(&self) -> KnownOutcomes {
        let bits = |code: &u8| match *code {
            Self::STAYED => 0b01,
            Self::LEFT => 0b11,
            _ => 0b00,
        };
        let word = |codes: &[u8]| {
            let bits = codes.iter().rev().map(bits);
            bits.fold(0, |word, bits| word << 2 | bits)
        };
        let words = self.codes.chunks(KnownOutcomes::PER_WORD);
        KnownOutcomes(words.map(word).collect())
    }

    /// How many of them left.
    pub fn churned(&self) -> usize {
        self.by_outcome[Outcome::Left as usize]
    }

    /// How many of them have a known outcome.
    pub fn known(&self) -> usize {
        self.by_outcome[Outcome::Stayed as usize] + self.churned()
    }
}

/// The known outcomes of the cases in so few bits that they stay in cache, where they are looked up in another order.
pub(super) struct KnownOutcomes(Vec<u64>);

/// What is known of the outcome of a case; of somebody else nothing is.
pub(super) struct KnownOutcome {
    pub known: bool,
    pub left: bool,
}

impl KnownOutcomes {
    /// Customers per word, two bits each: whether the outcome is known, and whether the customer left.
    const PER_WORD: usize = 32;

    pub fn of(&self, customer: u32) -> KnownOutcome {
        let customer = customer as usize;
        let bits = self.0[customer / Self::PER_WORD] >> (customer % Self::PER_WORD * 2);
        KnownOutcome {
            known: bits & 1 == 1,
            left: bits >> 1 & 1 == 1,
        }
    }
}

/// The positions of the customers whose codes belong, rising, up to [`GROUP`] at a time.
pub(super) fn in_groups(
    codes: &[u8],
    belongs: impl Fn(u8) -> bool,
    mut action: impl FnMut(&[u32]),
) {
    let mut group = [0; GROUP];
    let mut length = 0;
    for (customer, code) in (0..).zip(codes) {
        // Written in any case, because that takes less time than to guess.
        group[length] = customer;
        length += usize::from(belongs(*code));
        if length == GROUP {
            action(&group);
            length = 0;
        }
    }
    if length > 0 {
        action(&group[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_everybody_who_belongs_once() {
        let mut random = fastrand::Rng::with_seed(5);
        for count in [0, 1, GROUP - 1, GROUP, GROUP + 1, 5 * GROUP + 7] {
            let codes: Vec<u8> = (0..count).map(|_| random.u8(..4)).collect();
            for most in 0..=4 {
                let mut found = Vec::new();
                in_groups(
                    &codes,
                    |code| code < most,
                    |group| {
                        assert!((1..=GROUP).contains(&group.len()));
                        found.extend_from_slice(group);
                    },
                );
                let all = (0..count as u32).filter(|customer| codes[*customer as usize] < most);
                assert_eq!(found, all.collect::<Vec<_>>(), "{count} {most}");
            }
        }
    }
}

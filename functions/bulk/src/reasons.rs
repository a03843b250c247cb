//! Why records are rejected, counted.

use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Reasons of which a manifest tells.
const MOST_COMMON: usize = 3;

/// Different reasons that are counted; beyond, the rarest half is counted together. There are no more unless a file names
/// members that no profile has, each line others.
const MOST_REASONS: usize = 200;

/// What the records of those are counted under.
const OTHERS: &str = "other reasons";

/// How many records were rejected for which reason. A record may have several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons(BTreeMap<String, u64>);

/// One reason for which records were rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What is wrong, such as `age must be a number`.
    pub reason: String,
    /// In how many records.
    pub records: u64,
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.records)
    }
}

impl Reasons {
    /// Counts what is wrong with one record.
    pub(crate) fn count(&mut self, mut reasons: Vec<String>) {
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            self.add_records(reason, 1);
        }
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn add(&mut self, other: Self) {
        for (reason, records) in other.0 {
            self.add_records(reason, records);
        }
    }

    fn add_records(&mut self, reason: String, records: u64) {
        *self.0.entry(reason).or_default() += records;
        if self.0.len() <= MOST_REASONS {
            return;
        }
        let mut others = self.0.remove(OTHERS).unwrap_or_default();
        let mut counts: Vec<u64> = self.0.values().copied().collect();
        counts.sort_unstable();
        let rare = counts[MOST_REASONS / 2];
        self.0.retain(|_, records| {
            let is_rare = *records <= rare;
            others += if is_rare { *records } else { 0 };
            !is_rare
        });
        self.0.insert(OTHERS.to_owned(), others);
    }

    /// The most common ones, the most common first.
    pub(crate) fn most_common(self) -> Vec<Reason> {
        let reasons = self.0.into_iter();
        let mut reasons: Vec<Reason> = reasons
            .map(|(reason, records)| Reason { reason, records })
            .collect();
        reasons.sort_by_key(|reason| Reverse(reason.records));
        reasons.truncate(MOST_COMMON);
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_once_a_record_and_bounded() {
        let mut reasons = Reasons::default();
        for index in 0..1_000 {
            let repeated = "is common".to_owned();
            reasons.count(vec![repeated.clone(), format!("{index} is rare"), repeated]);
        }
        let mut all = Reasons::default();
        all.count(vec!["is first".to_owned()]);
        all.add(reasons);
        assert!(all.0.len() <= MOST_REASONS);
        assert_eq!(all.0.values().sum::<u64>(), 1 + 2 * 1_000);
        let most_common = all.most_common();
        assert_eq!(most_common[0].to_string(), "is common (1000)");
        assert_eq!(most_common[1].reason, OTHERS);
        assert!(most_common[1].records >= 800);
    }
}

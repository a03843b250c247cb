//! Ids, one after the other in one piece, ascending.

use schema::intake::is_id;
use std::ops::Range;

/// Ids, ascending.
#[derive(Clone, Copy)]
pub(crate) struct Ids<'w> {
    /// All ids, one after the other.
    text: &'w [u8],
    /// Where each begins; then the end.
    starts: &'w [u32],
}

impl<'w> Ids<'w> {
    pub(crate) fn new(text: &'w [u8], starts: &'w [u32]) -> Self {
        Self { text, starts }
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The id at a position.
    pub(crate) fn get(&self, position: usize) -> &'w str {
        let [start, end] = [position, position + 1].map(|position| self.starts[position] as usize);
        // Checked one by one, because a start should not read all of them.
        let id = self.text.get(start..end).map(std::str::from_utf8);
        id.and_then(Result::ok).unwrap_or_default()
    }

    /// Checks that they are ids, ascending, so that each is another one, and shows each.
    pub(crate) fn verify(&self, mut each: impl FnMut(&str)) -> Result<(), &'static str> {
        let text = std::str::from_utf8(self.text).map_err(|_| "the ids are not UTF-8")?;
        let ends = [self.starts.first(), self.starts.last()];
        if ends != [Some(&0), Some(&(text.len() as u32))] {
            return Err("the ids are more or fewer than the customers");
        }
        let mut before = "";
        for pair in self.starts.windows(2) {
            let id = text.get(pair[0] as usize..pair[1] as usize);
            let id = id.filter(|id| is_id(id)).ok_or("an id is none")?;
            if id <= before {
                return Err("the ids do not rise");
            }
            each(id);
            before = id;
        }
        Ok(())
    }

    /// The positions of the ids that begin with this.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Range<usize> {
        let first = partition_point(self.len(), |position| self.get(position) < prefix);
        let after = partition_point(self.len(), |position| {
            let id = self.get(position);
            id < prefix || id.starts_with(prefix)
        });
        first..after
    }
}

/// The first position below `count` for which this does not hold; it holds for all before it.
fn partition_point(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        match holds(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

//! Random workspaces, as their source files, and random damage to compiled ones: for property tests and fuzzing.
//!
//! ```
//! use proptest::prelude::*;
//! use workspace::compile::{Sources, compile};
//! use workspace::testing::workspaces;
//!
//! proptest!(ProptestConfig::with_cases(8), |(files in workspaces())| {
//!     let compiled = compile(&Sources::of(&files));
//!     prop_assert!(compiled.is_ok(), "{:?}", compiled.err());
//! });
//! ```

mod damage;
mod files;

pub use damage::{Damage, damaged};
pub use files::workspaces;

/// Random numbers that decide what is made. When they run out, the rest is 0.
#[derive(Clone, Debug)]
pub struct Numbers(std::vec::IntoIter<u32>);

impl Numbers {
    /// These numbers.
    pub fn new(numbers: Vec<u32>) -> Self {
        Self(numbers.into_iter())
    }

    /// Any number.
    pub fn any(&mut self) -> u32 {
        self.0.next().unwrap_or_default()
    }

    /// A number below this; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.any() as usize % end.max(1)
    }

    /// Yes, once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these, if there is any.
    pub fn pick<'t, T>(&mut self, among: &'t [T]) -> Option<&'t T> {
        among.get(self.below(among.len()))
    }
}

//! Random choices that a seed repeats.

use jiff::Span;
use jiff::civil::Date;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use songhua_domain::quantity::Decimal;

/// Throws the same numbers for the same seed.
pub(super) struct Dice(TestRng);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// A number from `least` to `most`, both inclusive.
    pub(super) fn number(&mut self, least: i64, most: i64) -> i64 {
        self.0.random_range(least..=most)
    }

    /// A number below `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    /// True once in `count`.
    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of a list that is not empty.
    pub(super) fn of_all<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One of a list, if there is any.
    pub(super) fn of_any<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| self.of_all(all))
    }

    pub(super) fn decimal(&mut self, least: i64, most: i64, scale: u32) -> Decimal {
        Decimal::new(self.number(least, most), scale)
    }

    /// A day from `least` to `most` days after `day`.
    pub(super) fn day(&mut self, day: Date, least: i64, most: i64) -> Date {
        day.saturating_add(Span::new().days(self.number(least, most)))
    }
}

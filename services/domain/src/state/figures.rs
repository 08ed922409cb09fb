//! The live figures of a series, by slot, in [pages](super::page): persistent as the other maps, and a few bytes each.
//!
//! Place in the flow: holds the figures of [`Series`](super::Series). It must not know: rules.
//!
//! A page holds one basis and lies under the key of its first entry. What comes behind everything of its basis, as most
//! figures do, is put at the end of the last page, or begins one; anything else writes its page anew, in two halves when it
//! is too long. A clone shares all pages. Where they end depends on the order of changes alone: equal logs, equal pages.

use serde::{Deserialize, Serialize};

use super::page::{Entry, Head, PAGE, Page};
use super::pages::Pages;
use super::slot::Key;
use crate::quantity::Decimal;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Page>", into = "Vec<Page>")]
pub(super) struct Figures {
    pages: Pages,
}

impl From<Vec<Page>> for Figures {
    fn from(pages: Vec<Page>) -> Self {
        let mut figures = Self::default();
        pages.into_iter().for_each(|page| figures.put(Some(page)));
        figures
    }
}

impl From<Figures> for Vec<Page> {
    fn from(figures: Figures) -> Self {
        figures.pages.iter().cloned().collect()
    }
}

impl Figures {
    /// The page that `key` is in, if it is in any.
    fn page(&self, key: Key) -> Option<&Page> {
        self.pages.up_to(key).filter(|(first, _)| first.basis() == key.basis()).map(|(_, page)| page)
    }

    pub(super) fn get(&self, key: Key) -> Option<Entry> {
        let page = self.page(key).filter(|page| page.head().is_some_and(|head| key <= head.last))?;
        page.entries().find(|entry| entry.key >= key).filter(|entry| entry.key == key)
    }

    /// All entries, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> {
        self.pages.iter().flat_map(Page::entries)
    }

    /// Entries of the basis of `key`, from it on.
    pub(super) fn from(&self, key: Key) -> impl Iterator<Item = Entry> {
        self.pages_from(key).flat_map(Page::entries).skip_while(move |entry| entry.key < key)
    }

    /// The entry with the greatest total of those of the basis of `key` that lie before it, the last one of equals.
    pub(super) fn greatest_before(&self, key: Key) -> Option<Entry> {
        let mut best: Option<(Decimal, Entry)> = None;
        for page in self.pages.range(key.at(0, 0)..key).rev() {
            let greatest = page.head().and_then(|head| head.totals).map(|(_, greatest)| greatest);
            if greatest > best.map(|(total, _)| total) {
                let before = page.entries().take_while(|entry| entry.key < key);
                let found = before.filter_map(|entry| Some((entry.total?, entry))).max_by_key(|(total, _)| *total);
                best = found.filter(|found| best.is_none_or(|best| found.0 > best.0)).or(best);
            }
        }
        best.map(|(_, entry)| entry)
    }

    /// The entry with the least total of those of the basis of `key` that lie behind it, the first one of equals.
    pub(super) fn least_after(&self, key: Key) -> Option<Entry> {
        let mut best: Option<(Decimal, Entry)> = None;
        for page in self.pages_from(key) {
            let least = page.head().and_then(|head| head.totals).map(|(least, _)| least);
            if least.is_some_and(|least| best.is_none_or(|(total, _)| least < total)) {
                let after = page.entries().skip_while(|entry| entry.key <= key);
                let found = after.filter_map(|entry| Some((entry.total?, entry))).min_by_key(|(total, _)| *total);
                best = found.filter(|found| best.is_none_or(|best| found.0 < best.0)).or(best);
            }
        }
        best.map(|(_, entry)| entry)
    }

    /// Pages of the basis of `key` that may have entries from it on.
    fn pages_from(&self, key: Key) -> impl Iterator<Item = &Page> {
        let first = self.page(key).and_then(Page::head).map_or(key, |head| head.first);
        self.pages.range(first..key.at(u64::MAX, u64::MAX))
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        let page = self.page(entry.key).or_else(|| self.pages_from(entry.key).next());
        let Some((page, head)) = page.and_then(|page| Some((page, page.head()?))) else {
            return self.put(Page::of(&[entry]));
        };
        let is_full = entry.key > head.last && head.count >= PAGE;
        if is_full && self.pages_from(head.last.next()).nth(1).is_none() {
            return self.put(Page::of(&[entry]));
        }
        let changed = page.changed(entry.key, Some(entry));
        self.replace(&head, changed);
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some((page, head)) = self.page(key).and_then(|page| Some((page, page.head()?))) {
            let changed = page.changed(key, None);
            self.replace(&head, changed);
        }
    }

    /// Puts a page in the place of the one with that head, in two halves if it is too long.
    fn replace(&mut self, old: &Head, page: Option<Page>) {
        let head = page.as_ref().and_then(Page::head);
        if head.is_none_or(|head| head.first != old.first) {
            self.pages.remove(old.first);
        }
        match page {
            Some(long) if head.is_some_and(|head| head.count > PAGE) => {
                let entries: Vec<_> = long.entries().collect();
                let (lower, upper) = entries.split_at(entries.len() / 2);
                self.put(Page::of(lower));
                self.put(Page::of(upper));
            }
            page => self.put(page),
        }
    }

    fn put(&mut self, page: Option<Page>) {
        if let Some((head, page)) = page.and_then(|page| Some((page.head()?, page))) {
            self.pages.insert(head.first, page);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroU64;

    use jiff::ToSpan;
    use jiff::civil::{Date, date};
    use proptest::prelude::*;

    use super::super::slot::Slot;
    use super::*;
    use crate::vocabulary::Basis;

    type Plain = BTreeMap<Slot, Entry>;

    /// Few days, so that histories collide often, and some that are far away.
    fn day() -> impl Strategy<Value = Date> {
        let far = prop::sample::select(vec![Date::MIN, Date::MAX, date(-1, 12, 31), date(1999, 12, 31)]);
        prop_oneof![20 => (0_i32..400).prop_map(|days| date(2025, 11, 1) + days.days()), 1 => far]
    }

    fn slot() -> impl Strategy<Value = Slot> {
        let start = prop_oneof![Just(None), day().prop_map(Some)];
        (prop::sample::select(Basis::ALL), day(), start).prop_map(|(basis, end, start)| Slot { basis, end, start })
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let position = prop_oneof![1_u64..1_000_000, any::<u64>()];
        let value = (prop_oneof![-50_i128..50, -(1_i128 << 95)..1_i128 << 95], 0_u32..=28);
        let total = value.prop_map(|(digits, scale)| Decimal::from_i128_with_scale(digits, scale));
        let by = prop::option::weighted(0.1, any::<u64>());
        let parts = (slot(), position, by, prop::option::of(total));
        parts.prop_map(|(slot, position, by, total)| Entry {
            key: slot.into(),
            position,
            verified_by: by.and_then(NonZeroU64::new),
            total,
        })
    }

    /// The slots of `plain` of the basis of `slot`.
    fn of_basis(plain: &Plain, slot: Slot) -> impl DoubleEndedIterator<Item = (&Slot, &Entry)> {
        plain.iter().filter(move |(other, _)| other.basis == slot.basis)
    }

    fn assert_same(figures: &Figures, plain: &Plain, slots: &[Slot]) {
        assert!(figures.iter().eq(plain.values().copied()));
        for slot in slots {
            let key = Key::from(*slot);
            assert_eq!(figures.get(key), plain.get(slot).copied());
            let from = of_basis(plain, *slot).filter(|(other, _)| *other >= slot);
            assert!(figures.from(key).eq(from.map(|(_, entry)| *entry)));
            let with_total = || of_basis(plain, *slot).filter_map(|(slot, entry)| Some((entry.total?, *slot, *entry)));
            let greatest = with_total().filter(|(_, other, _)| other < slot).max_by_key(|(total, ..)| *total);
            assert_eq!(figures.greatest_before(key), greatest.map(|(.., entry)| entry));
            let least = with_total().filter(|(_, other, _)| other > slot).min_by_key(|(total, ..)| *total);
            assert_eq!(figures.least_after(key), least.map(|(.., entry)| entry));
        }
        let bytes = postcard::to_stdvec(figures).unwrap();
        assert_eq!(&postcard::from_bytes::<Figures>(&bytes).unwrap(), figures);
    }

    proptest! {
        #[test]
        fn pages_hold_what_a_plain_map_holds_and_a_clone_does_not_change(
            changes in prop::collection::vec((entry(), 0_u8..5), 0..1_200), asked in prop::collection::vec(slot(), 20),
        ) {
            let (mut figures, mut plain) = (Figures::default(), Plain::new());
            let mut before = None;
            for (number, (entry, what)) in changes.iter().enumerate() {
                if number == changes.len() / 2 {
                    before = Some((figures.clone(), plain.clone()));
                }
                let slot = entry.key.slot().unwrap();
                // Of the slots there are, as often as of others.
                let known = plain.range(slot..).next().map_or(slot, |(slot, _)| *slot);
                match what {
                    0 => {
                        figures.remove(known.into());
                        plain.remove(&known);
                    }
                    1 => {
                        let entry = Entry { key: known.into(), ..*entry };
                        figures.insert(entry);
                        plain.insert(known, entry);
                    }
                    _ => {
                        figures.insert(*entry);
                        plain.insert(slot, *entry);
                    }
                }
            }
            for (figures, plain) in before.iter().chain([&(figures, plain)]) {
                let known = plain.keys().step_by(7).copied();
                assert_same(figures, plain, &asked.iter().copied().chain(known).collect::<Vec<_>>());
                for page in figures.pages.iter() {
                    let entries: Vec<_> = page.entries().collect();
                    prop_assert!((1..=PAGE).contains(&entries.len()));
                    prop_assert_eq!(Some(page.clone()), Page::of(&entries));
                }
            }
        }

        #[test]
        fn a_slot_is_a_number_in_the_same_order(one in slot(), other in slot()) {
            prop_assert_eq!(Key::from(one).slot(), Some(one));
            prop_assert_eq!(one.cmp(&other), Key::from(one).cmp(&Key::from(other)));
        }

        #[test]
        fn damaged_pages_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), asked in slot()) {
            let bytes = postcard::to_stdvec(&vec![bytes]).unwrap();
            let mut figures: Figures = postcard::from_bytes(&bytes).unwrap();
            let key = Key::from(asked);
            let _ = (figures.get(key), figures.from(key).count(), figures.greatest_before(key), figures.least_after(key));
            figures.insert(Entry { key, position: 1, verified_by: None, total: None });
            figures.remove(key);
        }
    }

    /// Figures of a year, each day one, as if `others` were reported between.
    fn daily(days: i32, others: u64, bases: &[Basis]) -> Figures {
        let mut figures = Figures::default();
        for (day, position) in (0..days).zip((1..).step_by(usize::try_from(others).unwrap())) {
            for basis in bases {
                let slot = Slot { basis: *basis, end: date(2026, 1, 1) + day.days(), start: None };
                figures.insert(Entry { key: slot.into(), position, verified_by: None, total: None });
            }
        }
        figures
    }

    #[test]
    fn ascending_figures_fill_pages_also_of_two_bases_in_turns() {
        let figures = daily(1_280, 1, &[Basis::Period, Basis::PlanToDate]);
        assert_eq!(figures.pages.iter().count(), 20);
    }

    #[test]
    fn a_daily_figure_among_many_series_takes_less_than_four_bytes() {
        let figures = daily(1_280, 5_479, &[Basis::StockAt]);
        let bytes = postcard::to_stdvec(&figures).unwrap().len();
        assert!(bytes < 4 * 1_280, "{bytes} bytes");
    }
}

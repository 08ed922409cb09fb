//! A sorted map for entries by the million: persistent as the others, and hardly larger than its entries.
//!
//! Place in the flow: holds the figures of series. It must not know: what an entry is.
//!
//! Entries lie in pages, each as long as it must be, in an ordered map by a key that none of the page's is below. A
//! change copies one page; a clone shares all of them. Where pages end depends on the order of changes alone, so equal
//! logs give equal maps. (Nodes of [`OrdMap`] have room for 16 entries and are half full after ascending inserts.)

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use imbl::OrdMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Most entries of a page; one more, and it becomes two.
const PAGE: usize = 128;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "K: Serialize, V: Serialize", deserialize = "K: DeserializeOwned, V: DeserializeOwned"))]
pub(crate) struct Pages<K: Ord + Copy, V: Copy> {
    pages: OrdMap<K, Arc<[(K, V)]>>,
}

impl<K: Ord + Copy, V: Copy> Default for Pages<K, V> {
    fn default() -> Self {
        Self { pages: OrdMap::new() }
    }
}

impl<K: Ord + Copy, V: Copy> Pages<K, V> {
    /// The page that `key` is in, if it is in any.
    fn page(&self, key: &K) -> Option<(&K, &[(K, V)])> {
        self.pages.range(..=*key).next_back().map(|(from, page)| (from, &**page))
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let (_, page) = self.page(key)?;
        let place = page.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        page.get(place).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let (from, mut page) = match self.page(&key).or_else(|| self.first()) {
            Some((from, page)) => (*from, page.to_vec()),
            None => (key, Vec::new()),
        };
        match page.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(place) => {
                if let Some(entry) = page.get_mut(place) {
                    entry.1 = value;
                }
            }
            Err(place) => page.insert(place, (key, value)),
        }
        if key < from {
            self.pages.remove(&from);
        }
        if page.len() > PAGE {
            let upper = page.split_off(page.len() / 2);
            if let Some((from, _)) = upper.first() {
                self.pages.insert(*from, upper.into());
            }
        }
        self.pages.insert(from.min(key), page.into());
    }

    pub(crate) fn remove(&mut self, key: &K) {
        let Some((from, page)) = self.page(key) else { return };
        let (from, rest) = (*from, page.iter().filter(|(other, _)| other != key).copied().collect::<Vec<_>>());
        if rest.is_empty() {
            self.pages.remove(&from);
        } else {
            self.pages.insert(from, rest.into());
        }
    }

    fn first(&self) -> Option<(&K, &[(K, V)])> {
        self.pages.get_min().map(|(from, page)| (from, &**page))
    }

    /// All entries, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        entries(self.pages.values())
    }

    /// Entries within `range`, ascending.
    pub(crate) fn range(&self, range: impl RangeBounds<K>) -> impl Iterator<Item = (&K, &V)> {
        let from = match range.start_bound() {
            Bound::Included(key) | Bound::Excluded(key) => self.page(key).map(|(from, _)| *from),
            Bound::Unbounded => None,
        };
        let pages = self.pages.range((from.map_or(Bound::Unbounded, Bound::Included), Bound::Unbounded));
        let end = range.end_bound().cloned();
        let start = range.start_bound().cloned();
        entries(pages.map(|(_, page)| page))
            .skip_while(move |(key, _)| !(start, Bound::Unbounded).contains(*key))
            .take_while(move |(key, _)| (Bound::Unbounded, end).contains(*key))
    }
}

fn entries<'a, K: 'a, V: 'a>(pages: impl Iterator<Item = &'a Arc<[(K, V)]>>) -> impl Iterator<Item = (&'a K, &'a V)> {
    pages.flat_map(|page| page.iter().map(|(key, value)| (key, value)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_hold_what_a_plain_map_holds_and_a_clone_does_not_change(
            changes in prop::collection::vec((0_u16..600, any::<u32>(), 0_u8..5), 0..2_000), from in 0_u16..600, until in 0_u16..600,
        ) {
            let (mut pages, mut plain) = (Pages::default(), BTreeMap::new());
            let mut before = None;
            for (number, (key, value, what)) in changes.iter().enumerate() {
                if number == changes.len() / 2 {
                    before = Some((pages.clone(), plain.clone()));
                }
                if *what == 0 {
                    pages.remove(key);
                    plain.remove(key);
                } else {
                    pages.insert(*key, *value);
                    plain.insert(*key, *value);
                }
            }
            for (pages, plain) in before.iter().chain([&(pages, plain)]) {
                prop_assert!(pages.iter().eq(plain.iter()));
                for key in 0..600 {
                    prop_assert_eq!(pages.get(&key), plain.get(&key));
                }
                prop_assert!(pages.range(from..).eq(plain.range(from..)));
                if from <= until {
                    prop_assert!(pages.range(from..until).eq(plain.range(from..until)));
                }
                let read: Pages<u16, u32> = postcard::from_bytes(&postcard::to_stdvec(pages).unwrap()).unwrap();
                prop_assert_eq!(&read, pages);
            }
        }
    }

    #[test]
    fn ascending_entries_fill_pages() {
        let mut pages = Pages::default();
        (0..10_000_u32).for_each(|key| pages.insert(key, key));
        assert!(pages.pages.len() <= 10_000 / (PAGE / 2), "{} pages", pages.pages.len());
    }
}

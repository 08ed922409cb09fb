//! Pages by the key of their first entry: a few side by side, many in a persistent map.
//!
//! Place in the flow: below [`super::figures`], which cuts pages. It must not know: what is in a page.

use std::ops::Range;

use imbl::OrdMap;

use super::page::Page;
use super::slot::Key;

/// Most pages side by side: two thousand figures, which is what most series ever get. A node of the map has room for as
/// many as fill a kilobyte, and is copied with every change.
const FEW: usize = 16;

/// See the module. Which of both it is depends on how many there are, so that equal pages are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pages {
    /// Up to [`FEW`], ascending.
    Few(Vec<(Key, Page)>),
    Many(OrdMap<Key, Page>),
}

impl Default for Pages {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Pages {
    /// The last page whose first entry is not behind `key`.
    pub(super) fn up_to(&self, key: Key) -> Option<(Key, &Page)> {
        match self {
            Self::Few(few) => {
                let behind = few.partition_point(|(first, _)| *first <= key);
                behind.checked_sub(1).and_then(|last| few.get(last)).map(|(first, page)| (*first, page))
            }
            Self::Many(many) => many.get_prev(&key).map(|(first, page)| (*first, page)),
        }
    }

    /// All, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Page> {
        let (few, many) = match self {
            Self::Few(few) => (few.as_slice(), None),
            Self::Many(many) => (Default::default(), Some(many.values())),
        };
        few.iter().map(|(_, page)| page).chain(many.into_iter().flatten())
    }

    /// Those whose first entry is in `keys`, ascending.
    pub(super) fn range(&self, keys: Range<Key>) -> impl DoubleEndedIterator<Item = &Page> {
        let (few, many) = match self {
            Self::Few(few) => {
                let [from, to] = [keys.start, keys.end].map(|key| few.partition_point(|(first, _)| *first < key));
                (few.get(from..to).unwrap_or_default(), None)
            }
            Self::Many(many) => (Default::default(), Some(many.range(keys))),
        };
        few.iter().map(|(_, page)| page).chain(many.into_iter().flatten().map(|(_, page)| page))
    }

    /// Puts a page, in the place of the one with this first entry if there is one.
    pub(super) fn insert(&mut self, first: Key, page: Page) {
        match self {
            Self::Few(few) => {
                match few.binary_search_by_key(&first, |(first, _)| *first) {
                    Ok(place) => few[place].1 = page,
                    Err(place) => few.insert(place, (first, page)),
                }
                if few.len() > FEW {
                    *self = Self::Many(std::mem::take(few).into_iter().collect());
                }
            }
            Self::Many(many) => {
                many.insert(first, page);
            }
        }
    }

    /// Takes the page with this first entry away.
    pub(super) fn remove(&mut self, first: Key) {
        match self {
            Self::Few(few) => few.retain(|(other, _)| *other != first),
            Self::Many(many) => {
                many.remove(&first);
                if many.len() <= FEW {
                    *self = Self::Few(std::mem::take(many).into_iter().collect());
                }
            }
        }
    }
}

//! What is kept in memory as long as there is room: the least recently used goes first.
//!
//! Place in the flow: timelines of series, facts and milestones, for readers. It must not know what is kept.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Something that takes room.
pub(crate) trait Weighed {
    /// How much.
    fn weight(&self) -> usize;
}

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    used: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    /// Looked up only: no order of it reaches a reader.
    entries: HashMap<K, Entry<V>>,
    most: usize,
    weight: usize,
    clock: u64,
}

impl<K: Eq + Hash + Clone, V: Weighed> Kept<K, V> {
    /// Keeps values of together at most `most`; one that is more by itself is not kept.
    pub(crate) fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), most, weight: 0, clock: 0 }
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(Arc::clone(&entry.value))
    }

    pub(crate) fn keep(&mut self, key: K, value: Arc<V>) {
        self.forget(&key);
        if value.weight() > self.most {
            return;
        }
        self.clock += 1;
        self.weight += value.weight();
        self.entries.insert(key, Entry { value, used: self.clock });
        while self.weight > self.most {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.forget(&oldest);
        }
    }

    /// Where something is kept, keeps this in its place; what nobody asked for is not kept.
    pub(crate) fn renew(&mut self, key: &K, value: Option<&Arc<V>>) {
        match value {
            Some(value) if self.entries.contains_key(key) => self.keep(key.clone(), Arc::clone(value)),
            _ => self.forget(key),
        }
    }

    pub(crate) fn forget<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(entry) = self.entries.remove(key) {
            self.weight -= entry.value.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighed for Vec<u8> {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn the_least_recently_used_goes_first_and_what_has_no_room_is_not_kept() {
        let value = |bytes| Arc::new(vec![0_u8; bytes]);
        let mut kept = Kept::new(10);
        [("a", 4), ("b", 4)].into_iter().for_each(|(key, bytes)| kept.keep(key, value(bytes)));
        assert!(kept.get("a").is_some());
        kept.keep("c", value(4));
        assert_eq!(["a", "b", "c"].map(|key| kept.get(key).is_some()), [true, false, true]);
        kept.keep("a", value(11));
        assert_eq!(["a", "c"].map(|key| kept.get(key).is_some()), [false, true]);
        kept.keep("d", value(6));
        assert_eq!(["c", "d"].map(|key| kept.get(key).is_some()), [true, true]);
    }
}

//! What the histories of a run were made of, so that it cannot pass by having asked nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts by group and name, for several threads.
#[derive(Default)]
pub(super) struct Tally(Mutex<BTreeMap<(&'static str, String), usize>>);

impl Tally {
    pub(super) fn add(&self, group: &'static str, name: impl ToString, count: usize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry((group, name.to_string())).or_default() += count;
    }

    /// Fails unless each of `names` was counted in the group.
    #[track_caller]
    pub(super) fn assert_has<T: ToString>(&self, group: &'static str, names: impl IntoIterator<Item = T>) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |name: &String| all.get(&(group, name.clone())).copied().unwrap_or_default();
        let never: Vec<String> =
            names.into_iter().map(|name| name.to_string()).filter(|name| count(name) == 0).collect();
        assert!(never.is_empty(), "never, as {group}: {never:?}");
    }

    /// Prints the table.
    pub(super) fn tell(&self) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().for_each(|((group, name), count)| eprintln!("{count:>7} {group}: {name}"));
    }
}

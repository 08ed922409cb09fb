//! Which ids a plan folder defines.
//!
//! Place in the flow: taken from the raw JSON before records are read, so that a reference is judged rightly also where
//! the element it names has another fault. It must not know: what the elements are.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fault::{Faults, Place};
use crate::folder::{AGENCIES, AREAS, Folder, INDICATORS, PLAN, PROJECTS, TARGETS};

/// A list whose elements have an identity.
struct List {
    file: &'static str,
    name: &'static str,
    /// The fields that identify an element; joined by `/` if there are two.
    key: &'static [&'static str],
}

const fn list(file: &'static str, name: &'static str, key: &'static [&'static str]) -> List {
    List { file, name, key }
}

const LISTS: &[List] = &[
    list(PLAN, "documents", &["id"]),
    list(PLAN, "units", &["code"]),
    list(PLAN, "categories", &["id"]),
    list(PLAN, "goals", &["id"]),
    list(PLAN, "facts", &["id"]),
    list(AREAS, "areas", &["id"]),
    list(AREAS, "organisations", &["id"]),
    list(AREAS, "industries", &["id"]),
    list(INDICATORS, "indicators", &["id"]),
    list(TARGETS, "targets", &["area", "indicator"]),
    list(PROJECTS, "projects", &["id"]),
    list(PROJECTS, "merges", &["project"]),
    list(AGENCIES, "agencies", &["id"]),
];

/// The ids of every list that could be read. List names are unique across files.
#[derive(Debug)]
pub(crate) struct Known(BTreeMap<&'static str, BTreeMap<String, usize>>);

impl Known {
    /// Collects the ids of `folder`; an id that stands twice in a list is a fault.
    pub(crate) fn of(folder: &Folder, faults: &Faults) -> Self {
        Self(LISTS.iter().filter_map(|list| Some((list.name, ids(list, folder, faults)?))).collect())
    }

    /// Whether `list` defines `id`. Yes if the list could not be read: that is a fault of its own.
    pub(crate) fn defines(&self, list: &str, id: &str) -> bool {
        self.0.get(list).is_none_or(|ids| ids.contains_key(id))
    }
}

fn ids(list: &List, folder: &Folder, faults: &Faults) -> Option<BTreeMap<String, usize>> {
    let elements = folder.file(list.file)?.get(list.name)?.as_array()?;
    let mut ids = BTreeMap::new();
    for (index, element) in elements.iter().enumerate() {
        let Some(id) = identity(element, list.key) else { continue };
        match ids.get(&id) {
            None => drop(ids.insert(id, index)),
            Some(first) => {
                let place = Place::root(list.file).field(list.name).element(index);
                let place = if let [field] = list.key { place.field(field) } else { place };
                faults.add(&place, format!("{id:?} is taken by {}[{first}]", list.name));
            }
        }
    }
    Some(ids)
}

fn identity(element: &Value, key: &[&str]) -> Option<String> {
    let parts: Option<Vec<_>> = key.iter().map(|field| element.get(field)?.as_str()).collect();
    Some(parts?.join("/"))
}

//! A copy of the fictional county's plan that a test can break.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::folder::{AGENCIES, FILES};
use crate::{Catalog, CatalogError, Fault, read};

/// A folder of the repository.
pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Harbin's plan.
pub(super) fn harbin() -> Catalog {
    read(&repository("seeds/harbin-2022-2026")).unwrap()
}

/// The copy.
pub(super) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let plan = repository("tests/fixtures/plans/qingshui-2025-2027");
        for file in FILES.into_iter().filter(|file| *file != AGENCIES).chain(["source.txt"]) {
            fs::copy(plan.join(file), dir.path().join(file)).unwrap();
        }
        Self(dir)
    }

    pub(super) fn read(&self) -> Result<Catalog, CatalogError> {
        read(self.0.path())
    }

    pub(super) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).unwrap()
    }

    pub(super) fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(file), text).unwrap();
    }

    pub(super) fn remove(&self, file: &str) {
        fs::remove_file(self.0.path().join(file)).unwrap();
    }

    /// Changes `file` as JSON.
    pub(super) fn edit(&self, file: &str, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_str(&self.text(file)).unwrap();
        change(&mut value);
        self.write(file, value.to_string());
    }

    /// Puts `value` at `path` of `file`, whose parent must exist.
    pub(super) fn set(&self, file: &str, path: &str, value: Value) {
        let pointer = format!("/{}", path.replace(['[', '.'], "/").replace(']', ""));
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        self.edit(file, |root| match root.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
            parent => parent[last] = value,
        });
    }

    /// Adds agencies, assignments of every scope, and milestones.
    pub(super) fn staffed() -> Self {
        let scratch = Self::new();
        let scopes = [
            json!({"plan": true}),
            json!({"area": "lakeside"}),
            json!({"indicator": "tech-firms"}),
            json!({"target": {"area": "county", "indicator": "new-forest"}}),
            json!({"project": "pilot-base"}),
        ];
        let assignments: Vec<_> =
            scopes.iter().map(|scope| json!({"agency": "bureau", "role": "LEAD", "scope": scope})).collect();
        let name = json!({"zh": "科技局", "en": "Science bureau"});
        let committee = json!({"id": "committee", "name": name, "uscc": null});
        let agencies = json!([{"id": "bureau", "name": name, "uscc": "91350100M000100Y43"}, committee]);
        scratch.write(AGENCIES, json!({"agencies": agencies, "assignments": assignments}).to_string());
        let title = json!({"zh": "开工", "en": "Groundbreaking"});
        let milestone = |id: &str, weight: Value| json!({"id": id, "type": "GROUNDBREAKING", "title": title, "due_date": "2026-05-01", "weight": weight});
        let milestones = json!([milestone("start", json!("0.5")), milestone("second-start", Value::Null)]);
        scratch.set("projects.json", "projects[0].milestones", milestones);
        scratch
    }
}

/// The faults of a copy with agencies and milestones, after `change`.
pub(super) fn faults(change: impl FnOnce(&Scratch)) -> Vec<Fault> {
    let scratch = Scratch::staffed();
    scratch.read().unwrap();
    change(&scratch);
    scratch.read().unwrap_err().faults().to_vec()
}

/// Expects that a value at a path of a file is refused there, for a reason that contains a text.
pub(super) fn refused(edits: impl IntoIterator<Item = (&'static str, &'static str, Value, &'static str)>) {
    refused_elsewhere(edits.into_iter().map(|(file, path, value, fragment)| (file, path, value, path, fragment)));
}

/// Expects that a value at a path of a file is refused at another path of it.
pub(super) fn refused_elsewhere(
    edits: impl IntoIterator<Item = (&'static str, &'static str, Value, &'static str, &'static str)>,
) {
    for (file, path, value, place, fragment) in edits {
        let found = faults(|scratch| scratch.set(file, path, value.clone()));
        let hit = |fault: &Fault| fault.file == file && fault.path == place && fault.reason.contains(fragment);
        assert!(found.iter().any(hit), "{path} = {value}: no {place:?} with {fragment:?} in {found:#?}");
    }
}

/// A merge.
pub(super) fn merge(project: &str, into: &str) -> Value {
    json!({"project": project, "into": into, "interpreted": true, "reason": {"zh": "同名", "en": "Same name"}})
}

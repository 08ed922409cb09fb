//! Reads and checks a plan written as data (`seeds/README.md`) and turns it into the events that define it.
//!
//! Place in the flow: `songhua plan check` prints what [`read`] finds; `songhua plan load` sends
//! [`Catalog::definitions`] to ingest like any other submission. A folder is read in four steps: `folder` (bytes to
//! JSON), `known` and `editions` (which ids and which words exist), `cursor`, `shapes` and `format` (JSON to records,
//! every field with its path), `rules` (what records must agree on). Each step adds to one list of faults, so that one
//! run shows all of them.
//!
//! It must not know: protobuf, the log, any particular city.

use std::io;
use std::path::Path;

use songhua_domain::event::EventInput;
use songhua_domain::id::PlanId;

mod cursor;
mod definitions;
mod digest;
mod editions;
mod fault;
mod folder;
mod format;
mod known;
mod rules;
mod shapes;
mod summary;
#[cfg(test)]
mod tests;

pub use fault::{CatalogError, Fault};
pub use summary::Summary;

/// A plan folder without a fault.
#[derive(Debug, Clone)]
pub struct Catalog {
    plan: format::Plan,
    digest: [u8; 32],
}

/// Reads the plan in the folder `dir` and checks all of it. Writes nothing.
///
/// # Errors
/// [`CatalogError`] with every fault that was found, each with its file and field.
pub fn read(dir: &Path) -> Result<Catalog, CatalogError> {
    let faults = fault::Faults::default();
    folder::refuse_other_files(dir, &faults);
    read_all(&|file| std::fs::read(dir.join(file)), faults)
}

/// Reads a plan from files that are not in a folder; `files` gives their bytes by name.
///
/// # Errors
/// As for [`read`].
pub fn read_files(files: &dyn Fn(&str) -> io::Result<Vec<u8>>) -> Result<Catalog, CatalogError> {
    read_all(files, fault::Faults::default())
}

fn read_all(files: folder::Files<'_>, faults: fault::Faults) -> Result<Catalog, CatalogError> {
    let folder = folder::Folder::read(files, &faults);
    let known = known::Known::of(&folder, &faults);
    let editions = editions::Editions::read(files, &folder, &faults);
    let context = cursor::Context { known, editions, faults };
    let draft = format::Draft::read(&folder, &context);
    rules::check(&draft, &context.faults);
    match draft.complete() {
        Some(plan) if context.faults.is_empty() => {
            let catalog = Catalog { plan, digest: digest::of(&folder) };
            definitions::check_size(&catalog.plan, &context.faults);
            if context.faults.is_empty() { Ok(catalog) } else { Err(context.faults.into()) }
        }
        _ => Err(context.faults.into()),
    }
}

impl Catalog {
    /// The plan's id: the name of its log.
    pub const fn plan_id(&self) -> &PlanId {
        &self.plan.plan.plan
    }

    /// SHA-256 of the plan's data: the same whatever the white space and the order of keys, another for any value.
    /// The text of an edition is in it by the digest that `plan.json` states.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// How many of everything.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.plan)
    }

    /// The events that define the plan, each after what it names; the last one publishes it. Ids are derived from the
    /// plan's id and the resource's, so that loading the same folder again sends the same events.
    pub fn definitions(&self) -> Vec<EventInput> {
        definitions::of(&self.plan, self.digest)
    }
}

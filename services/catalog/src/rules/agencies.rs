//! Rules of agencies and of what they answer for.
//!
//! Place in the flow: part of `rules`. It must not know: projects, targets.

use std::collections::{BTreeMap, BTreeSet};

use songhua_domain::id::is_uscc;
use songhua_domain::vocabulary::AssignmentRole;

use crate::fault::Faults;
use crate::format::AgenciesFile;
use crate::shapes::Entry;

/// Notes what is wrong with agencies and assignments.
pub(super) fn check(file: &AgenciesFile, faults: &Faults) {
    check_codes(file, faults);
    let mut seen = BTreeSet::new();
    let mut leads = BTreeMap::new();
    for Entry { place, item: assignment, .. } in file.assignments.entries() {
        let (agency, role, scope) = (&assignment.agency.0, assignment.role, &assignment.scope);
        if !seen.insert((agency, role, scope)) {
            faults.add(place, "stands twice");
        } else if role == AssignmentRole::Lead
            && let Some(lead) = leads.insert(scope, agency)
        {
            faults.add(&place.field("role"), format!("\"{lead}\" leads this scope already: a scope has one LEAD"));
        }
    }
}

fn check_codes(file: &AgenciesFile, faults: &Faults) {
    let mut seen = BTreeSet::new();
    for Entry { place, item: agency, .. } in file.agencies.entries() {
        let Some(code) = &agency.uscc else { continue };
        if !is_uscc(code) {
            let reason = "is not 18 of 0-9 and A-Z without I, O, S, V, Z with a right check character (GB 32100-2015)";
            faults.add(&place.field("uscc"), reason);
        } else if !seen.insert(code) {
            faults.add(&place.field("uscc"), "is the code of another agency");
        }
    }
}

//! Rules of agencies and of what they answer for.
//!
//! Place in the flow: part of `rules`. It must not know: projects, targets.

use std::collections::{BTreeMap, BTreeSet};

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

/// Characters of a unified social credit code in the order of their values.
const USCC_CHARACTERS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const USCC_LENGTH: usize = 18;

/// Each character counts three times the one before it, modulo 31, the last one once; the sum is a multiple of 31.
fn is_uscc(code: &str) -> bool {
    let values: Option<Vec<usize>> = code.chars().map(|character| USCC_CHARACTERS.find(character)).collect();
    let Some(values) = values.filter(|values| values.len() == USCC_LENGTH) else { return false };
    let weights = std::iter::successors(Some(1), |weight| Some(weight * 3 % 31)).take(USCC_LENGTH - 1).chain([1]);
    values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<usize>() % 31 == 0
}

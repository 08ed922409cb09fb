//! Rules of projects, merges and milestones.
//!
//! Place in the flow: part of `rules`. It must not know: targets, values, agencies.

use std::collections::BTreeSet;

use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::ProjectKind;

use crate::fault::{Faults, Place};
use crate::format::{AreasFile, Merge, Project, ProjectsFile};
use crate::shapes::Entry;

/// Notes what is wrong with projects and merges. Industries are held against `areas`, if those could be read.
pub(super) fn check(file: &ProjectsFile, areas: Option<&AreasFile>, faults: &Faults) {
    for Entry { place, item: project, .. } in file.projects.entries() {
        if project.mentions.is_empty() {
            faults.add(&place.field("mentions"), "must name at least one place in the text");
        }
        check_industry(project, areas, place, faults);
        check_milestones(project, file, place, faults);
    }
    for merge in file.merges.entries() {
        check_merge(merge, file, faults);
    }
}

fn check_industry(project: &Project, areas: Option<&AreasFile>, place: &Place, faults: &Faults) {
    let area = areas.and_then(|areas| areas.areas.iter().find(|area| area.id == project.area.0));
    if let (Some(industry), Some(area)) = (&project.industry, area)
        && !area.industries.contains(industry)
    {
        let reason = format!("{:?} is not an industry of area \"{}\"", industry.0.as_ref(), area.id);
        faults.add(&place.field("industry"), reason);
    }
}

fn check_milestones(project: &Project, file: &ProjectsFile, place: &Place, faults: &Faults) {
    let milestones = &project.milestones.0;
    let refuse = |reason: &str| faults.add(&place.field("milestones"), reason);
    if milestones.len() > 0 && project.kind == ProjectKind::Direction {
        refuse("a DIRECTION has none");
    }
    if milestones.len() > 0 && file.merges.iter().any(|merge| merge.project.0 == project.id) {
        refuse("the project is merged: put them into the one it is shown under");
    }
    let mut seen = BTreeSet::new();
    for Entry { place, item: milestone, .. } in milestones.entries() {
        if !seen.insert(&milestone.id) {
            faults
                .add(&place.field("id"), format!("\"{}\" is taken by another milestone of the project", milestone.id));
        }
        if milestone.weight.is_some_and(|weight| weight <= Decimal::ZERO) {
            faults.add(&place.field("weight"), "must be above zero; null counts as 1");
        }
    }
}

fn check_merge(Entry { place, item: merge, .. }: &Entry<Merge>, file: &ProjectsFile, faults: &Faults) {
    let into = &merge.into.0;
    if *into == merge.project.0 {
        faults.add(&place.field("into"), "a project cannot be merged into itself");
    } else if let Some(next) = file.merges.iter().find(|other| other.project.0 == *into) {
        faults
            .add(&place.field("into"), format!("\"{into}\" is merged into \"{}\" itself: name that one", next.into.0));
    }
}

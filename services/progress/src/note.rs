//! ListProgressNotes: progress in words; and the notes that stand beside targets, projects and indicators.
//!
//! Place in the flow: facts → `ProgressNote`. A day sees notes as of that day or before, however late they came. It must
//! not know who may record them.

use std::cmp::Reverse;

use songhua_domain::event::{ProgressNoteRecorded, Scope};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, ProjectId};
use songhua_views::{Fact, FactKind, Facts, Said, subject_of_scope};
use songhua_wire::pb;
use songhua_wire::time::{date_to_pb, micros_to_pb};

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::page::Page;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::scope;

/// What notes can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field("area", Kind::Id),
    field("indicator", Kind::Id),
    field("project", Kind::Id),
    field("agency", Kind::Id),
    field("as_of_date", Kind::Date),
];

/// A page of notes, newest first.
pub(crate) fn list(reading: &Reading, filter: &Filter, page: &Page) -> Result<pb::ListProgressNotesResponse, Refused> {
    let facts = reading.facts(FactKind::Notes)?;
    let is_wanted = |(fact, note): &Noted<'_>| filter.matches(|field| value_of(reading, fact, note, field));
    let all = newest_first(seen(reading, &facts).filter(is_wanted));
    let cut = page.cut(&all, reading);
    Ok(pb::ListProgressNotesResponse {
        notes: cut.items.iter().map(|(fact, note)| to_pb(reading, fact, note)).collect(),
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn value_of(reading: &Reading, fact: &Fact, note: &ProgressNoteRecorded, field: &str) -> Option<Value> {
    match field {
        "agency" => fact.row.agency.as_ref().map(|agency| agency.as_str().into()),
        "as_of_date" => Some(Value::Date(note.as_of)),
        field => scope::value_of(reading, &note.scope, field),
    }
}

/// The newest note that speaks of the target: of it alone, or of its indicator in every area.
pub(crate) fn last_of_target(
    reading: &Reading,
    area: &AreaId,
    indicator: &IndicatorId,
) -> Result<Option<pb::ProgressNote>, Refused> {
    last(reading, &[Scope::Target(area.clone(), indicator.clone()), Scope::Indicator(indicator.clone())])
}

/// The newest note that speaks of the project, or of one that was merged into it.
pub(crate) fn last_of_project(reading: &Reading, project: &ProjectId) -> Result<Option<pb::ProgressNote>, Refused> {
    let model = &reading.model;
    let merged = model.merges.keys().filter(|merged| model.merged_into(merged) == project);
    let scopes: Vec<Scope> = merged.chain([project]).map(|project| Scope::Project(project.clone())).collect();
    last(reading, &scopes)
}

/// The newest note whose scope is one of these.
fn last(reading: &Reading, scopes: &[Scope]) -> Result<Option<pb::ProgressNote>, Refused> {
    let lists = lists(reading, scopes)?;
    let newest =
        lists.iter().flat_map(|facts| seen(reading, facts)).max_by_key(|(fact, note)| (note.as_of, fact.position));
    Ok(newest.map(|(fact, note)| to_pb(reading, fact, note)))
}

/// The notes of each of these scopes.
fn lists(reading: &Reading, scopes: &[Scope]) -> Result<Vec<Facts>, Refused> {
    scopes.iter().map(|scope| reading.facts_of(FactKind::Notes, &subject_of_scope(scope))).collect()
}

/// The newest notes that speak of an indicator: of its target in `area` (none = in any), or of every area.
pub(crate) fn of_indicator(
    reading: &Reading,
    indicator: &IndicatorId,
    area: Option<&AreaId>,
    limit: usize,
) -> Result<Vec<pb::ProgressNote>, Refused> {
    let areas = reading.model.areas.keys().filter(|of| area.is_none_or(|area| area == *of));
    let targets = areas.map(|area| Scope::Target(area.clone(), indicator.clone()));
    let scopes: Vec<Scope> = targets.chain([Scope::Indicator(indicator.clone())]).collect();
    let lists = lists(reading, &scopes)?;
    let newest = newest_first(lists.iter().flat_map(|facts| seen(reading, facts)));
    Ok(newest.into_iter().take(limit).map(|(fact, note)| to_pb(reading, fact, note)).collect())
}

/// The newest notes that an agency recorded, or one that it succeeded.
pub(crate) fn of_agency(reading: &Reading, agency: &AgencyId, limit: usize) -> Result<Vec<pb::ProgressNote>, Refused> {
    let facts = reading.facts(FactKind::Notes)?;
    let is_its = |fact: &Fact| fact.row.agency.as_ref().is_some_and(|sender| reading.model.standing(sender) == agency);
    let newest = newest_first(seen(reading, &facts).filter(|(fact, _)| is_its(fact)));
    Ok(newest.into_iter().take(limit).map(|(fact, note)| to_pb(reading, fact, note)).collect())
}

/// A note as it was said.
type Noted<'a> = (&'a Fact, &'a ProgressNoteRecorded);

/// Those that the day sees.
fn seen<'a>(reading: &Reading, facts: &'a [Fact]) -> impl Iterator<Item = Noted<'a>> {
    let day = reading.valid_date;
    facts.iter().filter_map(move |fact| match &fact.row.said {
        Said::Note(note) if note.as_of <= day => Some((fact, note)),
        _ => None,
    })
}

/// By the day they are as of, of one day the last recorded first.
fn newest_first<'a>(notes: impl Iterator<Item = Noted<'a>>) -> Vec<Noted<'a>> {
    let mut notes: Vec<_> = notes.collect();
    notes.sort_by_key(|(fact, note)| Reverse((note.as_of, fact.position)));
    notes
}

fn to_pb(reading: &Reading, fact: &Fact, note: &ProgressNoteRecorded) -> pb::ProgressNote {
    let agency = fact.row.agency.as_ref();
    pb::ProgressNote {
        position: fact.position,
        recorded_time: micros_to_pb(fact.row.recorded_time_us),
        scope: Some((&note.scope).into()),
        as_of_date: Some(date_to_pb(note.as_of)),
        progress: note.progress.clone(),
        problems: note.problems.clone(),
        next_steps: note.next_steps.clone(),
        agency: name::or_empty(agency),
        agency_name: agency.and_then(|agency| reading.agency_name(agency)),
    }
}

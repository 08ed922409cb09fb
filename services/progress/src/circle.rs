//! ListCircles, GetCircle: areas with their targets and projects.
//!
//! Place in the flow: reading → `Circle`. It must not know how a target is judged.

use songhua_domain::id::AreaId;
use songhua_domain::vocabulary::{AreaKind, AreaStage};
use songhua_views::Area;
use songhua_wire::code::Code;
use songhua_wire::pb;

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::page::Page;
use crate::plan::size;
use crate::project;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::target::{count, scored};

/// What circles can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field(KIND, Kind::Code(|text| AreaKind::from_code(text).map(drop))),
    field("batch", Kind::Number),
    field("stage", Kind::Code(|text| AreaStage::from_code(text).map(drop))),
];
const KIND: &str = "kind";

/// A page of areas, of circles unless the filter names a kind.
pub(crate) fn list(reading: &Reading, filter: &Filter, page: &Page) -> Result<pb::ListCirclesResponse, Refused> {
    let is_wanted = |area: &&Area| {
        let kind = area.definition.kind;
        (filter.names(KIND) || kind == AreaKind::Circle) && filter.matches(|field| value_of(reading, area, field))
    };
    let all: Vec<&Area> = reading.areas().into_iter().filter(is_wanted).collect();
    let cut = page.cut(&all, reading);
    Ok(pb::ListCirclesResponse {
        circles: cut.items.iter().map(|area| to_pb(reading, area)).collect::<Result<_, _>>()?,
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn value_of(reading: &Reading, area: &Area, field: &str) -> Option<Value> {
    match field {
        KIND => Some(area.definition.kind.code().into()),
        "batch" => Some(Value::Number(area.definition.batch.into())),
        "stage" => area.stage_at(reading.valid_date).map(|stage| stage.code().into()),
        _ => None,
    }
}

/// One area with its projects.
pub(crate) fn get(reading: &Reading, id: &AreaId) -> Result<pb::GetCircleResponse, Refused> {
    let area = reading.model.areas.get(id);
    let area = area.ok_or_else(|| refusal::resource_not_found(&name::of_area(&reading.plan, id), reading.known()))?;
    let projects = reading.model.projects.values().filter(|project| project.area == *id);
    Ok(pb::GetCircleResponse {
        circle: Some(to_pb(reading, area)?),
        projects: projects.map(|project| project::to_pb(reading, project)).collect::<Result<_, _>>()?,
        state: Some(reading.state()),
    })
}

fn to_pb(reading: &Reading, area: &Area) -> Result<pb::Circle, Refused> {
    let model = &reading.model;
    let defined = pb::AreaDesignated::from(&area.definition);
    let id = &area.definition.area;
    let targets = scored(reading, |target| target.definition.area == *id)?;
    let goes_on = model.projects.values().filter(|one| one.area == *id && !model.merges.contains_key(&one.project));
    Ok(pb::Circle {
        name: name::of_area(&reading.plan, id),
        kind: defined.kind,
        display_name: defined.display_name,
        aliases: defined.aliases,
        stage: area.stage_at(reading.valid_date).map_or(0, Code::to_wire),
        batch: defined.batch,
        hosts: defined.hosts,
        industries: defined.industries,
        sites: defined.sites,
        targets: targets.iter().map(|one| one.to_pb(reading)).collect::<Result<_, _>>()?,
        statuses: count(&targets),
        project_count: size(goes_on.count()),
        source: defined.source,
        notes: defined.notes,
        participants: defined.participants,
    })
}

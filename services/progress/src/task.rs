//! Parts of targets that were handed down to agencies and years (任务分解), and how far each is.
//!
//! Place in the flow: reading → `TaskProgress`, for indicators and for the agencies' ledgers. It must not know how
//! figures add up: scoring counts them, up to the day the part is due.

use songhua_domain::event::{TOTAL, TaskShare};
use songhua_domain::score::{CalcVersion, Mark, Observation, Score, TargetSpec, put_in_order, score};
use songhua_domain::vocabulary::{Operator, PathKind};
use songhua_views::{SeriesKey, Target};
use songhua_wire::pb;

use crate::name;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::target::{as_reported, one_decimal};

/// The parts of these targets that are wanted, target by target, by due date.
pub(crate) fn of_targets<'a>(
    reading: &Reading,
    targets: impl IntoIterator<Item = &'a Target>,
    wanted: impl Fn(&TaskShare) -> bool,
) -> Result<Vec<pb::TaskProgress>, Refused> {
    let mut found = Vec::new();
    for target in targets {
        let key = (target.definition.area.clone(), target.definition.indicator.clone());
        let Some(decomposed) = reading.model.tasks.get(&key) else { continue };
        let mut tasks: Vec<&TaskShare> = decomposed.tasks.iter().filter(|task| wanted(task)).collect();
        tasks.sort_by_key(|task| task.due_date);
        for task in tasks {
            found.push(progress(reading, target, task)?);
        }
    }
    Ok(found)
}

fn progress(reading: &Reading, target: &Target, task: &TaskShare) -> Result<pb::TaskProgress, Refused> {
    let set = &target.definition;
    let indicator = reading.model.indicators.get(&set.indicator);
    let ascending = indicator.is_none_or(|indicator| indicator.ascending);
    let judged = judged(reading, target, task)?;
    let actual = judged.as_ref().and_then(|score| score.actual);
    let reached = actual.is_some_and(|actual| if ascending { actual >= task.value } else { actual <= task.value });
    let retired = indicator.and_then(|one| one.retired_from).is_some_and(|from| from <= reading.valid_date);
    Ok(pb::TaskProgress {
        target: name::of_target(&reading.plan, &set.area, &set.indicator),
        indicator_name: indicator.map(|indicator| (&indicator.name).into()),
        task: Some(task.into()),
        agency_name: reading.agency_name(&task.agency),
        actual: as_reported(actual),
        rate: one_decimal(judged.and_then(|score| score.target_rate)),
        overdue: task.due_date < reading.valid_date && !reached && !retired,
    })
}

/// What the figures of the part's dimension come to by its due date, as if the part were a target; none where they only
/// tell of an earlier year.
fn judged(reading: &Reading, target: &Target, task: &TaskShare) -> Result<Option<Score>, Refused> {
    let set = &target.definition;
    let version = CalcVersion::from_u32(reading.model.calc_version);
    let spec = reading.model.target_spec(&set.area, &set.indicator);
    let Some((version, spec)) = version.zip(spec) else { return Ok(None) };
    let spec = TargetSpec {
        deadline: task.due_date,
        operator: Operator::AtLeast,
        path_kind: PathKind::EndOnly,
        value: Some(task.value),
        max: None,
        tolerance: None,
        interim: Vec::new(),
        // What a total starts from, its parts do not.
        baseline: spec.baseline.filter(|_| task.dimension == TOTAL),
        ..spec
    };
    let score = score(version, &spec, &reading.model.light_rule, &live(reading, target, task)?, reading.valid_date);
    Ok(Some(score).filter(|score| !score.marks.contains(&Mark::Trend)))
}

/// Figures of the part's dimension that count.
fn live(reading: &Reading, target: &Target, task: &TaskShare) -> Result<Vec<Observation>, Refused> {
    let (area, indicator) = (&target.definition.area, &target.definition.indicator);
    let live = if task.dimension == TOTAL {
        reading.views().live_observations(&reading.model, area, indicator, reading.known())
    } else {
        let key = SeriesKey { area: area.clone(), indicator: indicator.clone(), dimension: task.dimension.clone() };
        reading.views().series(&key, reading.known()).map(|series| series.live_observations())
    };
    let mut live = live.map_err(|error| refusal::from_views(&error))?;
    put_in_order(&mut live);
    Ok(live)
}

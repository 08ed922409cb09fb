//! ListRevisions: what was changed afterwards (留痕).
//!
//! Place in the flow: revisions of figures and facts of revisions, recorded up to the day → `Revision`. It must not know
//! what a change means for a score.

use std::cmp::Reverse;

use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::vocabulary::UnknownCode;
use songhua_views::{Entry, EntryFigure, EntryKind, Fact, FactKind, FigureRevision, Revised, Said, SeriesKey};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::micros_to_pb;

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::indicator;
use crate::name;
use crate::page::Page;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// What revisions can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field("area", Kind::Id),
    field("indicator", Kind::Id),
    field("agency", Kind::Id),
    field("type", Kind::Code(check)),
];

/// Event types that revise, and what they are in words.
const LABELS: &[(&str, &str, &str)] = &[
    ("measurement.corrected", "更正", "correction"),
    ("measurement.revised", "修订", "revision"),
    ("measurement.retracted", "撤回", "retraction"),
    ("verification.rejected", "核验不通过", "rejection by a checker"),
    ("verification.reopened", "重新核验", "verification taken back"),
    ("plan.revised", "方案修订", "revision of the plan"),
    ("plan.closed-out", "收官", "close-out of the plan"),
    ("calculation.adopted", "计算规则变更", "change of the arithmetic"),
    ("light-rule.adopted", "亮灯规则变更", "change of the light rule"),
    ("area.stage-changed", "阶段变更", "change of stage"),
    ("indicator.redefined", "指标口径变更", "redefinition of an indicator"),
    ("indicator.retired", "指标停用", "retirement of an indicator"),
    ("target.revised", "目标调整", "revision of a target"),
    ("baseline.set", "基期设定", "another baseline"),
    ("baseline.restated", "基期重述", "restatement of a baseline"),
    ("interim-targets.set", "年度目标调整", "other interim targets"),
    ("target.decomposed", "任务重新分解", "another decomposition of a target"),
    ("agency.renamed", "单位更名", "renaming of an agency"),
    ("agency.succeeded", "单位职责承接", "succession of an agency"),
    ("agency.assignment-ended", "分工终止", "end of an assignment"),
    ("project.merged", "项目合并", "merger of projects"),
    ("project.status-changed", "项目状态变更", "change of a project's status"),
    ("milestone.rescheduled", "节点调期", "rescheduling of a milestone"),
    ("milestone.cancelled", "节点取消", "cancellation of a milestone"),
    ("milestone.reopened", "节点重启", "reopening of a milestone"),
];

fn check(token: &str) -> Result<(), UnknownCode> {
    if LABELS.iter().any(|(known, ..)| *known == token) {
        return Ok(());
    }
    let known = LABELS.iter().map(|(known, ..)| *known).collect::<Vec<_>>().join(", ");
    Err(UnknownCode { list: "revision type", code: token.chars().take(80).collect(), known })
}

/// A page of revisions, newest first.
pub(crate) fn list(reading: &Reading, filter: &Filter, page: &Page) -> Result<pb::ListRevisionsResponse, Refused> {
    let mut all = all(reading)?;
    all.retain(|revision| filter.matches(|field| value_of(revision, field)));
    let cut = page.cut(&all, reading);
    Ok(pb::ListRevisionsResponse {
        revisions: cut.items.to_vec(),
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn value_of(revision: &pb::Revision, field: &str) -> Option<Value> {
    let text = match field {
        "area" => &revision.area,
        "indicator" => &revision.indicator,
        "agency" => &revision.agency,
        _ => &revision.event_type,
    };
    (!text.is_empty()).then(|| text.as_str().into())
}

/// The newest revisions of an indicator: of one area (and those of every area at once), or of all.
pub(crate) fn of_indicator(
    reading: &Reading,
    indicator: &IndicatorId,
    area: Option<&AreaId>,
    limit: usize,
) -> Result<Vec<pb::Revision>, Refused> {
    let is_wanted = |series: &SeriesKey| series.indicator == *indicator && area.is_none_or(|area| series.area == *area);
    let mut all = made_of(reading, &figures(reading, limit, is_wanted)?)?;
    all.retain(|revision| {
        let here = area.is_none_or(|area| revision.area.is_empty() || revision.area == area.as_str());
        revision.indicator == indicator.as_str() && here
    });
    all.truncate(limit);
    Ok(all)
}

/// Revisions of figures recorded by the end of the reading's day, newest first.
pub(crate) fn of_figures(reading: &Reading) -> Result<Vec<FigureRevision>, Refused> {
    figures(reading, usize::MAX, |_| true)
}

fn figures(
    reading: &Reading,
    limit: usize,
    is_wanted: impl Fn(&SeriesKey) -> bool,
) -> Result<Vec<FigureRevision>, Refused> {
    let revisions = reading.views().figure_revisions(reading.recorded()?, limit, is_wanted);
    revisions.map_err(|error| refusal::from_views(&error))
}

fn all(reading: &Reading) -> Result<Vec<pb::Revision>, Refused> {
    made_of(reading, &of_figures(reading)?)
}

/// Those of figures and of what was defined, newest first.
fn made_of(reading: &Reading, of_figures: &[FigureRevision]) -> Result<Vec<pb::Revision>, Refused> {
    let recorded = reading.recorded()?;
    let facts = reading.facts(FactKind::Revisions)?;
    let of_facts = facts.iter().take_while(|fact| fact.position <= recorded).filter_map(|fact| match &fact.row.said {
        Said::Revision(revised) => Some(from_fact(reading, fact, revised)),
        _ => None,
    });
    let of_figures = of_figures.iter().map(|revision| from_figure(reading, revision));
    let mut all: Vec<pb::Revision> = of_facts.chain(of_figures).collect();
    all.sort_by_key(|revision| Reverse(revision.position));
    Ok(all)
}

fn from_fact(reading: &Reading, fact: &Fact, revised: &Revised) -> pb::Revision {
    let plan = name::of_plan(&reading.plan);
    pb::Revision {
        position: fact.position,
        recorded_time: micros_to_pb(fact.row.recorded_time_us),
        event_label: Some(label(&revised.event_type)),
        event_type: revised.event_type.clone(),
        subject: if revised.subject.is_empty() { plan } else { format!("{plan}/{}", revised.subject) },
        area: name::or_empty(revised.area.as_ref()),
        indicator: name::or_empty(revised.indicator.as_ref()),
        before: revised.before.clone(),
        after: revised.after.clone(),
        reason: revised.reason.clone(),
        agency: name::or_empty(fact.row.agency.as_ref()),
        event_id: fact.row.event_id.to_string(),
        ..Default::default()
    }
}

fn from_figure(reading: &Reading, revision: &FigureRevision) -> pb::Revision {
    let FigureRevision { series, entry, of } = revision;
    let (event_type, after) = match entry.kind {
        EntryKind::Corrected { .. } => ("measurement.corrected", shown(entry)),
        EntryKind::Revised { .. } => ("measurement.revised", shown(entry)),
        EntryKind::Retracted { .. } => ("measurement.retracted", String::new()),
        // What is no longer verified still stands.
        EntryKind::Reopened { .. } => ("verification.reopened", shown(of)),
        EntryKind::Rejected { .. }
        | EntryKind::Reported
        | EntryKind::Assessed
        | EntryKind::Verified { .. }
        | EntryKind::Nothing => ("verification.rejected", String::new()),
    };
    pb::Revision {
        position: entry.position,
        recorded_time: micros_to_pb(entry.recorded_time_us),
        event_type: event_type.to_owned(),
        event_label: Some(label(event_type)),
        subject: reading.subject_of_series(&series.area, &series.indicator),
        area: series.area.to_string(),
        indicator: series.indicator.to_string(),
        dimension: series.dimension.clone(),
        basis: of.basis.to_wire(),
        period: Some((&indicator::period(of)).into()),
        before: shown(of),
        after,
        reason: entry.reason.clone(),
        agency: name::or_empty(entry.agency.as_ref()),
        event_id: entry.event_id.to_string(),
    }
}

/// What an entry says, as text.
fn shown(entry: &Entry) -> String {
    match &entry.figure {
        EntryFigure::None => String::new(),
        EntryFigure::Value(value) => value.to_string(),
        EntryFigure::Fraction { numerator, denominator } => format!("{numerator}/{denominator}"),
        EntryFigure::Step(step) => step.clone(),
    }
}

/// What an event type is in words; a type without words stands for itself.
fn label(token: &str) -> pb::Name {
    let words = LABELS.iter().find(|(known, ..)| *known == token);
    let (zh, en) = words.map_or((token, token), |(_, zh, en)| (*zh, *en));
    pb::Name { zh: zh.to_owned(), en: en.to_owned() }
}

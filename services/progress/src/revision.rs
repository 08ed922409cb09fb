//! ListRevisions: what was changed afterwards (留痕).
//!
//! Place in the flow: revisions of figures and facts of revisions, recorded up to the day, from the last one back to the
//! end of the page → `Revision`. It must not know what a change means for a score.

mod status;

use std::cmp::Reverse;

use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::vocabulary::UnknownCode;
use songhua_views::{Entry, EntryFigure, EntryKind, Fact, FigureRevision, Found, Newest, Revised, Said, SeriesKey};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::micros_to_pb;

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::indicator;
use crate::name;
use crate::page::Page;
use crate::plan::size;
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
    // All are counted for the first page; its token keeps the number for the others.
    let (until, total) = match page.behind() {
        Some((last, total)) => (last.saturating_sub(1), Some(total)),
        None => (reading.recorded()?, None),
    };
    let asked = Newest { until, limit: page.size + 1, count: total.is_none() };
    let (of_series, of_event) = filter.clone().split(&["area", "indicator"]);
    let found = newest(
        reading,
        asked,
        |series| of_series.matches(|field| of_figure(series, field)),
        (!of_event.is_empty()).then_some(&|entry| of_event.matches(|field| said_by(entry, field))),
        (!filter.is_empty()).then_some(&|fact| filter.matches(|field| of_fact(fact, field))),
    )?;
    let cut = page.cut_rest(&found.newest, total.unwrap_or_else(|| size(found.count)), reading, Change::position);
    Ok(pb::ListRevisionsResponse {
        revisions: cut.items.iter().map(|change| change.to_pb(reading)).collect::<Result<_, _>>()?,
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn of_figure(series: &SeriesKey, field: &str) -> Option<Value> {
    Some(if field == "area" { series.area.as_str() } else { series.indicator.as_str() }.into())
}

fn said_by(entry: &Entry, field: &str) -> Option<Value> {
    match field {
        "agency" => entry.agency.as_ref().map(|agency| agency.as_str().into()),
        _ => Some(event_type(entry.kind).into()),
    }
}

fn of_fact(fact: &Fact, field: &str) -> Option<Value> {
    let revised = revised(fact)?;
    let text = match field {
        "area" => revised.area.as_ref()?.as_str(),
        "indicator" => revised.indicator.as_ref()?.as_str(),
        "agency" => fact.row.agency.as_ref()?.as_str(),
        _ => &revised.event_type,
    };
    Some(text.into())
}

fn revised(fact: &Fact) -> Option<&Revised> {
    match &fact.row.said {
        Said::Revision(revised) => Some(revised),
        _ => None,
    }
}

/// The newest revisions of an indicator: of one area (and those of every area at once), or of all; of figures of one
/// series, or of all.
pub(crate) fn of_indicator(
    reading: &Reading,
    indicator: &IndicatorId,
    area: Option<&AreaId>,
    series: Option<&[SeriesKey]>,
    limit: usize,
) -> Result<Vec<pb::Revision>, Refused> {
    let (asked, views) = (Newest { until: reading.recorded()?, limit, count: false }, reading.views());
    let is_here = |of: &AreaId| area.is_none_or(|area| area == of);
    let is_of =
        |revised: &Revised| revised.indicator.as_ref() == Some(indicator) && revised.area.as_ref().is_none_or(is_here);
    let facts = views.indicator_revision_facts(asked, &|fact| revised(fact).is_some_and(is_of));
    let figures = match series {
        Some(series) => series.iter().try_fold(Vec::new(), |mut all, one| {
            all.extend(views.series_revisions(one, asked)?.newest);
            Ok(all)
        }),
        None => {
            let is_of = |series: &SeriesKey| series.indicator == *indicator && is_here(&series.area);
            views.figure_revisions(asked, is_of, None).map(|found| found.newest)
        }
    };
    let figures = figures.map_err(|error| refusal::from_views(&error))?.into_iter().map(Change::Figure);
    let facts = facts.map_err(|error| refusal::from_views(&error))?.newest.into_iter().map(Change::Fact);
    let mut all: Vec<Change> = figures.chain(facts).collect();
    all.sort_by_key(|change| Reverse(change.position()));
    all.iter().take(limit).map(|change| change.to_pb(reading)).collect()
}

/// Revisions of figures recorded by the end of the reading's day, newest first.
pub(crate) fn of_figures(reading: &Reading) -> Result<Vec<FigureRevision>, Refused> {
    let asked = Newest { until: reading.recorded()?, limit: usize::MAX, count: false };
    let found = reading.views().figure_revisions(asked, |_| true, None);
    Ok(found.map_err(|error| refusal::from_views(&error))?.newest)
}

/// A revision of a figure or of what was defined.
enum Change {
    Figure(FigureRevision),
    Fact(Fact),
}

/// At least the newest that were asked for, of both kinds, newest first.
fn newest(
    reading: &Reading,
    asked: Newest,
    of: impl Fn(&SeriesKey) -> bool,
    entry: Option<&dyn Fn(&Entry) -> bool>,
    fact: Option<&dyn Fn(&Fact) -> bool>,
) -> Result<Found<Change>, Refused> {
    let figures = reading.views().figure_revisions(asked, of, entry);
    let figures = figures.map_err(|error| refusal::from_views(&error))?;
    let facts = reading.views().revision_facts(asked, fact).map_err(|error| refusal::from_views(&error))?;
    let count = figures.count + facts.count;
    let figures = figures.newest.into_iter().map(Change::Figure);
    let mut newest: Vec<Change> = figures.chain(facts.newest.into_iter().map(Change::Fact)).collect();
    newest.sort_by_key(|change| Reverse(change.position()));
    Ok(Found { newest, count })
}

impl Change {
    const fn position(&self) -> u64 {
        match self {
            Self::Figure(revision) => revision.entry.position,
            Self::Fact(fact) => fact.position,
        }
    }

    fn to_pb(&self, reading: &Reading) -> Result<pb::Revision, Refused> {
        match self {
            Self::Figure(revision) => Ok(from_figure(reading, revision)),
            Self::Fact(fact) => match revised(fact) {
                Some(revised) => from_fact(reading, fact, revised),
                None => Err(refusal::internal(&format!("the fact at {} is no revision", fact.position))),
            },
        }
    }
}

fn from_fact(reading: &Reading, fact: &Fact, revised: &Revised) -> Result<pb::Revision, Refused> {
    let plan = name::of_plan(&reading.plan);
    let (before, after) = status::stood(reading, fact, revised)?;
    Ok(pb::Revision {
        position: fact.position,
        recorded_time: micros_to_pb(fact.row.recorded_time_us),
        event_label: Some(label(&revised.event_type)),
        event_type: revised.event_type.clone(),
        subject: if revised.subject.is_empty() { plan } else { format!("{plan}/{}", revised.subject) },
        area: name::or_empty(revised.area.as_ref()),
        indicator: name::or_empty(revised.indicator.as_ref()),
        before,
        after,
        reason: revised.reason.clone(),
        agency: name::or_empty(fact.row.agency.as_ref()),
        event_id: fact.row.event_id.to_string(),
        ..Default::default()
    })
}

fn from_figure(reading: &Reading, revision: &FigureRevision) -> pb::Revision {
    let FigureRevision { series, entry, of } = revision;
    let event_type = event_type(entry.kind);
    // What is no longer verified still stands; retracted and rejected entries say nothing.
    let after = if matches!(entry.kind, EntryKind::Reopened { .. }) { shown(of) } else { shown(entry) };
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

/// The event that an entry which revises a figure is from.
const fn event_type(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Corrected { .. } => "measurement.corrected",
        EntryKind::Revised { .. } => "measurement.revised",
        EntryKind::Retracted { .. } => "measurement.retracted",
        EntryKind::Reopened { .. } => "verification.reopened",
        EntryKind::Rejected { .. }
        | EntryKind::Reported
        | EntryKind::Assessed
        | EntryKind::Verified { .. }
        | EntryKind::Nothing => "verification.rejected",
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

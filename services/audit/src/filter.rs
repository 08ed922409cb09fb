//! Which records a reader wants: lists and bounds of a `ReplayFilter`.
//!
//! Place in the flow: read once for each call, then asked for every record. It must not know who asks.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_domain::event::{EventInput, Payload};
use songhua_domain::id::{AgencyId, AreaId, IdError, IndicatorId, ProjectId};
use songhua_domain::state::PlanState;
use songhua_views::PostingKind;
use songhua_wire::about::About;
use songhua_wire::event::TYPE_TOKENS;
use songhua_wire::field::LIST_LENGTH_MAX;
use songhua_wire::pb;
use songhua_wire::record::RecordHeader;
use songhua_wire::time::{date_from_pb, timestamp_from_pb};

use crate::postings::Union;
use crate::refusal::Faults;

/// A filter, read. An empty list and an absent bound let everything pass.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    areas: BTreeSet<AreaId>,
    indicators: BTreeSet<IndicatorId>,
    projects: BTreeSet<ProjectId>,
    agencies: BTreeSet<AgencyId>,
    types: BTreeSet<&'static str>,
    /// Recorded at or after, in microseconds.
    pub(crate) recorded_from: Option<i64>,
    /// Recorded before, in microseconds.
    pub(crate) recorded_until: Option<i64>,
    effective_from: Option<Date>,
    effective_to: Option<Date>,
}

impl Filter {
    /// Reads a filter; what is wrong goes to `faults`.
    pub(crate) fn read(wire: &pb::ReplayFilter, faults: &mut Faults) -> Self {
        let filter = Self {
            areas: ids("areas", &wire.areas, faults),
            indicators: ids("indicators", &wire.indicators, faults),
            projects: ids("projects", &wire.projects, faults),
            agencies: ids("agencies", &wire.agencies, faults),
            types: types(&wire.event_types, faults),
            recorded_from: moment("recorded_from", wire.recorded_from.as_ref(), faults),
            recorded_until: moment("recorded_until", wire.recorded_until.as_ref(), faults),
            effective_from: date("effective_from", wire.effective_from.as_ref(), faults),
            effective_to: date("effective_to", wire.effective_to.as_ref(), faults),
        };
        if filter.recorded_from.zip(filter.recorded_until).is_some_and(|(from, until)| until <= from) {
            faults.note("filter.recorded_until", "is not after recorded_from");
        }
        if filter.effective_from.zip(filter.effective_to).is_some_and(|(from, to)| to < from) {
            faults.note("filter.effective_to", "is before effective_from");
        }
        filter
    }

    /// Notes every id that the plan does not define: a slip of the pen must not look like an empty history.
    pub(crate) fn check_known(wire: &pb::ReplayFilter, state: &PlanState, faults: &mut Faults) {
        unknown("areas", &wire.areas, faults, |id| state.area(id).is_some());
        unknown("indicators", &wire.indicators, faults, |id| state.indicator(id).is_some());
        unknown("projects", &wire.projects, faults, |id| state.project(id).is_some());
        unknown("agencies", &wire.agencies, faults, |id| state.agency(id).is_some());
    }

    /// Whether everything passes that was recorded in time.
    pub(crate) fn lets_all_pass(&self) -> bool {
        !self.asks_payload() && !self.asks_header()
    }

    /// Whether nothing passes that was recorded then, nor anything behind it: recorded times never fall.
    pub(crate) fn is_over(&self, recorded_time_us: i64) -> bool {
        self.recorded_until.is_some_and(|until| recorded_time_us >= until)
    }

    /// Whether it asks what a record is about that only the plan's state can say, as of a matter under supervision.
    pub(crate) fn asks_state(&self) -> bool {
        !self.indicators.is_empty() || !self.projects.is_empty()
    }

    /// Lists of which a record must be in each.
    pub(crate) fn unions(&self) -> Vec<Union> {
        fn union<'a, T: Display + 'a>(kind: PostingKind, ids: impl IntoIterator<Item = &'a T>) -> Union {
            ids.into_iter().map(|id| (kind, id.to_string())).collect()
        }
        let unions = [
            union(PostingKind::Area, &self.areas),
            union(PostingKind::Indicator, &self.indicators),
            union(PostingKind::Project, &self.projects),
            union(PostingKind::Agency, &self.agencies),
            union(PostingKind::EventType, &self.types),
        ];
        unions.into_iter().filter(|union| !union.is_empty()).collect()
    }

    fn asks_header(&self) -> bool {
        !(self.areas.is_empty()
            && self.indicators.is_empty()
            && self.projects.is_empty()
            && self.agencies.is_empty()
            && self.types.is_empty())
    }

    /// Whether the effective day counts: it is the one thing that a header does not say.
    pub(crate) const fn asks_payload(&self) -> bool {
        self.effective_from.is_some() || self.effective_to.is_some()
    }

    /// Whether a record with this header can pass, which is about this.
    pub(crate) fn passes_header(&self, header: &RecordHeader, about: &About) -> bool {
        let of_agency = || {
            let mut agencies = header.agency.iter().chain(&header.on_behalf_of);
            agencies.any(|agency| self.agencies.contains(agency))
        };
        is_in(&self.areas, about.area.as_ref())
            && is_in(&self.indicators, about.indicator.as_ref())
            && is_in(&self.projects, &about.projects)
            && (self.agencies.is_empty() || of_agency())
            && is_in(&self.types, Some(&header.event_type))
    }

    /// Whether an event is effective on one of the days.
    pub(crate) fn passes_effective(&self, input: &EventInput) -> bool {
        effective_day(input).is_some_and(|day| {
            self.effective_from.is_none_or(|from| day >= from) && self.effective_to.is_none_or(|to| day <= to)
        })
    }
}

fn is_in<'a, T: Ord + 'a>(list: &BTreeSet<T>, values: impl IntoIterator<Item = &'a T>) -> bool {
    list.is_empty() || values.into_iter().any(|value| list.contains(value))
}

/// The effective date, else the end of the payload's period, else its own date.
fn effective_day(input: &EventInput) -> Option<Date> {
    let own = || match &input.payload {
        Payload::MeasurementReported(reported) => Some(reported.period.reference_date()),
        Payload::NothingToReport(nothing) => Some(nothing.period.reference_date()),
        Payload::QualitativeAssessmentRecorded(recorded) => Some(recorded.as_of),
        Payload::MilestoneReached(report) => Some(report.reach_date),
        Payload::MilestonePartiallyReached(report) => Some(report.as_of),
        Payload::MilestoneMissed(report) => Some(report.as_of),
        Payload::DayOpened(opened) => Some(opened.date),
        Payload::ProgressNoteRecorded(note) => Some(note.as_of),
        Payload::PlanClosedOut(closed) => Some(closed.as_of),
        _ => None,
    };
    input.effective_date.or_else(own)
}

/// Path of an entry, for example `filter.areas[0]`.
fn entry(list: &str, index: usize) -> String {
    format!("filter.{list}[{index}]")
}

fn is_short<T>(list: &str, entries: &[T], faults: &mut Faults) -> bool {
    let length = entries.len();
    if length > LIST_LENGTH_MAX {
        faults.note(format!("filter.{list}"), format!("has {length} entries, at most {LIST_LENGTH_MAX} are allowed"));
    }
    length <= LIST_LENGTH_MAX
}

fn ids<T: FromStr<Err = IdError> + Ord>(list: &str, texts: &[String], faults: &mut Faults) -> BTreeSet<T> {
    if !is_short(list, texts, faults) {
        return BTreeSet::new();
    }
    let mut ids = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(id) => drop(ids.insert(id)),
            Err(error) => faults.note(entry(list, index), error),
        }
    }
    ids
}

fn unknown<T: FromStr<Err = IdError> + Display>(
    list: &str,
    texts: &[String],
    faults: &mut Faults,
    is_known: impl Fn(&T) -> bool,
) {
    for (index, id) in texts.iter().enumerate().filter_map(|(index, text)| Some((index, text.parse().ok()?))) {
        if !is_known(&id) {
            faults.note(entry(list, index), format!("the plan has no {id} among its {list}"));
        }
    }
}

fn types(texts: &[String], faults: &mut Faults) -> BTreeSet<&'static str> {
    const EXPECTED: &str = "is no event type; for example measurement.reported, or measurement.* for all of that kind";
    if !is_short("event_types", texts, faults) {
        return BTreeSet::new();
    }
    let mut types = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        let matches = |token: &&str| match text.strip_suffix(".*") {
            Some(kind) => token.split_once('.').is_some_and(|(of, _)| of == kind),
            None => *token == text,
        };
        let found: Vec<_> = TYPE_TOKENS.iter().copied().filter(matches).collect();
        if found.is_empty() {
            let shown: String = text.chars().take(80).collect();
            faults.note(entry("event_types", index), format!("{shown:?} {EXPECTED}"));
        }
        types.extend(found);
    }
    types
}

/// A bound in whole microseconds, as recorded times are: the first one that is not before it.
fn moment(field: &str, wire: Option<&pbjson_types::Timestamp>, faults: &mut Faults) -> Option<i64> {
    let microsecond = |moment: Timestamp| {
        let nanos = moment.as_nanosecond();
        i64::try_from(-((-nanos).div_euclid(1_000))).unwrap_or(i64::MAX)
    };
    read(field, wire.map(timestamp_from_pb), faults).map(microsecond)
}

fn date(field: &str, wire: Option<&songhua_wire::google::type_::Date>, faults: &mut Faults) -> Option<Date> {
    read(field, wire.map(date_from_pb), faults)
}

fn read<T, E: Display>(field: &str, value: Option<Result<T, E>>, faults: &mut Faults) -> Option<T> {
    match value? {
        Ok(value) => Some(value),
        Err(error) => {
            faults.note(format!("filter.{field}"), error);
            None
        }
    }
}

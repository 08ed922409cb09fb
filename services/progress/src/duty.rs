//! What is owed: the next figure of each target, when it is due, and whether it is late (SCORING §5 row 7).
//!
//! Place in the flow: reading → `Duty`, for the staleness board, the agencies' ledgers and the reporting periods. It must
//! not know: which board asks, who may ask.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use songhua_domain::decide::takes_figures;
use songhua_domain::event::{Schedule, Scope};
use songhua_domain::id::AgencyId;
use songhua_domain::score;
use songhua_domain::vocabulary::{Accumulation, Frequency, Operator, Status};
use songhua_views::{FactKind, Said, Target};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::opened::Periods;
use crate::overview::days;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::target::{Scored, scored};

/// A figure that is to be reported.
pub(crate) struct Owed<'a> {
    /// The target, and what its figures mean.
    pub(crate) scored: Scored<'a>,
    /// Who reports the headline; none = unassigned.
    pub(crate) agency: Option<&'a AgencyId>,
    /// How often.
    pub(crate) frequency: Frequency,
    /// Reference date of the newest figure; none = nothing was reported.
    pub(crate) last: Option<Date>,
    /// End of the period that the figure is of.
    pub(crate) period_end: Date,
    /// The last day on which it is not late.
    pub(crate) due: Date,
    /// Since when its reporting period is closed.
    pub(crate) closed: Option<Date>,
    /// There is a figure of that day. Never so in [`duties`].
    pub(crate) reported: bool,
    /// The agency said that there is nothing to report for the period.
    pub(crate) nothing: bool,
}

/// What is owed on the reading's day, by number of the target: for each the figure of the first ended period that has
/// neither a figure nor a word that there is nothing to report; where the last ended period has that word, that period.
/// A plan that is closed out takes no new figures: nothing is owed. Only of targets that are `wanted`.
pub(crate) fn duties(reading: &Reading, wanted: impl Fn(&Target) -> bool) -> Result<Vec<Owed<'_>>, Refused> {
    let mut all = Vec::new();
    if reading.closed_out().is_some() {
        return Ok(all);
    }
    let periods = Periods::read(reading)?;
    let is_wanted = |target: &Target| is_to_be_reported(reading, target, reading.valid_date) && wanted(target);
    for scored in scored(reading, is_wanted)? {
        if let Some(owed) = next(reading, &periods, scored)? {
            all.push(owed);
        }
    }
    Ok(all)
}

/// Every figure of the period that ends on `end`, of indicators that have such a period, reported or not, by number. A
/// plan that is closed out misses none. Only of targets that are `wanted`.
pub(crate) fn of_period(
    reading: &Reading,
    end: Date,
    wanted: impl Fn(&Target) -> bool,
) -> Result<Vec<Owed<'_>>, Refused> {
    let (plan, periods) = (reading.plan_defined()?, Periods::read(reading)?);
    let mut all = Vec::new();
    for scored in scored(reading, |target| has_period(reading, plan.start, target, end) && wanted(target))? {
        let reported = is_reported(reading, scored.target, end)?;
        // What was met for good by then, or is retired since, needs no figure, yet one may have been sent.
        let then = reading.score_on(scored.target, end.min(reading.valid_date))?;
        let whole_year = end == scored.target.definition.effective_deadline && is_flow(reading, scored.target);
        let needed = (whole_year || then.status != Status::Met)
            && is_to_be_reported(reading, scored.target, reading.valid_date)
            && reading.closed_out().is_none();
        if reported || needed {
            let nothing = is_nothing(&nothing_said(reading, scored.target)?, end);
            all.extend(owed(reading, &periods, scored, end).map(|owed| Owed { reported, nothing, ..owed }));
        }
    }
    Ok(all)
}

/// Whether figures of the target are of a period that ends on `end`: behind the plan's start, at most the deadline.
fn has_period(reading: &Reading, start: Date, target: &Target, end: Date) -> bool {
    let set = &target.definition;
    let ends = |schedule: Schedule| {
        let eve = end.yesterday().ok();
        end == set.effective_deadline
            || eve.and_then(|eve| score::period_end_after(eve, schedule.frequency)) == Some(end)
    };
    end > start
        && end <= set.effective_deadline
        && is_to_be_reported(reading, target, end)
        && reading.model.schedule(&set.indicator).is_some_and(ends)
}

/// Whether a target has a period that ends on `date`.
pub(crate) fn is_period_end(reading: &Reading, date: Date) -> Result<bool, Refused> {
    let start = reading.plan_defined()?.start;
    Ok(reading.model.targets.values().any(|target| has_period(reading, start, target, date)))
}

/// Days on which a period ends, by frequency: of each the last before `date`, and the first behind it.
pub(crate) fn period_ends_around(reading: &Reading, date: Date) -> Result<Vec<(Frequency, Vec<Date>)>, Refused> {
    let start = reading.plan_defined()?.start;
    let mut ends: BTreeMap<&str, (Frequency, BTreeSet<Date>)> = BTreeMap::new();
    for target in reading.model.targets.values() {
        let set = &target.definition;
        let Some(Schedule { frequency, .. }) = reading.model.schedule(&set.indicator) else { continue };
        let next = |end: &Date| score::period_end_after(*end, frequency).filter(|end| *end < set.effective_deadline);
        let all = std::iter::successors(Some(start), next).skip(1).chain([set.effective_deadline]);
        let all = all.filter(|end| has_period(reading, start, target, *end));
        ends.entry(frequency.code()).or_insert((frequency, BTreeSet::new())).1.extend(all);
    }
    let around = |ends: &BTreeSet<Date>| {
        let (before, behind) = (ends.range(..date).next_back(), ends.range(date..).next());
        before.into_iter().chain(behind).copied().collect()
    };
    Ok(ends.into_values().map(|(frequency, ends)| (frequency, around(&ends))).collect())
}

/// Whether figures of the target are reported at all on `date`: derived ones follow from elsewhere, steps are assessed.
fn is_to_be_reported(reading: &Reading, target: &Target, date: Date) -> bool {
    let indicator = reading.model.indicators.get(&target.definition.indicator);
    let takes =
        indicator.is_some_and(|one| takes_figures(one) && one.retired_from.is_none_or(|retired| date < retired));
    takes && target.definition.operator != Operator::Qualitative
}

fn is_flow(reading: &Reading, target: &Target) -> bool {
    let indicator = reading.model.indicators.get(&target.definition.indicator);
    indicator.is_some_and(|indicator| indicator.accumulation == Accumulation::AnnualFlow)
}

/// Whether no further figure is wanted: the target is met for good (rows 2, 8), or the deadline's figure is there.
fn is_settled(reading: &Reading, scored: &Scored<'_>) -> bool {
    let ended = newest(scored).is_some_and(|newest| newest >= scored.target.definition.effective_deadline);
    match scored.score.status {
        Status::Met | Status::Missed | Status::MissedProvisional => true,
        // The year to date is enough, but the whole year is not there.
        Status::MetProvisional => ended || !is_flow(reading, scored.target),
        _ => ended,
    }
}

/// The date from which the next figure is awaited. Two series are judged by the newest year that both have.
fn newest(scored: &Scored<'_>) -> Option<Date> {
    match scored.target.definition.operator {
        Operator::ExceedsSeries => scored.score.scored_date,
        _ => scored.score.headline.as_ref().map(|headline| headline.date),
    }
}

fn next<'a>(reading: &'a Reading, periods: &Periods, scored: Scored<'a>) -> Result<Option<Owed<'a>>, Refused> {
    if is_settled(reading, &scored) {
        return Ok(None);
    }
    let (today, deadline) = (reading.valid_date, scored.target.definition.effective_deadline);
    if today > deadline {
        // Only the deadline's figure decides now.
        let nothing = is_nothing(&nothing_said(reading, scored.target)?, deadline);
        return Ok(owed(reading, periods, scored, deadline).map(|owed| Owed { nothing, ..owed }));
    }
    let Some(schedule) = reading.model.schedule(&scored.target.definition.indicator) else { return Ok(None) };
    let ended_after = |date| {
        let end = score::period_end_after(date, schedule.frequency)?.min(deadline);
        (date < end && end <= today).then_some(end)
    };
    let from = newest(&scored).unwrap_or(reading.plan_defined()?.start);
    let Some(mut end) = ended_after(from) else { return Ok(None) };
    let said = nothing_said(reading, scored.target)?;
    while is_nothing(&said, end)
        && let Some(next) = ended_after(end)
    {
        end = next;
    }
    Ok(owed(reading, periods, scored, end).map(|owed| Owed { nothing: is_nothing(&said, end), ..owed }))
}

fn owed<'a>(reading: &'a Reading, periods: &Periods, scored: Scored<'a>, period_end: Date) -> Option<Owed<'a>> {
    let set = &scored.target.definition;
    let Schedule { frequency, release_lag_days, grace_days } = reading.model.schedule(&set.indicator)?;
    Some(Owed {
        agency: reading.model.lead_of_target(&set.area, &set.indicator),
        frequency,
        last: newest(&scored),
        period_end,
        due: periods.due(frequency, period_end).unwrap_or_else(|| score::due(period_end, release_lag_days, grace_days)),
        closed: periods.closed_on(frequency, period_end),
        reported: false,
        nothing: false,
        scored,
    })
}

/// Whether a figure that counts speaks of this day.
fn is_reported(reading: &Reading, target: &Target, end: Date) -> Result<bool, Refused> {
    let (area, indicator) = (&target.definition.area, &target.definition.indicator);
    let live = reading.views().live_observations(&reading.model, area, indicator, reading.known());
    let live = live.map_err(|error| refusal::from_views(&error))?;
    // What speaks of a day ahead does not count yet.
    Ok(end <= reading.valid_date && live.iter().any(|one| one.series == score::Series::Own && one.end == end))
}

/// First and last days of the periods up to the reading's day for which somebody said that there is nothing to report.
fn nothing_said(reading: &Reading, target: &Target) -> Result<Vec<(Date, Date)>, Refused> {
    let set = &target.definition;
    let said = reading.views().nothing_said(&set.area, &set.indicator, reading.known());
    let said = said.map_err(|error| refusal::from_views(&error))?;
    let counts = said.into_iter().filter(|(_, end, _)| *end <= reading.valid_date);
    Ok(counts.map(|(start, end, _)| (start.unwrap_or(end), end)).collect())
}

/// Whether the period that ends on `end` ends in one of these.
fn is_nothing(said: &[(Date, Date)], end: Date) -> bool {
    said.iter().any(|(first, last)| *first <= end && end <= *last)
}

impl Owed<'_> {
    /// Days since the due date; 0 or less = not overdue, as is what was reported, or need not be. What can no longer be
    /// sent is overdue from the day on which its period was closed, at the latest.
    pub(crate) fn days_overdue(&self, reading: &Reading) -> i32 {
        let since = |day| days(day, reading.valid_date);
        if self.reported || self.nothing {
            return since(self.due).min(0);
        }
        self.closed.map_or_else(|| since(self.due), |closed| since(closed.min(self.due)).max(1))
    }

    /// The answer.
    pub(crate) fn to_pb(&self, reading: &Reading) -> Result<pb::Duty, Refused> {
        let shown = self.scored.without_note(reading);
        Ok(pb::Duty {
            target: shown.name,
            area: shown.area,
            area_name: shown.area_name,
            indicator: shown.indicator,
            indicator_name: shown.indicator_name,
            agency: shown.lead_agency,
            agency_name: shown.lead_agency_name,
            frequency: self.frequency.to_wire(),
            last_reference_date: self.last.map(date_to_pb),
            period_end: Some(date_to_pb(self.period_end)),
            due_date: Some(date_to_pb(self.due)),
            days_overdue: self.days_overdue(reading),
            nothing_to_report: self.nothing,
            reminder_count: self.reminders(reading)?,
            status: shown.status,
            status_label: shown.status_label,
            light: shown.light,
            period_closed: self.closed.is_some(),
        })
    }

    /// Reminders of its agency about it, from the day after the period's end to the reading's day.
    fn reminders(&self, reading: &Reading) -> Result<u32, Refused> {
        let set = &self.scored.target.definition;
        let covers = |scope: &Scope| match scope {
            Scope::Plan => true,
            Scope::Area(area) => *area == set.area,
            Scope::Indicator(indicator) => *indicator == set.indicator,
            Scope::Target(area, indicator) => *area == set.area && *indicator == set.indicator,
            Scope::Project(_) => false,
        };
        let (mut count, recorded) = (0, reading.recorded()?);
        for fact in reading.facts(FactKind::Reminders)?.iter().take_while(|fact| fact.position <= recorded) {
            let since = fact.row.recorded_day.is_some_and(|day| day > self.period_end);
            if let Said::Reminder(reminder) = &fact.row.said
                && since
                && covers(&reminder.scope)
                && Some(reading.model.standing(&reminder.agency)) == self.agency
            {
                count += 1;
            }
        }
        Ok(count)
    }
}

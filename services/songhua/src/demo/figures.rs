//! Figures: expands each story into the reports, verifications and corrections of its periods.
//!
//! Place in the flow: after `office` has set baselines. Values run from year end to year end along the months' usual
//! weights. It must not know: what a light will say about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use songhua_domain::event::{
    Actor, Evidence, EvidenceAttached, EvidenceWithdrawn, Figure, IndicatorDefined, MeasurementCorrected,
    MeasurementReported, MeasurementRetracted, MeasurementRevised, NothingToReport, Payload, ReferencePeriod,
    StaffCodes, TOTAL, VerificationAccepted, VerificationRejected, VerificationReopened, VerificationRequested,
};
use songhua_domain::id::AgencyId;
use songhua_domain::quantity::{Decimal, rounded};
use songhua_domain::vocabulary::{Accumulation, Basis, Frequency, ObsStatus};
use uuid::Uuid;

use super::calendar::{jitter, plus, sent, working_day};
use super::scenario::{Fault, Story, Turn, What};
use super::script::clerk;
use super::stage::Stage;

/// First year of the plan.
pub(super) const FIRST_YEAR: i16 = 2022;
/// Last year of the plan.
pub(super) const LAST_YEAR: i16 = 2026;
/// How much of a year's way is done by the end of each month, percent.
const DONE_BY_MONTH: [u32; 12] = [4, 10, 19, 27, 36, 46, 54, 62, 72, 81, 90, 100];

/// Tells every story.
pub(super) fn tell(stage: &mut Stage<'_>) -> Result<(), Fault> {
    for story in &stage.scenario.figures {
        let series = Series::of(stage, story)?;
        series.tell(stage)?;
        if story.districts {
            series.tell_districts(stage)?;
        }
    }
    Ok(())
}

/// One target's figures.
struct Series<'a> {
    story: &'a Story,
    indicator: Arc<IndicatorDefined>,
    lead: AgencyId,
    /// Names the series, for keys and jitter.
    name: String,
    /// Decimals of its values.
    decimals: u32,
    /// Ends of the periods that are due by now, in order.
    periods: Vec<Date>,
}

impl<'a> Series<'a> {
    fn of(stage: &Stage<'_>, story: &'a Story) -> Result<Self, Fault> {
        let name = format!("{}/{}", story.area, story.indicator);
        let missing = |what: &str| Fault(format!("{name}: {what}"));
        let indicator = stage.state.indicator(&story.indicator).ok_or_else(|| missing("no such indicator"))?;
        let lead = stage.state.lead_of(&story.area, &story.indicator).ok_or_else(|| missing("nobody leads it"))?;
        let decimals = story.ends.iter().map(Decimal::scale).max().unwrap_or(0);
        let (indicator, lead) = (Arc::clone(indicator), lead.clone());
        let mut series = Self { story, indicator, lead, name, decimals, periods: Vec::new() };
        let mut periods = series.ends();
        periods.retain(|end| series.report_day(stage, *end) <= stage.today);
        series.periods = periods;
        Ok(series)
    }

    /// Ends of all periods for which the story has values.
    fn ends(&self) -> Vec<Date> {
        if !self.story.fractions.is_empty() {
            return self.story.fractions.keys().copied().collect();
        }
        let months = match self.story.every.unwrap_or(self.indicator.schedule.frequency) {
            Frequency::Month => 1,
            Frequency::Quarter => 3,
            Frequency::Year => 12,
        };
        let years = (FIRST_YEAR..=LAST_YEAR).take(self.story.ends.len());
        let until = self.story.until.unwrap_or(Date::MAX);
        let month_ends = years.flat_map(|year| (1..=12).map(move |month| date(year, month, 1).last_of_month()));
        month_ends.filter(|end| end.month() % months == 0 && *end <= until).collect()
    }

    /// When the agency reports on the period that ends on `end`: what is due together goes out together.
    fn report_day(&self, stage: &Stage<'_>, end: Date) -> Date {
        if let Some(late) = self.story.late.get(&end) {
            return *late;
        }
        let release = self.indicator.schedule.release_lag_days;
        let slow = stage.scenario.office.slow.get(&self.lead).copied().unwrap_or(0);
        let wait = if release > 30 { release * 3 / 5 } else { 0 };
        working_day(plus(end, 6 + jitter(&format!("{}/{end}", self.lead), 10) + slow + wait))
    }

    /// Percent of its year's way that is usually done on `end`.
    fn done(&self, end: Date) -> Decimal {
        let month = usize::try_from(end.month() - 1).unwrap_or(0);
        let usual = DONE_BY_MONTH.get(month).copied().unwrap_or(100);
        let around = if month == 11 { 2 } else { jitter(&format!("{}/{end}", self.name), 5) };
        Decimal::from(usual + around) - Decimal::TWO
    }

    /// What has been reached by `end`: the level, or the flow of its year so far. The story's value for the last year is
    /// reached with that year's last report.
    fn value(&self, end: Date) -> Decimal {
        let index = usize::try_from(end.year() - FIRST_YEAR).unwrap_or(0);
        let goal = self.story.ends.get(index).copied().unwrap_or_default();
        let flow = self.indicator.accumulation == Accumulation::AnnualFlow;
        let before = match index.checked_sub(1) {
            _ if flow => Decimal::ZERO,
            Some(last) => self.story.ends.get(last).copied().unwrap_or_default(),
            None => self.story.base.unwrap_or_default(),
        };
        // Rates of a year have no way within it.
        if self.indicator.basis == Some(Basis::FullYear) {
            return goal;
        }
        let last = self.periods.last().filter(|last| last.year() == LAST_YEAR && end.year() == LAST_YEAR);
        let whole = last.map_or(Decimal::ONE_HUNDRED, |last| self.done(*last));
        rounded(before + (goal - before) * self.done(end) / whole, self.decimals)
    }

    /// The figure of the period that ends on `end`, after the one that ended on `before`.
    fn figure(&self, end: Date, before: Option<Date>) -> Figure {
        if let Some([numerator, denominator]) = self.story.fractions.get(&end) {
            return Figure::Fraction { numerator: *numerator, denominator: *denominator };
        }
        let earlier = before.filter(|_| self.basis(end) == Basis::Period).map(|before| self.value(before));
        Figure::Value(self.value(end) - earlier.unwrap_or_default())
    }

    fn basis(&self, end: Date) -> Basis {
        match self.indicator.accumulation {
            Accumulation::Cumulative if !self.story.totals => Basis::Period,
            Accumulation::Cumulative | Accumulation::RunningTotal => Basis::PlanToDate,
            Accumulation::AnnualFlow if end == end.last_of_year() => Basis::FullYear,
            Accumulation::AnnualFlow => Basis::YearToDate,
            _ => self.indicator.basis.unwrap_or(Basis::FullYear),
        }
    }

    fn period(&self, end: Date, before: Option<Date>) -> ReferencePeriod {
        let start = match self.basis(end) {
            Basis::StockAt => return ReferencePeriod::AsOf(end),
            Basis::PlanToDate if self.indicator.accumulation == Accumulation::RunningTotal => {
                return ReferencePeriod::AsOf(end);
            }
            Basis::Period => before.map_or(date(FIRST_YEAR, 1, 1), |before| plus(before, 1)),
            Basis::PlanToDate => date(FIRST_YEAR, 1, 1),
            Basis::YearToDate | Basis::FullYear => end.first_of_year(),
        };
        ReferencePeriod::Period { start, end }
    }

    fn report(&self, end: Date, before: Option<Date>, dimension: &str, figure: Figure) -> MeasurementReported {
        MeasurementReported {
            area: self.story.area.clone(),
            indicator: self.story.indicator.clone(),
            dimension: dimension.to_owned(),
            basis: self.basis(end),
            period: self.period(end, before),
            figure,
            unit_multiplier: self.indicator.unit_multiplier,
            obs_status: self.story.obs_status.unwrap_or(ObsStatus::Unvalidated),
        }
    }

    fn tell(&self, stage: &mut Stage<'_>) -> Result<(), Fault> {
        let mut live = BTreeMap::new();
        let mut before = None;
        for end in self.periods.iter().copied() {
            let day = self.report_day(stage, end);
            let actor = stage.clerk(&self.lead, day);
            let at = sent(day, &actor.principal)?;
            if self.story.quiet.contains(&end) {
                let (area, indicator) = (self.story.area.clone(), self.story.indicator.clone());
                let nothing = NothingToReport { area, indicator, period: self.period(end, before) };
                stage.script.say(at, &actor, &format!("nothing/{}/{end}", self.name), nothing);
            } else if !self.story.missing.contains(&end) {
                let said = self.report(end, before, TOTAL, self.figure(end, before));
                let event = self.say(stage, at, &actor, end, 0, said);
                live.insert(end, event);
                self.follow(stage, event, end, &actor)?;
            }
            before = Some(end);
        }
        for (turn, count) in self.story.turns.iter().zip(1..) {
            self.turn(stage, &mut live, turn, count)?;
        }
        Ok(())
    }

    /// A report; yearly ones and late ones name what they rest on.
    fn say(
        &self,
        stage: &mut Stage<'_>,
        at: Timestamp,
        actor: &Actor,
        end: Date,
        count: u32,
        said: MeasurementReported,
    ) -> Uuid {
        let key = self.report_key(&said.dimension, end, count);
        let late = self.story.late.contains_key(&end);
        let yearly = end == end.last_of_year();
        let evidence = if yearly { vec![ledger_of(stage, &key, end)] } else { vec![] };
        let staff = staff(actor, yearly);
        stage.script.say_with(at, actor, &key, said, |event| {
            if yearly || late {
                event.source_ref = format!("{} 年统计台账（模拟），第 {} 页", end.year(), 1 + jitter(&key, 90));
            }
            if late {
                event.comment = "补录：当期漏报（模拟） / filed late: it was left out at the time".to_owned();
            }
            event.evidence = evidence;
            event.staff = staff;
        })
    }

    fn report_key(&self, dimension: &str, end: Date, count: u32) -> String {
        format!("reported/{}/{dimension}/{end}/{count}", self.name)
    }

    /// Evidence that comes later, and verification: asked for where the year's figure is concerned.
    fn follow(&self, stage: &mut Stage<'_>, event: Uuid, end: Date, actor: &Actor) -> Result<(), Fault> {
        let reported = self.report_day(stage, end);
        let (key, yearly) = (format!("{}/{end}", self.name), end == end.last_of_year());
        if yearly && jitter(&key, 3) == 0 {
            let at = sent(working_day(plus(reported, 3)), &actor.principal)?;
            let evidence = vec![stage.script.evidence(&format!("more/{key}"), "补充佐证（模拟）")];
            stage.script.say(at, actor, &format!("evidence/{key}"), EvidenceAttached { event, evidence });
        }
        let turned = self.story.turns.iter().any(|turn| turn.of == end);
        if self.story.verified && !turned && (yearly || jitter(&key, 3) > 0) {
            let wait = 12 + jitter(&format!("{}/{end}/verified", self.lead), 18);
            let day = working_day(plus(reported, wait));
            if yearly {
                let at = sent(working_day(plus(reported, 4)), &actor.principal)?;
                let note = "年度数，请核验（模拟） / the year's figure".to_owned();
                stage.script.say(at, actor, &format!("requested/{key}"), VerificationRequested { event, note });
            }
            let finding = "与统计台账和佐证材料一致（模拟） / agrees with ledger and evidence".to_owned();
            let (inspector, key) = (stage.inspector(), format!("verified/{key}"));
            let at = sent(day, &inspector.principal)?;
            stage.script.say(at, &inspector, &key, VerificationAccepted { event, finding });
        }
        Ok(())
    }

    fn turn(
        &self,
        stage: &mut Stage<'_>,
        live: &mut BTreeMap<Date, Uuid>,
        turn: &Turn,
        count: u32,
    ) -> Result<(), Fault> {
        let end = turn.of;
        let fault = |what: &str| Fault(format!("{}: the turn of {end} on {}: {what}", self.name, turn.on));
        let value = || turn.value.map(Figure::Value).ok_or_else(|| fault("has no value"));
        let key = format!("turn/{}/{end}/{count}", self.name);
        let checks = matches!(turn.what, What::Verified | What::Rejected | What::Reopened);
        let who = if checks { stage.inspector() } else { stage.clerk(&self.lead, turn.on) };
        let at = sent(turn.on, &who.principal)?;
        if turn.what == What::Reported {
            let before = self.periods.iter().copied().rfind(|before| *before < end);
            let said = self.report(end, before, TOTAL, value()?);
            live.insert(end, self.say(stage, at, &who, end, count, said));
            return Ok(());
        }
        let event = *live.get(&end).ok_or_else(|| fault("nothing is live"))?;
        let (obs_status, reason) = (self.story.obs_status.unwrap_or(ObsStatus::Unvalidated), turn.why.clone());
        let payload: Payload = match turn.what {
            What::Corrected => MeasurementCorrected { measurement: event, figure: value()?, obs_status, reason }.into(),
            What::Revised => MeasurementRevised { measurement: event, figure: value()?, obs_status, reason }.into(),
            What::Retracted => MeasurementRetracted { measurement: event, reason }.into(),
            What::Requested => VerificationRequested { event, note: reason }.into(),
            What::Rejected => VerificationRejected { event, reason }.into(),
            What::Reopened => VerificationReopened { event, reason }.into(),
            What::Withdrawn => {
                let sha256 = ledger_of(stage, &self.report_key(TOTAL, end, 0), end).sha256;
                EvidenceWithdrawn { event, sha256, reason }.into()
            }
            What::Verified | What::Reported => VerificationAccepted { event, finding: reason }.into(),
        };
        let replaces = matches!(turn.what, What::Corrected | What::Revised);
        let late = replaces && plus(end, 366) < turn.on;
        let id = stage.script.say_with(at, &who, &key, payload, |event| {
            if late {
                event.source_ref = format!("{} 年核查底稿（模拟）", turn.on.year());
            }
        });
        if replaces {
            live.insert(end, id);
        } else if matches!(turn.what, What::Retracted | What::Rejected) {
            live.remove(&end);
        }
        Ok(())
    }

    /// The districts report their shares.
    fn tell_districts(&self, stage: &mut Stage<'_>) -> Result<(), Fault> {
        for (district, share) in &stage.scenario.office.districts {
            let agency = format!("district-{district}").parse().map_err(|error| Fault(format!("{error}")))?;
            let actor = clerk(&agency);
            for end in self.periods.iter().copied() {
                let name = format!("{}/{district}/{end}", self.name);
                let share = Decimal::from(share * 20 + jitter(&name, 21)) / Decimal::from(2_000);
                let figure = Figure::Value(rounded(self.value(end) * share, self.decimals));
                let said = self.report(end, None, &format!("district={district}"), figure);
                let day = working_day(plus(end, 4 + jitter(&format!("{district}/{end}"), 9)));
                let at = sent(day, &actor.principal)?;
                self.say(stage, at, &actor, end, 0, said);
            }
        }
        Ok(())
    }
}

/// What the report with this key, on the year that ends on `end`, rests on.
fn ledger_of(stage: &Stage<'_>, key: &str, end: Date) -> Evidence {
    stage.script.evidence(key, &format!("{} 年度台账（模拟）", end.year()))
}

/// Who at the agency stands for a report; the year's is approved, too.
fn staff(actor: &Actor, yearly: bool) -> StaffCodes {
    let code = |post: &str| format!("{post}{:02}", 1 + jitter(&format!("{}/{post}", actor.principal), 30));
    StaffCodes { filer: code("T"), reviewer: code("S"), approver: if yearly { code("P") } else { String::new() } }
}

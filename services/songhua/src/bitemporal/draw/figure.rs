//! Figures: of any series and period, late and out of order, rising as real ones do.

use jiff::civil::{Date, date};
use songhua_domain::event::{
    Figure, IndicatorDefined, MeasurementReported, NothingToReport, Payload, QualitativeAssessmentRecorded,
    ReferencePeriod, TOTAL,
};
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{Accumulation, Basis, MeasureKind, ObsStatus};

use super::{Proposal, checker, month_end, quarter, reporter};
use crate::bitemporal::dice::Dice;
use crate::bitemporal::plan::{self, START, STEPS};
use crate::bitemporal::world::World;

/// Whether a period says when it holds, so that there is no other date.
pub(super) const fn is_of_period(payload: &Payload) -> bool {
    use Payload as P;
    matches!(
        payload,
        P::MeasurementReported(_)
            | P::MeasurementCorrected(_)
            | P::MeasurementRevised(_)
            | P::MeasurementRetracted(_)
            | P::NothingToReport(_)
            | P::QualitativeAssessmentRecorded(_)
            | P::MilestoneReached(_)
            | P::MilestonePartiallyReached(_)
            | P::MilestoneMissed(_)
            | P::ProgressNoteRecorded(_)
    )
}

/// A figure, an assessment, or that there is none.
pub(super) fn report(world: &World, dice: &mut Dice) -> Option<Proposal> {
    if dice.one_in(14) {
        return Some(assessment(world, dice));
    }
    let all = plan::measured();
    // Half of all figures are of few series, which so have lights.
    let all = if dice.one_in(2) { &all[..4] } else { &all };
    let (area, id) = dice.of_all(all).clone();
    let indicator = world.state.indicator(&id)?;
    let end = reference(world, dice);
    if dice.one_in(14) {
        let period = if dice.one_in(2) { ReferencePeriod::AsOf(end) } else { span(quarter(end).0, end) };
        let silent = NothingToReport { area: area.clone(), indicator: id.clone(), period };
        return Some((reporter(world, dice, &area, &id), silent.into()));
    }
    let (basis, period) = shape(indicator, dice, end);
    let parts = ["district=songbei", "district=daoli", "level=national"];
    let dimension = if dice.one_in(4) { *dice.of_all(&parts) } else { TOTAL };
    let reported = MeasurementReported {
        area: area.clone(),
        indicator: id.clone(),
        dimension: dimension.to_owned(),
        basis,
        period,
        figure: number(indicator, dice, basis, period),
        unit_multiplier: indicator.unit_multiplier,
        obs_status: *dice.of_all(ObsStatus::ALL),
    };
    Some((reporter(world, dice, &area, &id), reported.into()))
}

fn assessment(world: &World, dice: &mut Dice) -> Proposal {
    let assessed = QualitativeAssessmentRecorded {
        area: plan::id("city"),
        indicator: plan::id("level"),
        as_of: dice.day(world.today(), -300, 0),
        step: (*dice.of_all(&STEPS)).to_owned(),
        finding: "专家评审".to_owned(),
        obs_status: *dice.of_all(ObsStatus::ALL),
    };
    (checker(world, dice), assessed.into())
}

/// A month's end of the last year or so; sometimes long ago, or a day within a month.
fn reference(world: &World, dice: &mut Dice) -> Date {
    let today = world.today();
    let day = if dice.one_in(8) { dice.day(today, -1_500, 0) } else { dice.day(today, -420, -20) };
    match dice.below(8) {
        0 => day,
        1..4 => month_end(day),
        _ => quarter(day).1,
    }
}

const fn span(start: Date, end: Date) -> ReferencePeriod {
    ReferencePeriod::Period { start, end }
}

fn year_of(end: Date) -> (Basis, ReferencePeriod) {
    let year = end.year() - i16::from(end.month() < 12);
    (Basis::FullYear, span(date(year, 1, 1), date(year, 12, 31)))
}

/// A basis of the indicator's, and a period of its shape.
fn shape(indicator: &IndicatorDefined, dice: &mut Dice, end: Date) -> (Basis, ReferencePeriod) {
    use Accumulation as A;
    let total = dice.one_in(3);
    match indicator.accumulation {
        A::Paired => year_of(end),
        A::Ratio if indicator.basis == Some(Basis::FullYear) => year_of(end),
        A::AnnualFlow if total => year_of(end),
        A::AnnualFlow => (Basis::YearToDate, span(end.first_of_year(), end)),
        A::Cumulative if total => (Basis::PlanToDate, span(START, end)),
        A::RunningTotal if total && dice.one_in(2) => (Basis::PlanToDate, ReferencePeriod::AsOf(end)),
        A::RunningTotal if total => (Basis::PlanToDate, span(date(2015, 1, 1), end)),
        A::Cumulative | A::RunningTotal => (Basis::Period, span(quarter(end).0, end)),
        A::Stock | A::Ratio | A::None => (Basis::StockAt, ReferencePeriod::AsOf(end)),
    }
}

/// About what a plan that goes well would have come to.
pub(super) fn number(indicator: &IndicatorDefined, dice: &mut Dice, basis: Basis, period: ReferencePeriod) -> Figure {
    let end = period.reference_date();
    let days = i64::from((end - date(2021, 6, 30)).get_days()).max(1);
    let noise = dice.number(80, 120);
    let whole = |value: i64| Figure::Value(Decimal::from(value));
    match indicator.indicator.as_str() {
        "coverage" => {
            let all = dice.number(0, 40);
            Figure::Fraction { numerator: Decimal::from(all * noise.min(100) / 100), denominator: Decimal::from(all) }
        }
        "intensity" if dice.one_in(2) => {
            Figure::Fraction { numerator: dice.decimal(200, 330, 2), denominator: Decimal::ONE_HUNDRED }
        }
        "intensity" => Figure::Value(dice.decimal(200, 330, 2)),
        "energy" => Figure::Value(dice.decimal(350, 600, 1)),
        "rd-growth" | "gdp-growth" => Figure::Value(dice.decimal(-20, 90, 1)),
        _ if basis == Basis::PlanToDate => whole(days * 100 / 1_900),
        _ if basis == Basis::Period => whole(noise / 20),
        _ if indicator.measure_kind == MeasureKind::Money => Figure::Value(Decimal::new(days * noise / 19, 2)),
        _ => whole(days * noise / 2_600),
    }
}

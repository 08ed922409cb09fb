//! Rules of indicators: kind, accumulation and basis must fit each other.
//!
//! Place in the flow: part of `rules`. It must not know: values, deadlines.

use songhua_domain::vocabulary::{Accumulation, Aggregation, Basis, MeasureKind};

use crate::fault::{Faults, Place};
use crate::format::{Indicator, IndicatorsFile};
use crate::shapes::Entry;

/// Largest power of ten of SDMX CL_UNIT_MULT.
const MULTIPLIER_MAX: u32 = 15;

/// Notes what is wrong with each indicator and with what it is compared with.
pub(super) fn check(file: &IndicatorsFile, faults: &Faults) {
    for Entry { place, item: indicator, .. } in file.indicators.entries() {
        check_basis(indicator, place, faults);
        check_kind(indicator, place, faults);
        check_comparison(indicator, file, place, faults);
        if indicator.unit_multiplier > MULTIPLIER_MAX {
            let reason = format!("{} is above {MULTIPLIER_MAX}: 4 is 万, 8 is 亿", indicator.unit_multiplier);
            faults.add(&place.field("unit_multiplier"), reason);
        }
        if indicator.number.is_empty() == indicator.scored {
            faults.add(&place.field("number"), "lists the targets of a scored indicator; [] when it is not scored");
        }
        if indicator.number.windows(2).any(|pair| pair[0] >= pair[1]) {
            faults.add(&place.field("number"), "must ascend");
        }
    }
}

/// The bases that figures of an accumulation may have; none where the reporter chooses (SCORING.md §1).
const fn bases(accumulation: Accumulation) -> &'static [Basis] {
    match accumulation {
        Accumulation::Stock => &[Basis::StockAt],
        Accumulation::Ratio => &[Basis::StockAt, Basis::FullYear],
        Accumulation::Paired => &[Basis::FullYear],
        Accumulation::Cumulative | Accumulation::AnnualFlow | Accumulation::RunningTotal | Accumulation::None => &[],
    }
}

fn check_basis(indicator: &Indicator, place: &Place, faults: &Faults) {
    let (accumulation, bases) = (indicator.accumulation, bases(indicator.accumulation));
    let codes = || bases.iter().map(|basis| basis.code()).collect::<Vec<_>>().join(" or ");
    let reason = match indicator.basis {
        None if bases.is_empty() => return,
        Some(basis) if bases.contains(&basis) => return,
        Some(basis) if bases.is_empty() => format!("{accumulation} names no basis, so null instead of {basis}"),
        Some(basis) => format!("{accumulation} takes {}, not {basis}", codes()),
        None => format!("{accumulation} must name its one basis: {}", codes()),
    };
    faults.add(&place.field("basis"), reason);
}

fn check_kind(indicator: &Indicator, place: &Place, faults: &Faults) {
    let (accumulation, kind) = (indicator.accumulation, indicator.measure_kind);
    for (twin, other) in
        [(MeasureKind::Comparison, Accumulation::Paired), (MeasureKind::Qualitative, Accumulation::None)]
    {
        if (kind == twin) != (accumulation == other) {
            let reason = format!("{twin} and accumulation {other} belong together; here are {kind} and {accumulation}");
            faults.add(&place.field("measure_kind"), reason);
        }
    }
    if kind == MeasureKind::Coverage && accumulation != Accumulation::Ratio {
        faults.add(&place.field("accumulation"), format!("a COVERAGE is a RATIO, not {accumulation}"));
    }
    if !indicator.ascending && !matches!(accumulation, Accumulation::Stock | Accumulation::Ratio) {
        faults.add(&place.field("ascending"), format!("only STOCK and RATIO can be descending, not {accumulation}"));
    }
    if indicator.derived.is_some() && accumulation != Accumulation::Stock {
        faults.add(&place.field("derived"), format!("areas at a stage are a STOCK, not {accumulation}"));
    }
    let adds_up = !matches!(accumulation, Accumulation::Ratio | Accumulation::Paired | Accumulation::None);
    if indicator.aggregation == Aggregation::Sum && !adds_up {
        faults.add(&place.field("aggregation"), format!("dimensions of {accumulation} do not add up: NONE"));
    }
}

fn check_comparison(indicator: &Indicator, file: &IndicatorsFile, place: &Place, faults: &Faults) {
    let refuse = |reason: String| faults.add(&place.field("compared_with"), reason);
    let paired = indicator.accumulation == Accumulation::Paired;
    let Some(other) = &indicator.compared_with else {
        return if paired {
            refuse("PAIRED must name the indicator it is compared with".to_owned())
        };
    };
    if !paired {
        refuse(format!("only PAIRED is compared with another series, not {}", indicator.accumulation));
    }
    if other.0 == indicator.id {
        return refuse("names the indicator itself".to_owned());
    }
    let Some(other) = file.indicators.iter().find(|candidate| candidate.id == other.0) else { return };
    if other.basis != Some(Basis::FullYear) {
        refuse(format!("\"{}\" has no full-year figures to compare with (basis FULL_YEAR)", other.id));
    }
    if (&other.unit, other.unit_multiplier) != (&indicator.unit, indicator.unit_multiplier) {
        refuse(format!("\"{}\" is in another unit", other.id));
    }
}

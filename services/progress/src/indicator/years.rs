//! The strip of years: each target at the end of each year of the plan, as known now.
//!
//! Place in the flow: reading → a score on each of these days → `YearResult`. It must not know how a path runs.

use jiff::civil::Date;
use songhua_domain::quantity::Decimal;
use songhua_domain::score;
use songhua_domain::score::Score;
use songhua_views::Target;
use songhua_wire::code::Code;
use songhua_wire::pb;

use crate::label;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::target::{Scored, as_reported, plain};

/// The strips of these targets, one after the other, each from the plan's first year on.
pub(super) fn strips(reading: &Reading, targets: &[Scored<'_>]) -> Result<Vec<pb::YearResult>, Refused> {
    let plan = reading.plan_defined()?;
    let last = plan.end.min(reading.valid_date).year();
    let mut results = Vec::new();
    for target in targets.iter().map(|one| one.target) {
        for year in plan.start.year()..=last {
            // Every year that a date of the plan has, has a last day.
            let end = Date::new(year, 12, 31).unwrap_or(Date::MAX);
            results.push(result(reading, target, end.min(reading.valid_date))?);
        }
    }
    Ok(results)
}

fn result(reading: &Reading, target: &Target, day: Date) -> Result<pb::YearResult, Refused> {
    let score = reading.score_on(target, day)?;
    let interim = target.interim.iter().filter(|interim| interim.date.year() == day.year()).max_by_key(|one| one.date);
    let (actual, status, light) = (as_reported(score.actual), score.status.to_wire(), score.light.to_wire());
    let expected = expected(reading, target, &score, day);
    let scored = Scored { target, score };
    Ok(pb::YearResult {
        area: target.definition.area.to_string(),
        year: day.year().into(),
        actual,
        expected: plain(expected),
        interim_target: as_reported(interim.map(|interim| interim.value)),
        status,
        status_label: Some(label::of(&scored.score, scored.lacks_baseline(reading))),
        light,
    })
}

/// The interim target of the day, else what the path asks for on it.
fn expected(reading: &Reading, target: &Target, score: &Score, day: Date) -> Option<Decimal> {
    let of_day = target.interim.iter().find(|interim| interim.date == day);
    let by_path = || {
        let spec = reading.model.target_spec(&target.definition.area, &target.definition.indicator)?;
        score::expected_on(&spec, score, day)
    };
    of_day.map(|interim| interim.value).or_else(by_path)
}

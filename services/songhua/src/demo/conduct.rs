//! How the plan is conducted: reporting periods quarter by quarter, and what is written down line by line.
//!
//! Place in the flow: after `figures`, whose last reports on a quarter come before its period is closed. It must not
//! know: what the lines say.

use jiff::civil::{Date, date};
use songhua_domain::event::{ReportingPeriodClosed, ReportingPeriodOpened};
use songhua_domain::id::ReportingPeriodId;
use songhua_domain::vocabulary::Frequency;
use songhua_wire::event::input_from_pb;
use songhua_wire::pb;

use super::calendar::{plus, sent, working_day};
use super::figures::{FIRST_YEAR, LAST_YEAR};
use super::scenario::{Fault, Line};
use super::script::{clerk, office};
use super::stage::Stage;

/// Tells how the plan is conducted.
pub(super) fn tell(stage: &mut Stage<'_>) -> Result<(), Fault> {
    for year in FIRST_YEAR..=LAST_YEAR {
        for quarter in 1..=4 {
            period(stage, quarter, date(year, quarter * 3 - 2, 1))?;
        }
    }
    let lines = stage.scenario.conduct.lines.iter();
    lines.zip(1..).try_for_each(|(line, count)| say(stage, line, count))
}

/// Opened when its quarter has ended, closed when nobody can still be working on it.
fn period(stage: &mut Stage<'_>, quarter: i8, start: Date) -> Result<(), Fault> {
    let (conduct, actor) = (&stage.scenario.conduct, office());
    let end = date(start.year(), quarter * 3, 1).last_of_month();
    let name = format!("q{quarter}-{}", start.year());
    let period: ReportingPeriodId = name.parse().map_err(|error| Fault(format!("{error}")))?;
    let opened = ReportingPeriodOpened {
        period: period.clone(),
        frequency: Frequency::Quarter,
        start,
        end,
        due_date: plus(end, conduct.due_after_days),
        note: String::new(),
    };
    let closed = ReportingPeriodClosed {
        period,
        reason: "季度报送结束（模拟） / the quarter's reports are in".to_owned(),
    };
    let at = |days| sent(working_day(plus(end, days)), &actor.principal);
    stage.script.say(at(1)?, &actor, &format!("period/{name}/opened"), opened);
    stage.script.say(at(conduct.closed_after_days)?, &actor, &format!("period/{name}/closed"), closed);
    Ok(())
}

fn say(stage: &mut Stage<'_>, line: &Line, count: u32) -> Result<(), Fault> {
    let actor = line.by.as_ref().map_or_else(office, clerk);
    let key = format!("conduct/{count}");
    let wire = pb::EventInput { event_id: stage.script.id(&key).to_string(), ..line.say.clone() };
    let input = input_from_pb(&wire).map_err(|error| Fault(format!("conduct.json, line {count}: {error:?}")))?;
    let at = sent(line.on, &actor.principal)?;
    stage.script.say_with(at, &actor, &key, input.payload.clone(), |event| *event = input);
    Ok(())
}

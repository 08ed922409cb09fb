//! What the server refuses, as faults of rows and columns.
//!
//! Place in the flow: a refusal of a batch → faults by the place in the batch. It must not know: what is done then.

use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::status::{Refusal, Violation};

use super::column::Column;
use super::fault::{Fault, words};
use crate::cli::push::rows::Row;

/// The faults of a batch; empty if no row is named.
pub(super) fn faults(refusal: &Refusal, batch: &[Row]) -> Vec<Fault> {
    let alone = refusal.violations.len() == 1;
    refusal.violations.iter().filter_map(|violation| fault(refusal, violation, alone, batch)).collect()
}

fn fault(refusal: &Refusal, violation: &Violation, alone: bool, batch: &[Row]) -> Option<Fault> {
    let (index, path) = violation.field.strip_prefix("events[")?.split_once(']')?;
    let row = batch.get(index.parse::<usize>().ok()?)?;
    let code = refusal.reason.code();
    let column = column(path, &row.event);
    let zh = chinese(refusal, violation, column, alone);
    let said = words(format!("{zh} [{code}]"), format!("{} [{code}]", violation.description));
    Some(Fault::new(row.line, column, said))
}

/// The message speaks of one violation, the one that stands alone; where it only repeats the field, it has no Chinese.
fn chinese(refusal: &Refusal, violation: &Violation, column: Option<Column>, alone: bool) -> String {
    match column {
        _ if alone && !refusal.message.starts_with(&violation.field) => refusal.message_zh.clone(),
        Some(Column::Dimension) => "须为空，或写作 district=songbei（小写字母、数字和“-”）".to_owned(),
        _ => format!("字段无效：{}", violation.description),
    }
}

/// The column from which a field of an event came.
fn column(path: &str, event: &pb::EventInput) -> Option<Column> {
    let mut parts = path.trim_start_matches('.').split('.');
    let first = parts.next()?;
    let of_milestone = !matches!(
        event.payload,
        Some(Payload::MeasurementReported(_) | Payload::MeasurementCorrected(_) | Payload::NothingToReport(_))
    );
    let column = match parts.next().unwrap_or(first) {
        "area" => Column::Area,
        "indicator" => Column::Indicator,
        "dimension" => Column::Dimension,
        "basis" => Column::Basis,
        "period" | "measurement" => Column::Period,
        "unit_multiplier" => Column::Unit,
        "obs_status" => Column::ObsStatus,
        "figure" => match path.rsplit('.').next()? {
            "numerator" => Column::Numerator,
            "denominator" => Column::Denominator,
            _ => Column::Value,
        },
        "project" => Column::Project,
        "milestone" => Column::Milestone,
        "percent" => Column::Percent,
        "shortfall" => Column::Shortfall,
        "reason" if of_milestone => Column::Shortfall,
        "reason" => Column::Reason,
        "source_ref" => Column::SourceRef,
        "comment" => Column::Comment,
        date if date.ends_with("_date") => Column::Date,
        _ => return None,
    };
    Some(column)
}

#[cfg(test)]
mod tests {
    use songhua_domain::vocabulary::Reason;

    use super::*;

    fn row(line: usize, payload: Payload) -> Row {
        let event = pb::EventInput { payload: Some(payload), ..Default::default() };
        Row { line, event, derived: true }
    }

    #[test]
    fn a_refusal_names_the_line_and_the_column_of_each_row() {
        let batch = [
            row(4, Payload::MeasurementReported(pb::MeasurementReported::default())),
            row(9, Payload::MilestoneMissed(pb::MilestoneMissed::default())),
        ];
        let cases = [
            ("events[0].measurement_reported.period.end", 4, Some(Column::Period)),
            ("events[0].measurement_reported.figure.value", 4, Some(Column::Value)),
            ("events[0].measurement_reported.figure.fraction.denominator", 4, Some(Column::Denominator)),
            ("events[0].source_ref", 4, Some(Column::SourceRef)),
            ("events[0].event_id", 4, None),
            ("events[0].measurement_reported", 4, None),
            ("events[0]", 4, None),
            ("events[1].milestone_missed.as_of_date", 9, Some(Column::Date)),
            ("events[1].milestone_missed.reason", 9, Some(Column::Shortfall)),
        ];
        for (field, line, column) in cases {
            let refusal =
                Refusal::new(Reason::FutureDate, "no".to_owned(), "否".to_owned()).with_violation(field, "no");
            let found = faults(&refusal, &batch);
            let fault = found.first().unwrap_or_else(|| panic!("{field}"));
            assert_eq!((fault.line, fault.column), (line, column), "{field}");
            assert_eq!((fault.zh.as_str(), fault.en.as_str()), ("否 [FUTURE_DATE]", "no [FUTURE_DATE]"));
        }
        let whole = Refusal::new(Reason::InvalidField, "no".to_owned(), "否".to_owned()).with_violation("parent", "no");
        assert!(faults(&whole, &batch).is_empty());
    }
}

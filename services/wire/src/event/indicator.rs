//! Payloads of indicators, targets, baselines and interim targets.
//!
//! Place in the flow: called by [`super::input_from_pb`] and its inverse. It must not know: which fields an operator
//! needs; the domain decides that.

use songhua_domain::event::{BaselineSet, IndicatorDefined, InterimTargetsSet, TargetSet};
use songhua_domain::quantity::Decimal;

use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, gather};

impl FromWire for IndicatorDefined {
    type Wire = pb::IndicatorDefined;
    fn read(at: At<'_>, wire: &pb::IndicatorDefined) -> Option<Self> {
        gather!(IndicatorDefined {
            indicator: at.field("indicator").id(&wire.indicator),
            category: at.field("category").optional_id(&wire.category),
            name: at.field("display_name").title(wire.display_name.as_ref()),
            aliases: at.field("aliases").names(&wire.aliases),
            unit: at.field("unit").required_name(&wire.unit),
            unit_multiplier: Some(wire.unit_multiplier),
            unit_label: at.field("unit_label").label(wire.unit_label.as_ref()),
            measure_kind: at.field("measure_kind").code(wire.measure_kind),
            result_type: at.field("result_type").code(wire.result_type),
            accumulation: at.field("accumulation").code(wire.accumulation),
            basis: at.field("basis").optional_code(wire.basis),
            ascending: Some(wire.ascending),
            aggregation: at.field("aggregation").code(wire.aggregation),
            scored: Some(wire.scored),
            schedule: at.field("schedule").message(wire.schedule.as_ref()),
            derived: at.field("derived").optional_message(wire.derived.as_ref()),
            retired_from: at.field("retired_from").optional_date(wire.retired_from.as_ref()),
            method_note: at.field("method_note").text(&wire.method_note),
            notes: at.field("notes").texts(&wire.notes),
            interpreted: at.field("interpreted").names(&wire.interpreted),
        })
    }
}

impl From<&IndicatorDefined> for pb::IndicatorDefined {
    fn from(event: &IndicatorDefined) -> Self {
        Self {
            indicator: event.indicator.to_string(),
            category: event.category.as_ref().map(ToString::to_string).unwrap_or_default(),
            display_name: Some((&event.name).into()),
            aliases: event.aliases.clone(),
            unit: event.unit.clone(),
            unit_multiplier: event.unit_multiplier,
            unit_label: Some((&event.unit_label).into()),
            measure_kind: event.measure_kind.to_wire(),
            result_type: event.result_type.to_wire(),
            accumulation: event.accumulation.to_wire(),
            basis: event.basis.map(Code::to_wire).unwrap_or_default(),
            ascending: event.ascending,
            aggregation: event.aggregation.to_wire(),
            scored: event.scored,
            schedule: Some((&event.schedule).into()),
            derived: event.derived.as_ref().map(Into::into),
            retired_from: event.retired_from.map(date_to_pb),
            method_note: event.method_note.clone(),
            notes: event.notes.clone(),
            interpreted: event.interpreted.clone(),
        }
    }
}

impl FromWire for TargetSet {
    type Wire = pb::TargetSet;
    fn read(at: At<'_>, wire: &pb::TargetSet) -> Option<Self> {
        gather!(TargetSet {
            number: Some(wire.number),
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            operator: at.field("operator").code(wire.operator),
            operator_source: at.field("operator_source").code(wire.operator_source),
            value: at.field("value").optional_decimal(&wire.value),
            max: at.field("max").optional_decimal(&wire.max),
            tolerance: at.field("tolerance").optional_decimal(&wire.tolerance),
            other_series: at.field("other_series").optional_id(&wire.other_series),
            steps: at.field("steps").names(&wire.steps),
            required_step: at.field("required_step").optional_name(&wire.required_step),
            path_kind: at.field("path_kind").code(wire.path_kind),
            due_as_written: at.field("due_as_written").name(&wire.due_as_written),
            effective_deadline: at.field("effective_deadline").date(wire.effective_deadline.as_ref()),
            source: at.field("source").optional_message(wire.source.as_ref()),
            notes: at.field("notes").texts(&wire.notes),
            interpreted: at.field("interpreted").names(&wire.interpreted),
        })
    }
}

pub(super) fn written(value: Option<Decimal>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl From<&TargetSet> for pb::TargetSet {
    fn from(event: &TargetSet) -> Self {
        Self {
            number: event.number,
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            operator: event.operator.to_wire(),
            operator_source: event.operator_source.to_wire(),
            value: written(event.value),
            max: written(event.max),
            tolerance: written(event.tolerance),
            other_series: event.other_series.as_ref().map(ToString::to_string).unwrap_or_default(),
            steps: event.steps.clone(),
            required_step: event.required_step.clone().unwrap_or_default(),
            path_kind: event.path_kind.to_wire(),
            due_as_written: event.due_as_written.clone(),
            effective_deadline: Some(date_to_pb(event.effective_deadline)),
            source: event.source.as_ref().map(Into::into),
            notes: event.notes.clone(),
            interpreted: event.interpreted.clone(),
        }
    }
}

impl FromWire for BaselineSet {
    type Wire = pb::BaselineSet;
    fn read(at: At<'_>, wire: &pb::BaselineSet) -> Option<Self> {
        gather!(BaselineSet {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            baseline: at.field("baseline").message(wire.baseline.as_ref()),
        })
    }
}

impl From<&BaselineSet> for pb::BaselineSet {
    fn from(event: &BaselineSet) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            baseline: Some((&event.baseline).into()),
        }
    }
}

impl FromWire for InterimTargetsSet {
    type Wire = pb::InterimTargetsSet;
    fn read(at: At<'_>, wire: &pb::InterimTargetsSet) -> Option<Self> {
        gather!(InterimTargetsSet {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            interim: at.field("interim").required_list(&wire.interim),
            reason: at.field("reason").text(&wire.reason),
        })
    }
}

impl From<&InterimTargetsSet> for pb::InterimTargetsSet {
    fn from(event: &InterimTargetsSet) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            interim: event.interim.iter().map(Into::into).collect(),
            reason: event.reason.clone(),
        }
    }
}

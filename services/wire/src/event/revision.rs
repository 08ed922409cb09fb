//! Payloads that change what was defined.
//!
//! Place in the flow: called by [`super::input_from_pb`] and its inverse. It must not know: what stands already.

use songhua_domain::event::{
    AgencyRenamed, AgencySucceeded, AssignmentEnded, BaselineRestated, CalculationAdopted, IndicatorRedefined,
    IndicatorRetired, PlanClosedOut, PlanRevised, TargetDecomposed, TargetRevised, TaskShare,
};

use super::indicator::written;
use super::measurement::dimension;
use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, gather};

impl FromWire for TaskShare {
    type Wire = pb::TaskShare;
    fn read(at: At<'_>, wire: &pb::TaskShare) -> Option<Self> {
        gather!(TaskShare {
            agency: at.field("agency").id(&wire.agency),
            dimension: dimension(at.field("dimension"), &wire.dimension),
            due_date: at.field("due_date").date(wire.due_date.as_ref()),
            value: at.field("value").decimal(&wire.value),
        })
    }
}

impl From<&TaskShare> for pb::TaskShare {
    fn from(event: &TaskShare) -> Self {
        Self {
            agency: event.agency.to_string(),
            dimension: event.dimension.clone(),
            due_date: Some(date_to_pb(event.due_date)),
            value: event.value.to_string(),
        }
    }
}

impl FromWire for PlanRevised {
    type Wire = pb::PlanRevised;
    fn read(at: At<'_>, wire: &pb::PlanRevised) -> Option<Self> {
        gather!(PlanRevised {
            documents: at.field("documents").list(&wire.documents),
            title: at.field("title").label(wire.title.as_ref()),
            end: at.field("end_date").optional_date(wire.end_date.as_ref()),
            changes: at.field("changes").required_text(&wire.changes),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&PlanRevised> for pb::PlanRevised {
    fn from(event: &PlanRevised) -> Self {
        Self {
            documents: event.documents.iter().map(Into::into).collect(),
            title: Some((&event.title).into()),
            end_date: event.end.map(date_to_pb),
            changes: event.changes.clone(),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for PlanClosedOut {
    type Wire = pb::PlanClosedOut;
    fn read(at: At<'_>, wire: &pb::PlanClosedOut) -> Option<Self> {
        gather!(PlanClosedOut {
            as_of: at.field("as_of_date").date(wire.as_of_date.as_ref()),
            finding: at.field("finding").required_text(&wire.finding),
        })
    }
}

impl From<&PlanClosedOut> for pb::PlanClosedOut {
    fn from(event: &PlanClosedOut) -> Self {
        Self { as_of_date: Some(date_to_pb(event.as_of)), finding: event.finding.clone() }
    }
}

impl FromWire for CalculationAdopted {
    type Wire = pb::CalculationAdopted;
    fn read(at: At<'_>, wire: &pb::CalculationAdopted) -> Option<Self> {
        gather!(CalculationAdopted {
            calc_version: Some(wire.calc_version),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&CalculationAdopted> for pb::CalculationAdopted {
    fn from(event: &CalculationAdopted) -> Self {
        Self { calc_version: event.calc_version, reason: event.reason.clone() }
    }
}

impl FromWire for IndicatorRedefined {
    type Wire = pb::IndicatorRedefined;
    fn read(at: At<'_>, wire: &pb::IndicatorRedefined) -> Option<Self> {
        gather!(IndicatorRedefined {
            indicator: at.field("indicator").id(&wire.indicator),
            name: at.field("display_name").title(wire.display_name.as_ref()),
            aliases: at.field("aliases").names(&wire.aliases),
            method_note: at.field("method_note").text(&wire.method_note),
            schedule: at.field("schedule").optional_message(wire.schedule.as_ref()),
            break_from: at.field("break_from").optional_date(wire.break_from.as_ref()),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&IndicatorRedefined> for pb::IndicatorRedefined {
    fn from(event: &IndicatorRedefined) -> Self {
        Self {
            indicator: event.indicator.to_string(),
            display_name: Some((&event.name).into()),
            aliases: event.aliases.clone(),
            method_note: event.method_note.clone(),
            schedule: event.schedule.as_ref().map(Into::into),
            break_from: event.break_from.map(date_to_pb),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for IndicatorRetired {
    type Wire = pb::IndicatorRetired;
    fn read(at: At<'_>, wire: &pb::IndicatorRetired) -> Option<Self> {
        gather!(IndicatorRetired {
            indicator: at.field("indicator").id(&wire.indicator),
            retired_from: at.field("retired_from").date(wire.retired_from.as_ref()),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&IndicatorRetired> for pb::IndicatorRetired {
    fn from(event: &IndicatorRetired) -> Self {
        Self {
            indicator: event.indicator.to_string(),
            retired_from: Some(date_to_pb(event.retired_from)),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for TargetRevised {
    type Wire = pb::TargetRevised;
    fn read(at: At<'_>, wire: &pb::TargetRevised) -> Option<Self> {
        gather!(TargetRevised {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            value: at.field("value").optional_decimal(&wire.value),
            max: at.field("max").optional_decimal(&wire.max),
            tolerance: at.field("tolerance").optional_decimal(&wire.tolerance),
            required_step: at.field("required_step").optional_name(&wire.required_step),
            due_as_written: at.field("due_as_written").name(&wire.due_as_written),
            effective_deadline: at.field("effective_deadline").date(wire.effective_deadline.as_ref()),
            source: at.field("source").optional_message(wire.source.as_ref()),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&TargetRevised> for pb::TargetRevised {
    fn from(event: &TargetRevised) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            value: written(event.value),
            max: written(event.max),
            tolerance: written(event.tolerance),
            required_step: event.required_step.clone().unwrap_or_default(),
            due_as_written: event.due_as_written.clone(),
            effective_deadline: Some(date_to_pb(event.effective_deadline)),
            source: event.source.as_ref().map(Into::into),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for BaselineRestated {
    type Wire = pb::BaselineRestated;
    fn read(at: At<'_>, wire: &pb::BaselineRestated) -> Option<Self> {
        gather!(BaselineRestated {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            baseline: at.field("baseline").message(wire.baseline.as_ref()),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&BaselineRestated> for pb::BaselineRestated {
    fn from(event: &BaselineRestated) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            baseline: Some((&event.baseline).into()),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for TargetDecomposed {
    type Wire = pb::TargetDecomposed;
    fn read(at: At<'_>, wire: &pb::TargetDecomposed) -> Option<Self> {
        gather!(TargetDecomposed {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            tasks: at.field("tasks").required_list(&wire.tasks),
            note: at.field("note").text(&wire.note),
        })
    }
}

impl From<&TargetDecomposed> for pb::TargetDecomposed {
    fn from(event: &TargetDecomposed) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            tasks: event.tasks.iter().map(Into::into).collect(),
            note: event.note.clone(),
        }
    }
}

impl FromWire for AgencyRenamed {
    type Wire = pb::AgencyRenamed;
    fn read(at: At<'_>, wire: &pb::AgencyRenamed) -> Option<Self> {
        gather!(AgencyRenamed {
            agency: at.field("agency").id(&wire.agency),
            name: at.field("display_name").title(wire.display_name.as_ref()),
            uscc: at.field("uscc").name(&wire.uscc),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&AgencyRenamed> for pb::AgencyRenamed {
    fn from(event: &AgencyRenamed) -> Self {
        Self {
            agency: event.agency.to_string(),
            display_name: Some((&event.name).into()),
            uscc: event.uscc.clone(),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for AgencySucceeded {
    type Wire = pb::AgencySucceeded;
    fn read(at: At<'_>, wire: &pb::AgencySucceeded) -> Option<Self> {
        gather!(AgencySucceeded {
            agency: at.field("agency").id(&wire.agency),
            successor: at.field("successor").id(&wire.successor),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&AgencySucceeded> for pb::AgencySucceeded {
    fn from(event: &AgencySucceeded) -> Self {
        Self { agency: event.agency.to_string(), successor: event.successor.to_string(), reason: event.reason.clone() }
    }
}

impl FromWire for AssignmentEnded {
    type Wire = pb::AssignmentEnded;
    fn read(at: At<'_>, wire: &pb::AssignmentEnded) -> Option<Self> {
        gather!(AssignmentEnded {
            agency: at.field("agency").id(&wire.agency),
            role: at.field("role").code(wire.role),
            scope: at.field("scope").message(wire.scope.as_ref()),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&AssignmentEnded> for pb::AssignmentEnded {
    fn from(event: &AssignmentEnded) -> Self {
        Self {
            agency: event.agency.to_string(),
            role: event.role.to_wire(),
            scope: Some((&event.scope).into()),
            reason: event.reason.clone(),
        }
    }
}

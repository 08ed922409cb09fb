//! Payloads of conducting a plan: periods, reminders, notes, supervision.
//!
//! Place in the flow: called by [`super::input_from_pb`] and its inverse. It must not know: what is open.

use songhua_domain::event::{
    ProgressNoteRecorded, ReminderIssued, ReportingPeriodClosed, ReportingPeriodOpened, SupervisionAnswered,
    SupervisionClosed, SupervisionIssued,
};

use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, gather};

impl FromWire for ReportingPeriodOpened {
    type Wire = pb::ReportingPeriodOpened;
    fn read(at: At<'_>, wire: &pb::ReportingPeriodOpened) -> Option<Self> {
        gather!(ReportingPeriodOpened {
            period: at.field("period").id(&wire.period),
            frequency: at.field("frequency").code(wire.frequency),
            start: at.field("start_date").date(wire.start_date.as_ref()),
            end: at.field("end_date").date(wire.end_date.as_ref()),
            due_date: at.field("due_date").date(wire.due_date.as_ref()),
            note: at.field("note").text(&wire.note),
        })
    }
}

impl From<&ReportingPeriodOpened> for pb::ReportingPeriodOpened {
    fn from(event: &ReportingPeriodOpened) -> Self {
        Self {
            period: event.period.to_string(),
            frequency: event.frequency.to_wire(),
            start_date: Some(date_to_pb(event.start)),
            end_date: Some(date_to_pb(event.end)),
            due_date: Some(date_to_pb(event.due_date)),
            note: event.note.clone(),
        }
    }
}

impl FromWire for ReportingPeriodClosed {
    type Wire = pb::ReportingPeriodClosed;
    fn read(at: At<'_>, wire: &pb::ReportingPeriodClosed) -> Option<Self> {
        gather!(ReportingPeriodClosed {
            period: at.field("period").id(&wire.period),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&ReportingPeriodClosed> for pb::ReportingPeriodClosed {
    fn from(event: &ReportingPeriodClosed) -> Self {
        Self { period: event.period.to_string(), reason: event.reason.clone() }
    }
}

impl FromWire for ReminderIssued {
    type Wire = pb::ReminderIssued;
    fn read(at: At<'_>, wire: &pb::ReminderIssued) -> Option<Self> {
        gather!(ReminderIssued {
            agency: at.field("agency").id(&wire.agency),
            scope: at.field("scope").message(wire.scope.as_ref()),
            period: at.field("period").optional_id(&wire.period),
            message: at.field("message").required_text(&wire.message),
        })
    }
}

impl From<&ReminderIssued> for pb::ReminderIssued {
    fn from(event: &ReminderIssued) -> Self {
        Self {
            agency: event.agency.to_string(),
            scope: Some((&event.scope).into()),
            period: event.period.as_ref().map(ToString::to_string).unwrap_or_default(),
            message: event.message.clone(),
        }
    }
}

impl FromWire for ProgressNoteRecorded {
    type Wire = pb::ProgressNoteRecorded;
    fn read(at: At<'_>, wire: &pb::ProgressNoteRecorded) -> Option<Self> {
        gather!(ProgressNoteRecorded {
            scope: at.field("scope").message(wire.scope.as_ref()),
            as_of: at.field("as_of_date").date(wire.as_of_date.as_ref()),
            progress: at.field("progress").text(&wire.progress),
            problems: at.field("problems").text(&wire.problems),
            next_steps: at.field("next_steps").text(&wire.next_steps),
        })
    }
}

impl From<&ProgressNoteRecorded> for pb::ProgressNoteRecorded {
    fn from(event: &ProgressNoteRecorded) -> Self {
        Self {
            scope: Some((&event.scope).into()),
            as_of_date: Some(date_to_pb(event.as_of)),
            progress: event.progress.clone(),
            problems: event.problems.clone(),
            next_steps: event.next_steps.clone(),
        }
    }
}

impl FromWire for SupervisionIssued {
    type Wire = pb::SupervisionIssued;
    fn read(at: At<'_>, wire: &pb::SupervisionIssued) -> Option<Self> {
        gather!(SupervisionIssued {
            supervision: at.field("supervision").id(&wire.supervision),
            agency: at.field("agency").id(&wire.agency),
            scope: at.field("scope").message(wire.scope.as_ref()),
            demand: at.field("demand").required_text(&wire.demand),
            due_date: at.field("due_date").date(wire.due_date.as_ref()),
            document: at.field("document").name(&wire.document),
        })
    }
}

impl From<&SupervisionIssued> for pb::SupervisionIssued {
    fn from(event: &SupervisionIssued) -> Self {
        Self {
            supervision: event.supervision.to_string(),
            agency: event.agency.to_string(),
            scope: Some((&event.scope).into()),
            demand: event.demand.clone(),
            due_date: Some(date_to_pb(event.due_date)),
            document: event.document.clone(),
        }
    }
}

impl FromWire for SupervisionAnswered {
    type Wire = pb::SupervisionAnswered;
    fn read(at: At<'_>, wire: &pb::SupervisionAnswered) -> Option<Self> {
        gather!(SupervisionAnswered {
            supervision: at.field("supervision").id(&wire.supervision),
            answer: at.field("answer").required_text(&wire.answer),
        })
    }
}

impl From<&SupervisionAnswered> for pb::SupervisionAnswered {
    fn from(event: &SupervisionAnswered) -> Self {
        Self { supervision: event.supervision.to_string(), answer: event.answer.clone() }
    }
}

impl FromWire for SupervisionClosed {
    type Wire = pb::SupervisionClosed;
    fn read(at: At<'_>, wire: &pb::SupervisionClosed) -> Option<Self> {
        gather!(SupervisionClosed {
            supervision: at.field("supervision").id(&wire.supervision),
            outcome: at.field("outcome").code(wire.outcome),
            finding: at.field("finding").required_text(&wire.finding),
        })
    }
}

impl From<&SupervisionClosed> for pb::SupervisionClosed {
    fn from(event: &SupervisionClosed) -> Self {
        Self {
            supervision: event.supervision.to_string(),
            outcome: event.outcome.to_wire(),
            finding: event.finding.clone(),
        }
    }
}

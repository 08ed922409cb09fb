//! Where what an event says is filed: the place it fills, and what follows for events that name it.
//!
//! Place in the flow: an event names an earlier one by its id alone, and no id is kept in the state. What a correction,
//! a retraction or a verification changes is looked up in the log by whoever decides or folds, along the chain of
//! earlier events, up to the one that says its place itself. It must not know: how events are found, rules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{SeriesKey, Slot};
use crate::event::{Event, Payload};
use crate::id::{AreaId, IndicatorId, MilestoneId, ProjectId};

/// A place that an event fills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Place {
    /// The basis and period of a series.
    Figure(Arc<SeriesKey>, Slot),
    /// An assessment of a target.
    Assessment(AreaId, IndicatorId),
    /// A report on a milestone.
    Report(ProjectId, MilestoneId),
}

impl Place {
    /// The place that an event says itself; a correction or revision has that of the event it names.
    pub(crate) fn of(payload: &Payload) -> Option<Self> {
        let report = |project: &ProjectId, milestone: &MilestoneId| Self::Report(project.clone(), milestone.clone());
        match payload {
            Payload::MeasurementReported(m) => {
                let (area, indicator, dimension) = (m.area.clone(), m.indicator.clone(), m.dimension.clone());
                Some(Self::Figure(Arc::new(SeriesKey { area, indicator, dimension }), Slot::of(m.basis, m.period)))
            }
            Payload::QualitativeAssessmentRecorded(a) => Some(Self::Assessment(a.area.clone(), a.indicator.clone())),
            Payload::MilestoneReached(m) => Some(report(&m.project, &m.milestone)),
            Payload::MilestonePartiallyReached(m) => Some(report(&m.project, &m.milestone)),
            Payload::MilestoneMissed(m) => Some(report(&m.project, &m.milestone)),
            _ => None,
        }
    }
}

/// Where an event is filed. The same whoever looks it up, and for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    pub(crate) place: Place,
    /// Position of the event.
    pub(crate) position: u64,
}

impl Filed {
    /// Where `event` is filed, if it fills a place; `named` is where the event is filed that it names.
    pub(crate) fn of(event: &Event, named: Option<&Self>) -> Option<Self> {
        let (payload, position) = (&event.input.payload, event.position);
        let place = match replaced(payload) {
            Some(_) => named.map(|named| named.place.clone()).filter(|place| matches!(place, Place::Figure(..))),
            None => Place::of(payload),
        };
        Some(Self { place: place?, position })
    }
}

/// The earlier figure that a figure takes the place of.
pub(crate) const fn replaced(payload: &Payload) -> Option<Uuid> {
    match payload {
        Payload::MeasurementCorrected(corrected) => Some(corrected.measurement),
        Payload::MeasurementRevised(revised) => Some(revised.measurement),
        _ => None,
    }
}

/// The earlier event whose place an event changes: [`PlanState::evolve`](super::PlanState::evolve) wants to know where that one is filed.
pub const fn changed(payload: &Payload) -> Option<Uuid> {
    match payload {
        Payload::MeasurementRetracted(retracted) => Some(retracted.measurement),
        Payload::VerificationAccepted(accepted) => Some(accepted.event),
        Payload::VerificationRejected(rejected) => Some(rejected.event),
        Payload::VerificationReopened(reopened) => Some(reopened.event),
        payload => replaced(payload),
    }
}

//! What was rejected after the plan was closed out: the places that may be filled once more.
//!
//! Place in the flow: folded from `VerificationRejected` and from what fills the place again, asked when the phase of the
//! plan is checked. It must not know: who rejected it, why.

use serde::{Deserialize, Serialize};

use super::Slot;
use crate::event::Payload;
use crate::id::{AreaId, IndicatorId, MilestoneId, ProjectId};

/// A place that a rejection left empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Vacant {
    /// The basis and period of a series: area, indicator, dimension.
    Figure(AreaId, IndicatorId, String, Slot),
    /// An assessment of a target.
    Assessment(AreaId, IndicatorId),
    /// A report on a milestone.
    Report(ProjectId, MilestoneId),
}

impl Vacant {
    /// The place that an event fills.
    pub(crate) fn filled_by(payload: &Payload) -> Option<Self> {
        let report = |project: &ProjectId, milestone: &MilestoneId| Self::Report(project.clone(), milestone.clone());
        match payload {
            Payload::MeasurementReported(m) => {
                let slot = Slot::of(m.basis, m.period);
                Some(Self::Figure(m.area.clone(), m.indicator.clone(), m.dimension.clone(), slot))
            }
            Payload::QualitativeAssessmentRecorded(a) => Some(Self::Assessment(a.area.clone(), a.indicator.clone())),
            Payload::MilestoneReached(m) => Some(report(&m.project, &m.milestone)),
            Payload::MilestonePartiallyReached(m) => Some(report(&m.project, &m.milestone)),
            Payload::MilestoneMissed(m) => Some(report(&m.project, &m.milestone)),
            _ => None,
        }
    }
}

//! The fold of figures, assessments and verifications.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use uuid::Uuid;

use crate::event::{Figure, MeasurementReported};
use crate::quantity::Decimal;
use crate::state::{Checked, Filed, Place, PlanState};

impl PlanState {
    pub(super) fn measure(&mut self, reported: &MeasurementReported, filed: Option<&mut Filed>) {
        if let Some(filed) = filed {
            self.series.put(filed, value(reported.figure));
        }
    }

    /// Corrected or revised: what was asked of the earlier figure is void. Nothing happens to one that is not live.
    pub(super) fn replace(&mut self, id: &Uuid, earlier: Option<&Filed>, figure: Figure, filed: Option<&mut Filed>) {
        if let (Some(_), Some(filed)) = (earlier.and_then(|earlier| self.series.live(earlier)), filed) {
            self.series.put(filed, value(figure));
        }
        self.conduct.requested.remove(id);
    }

    pub(super) fn retract(&mut self, id: &Uuid, named: Option<&Filed>) {
        if let Some(named) = named {
            self.series.free(named);
        }
        self.conduct.requested.remove(id);
    }

    /// Verified by the event at `by`, or no longer.
    pub(super) fn verify(&mut self, id: &Uuid, named: Option<&Filed>, by: Option<u64>) {
        self.conduct.requested.remove(id);
        let Some(named) = named else { return };
        match &named.place {
            Place::Figure(..) => self.series.verify(named, by),
            Place::Assessment(..) => self.verify_assessment(named.position, by),
            Place::Report(project, milestone) => self.verify_report((project, milestone), id, by),
        }
    }

    /// What was rejected stays so.
    fn verify_assessment(&mut self, position: u64, by: Option<u64>) {
        if self.assessments.get(&position) == Some(&Checked::Rejected) {
            return;
        }
        match by {
            Some(by) => self.assessments.insert(position, Checked::Verified(by)),
            None => self.assessments.remove(&position),
        };
    }

    /// No longer counts; once the plan is closed out, what it said may be said anew in its place.
    pub(super) fn reject(&mut self, id: &Uuid, named: Option<&Filed>) {
        self.conduct.requested.remove(id);
        let Some(named) = named else { return };
        let counts = !matches!(named.place, Place::Figure(..)) || self.series.live(named).is_some();
        if self.closed_out.is_some() && counts {
            self.vacant.insert(named.place.clone());
        }
        match &named.place {
            Place::Figure(..) => self.series.free(named),
            Place::Assessment(..) => drop(self.assessments.insert(named.position, Checked::Rejected)),
            Place::Report(project, milestone) => self.reject_report((project, milestone), id),
        }
    }

    /// What fills a place that was vacant.
    pub(super) fn fill(&mut self, filed: Option<&Filed>) {
        if let Some(filed) = filed.filter(|_| !self.vacant.is_empty()) {
            self.vacant.remove(&filed.place);
        }
    }
}

/// The value that later totals are compared with.
fn value(figure: Figure) -> Option<Decimal> {
    match figure {
        Figure::Value(value) => Some(value),
        Figure::Fraction { .. } => None,
    }
}

//! The fold of figures, assessments and verifications.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use uuid::Uuid;

use crate::event::{Event, Figure, MeasurementReported, Payload, QualitativeAssessmentRecorded};
use crate::quantity::Decimal;
use crate::state::{Assessment, PlanState, Vacant};
use crate::vocabulary::Basis;

impl PlanState {
    pub(super) fn measure(&mut self, event: &Event, reported: &MeasurementReported) {
        self.series.report(event.input.event_id, event.position, reported, total(reported));
    }

    /// Corrected or revised: what was asked of the earlier figure is void.
    pub(super) fn replace(&mut self, event: &Event, earlier: &Uuid, figure: Figure) {
        self.series.correct(event.input.event_id, event.position, earlier, value(figure));
        self.conduct.requested.remove(earlier);
    }

    pub(super) fn retract(&mut self, event: &Uuid) {
        self.series.free(event);
        self.conduct.requested.remove(event);
    }

    pub(super) fn assess(&mut self, event: &Event, recorded: &QualitativeAssessmentRecorded) {
        let (area, indicator, position) = (recorded.area.clone(), recorded.indicator.clone(), event.position);
        let assessment = Assessment { area, indicator, position, verified_by: None, rejected: false };
        self.assessments.insert(event.input.event_id, assessment);
    }

    /// Verified by the event at `by`, or no longer. An event id is in one of the three places at most: what it is not
    /// in passes it over.
    pub(super) fn verify(&mut self, event: &Uuid, by: Option<u64>) {
        self.series.verify(event, by);
        self.verify_report(event, by);
        if let Some(assessment) = self.assessments.get_mut(event) {
            assessment.verified_by = by;
        }
        self.conduct.requested.remove(event);
    }

    /// No longer counts; once the plan is closed out, what it said may be said anew in its place.
    pub(super) fn reject(&mut self, event: &Uuid) {
        if let Some(place) = self.place(event).filter(|_| self.closed_out.is_some()) {
            self.vacant.insert(place);
        }
        self.series.free(event);
        self.reject_report(event);
        if let Some(assessment) = self.assessments.get_mut(event) {
            assessment.rejected = true;
        }
        self.conduct.requested.remove(event);
    }

    /// The place of what counts.
    fn place(&self, event: &Uuid) -> Option<Vacant> {
        if let Some((series, slot)) = self.series.place_of(event) {
            let (area, indicator) = (series.area.clone(), series.indicator.clone());
            return self.series.live(event).map(|_| Vacant::Figure(area, indicator, series.dimension.clone(), slot));
        }
        if let Some((project, milestone)) = self.reports.get(event) {
            return Some(Vacant::Report(project.clone(), milestone.clone()));
        }
        let assessment = self.assessments.get(event)?;
        Some(Vacant::Assessment(assessment.area.clone(), assessment.indicator.clone()))
    }

    /// What fills a place that was vacant.
    pub(super) fn fill(&mut self, payload: &Payload) {
        if self.vacant.is_empty() {
            return;
        }
        if let Some(place) = Vacant::filled_by(payload) {
            self.vacant.remove(&place);
        }
    }
}

/// The value that later totals are compared with.
fn total(reported: &MeasurementReported) -> Option<Decimal> {
    if reported.basis == Basis::PlanToDate { value(reported.figure) } else { None }
}

fn value(figure: Figure) -> Option<Decimal> {
    match figure {
        Figure::Value(value) => Some(value),
        Figure::Fraction { .. } => None,
    }
}

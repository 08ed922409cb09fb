//! The rules of SCORING §1 about periods, and the states of verification, written the slow and plain way: a list of live
//! figures, all compared.

mod conduct;

pub(crate) use conduct::Conduct;
use jiff::civil::Date;
use uuid::Uuid;

use crate::event::{Figure, MeasurementReported, Payload, ReferencePeriod};
use crate::quantity::Decimal;
use crate::vocabulary::Basis;

#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) event: Uuid,
    pub(crate) report: MeasurementReported,
    pub(crate) figure: Figure,
    pub(crate) mark: Mark,
    /// Corrected and revised totals may fall; only the others keep in order.
    pub(crate) corrected: bool,
}

/// How far checking came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mark {
    Reported,
    Requested,
    Verified,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    pub(crate) live: Vec<Live>,
    /// Marks of assessments that hold, and of all reports on milestones.
    pub(crate) others: Vec<(Uuid, Mark)>,
    reports: Vec<Uuid>,
    /// (attachment of evidence, what it supports).
    carriers: Vec<(Uuid, Uuid)>,
    pub(crate) conduct: Conduct,
}

impl Live {
    fn same_series(&self, other: &Self) -> bool {
        let key =
            |live: &Self| (live.report.area.clone(), live.report.indicator.clone(), live.report.dimension.clone());
        key(self) == key(other)
    }

    fn days(&self) -> (Date, Date) {
        let end = self.report.period.reference_date();
        (self.report.period.start().unwrap_or(end), end)
    }

    fn value(&self) -> Decimal {
        match self.figure {
            Figure::Value(value) => value,
            Figure::Fraction { numerator, .. } => numerator,
        }
    }

    /// Whether both hold the same period of the same series.
    fn same_period(&self, other: &Self) -> bool {
        let dated = |live: &Self| match live.report.basis {
            Basis::PlanToDate => ReferencePeriod::AsOf(live.report.period.reference_date()),
            _ => live.report.period,
        };
        self.same_series(other) && self.report.basis == other.report.basis && dated(self) == dated(other)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let (first, last) = self.days();
        let (from, to) = other.days();
        let periods = self.report.basis == Basis::Period && other.report.basis == Basis::Period;
        self.same_series(other) && periods && first <= to && from <= last
    }

    /// Whether this period begins on or before the day of that total and ends after it.
    fn straddles(&self, other: &Self) -> bool {
        let (first, last) = self.days();
        let (_, day) = other.days();
        let bases = self.report.basis == Basis::Period && other.report.basis == Basis::PlanToDate;
        self.same_series(other) && bases && first <= day && day < last
    }

    /// Whether this earlier total is above that later one.
    fn falls_to(&self, other: &Self) -> bool {
        let totals = self.report.basis == Basis::PlanToDate && other.report.basis == Basis::PlanToDate;
        self.same_series(other) && totals && self.days().1 < other.days().1 && self.value() > other.value()
    }

    fn conflicts(&self, other: &Self) -> bool {
        self.same_period(other) || self.overlaps(other) || self.straddles(other) || other.straddles(self)
    }
}

impl Model {
    /// Whether the report would find its period free and keep totals in order.
    pub(crate) fn takes(&self, report: &MeasurementReported) -> bool {
        let new = live(Uuid::nil(), report);
        !self.live.iter().any(|old| old.conflicts(&new) || old.falls_to(&new) || new.falls_to(old))
    }

    /// How far checking of an event came; none if it cannot be checked (any more).
    fn mark(&self, event: Uuid) -> Option<Mark> {
        let figure = self.live.iter().find(|live| live.event == event).map(|live| live.mark);
        let other = || self.others.iter().find(|(other, _)| *other == event).map(|(_, mark)| *mark);
        let last = self.conduct.last_report() == Some(event);
        figure.or_else(|| other().filter(|_| last || !self.is_report(event)))
    }

    /// Whether it stands verified: of reports on a milestone also an earlier one.
    fn is_verified(&self, event: Uuid) -> bool {
        let figure = self.live.iter().any(|live| live.event == event && live.mark == Mark::Verified);
        let other = self.others.contains(&(event, Mark::Verified));
        figure || other && (!self.is_report(event) || self.conduct.holds_report(event))
    }

    fn is_report(&self, event: Uuid) -> bool {
        self.reports.contains(&event)
    }

    /// Whether what was said before leaves room for it: rules of state only, not of form or of who may.
    pub(crate) fn allows(&self, payload: &Payload) -> bool {
        let is_live = |event| self.live.iter().any(|live| live.event == event);
        match payload {
            Payload::MeasurementReported(report) => {
                let last = report.period.reference_date();
                let first = report.period.start().filter(|_| report.basis == Basis::Period).unwrap_or(last);
                self.takes(report) && !self.conduct.is_closed(first, last)
            }
            Payload::NothingToReport(nothing) => {
                let day = nothing.period.reference_date();
                !self.conduct.is_closed(day, day)
            }
            Payload::QualitativeAssessmentRecorded(assessed) => !self.conduct.is_closed(assessed.as_of, assessed.as_of),
            Payload::EvidenceWithdrawn(gone) => {
                let carriers = self.carriers.iter().find(|(carrier, _)| *carrier == gone.event);
                let supported = carriers.map_or(gone.event, |(_, supported)| *supported);
                !self.is_verified(supported) && self.conduct.allows(payload)
            }
            Payload::MeasurementCorrected(correction) => is_live(correction.measurement),
            Payload::MeasurementRevised(revision) => is_live(revision.measurement),
            Payload::MeasurementRetracted(retraction) => is_live(retraction.measurement),
            Payload::VerificationRequested(requested) => self.mark(requested.event) == Some(Mark::Reported),
            Payload::VerificationAccepted(accepted) => {
                self.mark(accepted.event).is_some_and(|mark| mark != Mark::Verified)
            }
            Payload::VerificationRejected(rejected) => self.mark(rejected.event).is_some(),
            Payload::VerificationReopened(reopened) => self.is_verified(reopened.event),
            payload => self.conduct.allows(payload),
        }
    }

    pub(crate) fn apply(&mut self, event: Uuid, payload: &Payload) {
        match payload {
            Payload::MeasurementReported(report) => self.live.push(live(event, report)),
            Payload::MeasurementCorrected(correction) => self.replace(correction.measurement, event, correction.figure),
            Payload::MeasurementRevised(revision) => self.replace(revision.measurement, event, revision.figure),
            Payload::MeasurementRetracted(retraction) => self.end(retraction.measurement),
            Payload::VerificationRejected(rejection) => self.end(rejection.event),
            Payload::VerificationRequested(requested) => self.set(requested.event, Mark::Requested),
            Payload::VerificationAccepted(accepted) => self.set(accepted.event, Mark::Verified),
            Payload::VerificationReopened(reopened) => self.set(reopened.event, Mark::Reported),
            Payload::EvidenceAttached(attached) => self.carriers.push((event, attached.event)),
            Payload::QualitativeAssessmentRecorded(_) => self.others.push((event, Mark::Reported)),
            Payload::MilestoneReached(_) | Payload::MilestonePartiallyReached(_) | Payload::MilestoneMissed(_) => {
                self.others.push((event, Mark::Reported));
                self.reports.push(event);
            }
            _ => {}
        }
        self.conduct.apply(event, payload);
    }

    fn replace(&mut self, earlier: Uuid, event: Uuid, figure: Figure) {
        let live = self.live.iter_mut().find(|live| live.event == earlier).unwrap();
        (live.event, live.figure, live.mark, live.corrected) = (event, figure, Mark::Reported, true);
    }

    fn end(&mut self, event: Uuid) {
        self.live.retain(|live| live.event != event);
        self.others.retain(|(other, _)| *other != event);
    }

    fn set(&mut self, event: Uuid, to: Mark) {
        self.live.iter_mut().filter(|live| live.event == event).for_each(|live| live.mark = to);
        self.others.iter_mut().filter(|(other, _)| *other == event).for_each(|(_, mark)| *mark = to);
    }

    /// What must hold of live figures at any time.
    pub(crate) fn check(&self) {
        for (index, one) in self.live.iter().enumerate() {
            for other in &self.live[..index] {
                assert!(!one.conflicts(other), "{one:?}\n{other:?}");
                let corrected = one.corrected || other.corrected;
                assert!(corrected || !(one.falls_to(other) || other.falls_to(one)), "{one:?}\n{other:?}");
            }
        }
    }
}

fn live(event: Uuid, report: &MeasurementReported) -> Live {
    Live { event, report: report.clone(), figure: report.figure, mark: Mark::Reported, corrected: false }
}

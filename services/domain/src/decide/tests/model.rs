//! The rules of SCORING §1 about periods, written the slow and plain way: a list of live figures, all compared.

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
    pub(crate) verified: bool,
    /// Corrected totals may fall; only those never corrected keep in order.
    pub(crate) corrected: bool,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    pub(crate) live: Vec<Live>,
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

    pub(crate) fn apply(&mut self, event: Uuid, payload: &Payload) {
        match payload {
            Payload::MeasurementReported(report) => self.live.push(live(event, report)),
            Payload::MeasurementCorrected(correction) => {
                let live = self.live.iter_mut().find(|live| live.event == correction.measurement).unwrap();
                (live.event, live.figure) = (event, correction.figure);
                (live.verified, live.corrected) = (false, true);
            }
            Payload::MeasurementRetracted(retraction) => self.end(retraction.measurement),
            Payload::VerificationRejected(rejection) => self.end(rejection.event),
            Payload::VerificationAccepted(accepted) => {
                self.live.iter_mut().filter(|live| live.event == accepted.event).for_each(|live| live.verified = true);
            }
            _ => {}
        }
    }

    fn end(&mut self, event: Uuid) {
        self.live.retain(|live| live.event != event);
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
    Live { event, report: report.clone(), figure: report.figure, verified: false, corrected: false }
}

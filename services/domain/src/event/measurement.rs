//! Events of figures: reported, corrected, retracted, assessed, verified.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Evidence;
use crate::id::{AreaId, IndicatorId};
use crate::quantity::Decimal;
use crate::vocabulary::{Basis, ObsStatus};

/// The dimension of the headline (SDMX `_T`).
pub const TOTAL: &str = "_T";

/// What time a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReferencePeriod {
    /// A level at the end of this day.
    AsOf(Date),
    /// From `start` to `end`, both inclusive.
    Period {
        /// First day.
        start: Date,
        /// Last day.
        end: Date,
    },
}

impl ReferencePeriod {
    /// The day the figure speaks of: `as_of`, or the period's end (SCORING.md §1).
    pub const fn reference_date(self) -> Date {
        match self {
            Self::AsOf(date) | Self::Period { end: date, .. } => date,
        }
    }
    /// The period's first day; none for a level.
    pub const fn start(self) -> Option<Date> {
        match self {
            Self::AsOf(_) => None,
            Self::Period { start, .. } => Some(start),
        }
    }
}

/// A number as reported: a value, or a numerator and a denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Figure {
    /// One number.
    Value(Decimal),
    /// Two numbers; the ratio is computed where it is read.
    Fraction {
        /// Part.
        numerator: Decimal,
        /// Whole.
        denominator: Decimal,
    },
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasurementReported {
    /// The area.
    pub area: AreaId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// [`TOTAL`], or `key=value` such as `district=songbei`, or `level=national`.
    pub dimension: String,
    /// What the figure covers.
    pub basis: Basis,
    /// What time it is of.
    pub period: ReferencePeriod,
    /// The number, in the indicator's unit and multiplier.
    pub figure: Figure,
    /// The multiplier the number is in; must be the indicator's.
    pub unit_multiplier: u32,
    /// How good it is.
    pub obs_status: ObsStatus,
}

/// The figure was wrong. It replaces the live one of the same period; verification is void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasurementCorrected {
    /// The live event: reported, or the last correction.
    pub measurement: Uuid,
    /// The right number.
    pub figure: Figure,
    /// How good it is.
    pub obs_status: ObsStatus,
    /// What was wrong.
    pub reason: String,
}

/// The figure should not have been sent. Its period is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasurementRetracted {
    /// The live event.
    pub measurement: Uuid,
    /// Why.
    pub reason: String,
}

/// No change in this period: silence is not zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NothingToReport {
    /// The area.
    pub area: AreaId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// The period.
    pub period: ReferencePeriod,
}

/// A step on a scale, judged by hand. The assessor is not the reporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualitativeAssessmentRecorded {
    /// The area.
    pub area: AreaId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// As of this day.
    pub as_of: Date,
    /// One of the target's steps.
    pub step: String,
    /// What was found.
    pub finding: String,
    /// A = final.
    pub obs_status: ObsStatus,
}

/// More evidence for an earlier event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceAttached {
    /// The event it supports.
    pub event: Uuid,
    /// At least one.
    pub evidence: Vec<Evidence>,
}

/// A supervising agency checked an event and agrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationAccepted {
    /// A live measurement or assessment, or the last report on a milestone.
    pub event: Uuid,
    /// What was looked at.
    pub finding: String,
}

/// A supervising agency checked an event and disagrees: it no longer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationRejected {
    /// A live measurement or assessment, or the last report on a milestone.
    pub event: Uuid,
    /// Why.
    pub reason: String,
}

/// Better data came (scheduled revision). It replaces the live figure of the same period; its verification is void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasurementRevised {
    /// Event id of the live one: reported, or the last correction or revision.
    pub measurement: Uuid,
    /// The better number.
    pub figure: Figure,
    /// How good it is; not set = UNVALIDATED.
    pub obs_status: ObsStatus,
    /// What made it better.
    pub reason: String,
}

/// A file no longer supports an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceWithdrawn {
    /// Event id that carried the file: the supported event itself, or an EvidenceAttached.
    pub event: Uuid,
    /// SHA-256 of the file, 32 bytes.
    pub sha256: [u8; 32],
    /// Why.
    pub reason: String,
}

/// Whoever reported asks to have it checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationRequested {
    /// Event id of a live measurement or assessment, or of the last report on a milestone.
    pub event: Uuid,
    /// For the checker.
    pub note: String,
}

/// A verification is taken back: the event counts as self-reported again and waits to be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationReopened {
    /// Event id of a live measurement or assessment, or of the last report on a milestone, that is verified.
    pub event: Uuid,
    /// Why.
    pub reason: String,
}

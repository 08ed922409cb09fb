//! Cases of figures, assessments, evidence and verification.

use jiff::civil::{Date, date};
use uuid::Uuid;

use super::super::agencies::succeeded;
use super::super::support::*;
use super::{Case, accepted, refused, unseen};
use crate::event::*;
use crate::state::{LiveFigure, PlanState, Slot};
use crate::vocabulary::*;

const DAY: Date = date(2025, 6, 1);
const LONG_AGO: Date = date(2023, 12, 31);
const OUT: Reason = Reason::OutOfScope;
const OWN: Reason = Reason::SelfVerification;

pub(super) fn cases() -> Vec<Case> {
    let families = [
        reported(),
        refused_figures(),
        replaced(),
        retractions(),
        nothing(),
        assessments(),
        evidence(),
        requests(),
        verified(),
        rejections(),
        reopenings(),
    ];
    families.into_iter().flatten().collect()
}

fn labs() -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(DAY), "3")
}

/// The live figure of `labs`.
fn live(state: &PlanState) -> Option<LiveFigure> {
    state.series(&id("city"), &id("labs"), TOTAL)?.live(&Slot::of(Basis::StockAt, ReferencePeriod::AsOf(DAY)))
}

/// The bureau's figure of `labs`, and its event.
fn with_figure() -> (World, Uuid) {
    let mut world = World::published();
    let event = world.ok(&agency("bureau"), labs());
    (world, event)
}

/// A report on a milestone, and another one after it.
fn with_reports() -> (World, Uuid, Uuid) {
    let mut world = World::published();
    world.ok(&office(), milestone("park", "m"));
    let first = world.ok(&agency("district"), partially("park", "m", "50"));
    let last = world.ok(&agency("district"), partially("park", "m", "70"));
    (world, first, last)
}

fn unsourced(input: &mut EventInput) {
    input.source_ref.clear();
}

fn period_closed() -> World {
    let mut world = World::published();
    world.ok(&office(), second_quarter());
    world.ok(&office(), closed("q2-2025"));
    world
}

fn indicator_retired(of: &str) -> World {
    let mut world = World { today: Some(date(2025, 1, 1)), ..World::published() };
    let retired = IndicatorRetired { indicator: id(of), retired_from: date(2025, 1, 1), reason: "口径取消".into() };
    world.ok(&office(), retired);
    world.today = None;
    world
}

fn reported() -> Vec<Case> {
    let (world, bureau) = (World::published(), agency("bureau"));
    let songbei = || MeasurementReported { dimension: "district=songbei".into(), ..labs() };
    let of_songbei = |state: &PlanState| state.series(&id("city"), &id("labs"), "district=songbei").is_some();
    let old = figure("labs", Basis::StockAt, ReferencePeriod::AsOf(LONG_AGO), "3");
    vec![
        accepted(&world, &bureau, labs(), |state| live(state).is_some()),
        accepted(&world, &agency("district"), songbei(), of_songbei),
        refused(&world, &agency("district"), labs(), OUT),
        refused(&world, &agency("stranger"), songbei(), OUT),
        refused(&world, &bureau, old, Reason::SourceRefRequired).with(unsourced),
        refused(&indicator_retired("labs"), &bureau, labs(), Reason::IndicatorRetired),
        refused(&period_closed(), &bureau, labs(), Reason::PeriodClosed),
        refused(&with_figure().0, &bureau, labs(), Reason::MeasurementExists),
    ]
}

fn refused_figures() -> Vec<Case> {
    let (world, bureau) = (World::published(), agency("bureau"));
    let mut totals = World::published();
    totals.ok(&bureau, added_until(date(2024, 12, 31), "10"));
    let day = ReferencePeriod::AsOf(DAY);
    let no_basis = MeasurementReported { basis: Basis::FullYear, period: year(2024), ..labs() };
    let half = MeasurementReported { figure: Figure::Value(dec("1.5")), ..labs() };
    let in_ten_thousands = MeasurementReported { unit_multiplier: 4, ..labs() };
    let across = added(date(2024, 12, 1), date(2025, 1, 31), "1");
    vec![
        refused(&world, &bureau, figure("circles", Basis::StockAt, day, "4"), Reason::DerivedIndicator),
        refused(&world, &bureau, no_basis, Reason::BasisNotAllowed),
        refused(&world, &bureau, half, Reason::FigureNotAllowed),
        refused(&world, &bureau, in_ten_thousands, Reason::UnitMismatch),
        refused(&totals, &bureau, across, Reason::PeriodOverlap),
        refused(&totals, &bureau, added_until(date(2025, 3, 31), "9"), Reason::TotalDecreased),
    ]
}

/// Corrected and revised: the same rules.
fn replaced() -> Vec<Case> {
    type Replace = fn(Uuid, &str) -> Payload;
    let replacements: [Replace; 2] =
        [|event, value| corrected(event, value).into(), |event, value| revised(event, value).into()];
    let bureau = agency("bureau");
    let (mut world, first) = with_figure();
    let position = world.state.head();
    let fresh = world.clone();
    let planned = world.ok(&office(), milestone("park", "m"));
    let second = world.ok(&bureau, corrected(first, "4"));
    let old = figure("labs", Basis::StockAt, ReferencePeriod::AsOf(LONG_AGO), "3");
    let old = world.ok(&bureau, old);
    let mut checked = fresh.clone();
    checked.ok(&auditor(), accepted_of(first));
    let mut shut = fresh.clone();
    shut.ok(&office(), second_quarter());
    shut.ok(&office(), closed("q2-2025"));
    let is_replaced = move |state: &PlanState| live(state).is_some_and(|figure| figure.position > position);
    let is_unverified = |state: &PlanState| live(state).is_some_and(|figure| figure.verified_by.is_none());
    let mut cases = Vec::new();
    for replace in replacements {
        cases.extend([
            accepted(&fresh, &bureau, replace(first, "2"), is_replaced),
            accepted(&checked, &bureau, replace(first, "2"), is_unverified),
            accepted(&shut, &bureau, replace(first, "2"), is_replaced),
            refused(&fresh, &agency("district"), replace(first, "2"), OUT),
            refused(&world, &bureau, replace(first, "2"), Reason::Superseded),
            refused(&world, &bureau, replace(planned, "2"), Reason::WrongEventType),
            refused(&world, &bureau, replace(second, "1.5"), Reason::FigureNotAllowed),
            refused(&world, &bureau, replace(old, "2"), Reason::SourceRefRequired).with(unsourced),
        ]);
    }
    cases
}

fn accepted_of(event: Uuid) -> VerificationAccepted {
    super::super::support::accepted(event)
}

fn rejected_of(event: Uuid) -> VerificationRejected {
    super::super::support::rejected(event)
}

fn retractions() -> Vec<Case> {
    let bureau = agency("bureau");
    let (world, event) = with_figure();
    let mut gone = world.clone();
    let retraction = gone.ok(&bureau, retracted(event));
    vec![
        accepted(&world, &bureau, retracted(event), |state| live(state).is_none()),
        refused(&world, &agency("district"), retracted(event), OUT),
        refused(&gone, &bureau, retracted(event), Reason::Superseded),
        refused(&gone, &bureau, retracted(retraction), Reason::WrongEventType),
    ]
}

fn nothing() -> Vec<Case> {
    let (world, district) = (World::published(), agency("district"));
    let nothing =
        |of: &str, day| NothingToReport { area: id("city"), indicator: id(of), period: ReferencePeriod::AsOf(day) };
    vec![
        unseen(&world, &district, nothing("labs", DAY)),
        refused(&world, &agency("stranger"), nothing("labs", DAY), OUT),
        refused(&world, &district, nothing("circles", DAY), Reason::DerivedIndicator),
        refused(&indicator_retired("labs"), &district, nothing("labs", DAY), Reason::IndicatorRetired),
        refused(&period_closed(), &district, nothing("labs", DAY), Reason::PeriodClosed),
        refused(&world, &district, nothing("labs", LONG_AGO), Reason::SourceRefRequired).with(unsourced),
    ]
}

fn assessments() -> Vec<Case> {
    let (world, inspectors) = (World::published(), agency("inspectors"));
    let level = || assessed("国内领先");
    let numeric = QualitativeAssessmentRecorded { indicator: id("labs"), ..level() };
    let old = QualitativeAssessmentRecorded { as_of: LONG_AGO, ..level() };
    vec![
        unseen(&world, &inspectors, level()),
        unseen(&world, &auditor(), level()),
        refused(&world, &agency("stranger"), level(), OUT),
        refused(&world, &agency("bureau"), level(), OWN),
        refused(&world, &inspectors, numeric, Reason::FigureNotAllowed),
        refused(&indicator_retired("level"), &inspectors, level(), Reason::IndicatorRetired),
        refused(&period_closed(), &inspectors, level(), Reason::PeriodClosed),
        refused(&world, &inspectors, old, Reason::SourceRefRequired).with(unsourced),
    ]
}

fn evidence() -> Vec<Case> {
    let bureau = agency("bureau");
    let (mut world, event) = with_figure();
    let carrier = world.ok(&bureau, attached(event, 1));
    let mut gone = world.clone();
    let withdrawal = gone.ok(&bureau, withdrawn(carrier, 1));
    let mut checked = world.clone();
    checked.ok(&auditor(), accepted_of(event));
    let mut succession = world.clone();
    succession.ok(&office(), succeeded("bureau", "stranger"));
    let (reports, _, of_report) = with_earlier_verified();
    let is_withdrawn = move |state: &PlanState| state.conduct.withdrawn.contains(&(carrier, [1; 32]));
    vec![
        unseen(&world, &bureau, attached(event, 2)),
        unseen(&succession, &agency("stranger"), attached(event, 2)),
        refused(&world, &agency("district"), attached(event, 2), OUT),
        refused(&world, &bureau, attached(carrier, 2), Reason::WrongEventType),
        refused(&gone, &bureau, attached(withdrawal, 2), Reason::WrongEventType),
        accepted(&world, &bureau, withdrawn(carrier, 1), is_withdrawn),
        accepted(&succession, &agency("stranger"), withdrawn(carrier, 1), is_withdrawn),
        refused(&world, &agency("district"), withdrawn(carrier, 1), OUT),
        refused(&world, &bureau, withdrawn(event, 1), Reason::UnknownResource),
        refused(&gone, &bureau, withdrawn(carrier, 1), Reason::Superseded),
        refused(&checked, &bureau, withdrawn(carrier, 1), Reason::VerificationState),
        refused(&reports, &agency("district"), withdrawn(of_report, 1), Reason::VerificationState),
    ]
}

/// What no step of verification speaks of: (world, event, reason).
fn unverifiable() -> Vec<(World, Uuid, Reason)> {
    let (mut world, first) = with_figure();
    let planned = world.ok(&office(), milestone("park", "n"));
    world.ok(&agency("bureau"), corrected(first, "4"));
    let (reports, earlier, _) = with_reports();
    let (mut ended, _, last) = with_reports();
    ended.ok(&office(), cancelled("park", "m"));
    let (mut again, _, set_aside) = with_reports();
    again.ok(&office(), cancelled("park", "m"));
    again.ok(&office(), reopened("park", "m"));
    vec![
        (world.clone(), first, Reason::Superseded),
        (world, planned, Reason::WrongEventType),
        (reports, earlier, Reason::Superseded),
        (ended, last, Reason::MilestoneState),
        (again, set_aside, Reason::Superseded),
    ]
}

/// A report with a file was verified, then came another one.
fn with_earlier_verified() -> (World, Uuid, Uuid) {
    let (mut world, _, report) = with_reports();
    let carrier = world.ok(&agency("district"), attached(report, 1));
    world.ok(&auditor(), accepted_of(report));
    world.ok(&agency("district"), partially("park", "m", "90"));
    (world, report, carrier)
}

fn requests() -> Vec<Case> {
    let bureau = agency("bureau");
    let (world, event) = with_figure();
    let (reports, _, last) = with_reports();
    let mut asked = world.clone();
    asked.ok(&bureau, requested(event));
    let mut checked = world.clone();
    checked.ok(&auditor(), accepted_of(event));
    let mut succession = world.clone();
    succession.ok(&office(), succeeded("bureau", "stranger"));
    let is_requested = |event| move |state: &PlanState| state.conduct.requested.contains(&event);
    let state = Reason::VerificationState;
    let mut cases = vec![
        accepted(&world, &bureau, requested(event), is_requested(event)),
        accepted(&world, &office(), requested(event), is_requested(event)),
        accepted(&succession, &agency("stranger"), requested(event), is_requested(event)),
        accepted(&reports, &agency("district"), requested(last), is_requested(last)),
        refused(&world, &agency("district"), requested(event), OUT),
        refused(&asked, &bureau, requested(event), state),
        refused(&checked, &bureau, requested(event), state),
    ];
    for (world, event, reason) in unverifiable() {
        cases.push(refused(&world, &office(), requested(event), reason));
    }
    cases
}

fn verified() -> Vec<Case> {
    let (world, event) = with_figure();
    let (reports, _, last) = with_reports();
    let mut checked = world.clone();
    checked.ok(&auditor(), accepted_of(event));
    let is_verified = |state: &PlanState| live(state).unwrap().verified_by.is_some();
    let report_is_verified = |state: &PlanState| {
        let milestone = state.milestone(&id("park"), &id("m")).unwrap();
        milestone.last_report().unwrap().verified_by.is_some()
    };
    let inspectors = agency("inspectors");
    let mut cases = vec![
        accepted(&world, &inspectors, accepted_of(event), is_verified),
        accepted(&world, &auditor(), accepted_of(event), is_verified),
        accepted(&reports, &inspectors, accepted_of(last), report_is_verified),
        refused(&world, &agency("district"), accepted_of(event), OUT),
        refused(&world, &agency("bureau"), accepted_of(event), OWN),
        refused(&checked, &inspectors, accepted_of(event), Reason::Superseded),
    ];
    for (world, event, reason) in unverifiable() {
        cases.push(refused(&world, &auditor(), accepted_of(event), reason));
    }
    cases
}

fn rejections() -> Vec<Case> {
    let (world, event) = with_figure();
    let (reports, _, last) = with_reports();
    let mut checked = world.clone();
    checked.ok(&auditor(), accepted_of(event));
    let is_back = |state: &PlanState| state.milestone(&id("park"), &id("m")).unwrap().reports.len() == 1;
    let inspectors = agency("inspectors");
    let mut cases = vec![
        accepted(&world, &inspectors, rejected_of(event), |state| live(state).is_none()),
        accepted(&checked, &auditor(), rejected_of(event), |state| live(state).is_none()),
        accepted(&reports, &auditor(), rejected_of(last), is_back),
        refused(&world, &agency("district"), rejected_of(event), OUT),
        refused(&world, &agency("bureau"), rejected_of(event), OWN),
    ];
    for (world, event, reason) in unverifiable() {
        cases.push(refused(&world, &auditor(), rejected_of(event), reason));
    }
    cases
}

fn reopenings() -> Vec<Case> {
    let (world, event) = with_figure();
    let mut checked = world.clone();
    checked.ok(&agency("inspectors"), accepted_of(event));
    let (mut reports, _, last) = with_reports();
    reports.ok(&auditor(), accepted_of(last));
    let is_unverified = |state: &PlanState| live(state).unwrap().verified_by.is_none();
    let report_is_unverified = |state: &PlanState| {
        let milestone = state.milestone(&id("park"), &id("m")).unwrap();
        milestone.last_report().unwrap().verified_by.is_none()
    };
    let (followed, earlier, _) = with_earlier_verified();
    let earlier_is_unverified = |state: &PlanState| {
        let milestone = state.milestone(&id("park"), &id("m")).unwrap();
        milestone.reports.iter().all(|report| report.verified_by.is_none())
    };
    let mut cases = vec![
        accepted(&checked, &agency("inspectors"), unverified(event), is_unverified),
        accepted(&checked, &auditor(), unverified(event), is_unverified),
        accepted(&reports, &auditor(), unverified(last), report_is_unverified),
        accepted(&followed, &auditor(), unverified(earlier), earlier_is_unverified),
        refused(&world, &auditor(), unverified(event), Reason::VerificationState),
        refused(&checked, &agency("district"), unverified(event), OUT),
        refused(&checked, &agency("bureau"), unverified(event), OWN),
    ];
    for (world, event, reason) in unverifiable() {
        cases.push(refused(&world, &auditor(), unverified(event), reason));
    }
    cases
}

//! Facts and revisions: what is kept of events beside figures, milestones and definitions, and what stood before.

use std::collections::BTreeSet;

use jiff::civil::date;
use songhua_domain::event::{
    AgencyRenamed, AgencySucceeded, AreaStageChanged, AssignmentEnded, BaselineRestated, BaselineSet,
    CalculationAdopted, DayOpened, EvidenceAttached, Figure, IndicatorRedefined, IndicatorRetired, InterimTargetsSet,
    MeasurementRevised, MilestoneCancelled, MilestoneReached, MilestoneReopened, MilestoneRescheduled, Name,
    PlanRevised, ProjectMerged, ProjectStatusChanged, Schedule, Scope, TargetDecomposed, TargetRevised, TaskShare,
    VerificationAccepted, VerificationRejected, VerificationReopened, VerificationRequested,
};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::DatedValue;
use songhua_domain::vocabulary::{AreaStage, AssignmentRole, Basis, Frequency, ObsStatus, ProjectStatus, Status};
use songhua_views::{EntryKind, Fact, FactKind, Newest, Revised, Said, SeriesKey, VerificationStep, Views};

use super::history::of_everything;
use super::plan::{BUREAU, CIRCLE, CITY, History, INTENSITY, OFFICE, OUTPUT, apply, evidence, id, key, name, open};

fn grown(history: &History) -> (tempfile::TempDir, Views) {
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    apply(&views, &history.events, 1_000);
    (dir, views)
}

/// Type, subject, before and after of every revision.
fn revisions(history: &History) -> Vec<[String; 4]> {
    let (_dir, views) = grown(history);
    let facts = views.facts(FactKind::Revisions, u64::MAX).unwrap();
    let shown = facts.iter().map(|fact| match fact.row.said.clone() {
        Said::Revision(revised) => {
            let Revised { event_type, subject, before, after, .. } = *revised;
            [event_type, subject, before, after]
        }
        other => panic!("{other:?}"),
    });
    shown.collect()
}

fn why() -> String {
    "why".to_owned()
}

fn value(value: i64) -> DatedValue {
    DatedValue { date: date(2021, 12, 31), value: value.into() }
}

#[test]
fn a_revision_of_the_plan_says_what_stood_before() {
    let mut history = History::published();
    let (documents, title, changes, reason) = (Vec::new(), Name::default(), "annex".to_owned(), why());
    history.push(PlanRevised { documents, title, end: Some(date(2027, 6, 30)), changes, reason });
    let (documents, title, changes, reason) = (Vec::new(), Name::default(), "annex".to_owned(), why());
    history.push(PlanRevised { documents, title, end: None, changes, reason });
    history.push(CalculationAdopted { calc_version: 2, reason: why() });
    let change = |stage| AreaStageChanged { area: id(CIRCLE), stage, reason: why() };
    history.push_effective(change(AreaStage::Building), Some(date(2023, 1, 1)));
    history.push(IndicatorRedefined {
        indicator: id(OUTPUT),
        name: name("gross output"),
        aliases: Vec::new(),
        method_note: String::new(),
        schedule: Some(Schedule { frequency: Frequency::Year, release_lag_days: 60, grace_days: 5 }),
        break_from: None,
        reason: why(),
    });
    history.push(IndicatorRetired { indicator: id(OUTPUT), retired_from: date(2026, 1, 1), reason: why() });
    assert_eq!(
        revisions(&history),
        [
            ["plan.revised", "", "2026-12-31", "2027-06-30"],
            ["plan.revised", "", "", "annex"],
            ["calculation.adopted", "", "1", "2"],
            ["area.stage-changed", "areas/circle-a", "PLANNED", "BUILDING"],
            ["indicator.redefined", "indicators/output", "output, QUARTER +30 +15", "gross output, YEAR +60 +5"],
            ["indicator.retired", "indicators/output", "", "2026-01-01"],
        ]
        .map(|row| row.map(str::to_owned))
    );
}

#[test]
fn a_revision_of_a_target_is_one_where_something_stood_before() {
    let mut history = History::published();
    let (area, indicator) = key(CITY, INTENSITY);
    let of = || (area.clone(), indicator.clone());
    // The first of each replaces nothing.
    for number in [3, 4] {
        let (area, indicator) = of();
        history.push(BaselineSet { area, indicator, baseline: value(number) });
        let (area, indicator) = of();
        history.push(InterimTargetsSet { area, indicator, interim: vec![value(number)], reason: why() });
        let (area, indicator) = of();
        let (dimension, due_date) = ("_T".to_owned(), date(2026, 1, 1));
        let tasks = vec![TaskShare { agency: id(BUREAU), dimension, due_date, value: number.into() }];
        history.push(TargetDecomposed { area, indicator, tasks, note: String::new() });
    }
    let (area, indicator) = of();
    history.push(BaselineRestated { area, indicator, baseline: value(5), reason: why() });
    let (area, indicator) = of();
    history.push(TargetRevised {
        area,
        indicator,
        value: Some(Decimal::from(12)),
        max: None,
        tolerance: None,
        required_step: None,
        due_as_written: "到2026年中".to_owned(),
        effective_deadline: date(2026, 6, 30),
        source: None,
        reason: why(),
    });
    let target = "areas/city/targets/intensity";
    assert_eq!(
        revisions(&history),
        [
            ["baseline.set", target, "2021-12-31: 3", "2021-12-31: 4"],
            ["interim-targets.set", target, "2021-12-31: 3", "2021-12-31: 4"],
            ["target.decomposed", target, "", ""],
            ["baseline.restated", target, "2021-12-31: 4", "2021-12-31: 5"],
            ["target.revised", target, "10.50, 2026-12-31", "12, 2026-06-30"],
        ]
        .map(|row| row.map(str::to_owned))
    );
}

#[test]
fn agencies_projects_and_milestones_are_revised() {
    let mut history = History::published();
    let (project, milestone) = (id("works"), id("opening"));
    let (agency, uscc) = (id(BUREAU), String::new());
    history.push(AgencyRenamed { agency, name: name("new bureau"), uscc, reason: why() });
    let (agency, role, scope) = (id(BUREAU), AssignmentRole::Lead, Scope::Area(id(CITY)));
    history.push(AssignmentEnded { agency, role, scope, reason: why() });
    history.push(AgencySucceeded { agency: id(BUREAU), successor: id(OFFICE), reason: why() });
    let (from, into) = (id("works-again"), id("works"));
    history.push(ProjectMerged { project: from, into, interpreted: false, reason: why() });
    let status = ProjectStatus::Suspended;
    history.push(ProjectStatusChanged { project: id("works"), status, reason: why() });
    let (previous_due_date, due_date) = (date(2024, 6, 30), date(2025, 6, 30));
    history.push(MilestoneRescheduled { project, milestone, previous_due_date, due_date, reason: why() });
    history.push(MilestoneCancelled { project: id("works"), milestone: id("opening"), reason: why() });
    history.push(MilestoneReopened { project: id("works"), milestone: id("opening"), reason: why() });
    let reach_date = date(2024, 1, 1);
    let event = history.push(MilestoneReached { project: id("works"), milestone: id("opening"), reach_date });
    history.push(VerificationAccepted { event, finding: why() });
    history.push(VerificationReopened { event, reason: why() });
    history.push(VerificationRejected { event, reason: why() });
    let opening = "projects/works/milestones/opening";
    assert_eq!(
        revisions(&history),
        [
            ["agency.renamed", "agencies/bureau", "bureau", "new bureau"],
            ["agency.assignment-ended", "agencies/bureau", "LEAD areas/city", ""],
            ["agency.succeeded", "agencies/bureau", "bureau", "office"],
            ["project.merged", "projects/works-again", "works-again", "works"],
            ["project.status-changed", "projects/works", "", "SUSPENDED"],
            ["milestone.rescheduled", opening, "2024-06-30", "2025-06-30"],
            // Whoever reads these finds the status in the views.
            ["milestone.cancelled", opening, "", ""],
            ["milestone.reopened", opening, "", ""],
            ["verification.reopened", opening, "", ""],
            ["verification.rejected", opening, "", ""],
        ]
        .map(|row| row.map(str::to_owned))
    );
}

#[test]
fn every_step_of_verification_is_a_fact_and_what_was_found_stays_with_the_figure() {
    let mut history = History::published();
    let event = history.report(CITY, INTENSITY, Basis::StockAt, date(2022, 12, 31), 300);
    let of = history.head();
    history.push(VerificationRequested { event, note: "please".to_owned() });
    history.push(VerificationAccepted { event, finding: "seen".to_owned() });
    history.push(VerificationReopened { event, reason: "doubts".to_owned() });
    let revised = history.push(MeasurementRevised {
        measurement: event,
        figure: Figure::Value(9.into()),
        obs_status: ObsStatus::Normal,
        reason: "census".to_owned(),
    });
    history.push(VerificationRejected { event: revised, reason: "no".to_owned() });
    let (_dir, views) = grown(&history);
    let facts = views.facts(FactKind::Verifications, u64::MAX).unwrap();
    let said: Vec<_> = facts.iter().map(|fact| (fact.row.said.clone(), fact.position)).collect();
    let step = |event, of, step, note: &str| Said::Verification { event, of, step, note: note.to_owned() };
    assert_eq!(
        said,
        [
            (step(event, of, VerificationStep::Requested, "please"), of + 1),
            (step(event, of, VerificationStep::Accepted, "seen"), of + 2),
            (step(event, of, VerificationStep::Reopened, "doubts"), of + 3),
            (step(revised, of + 4, VerificationStep::Rejected, "no"), of + 5),
        ]
    );
    let (area, indicator) = key(CITY, INTENSITY);
    let series = |known| views.series(&SeriesKey::total(&area, &indicator), known).unwrap();
    assert!(series(of + 2).figures()[0].verified && !series(of + 3).figures()[0].verified);
    let last = series(u64::MAX);
    let [first, second] = last.figures() else { panic!("{last:?}") };
    assert_eq!((first.ended, first.superseded_by), (Some(EntryKind::Revised { of }), Some(of + 4)));
    assert_eq!((second.entry.kind, second.entry.reason.as_str()), (EntryKind::Revised { of }, "census"));
    assert_eq!(second.ended, Some(EntryKind::Rejected { of: of + 4 }));
}

#[test]
fn files_are_kept_for_the_event_they_support() {
    let mut history = History::published();
    history.push(DayOpened { date: date(2023, 2, 1) });
    let opened = DayOpened { date: date(2023, 2, 2) };
    let with_file = history.push_with_file(opened, 1);
    let attached = EvidenceAttached { event: with_file, evidence: vec![evidence(2)] };
    let attachment = history.push_with_file(attached, 3);
    let (_dir, views) = grown(&history);
    let facts = views.facts(FactKind::Evidence, u64::MAX).unwrap();
    let kept: Vec<_> =
        facts.iter().map(|fact| (fact.row.event_id, fact.row.recorded_day, fact.row.said.clone())).collect();
    let files = |numbers: &[u8]| numbers.iter().copied().map(evidence).collect();
    assert_eq!(
        kept,
        [
            (with_file, Some(date(2023, 2, 1)), Said::Evidence { event: with_file, files: files(&[1]) }),
            (attachment, Some(date(2023, 2, 2)), Said::Evidence { event: with_file, files: files(&[3, 2]) }),
        ]
    );
}

#[test]
fn a_definition_that_changes_what_a_target_asks_for_changes_its_status() {
    let mut history = History::published();
    history.push(DayOpened { date: date(2024, 1, 10) });
    history.report(CITY, INTENSITY, Basis::StockAt, date(2023, 12, 31), 1_060);
    let (area, indicator) = key(CITY, INTENSITY);
    history.push(BaselineSet { area: area.clone(), indicator: indicator.clone(), baseline: value(3) });
    let revise = |number: i64| TargetRevised {
        area: area.clone(),
        indicator: indicator.clone(),
        value: Some(number.into()),
        max: None,
        tolerance: None,
        required_step: None,
        due_as_written: String::new(),
        effective_deadline: date(2026, 12, 31),
        source: None,
        reason: why(),
    };
    history.push(revise(90));
    let baseline = DatedValue { date: date(2023, 6, 30), value: 10.into() };
    history.push(BaselineRestated { area: area.clone(), indicator: indicator.clone(), baseline, reason: why() });
    history.push(IndicatorRetired { indicator: indicator.clone(), retired_from: date(2024, 1, 1), reason: why() });
    let (_dir, views) = grown(&history);
    let head = history.head();
    let changes = views.changes(head - 5, u64::MAX, usize::MAX).unwrap();
    let changes: Vec<_> = changes.iter().map(|change| (change.position, change.to)).collect();
    let before = (head - 4, Status::MetSoFar);
    assert_eq!(changes, [before, (head - 2, Status::FarBehind), (head - 1, Status::Behind), (head, Status::NotScored)]);
}

#[test]
fn revisions_with_an_indicator_are_found_without_the_others() {
    let (_dir, views) = grown(&of_everything());
    let asked = Newest { until: u64::MAX, limit: usize::MAX, count: true };
    let positions = |found: &[Fact]| found.iter().map(|fact| fact.position).collect::<BTreeSet<_>>();
    let with_indicator =
        |fact: &&Fact| matches!(&fact.row.said, Said::Revision(revised) if revised.indicator.is_some());
    let all = views.revision_facts(asked, None).unwrap().newest;
    let expected: Vec<Fact> = all.iter().filter(with_indicator).cloned().collect();
    let found = views.indicator_revision_facts(asked, &|_| true).unwrap().newest;
    assert_eq!(positions(&found), positions(&expected));
    assert!(!found.is_empty() && found.len() < all.len());
    assert_eq!(positions(&all), positions(&views.facts(FactKind::Revisions, u64::MAX).unwrap()));
    let ended =
        |fact: &Fact| matches!(&fact.row.said, Said::Revision(revised) if revised.event_type.starts_with("agency."));
    assert!(all.iter().any(ended));
}

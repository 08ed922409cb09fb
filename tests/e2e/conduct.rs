//! Conducting a plan over gRPC: reporting periods, reminders, notes in words, supervision, verification. Who may, who may
//! not and why, and the board on which it is then seen.

use songhua_tests::{date, days_ago, event, stock};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use crate::progress_world::{BUREAU, World, accepted, corrected, last_part};

const START: Date = date(2026, 7, 1);
const END: Date = date(2026, 9, 30);

/// Today, once `receipt` is applied.
fn now(receipt: &pb::Receipt) -> Option<pb::AsOf> {
    Some(pb::AsOf { min_position: receipt.position, ..Default::default() })
}

fn target(area: &str, indicator: &str) -> Option<pb::Scope> {
    let target = pb::TargetRef { area: area.to_owned(), indicator: indicator.to_owned() };
    Some(pb::Scope { kind: Some(pb::scope::Kind::Target(target)) })
}

fn opened(period: &str) -> pb::EventInput {
    event(Payload::ReportingPeriodOpened(pb::ReportingPeriodOpened {
        period: period.to_owned(),
        frequency: pb::Frequency::Quarter.into(),
        start_date: Some(START),
        end_date: Some(END),
        due_date: Some(date(2026, 10, 20)),
        note: String::new(),
    }))
}

fn closed(period: &str) -> pb::EventInput {
    let reason = "季度报送结束".to_owned();
    event(Payload::ReportingPeriodClosed(pb::ReportingPeriodClosed { period: period.to_owned(), reason }))
}

async fn period(world: &World, receipt: &pb::Receipt) -> pb::ReportingPeriod {
    let request = pb::ListReportingPeriodsRequest { parent: world.name(""), as_of: now(receipt), ..Default::default() };
    let answer = world.bureau.progress.clone().list_reporting_periods(request).await.unwrap().into_inner();
    assert_eq!(answer.periods.len(), 1, "{answer:?}");
    answer.periods.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_closed_period_takes_no_late_figure_but_knows_those_it_has() {
    let world = World::harbin().await;
    assert_eq!(world.refused(&world.bureau, opened("q3-2026")).await, "ROLE_NOT_ALLOWED");
    world.stored(&world.office, opened("q3-2026")).await;
    assert_eq!(world.refused(&world.office, opened("third")).await, "PERIOD_STATE");
    let mut figure = stock("circle-hit", "tech-firms", END, "320");
    figure.source_ref = "e2e ledger, page 1".to_owned();
    let first = world.stored(&world.bureau, figure.clone()).await;
    let shown = period(&world, &first).await;
    assert_eq!((last_part(&shown.name).as_str(), shown.open, shown.reported_count), ("q3-2026", true, 1));
    assert_eq!(shown.missing.len() as u32 + shown.reported_count, shown.expected_count.min(101), "{shown:?}");

    assert_eq!(world.refused(&world.auditor, closed("q3-2026")).await, "ROLE_NOT_ALLOWED");
    let receipt = world.stored(&world.office, closed("q3-2026")).await;
    let shown = period(&world, &receipt).await;
    assert_eq!((shown.open, shown.reason.as_str()), (false, "季度报送结束"));
    let late = stock("circle-heu", "tech-firms", END, "214");
    assert_eq!(world.refused(&world.bureau, late.clone()).await, "PERIOD_CLOSED");
    let nothing = pb::NothingToReport {
        area: "circle-heu".to_owned(),
        indicator: "tech-firms".to_owned(),
        period: Some(pb::ReferencePeriod { start: None, end: Some(END) }),
    };
    assert_eq!(world.refused(&world.bureau, event(Payload::NothingToReport(nothing))).await, "PERIOD_CLOSED");
    // What was stored before is known for ever, and mending goes on.
    let again = world.stored(&world.bureau, figure).await;
    assert!(again.duplicate && again.position == first.position, "{again:?}");
    world.stored(&world.bureau, corrected(&first, "318")).await;
    // Another quarter, and a figure of another frequency, are not concerned.
    world.stored(&world.bureau, stock("circle-heu", "tech-firms", date(2026, 6, 30), "210")).await;

    world.stored(&world.office, opened("q3-2026")).await;
    let receipt = world.stored(&world.bureau, late).await;
    let shown = period(&world, &receipt).await;
    assert_eq!((shown.open, shown.reported_count), (true, 2));
}

#[tokio::test]
async fn who_is_reminded_and_what_is_noted_is_seen_on_the_boards() {
    let world = World::harbin().await;
    let reminder = event(Payload::ReminderIssued(pb::ReminderIssued {
        agency: BUREAU.to_owned(),
        scope: target("circle-hit", "tech-firms"),
        period: String::new(),
        message: "请报三季度数".to_owned(),
    }));
    assert_eq!(world.refused(&world.bureau, reminder.clone()).await, "OUT_OF_SCOPE");
    world.stored(&world.auditor, reminder).await;
    let note = |progress: &str| {
        event(Payload::ProgressNoteRecorded(pb::ProgressNoteRecorded {
            scope: target("circle-hit", "tech-firms"),
            as_of_date: Some(days_ago(1)),
            progress: progress.to_owned(),
            problems: String::new(),
            next_steps: String::new(),
        }))
    };
    assert_eq!(world.refused(&world.auditor, note("集聚320家")).await, "ROLE_NOT_ALLOWED");
    assert_eq!(world.refused(&world.bureau, note(" ")).await, "INVALID_FIELD");
    let receipt = world.stored(&world.bureau, note("集聚320家")).await;

    let mut progress = world.bureau.progress.clone();
    let name = world.name(&format!("agencies/{BUREAU}"));
    let request = pb::GetAgencyRequest { name, as_of: now(&receipt), ..Default::default() };
    let ledger = progress.get_agency(request).await.unwrap().into_inner();
    assert_eq!(ledger.reminders.iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), ["请报三季度数"]);
    assert_eq!(ledger.notes.len(), 1);
    assert_eq!(ledger.agency.unwrap().ledger.unwrap().reminder_count, 1);
    let filter = "area = circle-hit AND indicator = tech-firms".to_owned();
    let request =
        pb::ListStalenessRequest { parent: world.name(""), filter, as_of: now(&receipt), ..Default::default() };
    let stale = progress.list_staleness(request).await.unwrap().into_inner();
    assert_eq!(
        stale.duties.iter().map(|duty| (duty.agency.as_str(), duty.reminder_count)).collect::<Vec<_>>(),
        [(BUREAU, 1)]
    );
    let filter = "indicator = tech-firms".to_owned();
    let request =
        pb::ListProgressNotesRequest { parent: world.name(""), filter, as_of: now(&receipt), ..Default::default() };
    let notes = progress.list_progress_notes(request).await.unwrap().into_inner().notes;
    assert_eq!(notes.iter().map(|note| note.progress.as_str()).collect::<Vec<_>>(), ["集聚320家"]);
    let answer = world.indicator_at("tech-firms", now(&receipt).unwrap()).await.unwrap();
    assert_eq!(answer.notes.len(), 1);
    let targets = answer.indicator.unwrap().targets;
    let hit = targets.iter().find(|target| target.area == "circle-hit").unwrap();
    assert_eq!(hit.last_note.as_ref().unwrap().progress, "集聚320家");
}

async fn matter(world: &World, receipt: &pb::Receipt) -> pb::Supervision {
    let request = pb::ListSupervisionsRequest { parent: world.name(""), as_of: now(receipt), ..Default::default() };
    let answer = world.bureau.progress.clone().list_supervisions(request).await.unwrap().into_inner();
    assert_eq!(answer.supervisions.len(), 1, "{answer:?}");
    answer.supervisions.into_iter().next().unwrap()
}

fn ended(outcome: pb::SupervisionOutcome) -> pb::EventInput {
    let (supervision, finding) = ("sv-1".to_owned(), "现场核查".to_owned());
    event(Payload::SupervisionClosed(pb::SupervisionClosed { supervision, outcome: outcome.into(), finding }))
}

#[tokio::test]
async fn a_matter_is_issued_answered_and_closed_by_those_who_may() {
    let world = World::harbin().await;
    let issued = event(Payload::SupervisionIssued(pb::SupervisionIssued {
        supervision: "sv-1".to_owned(),
        agency: BUREAU.to_owned(),
        scope: target("circle-usth", "carriers"),
        demand: "限期报送".to_owned(),
        due_date: Some(days_ago(-30)),
        document: "督查函〔2026〕1号".to_owned(),
    }));
    let answer = || {
        let answer = "已报送".to_owned();
        event(Payload::SupervisionAnswered(pb::SupervisionAnswered { supervision: "sv-1".to_owned(), answer }))
    };
    assert_eq!(world.refused(&world.bureau, issued.clone()).await, "OUT_OF_SCOPE");
    let receipt = world.stored(&world.auditor, issued).await;
    let shown = matter(&world, &receipt).await;
    assert_eq!((shown.status(), shown.agency.as_str(), shown.days_overdue), (pb::SupervisionStatus::Issued, BUREAU, 0));
    let rectified = || ended(pb::SupervisionOutcome::Rectified);
    assert_eq!(world.refused(&world.office, rectified()).await, "SUPERVISION_STATE");
    assert_eq!(world.refused(&world.auditor, answer()).await, "ROLE_NOT_ALLOWED");
    let receipt = world.stored(&world.bureau, answer()).await;
    let shown = matter(&world, &receipt).await;
    assert_eq!((shown.status(), shown.answers[0].answer.as_str()), (pb::SupervisionStatus::Answered, "已报送"));
    assert_eq!(world.refused(&world.bureau, rectified()).await, "SELF_VERIFICATION");
    let receipt = world.stored(&world.auditor, rectified()).await;
    let shown = matter(&world, &receipt).await;
    assert_eq!((shown.status(), shown.outcome()), (pb::SupervisionStatus::Closed, pb::SupervisionOutcome::Rectified));
    assert_eq!(world.refused(&world.bureau, answer()).await, "SUPERVISION_STATE");
    let name = world.name(&format!("agencies/{BUREAU}"));
    let request = pb::GetAgencyRequest { name, as_of: now(&receipt), ..Default::default() };
    let ledger = world.bureau.progress.clone().get_agency(request).await.unwrap().into_inner();
    assert_eq!(ledger.supervisions.len(), 1);
    assert_eq!(ledger.agency.unwrap().ledger.unwrap().supervision_open_count, 0);
}

async fn queue(world: &World, filter: &str, receipt: &pb::Receipt) -> Vec<pb::VerificationItem> {
    let (parent, filter) = (world.name(""), filter.to_owned());
    let request = pb::ListVerificationsRequest { parent, filter, as_of: now(receipt), ..Default::default() };
    world.bureau.progress.clone().list_verifications(request).await.unwrap().into_inner().items
}

#[tokio::test]
async fn a_figure_waits_to_be_verified_and_waits_again_when_it_is_reopened() {
    let world = World::harbin().await;
    let mut figure = stock("circle-hit", "tech-firms", END, "320");
    let file = pb::Evidence {
        sha256: vec![7; 32],
        media_type: "application/pdf".to_owned(),
        title: "名录".to_owned(),
        locator: "archive/7".to_owned(),
    };
    figure.evidence = vec![file.clone()];
    let reported = world.stored(&world.bureau, figure).await;
    let of = || reported.event_id.clone();
    let requested = || {
        event(Payload::VerificationRequested(pb::VerificationRequested { event: of(), note: "请核验".to_owned() }))
    };
    let reopened =
        || event(Payload::VerificationReopened(pb::VerificationReopened { event: of(), reason: "抽查".to_owned() }));
    let withdrawn = || {
        let (sha256, reason) = (file.sha256.clone(), "附件有误".to_owned());
        event(Payload::EvidenceWithdrawn(pb::EvidenceWithdrawn { event: of(), sha256, reason }))
    };
    assert_eq!(world.refused(&world.auditor, requested()).await, "ROLE_NOT_ALLOWED");
    assert_eq!(world.refused(&world.auditor, reopened()).await, "VERIFICATION_STATE");
    let receipt = world.stored(&world.bureau, requested()).await;
    assert_eq!(world.refused(&world.office, requested()).await, "VERIFICATION_STATE");
    let waiting = queue(&world, "", &receipt).await;
    assert_eq!(
        waiting.iter().map(|item| (item.event_id.clone(), item.state())).collect::<Vec<_>>(),
        [(of(), pb::VerificationState::Requested)]
    );
    world.stored(&world.auditor, accepted(&reported)).await;
    assert_eq!(world.refused(&world.bureau, reopened()).await, "SELF_VERIFICATION");
    let receipt = world.stored(&world.auditor, reopened()).await;
    let waiting = queue(&world, "state = REOPENED", &receipt).await;
    assert_eq!(waiting.iter().map(|item| item.note.as_str()).collect::<Vec<_>>(), ["抽查"]);
    assert!(!world.indicator_at("tech-firms", now(&receipt).unwrap()).await.unwrap().history[0].verified);

    assert_eq!(world.refused(&world.auditor, withdrawn()).await, "OUT_OF_SCOPE");
    let receipt = world.stored(&world.bureau, withdrawn()).await;
    assert_eq!(world.refused(&world.bureau, withdrawn()).await, "SUPERSEDED");
    let waiting = queue(&world, "state = REOPENED", &receipt).await;
    assert_eq!(waiting[0].evidence[0].withdrawn_by, receipt.position);
    let receipt = world.stored(&world.auditor, accepted(&reported)).await;
    assert_eq!(queue(&world, "", &receipt).await, []);
    assert_eq!(queue(&world, "state = VERIFIED", &receipt).await.len(), 1);
}

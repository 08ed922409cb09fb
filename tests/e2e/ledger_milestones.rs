//! Rows of milestones in ledgers: reported once, moved once, and anew after a rejection.

use songhua_tests::google::type_::Date;
use songhua_tests::pb::event_input::Payload;
use songhua_tests::pb::{MilestoneStatus, Role};
use songhua_tests::{PLAN, date, event, pb, submit};

use crate::ledger_world::{AGENCY, Desk, Pushed};

const HEADER: &str = "项目,节点,进展,日期,完成比例,说明,来源";
const PARK: &str = "aerospace-park";

fn planned(id: &str, due_date: Date) -> pb::EventInput {
    event(Payload::MilestonePlanned(pb::MilestonePlanned {
        project: PARK.to_owned(),
        milestone: id.to_owned(),
        milestone_type: pb::MilestoneType::Approval.into(),
        title: Some(pb::Name { zh: format!("节点{id}"), en: String::new() }),
        due_date: Some(due_date),
        weight: String::new(),
    }))
}

async fn desk() -> Desk {
    let mut desk = Desk::open().await;
    let ids = ["approval", "groundbreaking", "delivery", "operation", "review"];
    let events = ids.map(|id| planned(id, date(2026, 9, 30))).to_vec();
    desk.clerk.ingest.submit(submit(events)).await.unwrap();
    desk
}

async fn milestones(desk: &Desk) -> Vec<(String, MilestoneStatus, String)> {
    let as_of = Some(pb::AsOf { min_position: desk.sandbox.durable().await, ..Default::default() });
    let request = pb::GetProjectRequest { name: format!("{PLAN}/projects/{PARK}"), as_of };
    let project = desk.clerk.progress.clone().get_project(request).await.unwrap().into_inner().project.unwrap();
    let mut all: Vec<_> = project
        .milestones
        .iter()
        .map(|one| {
            let due = one.due_date.unwrap();
            let shown = format!("{}-{}-{} {}", due.year, due.month, due.day, one.percent);
            (one.name.rsplit('/').next().unwrap().to_owned(), one.status(), shown.trim().to_owned())
        })
        .collect();
    all.sort();
    all
}

fn push(desk: &Desk, rows: &[&str]) -> Pushed {
    desk.push(&[&[HEADER], rows].concat(), &[])
}

#[tokio::test]
async fn every_kind_of_progress_is_reported_beside_figures_and_once() {
    let desk = desk().await;
    let rows = [
        "区域,指标,期间,数值,项目,节点,进展,日期,完成比例,说明,来源",
        "circle-hit,platforms,2026-09-30,61,,,,,,,第1页",
        ",,,,航天装备未来产业科技园,节点approval,已达成,2026-09-28,,,第1页",
        ",,,,aerospace-park,groundbreaking,部分达成,2026年8月31日,３０％,征地,第1页",
        ",,,,aerospace-park,groundbreaking,部分达成,2026-09-30,50,设备,第1页",
        ",,,,aerospace-park,delivery,未达成,2026-10-01,,资金,第1页",
        ",,,,aerospace-park,operation,调整,2026-12-15,,征地推迟,第1页",
        ",,,,aerospace-park,review,取消,,,合并建设,第1页",
    ];
    let first = desk.push(&rows, &[]);
    assert_eq!(first.counts(), (0, [7, 0, 0, 0, 0], 7), "{first:?}");
    let expected = [
        ("approval", MilestoneStatus::Met, "2026-9-30"),
        ("delivery", MilestoneStatus::NotMet, "2026-9-30"),
        ("groundbreaking", MilestoneStatus::PartiallyMet, "2026-9-30 50"),
        ("operation", MilestoneStatus::Scheduled, "2026-12-15"),
        ("review", MilestoneStatus::Cancelled, "2026-9-30"),
    ];
    assert_eq!(milestones(&desk).await, expected.map(|(id, status, shown)| (id.to_owned(), status, shown.to_owned())));
    let before = desk.sandbox.durable().await;
    let again = desk.push(&rows, &[]);
    assert_eq!((again.counts(), desk.sandbox.durable().await), ((0, [0, 0, 7, 0, 0], 0), before), "{again:?}");

    let later = [
        "aerospace-park,groundbreaking,已达成,2026-11-01,,,第2页",
        "aerospace-park,operation,调整,2026-12-20,,再推迟,第2页",
    ];
    assert_eq!(push(&desk, &later).counts(), (0, [1, 1, 0, 0, 0], 2), "a report changes a report, a move is new");
    assert_eq!(push(&desk, &later).counts(), (0, [0, 0, 2, 0, 0], 0));
    let back = push(&desk, &["aerospace-park,operation,调整,2026-12-15,,恢复,第3页"]);
    assert_eq!(back.counts(), (0, [1, 0, 0, 0, 0], 1), "moved to a day that it had before: {back:?}");
    let forth = push(&desk, &["aerospace-park,operation,调整,2026-12-20,,又推迟,第4页"]);
    assert_eq!(forth.counts(), (0, [1, 0, 0, 0, 0], 1), "the same move is another one: {forth:?}");
    let old = desk.push(&rows[..6], &[]);
    assert_eq!(old.counts(), (0, [0, 0, 5, 0, 0], 0), "what was said stays said: {old:?}");
}

#[tokio::test]
async fn each_report_is_compared_with_the_last_one_of_its_own_day_in_whichever_order_they_came() {
    let desk = desk().await;
    let row = |day: &str, percent: &str| format!("aerospace-park,groundbreaking,部分达成,{day},{percent},设备,第1页");
    let pushed = |first: &str, second: &str| {
        let (first, second) = (row("2026-09-30", first), row("2026-08-31", second));
        let pushed = push(&desk, &[&first, &second]);
        assert!(pushed.0.code == 0, "{pushed:?}");
        pushed
    };
    let before = desk.sandbox.durable().await;
    assert_eq!(pushed("50", "30").counts(), (0, [2, 0, 0, 0, 0], 2), "the later day first");
    assert_eq!(pushed("50", "30").counts(), (0, [0, 0, 2, 0, 0], 0));
    assert_eq!(pushed("50.0", "３０％").counts(), (0, [0, 0, 2, 0, 0], 0), "the same numbers");
    let edited = pushed("50", "35");
    assert_eq!(edited.counts(), (0, [0, 1, 1, 0, 0], 1), "a percent that does not stand: {edited:?}");
    let shown = &edited.outcome()["results"][1];
    assert_eq!(
        (shown["old"].as_str(), shown["new"].as_str()),
        (Some("部分达成 30 % 2026-08-31"), Some("部分达成 35 % 2026-08-31"))
    );
    assert_eq!(pushed("55", "35").counts(), (0, [0, 1, 1, 0, 0], 1), "one that stands, and was not recorded last");
    assert_eq!(pushed("50", "30").counts(), (0, [0, 2, 0, 0, 0], 2), "and back");
    assert_eq!(pushed("50", "30").counts(), (0, [0, 0, 2, 0, 0], 0));
    assert_eq!(desk.sandbox.durable().await, before + 6);
    let stands = milestones(&desk).await.into_iter().find(|(id, ..)| id == "groundbreaking").unwrap();
    assert_eq!((stands.1, stands.2.as_str()), (MilestoneStatus::PartiallyMet, "2026-9-30 50"));
}

#[tokio::test]
async fn a_rejected_report_is_sent_anew() {
    let desk = desk().await;
    let row = ["aerospace-park,approval,已达成,2026-09-28,,,第1页"];
    let first = push(&desk, &row);
    let report = first.outcome()["results"][0]["event_id"].as_str().unwrap().to_owned();
    let (_, auditor) = desk.sandbox.grant(Role::Auditor, "", "").await;
    let rejected = pb::VerificationRejected { event: report, reason: "没有批文".to_owned() };
    let rejected = event(Payload::VerificationRejected(rejected));
    desk.sandbox.client(Some(&auditor)).await.ingest.submit(submit(vec![rejected])).await.unwrap();
    let anew = push(&desk, &row);
    assert_eq!(anew.counts(), (0, [1, 0, 0, 0, 0], 1), "{anew:?}");
    assert_eq!(push(&desk, &row).counts(), (0, [0, 0, 1, 0, 0], 0));
}

#[tokio::test]
async fn bad_rows_of_milestones_are_named_by_column() {
    let desk = desk().await;
    let rows = [
        "aerospace-park,approval,部分达成,2026-09-28,,差一点,第1页",
        "aerospace-park,approval,已达成,,,,第1页",
        "aerospace-park,delivery,未达成,2026-10-01,,,第1页",
        "无此项目,approval,已达成,2026-09-28,,,第1页",
        "aerospace-park,approval,大概,2026-09-28,,,第1页",
        "aerospace-park,groundbreaking,未达成,2026-09-01,,尚未开工,第1页",
        "aerospace-park,operation,已达成,2199-01-01,,,第1页",
        "aerospace-park,review,已达成,2026-09-28,40,,第1页",
        "aerospace-park,approval,已达成,2026-09-28,,,第1页",
        "aerospace-park,approval,已达成,2026-09-28,,,第1页",
    ];
    let before = desk.sandbox.durable().await;
    let pushed = push(&desk, &rows);
    assert_eq!(pushed.counts(), (1, [1, 0, 0, 0, 9], 0), "{pushed:?}");
    let expected = [
        (2, "percent"),
        (3, "date"),
        (4, "shortfall"),
        (5, "project"),
        (6, "progress"),
        (7, "date"),
        (8, "date"),
        (9, "percent"),
        (11, "milestone"),
    ];
    assert_eq!(pushed.faults(), expected.map(|(line, column)| (line, column.to_owned())));
    assert_eq!(desk.sandbox.durable().await, before);
    let text = desk.push_text(&[HEADER, rows[6]], &[]);
    assert!(text.stderr.contains("FUTURE_DATE") && text.stderr.contains("「日期」"), "{AGENCY}: {}", text.stderr);
}

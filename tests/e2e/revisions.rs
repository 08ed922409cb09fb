//! What changes after it was defined, over gRPC: editions, targets, baselines, methods, agencies, projects, figures, the
//! arithmetic, and the end of a plan. Who may, who may not and why, and the board on which it is then seen.

use std::fs;

use songhua_tests::{PLAN, Sandbox, ServeOptions, agency, assigned, date, days_ago, dimension, event, stock};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use crate::progress_world::{BUREAU, World, accepted, baseline, corrected, known, last_part, only, seen, value};

/// Today, once `receipt` is applied.
fn now(receipt: &pb::Receipt) -> pb::AsOf {
    pb::AsOf { min_position: receipt.position, ..Default::default() }
}

fn why() -> String {
    "中期评估".to_owned()
}

fn name(zh: &str) -> Option<pb::Name> {
    Some(pb::Name { zh: zh.to_owned(), en: "another name".to_owned() })
}

fn target_set(document: &str) -> pb::EventInput {
    let source =
        pb::SourceSpan { document: document.to_owned(), line_first: 1, line_last: 1, text: "15项".to_owned() };
    event(Payload::TargetSet(pb::TargetSet {
        number: 73,
        area: "city".to_owned(),
        indicator: "pilot-lines".to_owned(),
        operator: pb::Operator::AtLeast.into(),
        operator_source: pb::OperatorSource::Implied.into(),
        value: "15".to_owned(),
        path_kind: pb::PathKind::Linear.into(),
        due_as_written: "到2026年".to_owned(),
        effective_deadline: Some(date(2026, 12, 31)),
        source: Some(source),
        ..Default::default()
    }))
}

fn indicator() -> pb::EventInput {
    event(Payload::IndicatorDefined(pb::IndicatorDefined {
        indicator: "pilot-lines".to_owned(),
        display_name: name("中试线"),
        unit: "项".to_owned(),
        unit_label: name("项"),
        measure_kind: pb::MeasureKind::Count.into(),
        result_type: pb::ResultType::Output.into(),
        accumulation: pb::Accumulation::Stock.into(),
        basis: pb::Basis::StockAt.into(),
        ascending: true,
        aggregation: pb::Aggregation::None.into(),
        scored: true,
        schedule: Some(pb::Schedule { frequency: pb::Frequency::Year.into(), release_lag_days: 30, grace_days: 30 }),
        ..Default::default()
    }))
}

/// Tokens of the revisions, newest first.
async fn revisions(world: &World, filter: &str, receipt: &pb::Receipt) -> Vec<(String, String, String)> {
    let (parent, filter) = (world.name(""), filter.to_owned());
    let request = pb::ListRevisionsRequest { parent, filter, as_of: Some(now(receipt)), ..Default::default() };
    let answer = world.bureau.progress.clone().list_revisions(request).await.unwrap().into_inner();
    answer.revisions.into_iter().map(|one| (one.event_type, one.before, one.after)).collect()
}

fn row(kind: &str, before: &str, after: &str) -> (String, String, String) {
    (kind.to_owned(), before.to_owned(), after.to_owned())
}

#[tokio::test]
async fn a_second_edition_adds_and_changes_targets() {
    let world = World::harbin().await;
    assert_eq!(world.refused(&world.office, indicator()).await, "PLAN_ALREADY_PUBLISHED");
    let edition =
        pb::Document { document: "second-edition".to_owned(), title: "修订版".to_owned(), ..Default::default() };
    let revised = pb::PlanRevised {
        documents: vec![edition],
        changes: "增加1项".to_owned(),
        reason: why(),
        ..Default::default()
    };
    let revised = || event(Payload::PlanRevised(revised.clone()));
    assert_eq!(world.refused(&world.bureau, revised()).await, "ROLE_NOT_ALLOWED");
    world.stored(&world.office, revised()).await;
    assert_eq!(world.refused(&world.office, revised()).await, "ALREADY_DEFINED");
    world.stored(&world.office, indicator()).await;
    assert_eq!(world.refused(&world.office, target_set("source-text")).await, "TARGET_RULE");
    world.stored(&world.office, target_set("second-edition")).await;
    let set = baseline("city", "pilot-lines", date(2021, 12, 31), "3");
    world.stored(&world.office, set.clone()).await;
    let again = baseline("city", "pilot-lines", date(2021, 12, 31), "4");
    assert_eq!(world.refused(&world.office, again).await, "ALREADY_DEFINED");
    let restated = event(Payload::BaselineRestated(pb::BaselineRestated {
        area: "city".to_owned(),
        indicator: "pilot-lines".to_owned(),
        baseline: Some(pb::DatedValue { date: Some(date(2021, 12, 31)), value: "4".to_owned() }),
        reason: why(),
    }));
    assert_eq!(world.refused(&world.auditor, restated.clone()).await, "ROLE_NOT_ALLOWED");
    world.stored(&world.office, restated).await;
    let changed = |value: &str| {
        event(Payload::TargetRevised(pb::TargetRevised {
            area: "city".to_owned(),
            indicator: "pilot-lines".to_owned(),
            value: value.to_owned(),
            due_as_written: "到2026年".to_owned(),
            effective_deadline: Some(date(2026, 12, 31)),
            source: Some(pb::SourceSpan {
                document: "second-edition".to_owned(),
                line_first: 2,
                line_last: 2,
                ..Default::default()
            }),
            reason: why(),
            ..Default::default()
        }))
    };
    assert_eq!(world.refused(&world.office, changed("0")).await, "TARGET_RULE");
    assert_eq!(world.refused(&world.bureau, changed("12")).await, "ROLE_NOT_ALLOWED");
    let receipt = world.stored(&world.office, changed("12")).await;
    let found = revisions(&world, "indicator = pilot-lines", &receipt).await;
    assert_eq!(found.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(), ["target.revised", "baseline.restated"]);
    assert_eq!(found[1], row("baseline.restated", "2021-12-31: 3", "2021-12-31: 4"));
    let now = world.indicator_at("pilot-lines", now(&receipt)).await.unwrap();
    let target = only(&now);
    assert_eq!((target.value.as_str(), target.baseline.unwrap().value.as_str()), ("12", "4"));
    assert_eq!(now.revisions.len(), 2);
    let before =
        only(&world.indicator_at("pilot-lines", known(date(2026, 11, 23), receipt.position - 1)).await.unwrap());
    assert_eq!(before.value, "15", "what was known then stays");
}

/// Figures of two years, revised, with dimensions, a task and a break; read back from `GetIndicator`.
#[tokio::test]
async fn an_indicator_shows_vintages_years_contributions_tasks_and_breaks() {
    let world = World::harbin().await;
    let first = world.stored(&world.bureau, stock("city", "hnte-count", date(2024, 12, 31), "3650")).await;
    let right = world.stored(&world.bureau, corrected(&first, "3612")).await;
    let better = |of: &pb::Receipt| {
        event(Payload::MeasurementRevised(pb::MeasurementRevised {
            measurement: of.event_id.clone(),
            figure: value("3620"),
            obs_status: pb::ObsStatus::Normal.into(),
            reason: "年度核实".to_owned(),
        }))
    };
    assert_eq!(world.refused(&world.auditor, better(&right)).await, "ROLE_NOT_ALLOWED");
    assert_eq!(world.refused(&world.bureau, better(&first)).await, "SUPERSEDED");
    world.stored(&world.bureau, better(&right)).await;
    world.stored(&world.bureau, stock("city", "hnte-count", date(2025, 12, 31), "4090")).await;
    for (district, number) in [("songbei", "2000"), ("daoli", "2050")] {
        let part = dimension("city", "hnte-count", &format!("district={district}"), date(2025, 12, 31), number);
        world.stored(&world.bureau, part).await;
    }
    let task = |due: Date| {
        event(Payload::TargetDecomposed(pb::TargetDecomposed {
            area: "city".to_owned(),
            indicator: "hnte-count".to_owned(),
            tasks: vec![pb::TaskShare {
                agency: BUREAU.to_owned(),
                dimension: "district=songbei".to_owned(),
                due_date: Some(due),
                value: "2500".to_owned(),
            }],
            note: String::new(),
        }))
    };
    assert_eq!(world.refused(&world.office, task(date(2027, 1, 1))).await, "TARGET_RULE");
    assert_eq!(world.refused(&world.bureau, task(date(2025, 12, 31))).await, "ROLE_NOT_ALLOWED");
    world.stored(&world.office, task(date(2025, 12, 31))).await;
    let redefined = event(Payload::IndicatorRedefined(pb::IndicatorRedefined {
        indicator: "hnte-count".to_owned(),
        display_name: name("高新技术企业"),
        method_note: "按新办法认定".to_owned(),
        break_from: Some(date(2025, 1, 1)),
        reason: why(),
        ..Default::default()
    }));
    assert_eq!(world.refused(&world.bureau, redefined.clone()).await, "ROLE_NOT_ALLOWED");
    let receipt = world.stored(&world.office, redefined).await;
    let answer = world.indicator_at("hnte-count", now(&receipt)).await.unwrap();
    let headline = answer.vintages.iter().find(|one| one.dimension == "_T").unwrap();
    let kinds: Vec<_> =
        headline.vintages.iter().map(|one| (one.number, one.kind.as_str(), one.ended.as_str())).collect();
    assert_eq!(kinds, [(1, "REPORTED", "SUPERSEDED"), (2, "CORRECTED", "SUPERSEDED"), (3, "REVISED", "")]);
    let of = |year| answer.years.iter().find(|one| one.year == year).unwrap().actual.clone();
    assert_eq!((of(2024), of(2025)), ("3620".to_owned(), "4090".to_owned()));
    let parts = &answer.contributions[0];
    assert_eq!((parts.key.as_str(), parts.parts.len()), ("district", 2));
    let share = &answer.tasks[0];
    assert_eq!((share.actual.as_str(), share.rate.as_str(), share.overdue), ("2000", "80.0", true));
    assert_eq!(answer.breaks.iter().map(|one| one.from.unwrap()).collect::<Vec<_>>(), [date(2025, 1, 1)]);
    let marks = only(&answer).marks;
    assert!(marks.iter().any(|mark| mark == "SERIES_BREAK"), "{marks:?}");
    let found = revisions(&world, "type = measurement.revised", &receipt).await;
    assert_eq!(found, [row("measurement.revised", "3612", "3620")]);
    let bureau = world.name(&format!("agencies/{BUREAU}"));
    let ledger = pb::GetAgencyRequest { name: bureau, as_of: Some(now(&receipt)), ..Default::default() };
    let ledger = world.bureau.progress.clone().get_agency(ledger).await.unwrap().into_inner();
    assert_eq!(ledger.tasks.len(), 1);
    assert_eq!(ledger.agency.unwrap().ledger.unwrap().correction_count, 1, "a scheduled revision is no correction");

    let retired = |indicator: &str, from| {
        let retired_from = Some(from);
        let retired = pb::IndicatorRetired { indicator: indicator.to_owned(), retired_from, reason: why() };
        event(Payload::IndicatorRetired(retired))
    };
    assert_eq!(world.refused(&world.office, retired("gdp-growth", days_ago(2))).await, "INVALID_FIELD");
    assert_eq!(world.refused(&world.office, retired("hnte-count", date(2199, 1, 1))).await, "TARGET_RULE");
    world.stored(&world.office, retired("gdp-growth", days_ago(0))).await;
    assert_eq!(world.refused(&world.office, retired("gdp-growth", days_ago(0))).await, "ALREADY_DEFINED");
    let late = event(Payload::NothingToReport(pb::NothingToReport {
        area: "city".to_owned(),
        indicator: "gdp-growth".to_owned(),
        period: Some(pb::ReferencePeriod { end: Some(days_ago(0)), ..Default::default() }),
    }));
    assert_eq!(world.refused(&world.bureau, late).await, "INDICATOR_RETIRED");
}

#[tokio::test]
async fn an_agency_is_renamed_and_another_takes_over() {
    let world = World::harbin().await;
    let figure = world.stored(&world.bureau, stock("circle-hit", "tech-firms", date(2026, 9, 30), "320")).await;
    world.stored(&world.office, agency("innovation-commission", "科创委")).await;
    let (_, token) = world.sandbox.grant(pb::Role::Agency, "innovation-commission", "").await;
    let heir = world.sandbox.client(Some(&token)).await;
    let renamed = event(Payload::AgencyRenamed(pb::AgencyRenamed {
        agency: BUREAU.to_owned(),
        display_name: name("市科学技术局"),
        uscc: String::new(),
        reason: "机构改革".to_owned(),
    }));
    assert_eq!(world.refused(&world.bureau, renamed.clone()).await, "ROLE_NOT_ALLOWED");
    world.stored(&world.office, renamed).await;
    let scope = pb::scope::Kind::Project("aerospace-park".to_owned());
    world
        .stored(&world.office, assigned("innovation-commission", pb::AssignmentRole::Supervising, scope.clone()))
        .await;
    let ended = |role: pb::AssignmentRole| {
        event(Payload::AssignmentEnded(pb::AssignmentEnded {
            agency: "innovation-commission".to_owned(),
            role: role.into(),
            scope: Some(pb::Scope { kind: Some(scope.clone()) }),
            reason: "分工调整".to_owned(),
        }))
    };
    assert_eq!(world.refused(&world.office, ended(pb::AssignmentRole::Lead)).await, "UNKNOWN_RESOURCE");
    world.stored(&world.office, ended(pb::AssignmentRole::Supervising)).await;
    let succeeded = |successor: &str| {
        event(Payload::AgencySucceeded(pb::AgencySucceeded {
            agency: BUREAU.to_owned(),
            successor: successor.to_owned(),
            reason: "机构改革".to_owned(),
        }))
    };
    assert_eq!(world.refused(&world.office, succeeded(BUREAU)).await, "INVALID_FIELD");
    assert_eq!(world.refused(&heir, corrected(&figure, "318")).await, "OUT_OF_SCOPE");
    let receipt = world.stored(&world.office, succeeded("innovation-commission")).await;
    // From now on the successor speaks, also of what the other one sent.
    assert_eq!(world.refused(&world.bureau, corrected(&figure, "318")).await, "AGENCY_SUCCEEDED");
    let lead = assigned(BUREAU, pb::AssignmentRole::Lead, pb::scope::Kind::Area("zone-ai".to_owned()));
    assert_eq!(world.refused(&world.office, lead).await, "AGENCY_SUCCEEDED");
    world.stored(&heir, corrected(&figure, "318")).await;
    let of = async |id: &str| {
        let agency = world.name(&format!("agencies/{id}"));
        let request = pb::GetAgencyRequest { name: agency, as_of: Some(now(&receipt)), ..Default::default() };
        world.office.progress.clone().get_agency(request).await.unwrap().into_inner().agency.unwrap()
    };
    let (old, new) = (of(BUREAU).await, of("innovation-commission").await);
    assert_eq!((last_part(&old.succeeded_by).as_str(), old.assignments.len()), ("innovation-commission", 0));
    assert_eq!((old.display_name.unwrap().zh.as_str(), old.former_names[0].zh.as_str()), ("市科学技术局", "科技局"));
    assert_eq!((new.succeeded_by.as_str(), new.assignments.len()), ("", 1));
    // All but the one that is derived and the one that is assessed.
    assert_eq!(new.ledger.unwrap().target_count, 70);
}

#[tokio::test]
async fn a_project_changes_its_status_and_a_milestone_is_opened_again() {
    let world = World::harbin().await;
    let project = || "aerospace-park".to_owned();
    let planned = |milestone: &str| {
        event(Payload::MilestonePlanned(pb::MilestonePlanned {
            project: project(),
            milestone: milestone.to_owned(),
            milestone_type: pb::MilestoneType::Delivery.into(),
            title: name("交付"),
            due_date: Some(date(2026, 8, 31)),
            weight: "1".to_owned(),
        }))
    };
    world.stored(&world.bureau, planned("delivery")).await;
    let reach_date = Some(days_ago(10));
    let reached = pb::MilestoneReached { project: project(), milestone: "delivery".to_owned(), reach_date };
    let reached = || event(Payload::MilestoneReached(reached.clone()));
    let report = world.stored(&world.bureau, reached()).await;
    let reopened = || {
        let (milestone, reason) = ("delivery".to_owned(), "验收未通过".to_owned());
        event(Payload::MilestoneReopened(pb::MilestoneReopened { project: project(), milestone, reason }))
    };
    assert_eq!(world.refused(&world.auditor, reopened()).await, "ROLE_NOT_ALLOWED");
    world.stored(&world.bureau, reopened()).await;
    assert_eq!(world.refused(&world.bureau, reopened()).await, "MILESTONE_STATE");
    let verdict = world.refused(&world.auditor, accepted(&report)).await;
    assert!(["MILESTONE_STATE", "SUPERSEDED"].contains(&verdict.as_str()), "{verdict}");
    let status = |status: pb::ProjectStatus, day: Option<Date>| {
        let changed =
            pb::ProjectStatusChanged { project: project(), status: status.into(), reason: "停工".to_owned() };
        pb::EventInput { effective_date: day, ..event(Payload::ProjectStatusChanged(changed)) }
    };
    assert_eq!(world.refused(&world.bureau, status(pb::ProjectStatus::Suspended, None)).await, "INVALID_FIELD");
    world.stored(&world.bureau, status(pb::ProjectStatus::Suspended, Some(days_ago(5)))).await;
    let same = status(pb::ProjectStatus::Suspended, Some(days_ago(5)));
    assert_eq!(world.refused(&world.office, same).await, "INVALID_FIELD");
    let receipt = world.stored(&world.office, status(pb::ProjectStatus::Cancelled, Some(days_ago(1)))).await;
    assert_eq!(world.refused(&world.bureau, planned("operation")).await, "MILESTONE_STATE");

    let request = pb::GetCalendarRequest { name: world.name(""), area: String::new(), as_of: Some(now(&receipt)) };
    let calendar = world.bureau.progress.clone().get_calendar(request).await.unwrap().into_inner();
    let item = &calendar.items[0];
    assert_eq!((item.bucket(), item.lead_agency.as_str()), (pb::DueBucket::Overdue, BUREAU));
    let shown = world.project_at("aerospace-park", now(&receipt)).await;
    assert_eq!(shown.status(), pb::ProjectStatus::Cancelled);
    let before = world.project_at("aerospace-park", seen(days_ago(3), receipt.position)).await;
    assert_eq!(before.status(), pb::ProjectStatus::Suspended);
    let found = revisions(&world, "", &receipt).await;
    assert_eq!(
        found,
        [
            row("project.status-changed", "SUSPENDED", "CANCELLED"),
            row("project.status-changed", "", "SUSPENDED"),
            row("milestone.reopened", "MET", "SCHEDULED"),
        ]
    );
}

#[tokio::test]
async fn another_arithmetic_holds_from_the_event_on() {
    let world = World::harbin().await;
    world.stored(&world.office, baseline("city", "tech-innovation-centres", date(2021, 12, 31), "60")).await;
    for (day, number) in
        [(date(2025, 9, 30), "79"), (date(2026, 3, 31), "82"), (date(2026, 6, 30), "85"), (date(2026, 9, 30), "90")]
    {
        world.stored(&world.bureau, stock("city", "tech-innovation-centres", day, number)).await;
    }
    let adopt = |calc_version| {
        event(Payload::CalculationAdopted(pb::CalculationAdopted {
            calc_version, reason: "按趋势预测".to_owned()
        }))
    };
    assert_eq!(world.refused(&world.bureau, adopt(2)).await, "ROLE_NOT_ALLOWED");
    for version in [1, 99] {
        assert_eq!(world.refused(&world.office, adopt(version)).await, "INVALID_FIELD");
    }
    let receipt = world.stored(&world.office, adopt(2)).await;
    let at = async |as_of| {
        let answer = world.indicator_at("tech-innovation-centres", as_of).await.unwrap();
        (answer.state.as_ref().unwrap().calc_version, only(&answer).forecast[..6].to_owned())
    };
    // The worked example of services/domain/README.md.
    let day = date(2026, 11, 23);
    assert_eq!(at(known(day, receipt.position - 1)).await, (1, "92.772".to_owned()));
    assert_eq!(at(known(day, receipt.position)).await, (2, "92.653".to_owned()));
}

#[tokio::test]
async fn areas_are_ranked_and_set_beside_each_other() {
    let world = World::harbin().await;
    for (area, earlier, later) in [("circle-hit", "100", "320"), ("circle-heu", "150", "175")] {
        world.stored(&world.bureau, stock(area, "tech-firms", date(2025, 12, 31), earlier)).await;
        world.stored(&world.bureau, stock(area, "tech-firms", date(2026, 9, 30), later)).await;
    }
    let receipt = world.stored(&world.bureau, stock("circle-usth", "tech-firms", date(2026, 9, 30), "250")).await;
    let as_of = Some(seen(date(2026, 11, 20), receipt.position));
    let request = pb::GetLeagueRequest {
        name: world.name(""),
        indicator: "tech-firms".to_owned(),
        compare_date: Some(date(2026, 6, 30)),
        as_of,
        ..Default::default()
    };
    let leagues = world.bureau.progress.clone().get_league(request).await.unwrap().into_inner().leagues;
    let places: Vec<_> = leagues[0].places.iter().map(|one| (one.area.as_str(), one.rank, one.rank_change)).collect();
    // 320 of 350, 175 of 250, 250 of 500; in June 100 of 350 and 150 of 250.
    let expected = [("circle-hit", 1, 1), ("circle-heu", 2, -1), ("circle-usth", 3, 0), ("circle-hvri", 0, 0)];
    assert_eq!(places, expected);
    let request = pb::GetMatrixRequest { name: world.name(""), as_of, ..Default::default() };
    let matrix = world.bureau.progress.clone().get_matrix(request).await.unwrap().into_inner();
    assert_eq!((matrix.areas.len(), matrix.rows.len()), (4, 7));
    let row = matrix.rows.iter().find(|row| row.indicator == "tech-firms").unwrap();
    let actuals: Vec<_> = row.cells.iter().map(|cell| cell.actual.as_str()).collect();
    assert_eq!(actuals, ["320", "175", "250", ""]);
}

/// Qingshui's plan three years earlier, under another id: it is over.
fn over(sandbox: &Sandbox) -> String {
    let (from, to) =
        (songhua_tests::repository().join("tests/fixtures/plans/qingshui-2025-2027"), sandbox.path("over"));
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let mut text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "json") {
            text = text.replace("\"qingshui-2025-2027\"", "\"qingshui-over\"");
            for (year, earlier) in [("\"2025-", "\"2022-"), ("\"2026-", "\"2023-"), ("\"2027-", "\"2024-")] {
                text = text.replace(year, earlier);
            }
        }
        fs::write(to.join(path.file_name().unwrap()), text).unwrap();
    }
    to.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_plan_that_is_closed_out_takes_no_reports_and_is_still_mended() {
    let place = Sandbox::stopped(ServeOptions::default());
    let folder = over(&place);
    let plan = "plans/qingshui-over";
    let world = World::of(ServeOptions { plans: vec![folder], ..Default::default() }, plan).await;
    let harbin = World::harbin().await;
    let close = |as_of| {
        event(Payload::PlanClosedOut(pb::PlanClosedOut { as_of_date: Some(as_of), finding: "按期完成".to_owned() }))
    };
    assert_eq!(harbin.refused(&harbin.office, close(date(2026, 10, 1))).await, "INVALID_FIELD", "{PLAN} goes on");
    let firms = |day, number: &str| stock("lakeside", "tech-firms", day, number);
    let figure = world.stored(&world.bureau, firms(date(2024, 12, 31), "31")).await;
    assert_eq!(world.refused(&world.bureau, close(date(2025, 2, 1))).await, "ROLE_NOT_ALLOWED");
    assert_eq!(world.refused(&world.office, close(date(2024, 12, 31))).await, "INVALID_FIELD");
    assert_eq!(world.refused(&world.office, close(date(2025, 3, 31))).await, "TARGET_RULE");
    let receipt = world.stored(&world.office, close(date(2025, 4, 1))).await;
    assert_eq!(world.refused(&world.office, close(date(2025, 4, 1))).await, "PLAN_CLOSED");
    assert_eq!(world.refused(&world.bureau, firms(date(2024, 11, 30), "30")).await, "PLAN_CLOSED");
    let statement = async |receipt: &pb::Receipt| {
        let request = pb::GetCloseOutRequest { name: plan.to_owned(), as_of: Some(now(receipt)) };
        world.bureau.progress.clone().get_close_out(request).await.unwrap().into_inner()
    };
    let outcome = |answer: &pb::GetCloseOutResponse| {
        let target = answer.targets.iter().find(|target| {
            let verified = target.verified.as_ref().unwrap();
            (verified.area.as_str(), verified.indicator.as_str()) == ("lakeside", "tech-firms")
        });
        target.unwrap().outcome()
    };
    let answer = statement(&receipt).await;
    assert_eq!((answer.closed, answer.finding.as_str(), answer.position), (true, "按期完成", receipt.position));
    assert_eq!((answer.targets.len(), outcome(&answer)), (7, pb::CloseOutOutcome::Unverified));
    // What is there can still be checked and mended.
    let receipt = world.stored(&world.auditor, accepted(&figure)).await;
    assert_eq!(outcome(&statement(&receipt).await), pb::CloseOutOutcome::Met);
    let mended = world.stored(&world.bureau, corrected(&figure, "29")).await;
    let receipt = world.stored(&world.auditor, accepted(&mended)).await;
    assert_eq!(outcome(&statement(&receipt).await), pb::CloseOutOutcome::Missed);
    // What is rejected leaves a place.
    let rejected = pb::VerificationRejected { event: mended.event_id, reason: "台账有误".to_owned() };
    world.stored(&world.auditor, event(Payload::VerificationRejected(rejected))).await;
    let anew = world.stored(&world.bureau, firms(date(2024, 12, 31), "31")).await;
    assert_eq!(world.refused(&world.bureau, firms(date(2024, 12, 31), "32")).await, "PLAN_CLOSED");
    let receipt = world.stored(&world.auditor, accepted(&anew)).await;
    assert_eq!(outcome(&statement(&receipt).await), pb::CloseOutOutcome::Met);
    let request =
        pb::ListStalenessRequest { parent: plan.to_owned(), as_of: Some(now(&receipt)), ..Default::default() };
    let owed = world.bureau.progress.clone().list_staleness(request).await.unwrap().into_inner();
    assert_eq!(owed.total_size, 0, "a plan that is closed out owes nothing");
}

//! Ledgers with bad rows: every fault is named by line and column in two languages, and nothing is stored but what is
//! asked for.

use songhua_tests::pb::{AssignmentRole, Role, scope};
use songhua_tests::{introduce, repository, submit};

use crate::ledger_world::Desk;

const HEADER: &str = "区域,指标,维度,期间,数值,来源";

#[tokio::test]
async fn every_bad_row_is_named_at_once_with_line_and_column_and_nothing_is_stored() {
    let desk = Desk::open().await;
    let before = desk.sandbox.durable().await;
    let file = repository().join("tests/fixtures/ledgers/bad.csv");
    let pushed = desk.push_file(file.to_str().unwrap(), &[]);
    let expected = [
        (3, "area", "火星"),
        (4, "indicator", "科技公司"),
        (5, "basis", "YEAR_TO_DATE, FULL_YEAR"),
        (6, "period", "Sep-26"),
        (7, "value", "1.2E+03"),
        (8, "unit", "万元"),
        (9, "unit", "亿元"),
        (10, "value", "8 after"),
        (11, "period", "2026-01-01"),
        (12, "obs_status", "差不多"),
        (13, "project", "rows of their own"),
        (14, "denominator", "required"),
        (15, "value", "FIGURE_NOT_ALLOWED"),
        (16, "indicator", "DERIVED_INDICATOR"),
        (17, "period", "FUTURE_DATE"),
        (18, "dimension", "INVALID_FIELD"),
        (19, "value", "FIGURE_NOT_ALLOWED"),
        (20, "source_ref", "SOURCE_REF_REQUIRED"),
        (21, "value", "percent sign"),
        (22, "milestone", "剪彩"),
        (23, "period", "line 2"),
        (24, "indicator", "UNKNOWN_RESOURCE"),
        (25, "value", "not a number"),
    ];
    assert_eq!(pushed.counts(), (1, [1, 0, 0, 0, expected.len() as u64], 0), "{pushed:?}");
    let faults = pushed.each_fault();
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, (line, column, part)) in faults.iter().zip(expected) {
        let (zh, en) = (fault["zh"].as_str().unwrap(), fault["en"].as_str().unwrap());
        assert_eq!((fault["line"].as_u64(), fault["column"].as_str()), (Some(line), Some(column)), "{fault}");
        assert!(en.contains(part), "{part}: {fault}");
        assert!(!zh.is_ascii() && en.split('[').next().is_some_and(|en| !en.is_empty()) && zh != en, "{fault}");
    }
    assert_eq!(desk.sandbox.durable().await, before, "nothing is stored");

    let seen = desk.sandbox.run(&desk.arguments(file.to_str().unwrap(), &[]));
    assert_eq!(seen.code, 1, "{seen:?}");
    for part in
        ["第 7 行「数值」", "line 7, value:", "第 17 行「期间」", "line 20, source_ref:", "nothing was sent: 23 of 24"]
    {
        assert!(seen.stderr.contains(part), "{part}: {}", seen.stderr);
    }
}

#[tokio::test]
async fn faults_that_the_server_finds_together_are_told_together() {
    let desk = Desk::open().await;
    let long = "长".repeat(4_001);
    let row = |day: &str| format!("city,hnte-count,,{day},4000,{long}");
    let pushed =
        desk.push(&[HEADER, &row("2025-12-31"), "city,platforms,,2025-12-31,1,第1页", &row("2024-12-31")], &[]);
    let expected = [(2, "source_ref"), (3, "indicator"), (4, "source_ref")].map(|(line, name)| (line, name.to_owned()));
    assert_eq!(pushed.faults(), expected, "{pushed:?}");
    assert!(pushed.each_fault().iter().all(|fault| !fault["zh"].as_str().unwrap().is_ascii()), "{pushed:?}");
    let bytes = [b"\xc7\xf8\xd3\xf2,\xd6\xb8\xb1\xea\n".as_slice(), b"city,\xff\xff\n"].concat();
    let file = desk.sandbox.path("broken.csv");
    std::fs::write(&file, bytes).unwrap();
    let broken = desk.push_file(file.to_str().unwrap(), &[]).0;
    assert!(broken.code == 1 && broken.stderr.contains("第 2 行") && broken.stderr.contains("GB18030"), "{broken:?}");
}

#[tokio::test]
async fn with_partial_the_good_rows_are_stored_and_the_bad_ones_named() {
    let desk = Desk::open().await;
    let before = desk.sandbox.durable().await;
    let rows = [
        HEADER,
        "city,hnte-count,,2025-12-31,4000,第1页",
        "city,hnte-count,,2024-12-31,约3500,第1页",
        "city,hnte-count,,2199-12-31,9000,第1页",
        "city,hnte-count,district=songbei,2025-12-31,400,第1页",
    ];
    let dry = desk.push(&rows, &["--partial", "--dry-run"]);
    assert_eq!((dry.counts(), desk.sandbox.durable().await), ((4, [2, 0, 0, 0, 2], 0), before), "{dry:?}");
    let partial = desk.push(&rows, &["--partial"]);
    assert_eq!(partial.counts(), (4, [2, 0, 0, 0, 2], 2), "{partial:?}");
    assert_eq!(partial.faults(), [(3, "value".to_owned()), (4, "period".to_owned())]);
    assert_eq!(desk.sandbox.durable().await, before + 2);
    let mended = [HEADER, rows[1], "city,hnte-count,,2024-12-31,\"3,500\",第1页", rows[4]];
    assert_eq!(desk.push(&mended, &[]).counts(), (0, [1, 0, 2, 0, 0], 1));
}

#[tokio::test]
async fn the_target_of_another_agency_is_refused_by_its_row() {
    let desk = Desk::open().await;
    let events = introduce("hit", AssignmentRole::Lead, &[scope::Kind::Area("circle-hit".to_owned())]);
    desk.sandbox.admin().await.ingest.submit(submit(events)).await.unwrap();
    let (_, token) = desk.sandbox.grant(Role::Agency, "hit", "").await;
    let token = desk.sandbox.write("hit.token", &token);
    let rows =
        [HEADER, "circle-hit,platforms,,2026-09-30,61,第1页", "circle-heu,platforms,,2026-09-30,5,第1页"].join("\n");
    let file = desk.sandbox.write("ledger.csv", &rows);
    let before = desk.sandbox.durable().await;
    let pushed = desk.sandbox.run(&["push", &file, "--agency", "hit", "--token-file", &token]);
    assert_eq!(pushed.code, 1, "{pushed:?}");
    let named =
        pushed.stderr.contains("第 3 行") && pushed.stderr.contains("line 3") && !pushed.stderr.contains("line 2");
    assert!(named && pushed.stderr.contains("OUT_OF_SCOPE"), "{}", pushed.stderr);
    assert_eq!(desk.sandbox.durable().await, before);
}

#[tokio::test]
async fn rows_that_contradict_each_other_are_seen_by_the_server_before_anything_is_sent() {
    let desk = Desk::open().await;
    let header = "区域,指标,口径,期间,数值,来源";
    let rows = [
        header,
        "circle-hit,high-level-talent,累计,2026-06-30,900,第1页",
        "circle-hit,high-level-talent,累计,2026-09-30,800,第1页",
        "circle-hit,results-commercialised,当期,2026年第3季度,20,第1页",
        "circle-hit,results-commercialised,当期,2026年9月,7,第1页",
    ];
    let before = desk.sandbox.durable().await;
    let pushed = desk.push(&rows, &[]);
    assert_eq!(pushed.counts(), (1, [2, 0, 0, 0, 2], 0), "{pushed:?}");
    let faults: Vec<_> = pushed.each_fault().iter().map(|fault| fault["en"].as_str().unwrap().to_owned()).collect();
    assert!(faults[0].contains("TOTAL_DECREASED") && faults[1].contains("PERIOD_OVERLAP"), "{faults:?}");
    assert_eq!(desk.sandbox.durable().await, before);
}

#[tokio::test]
async fn a_quote_without_its_twin_is_refused_with_its_line_instead_of_taking_the_rows_below() {
    let desk = Desk::open().await;
    let before = desk.sandbox.durable().await;
    let swallowing = ["\"第1页", "\"第1页\n#,\"第2页"];
    for cell in swallowing {
        let rows =
            [HEADER, &format!("city,hnte-count,,2025-12-31,4000,{cell}"), "city,platforms,,2025-12-31,约1,第1页"];
        let pushed = desk.push_text(&rows, &["--partial"]);
        assert_eq!(pushed.code, 1, "{pushed:?}");
        let named = pushed.stderr.contains("第 2 行") && pushed.stderr.contains("line 2: a cell begins with a quote");
        assert!(named, "{pushed:?}");
    }
    assert_eq!(desk.sandbox.durable().await, before);
}

#[tokio::test]
async fn a_figure_and_nothing_to_report_for_the_same_period_contradict_each_other() {
    let desk = Desk::open().await;
    let header = "区域,指标,口径,期间,数值,状态,来源";
    let rows = [
        header,
        "circle-hit,platforms,,2026-09-30,61,,第1页",
        "circle-hit,platforms,,2026年第3季度,,无变化,第1页",
        "circle-hit,results-commercialised,,2026年9月,,无变化,第1页",
        "circle-hit,results-commercialised,当期,2026年第3季度,20,,第1页",
        "circle-hit,tech-firms,,2026年6月,,无变化,第1页",
        "circle-hit,tech-firms,,2026年6月,331,,第1页",
    ];
    let before = desk.sandbox.durable().await;
    let pushed = desk.push(&rows, &[]);
    assert_eq!(pushed.counts(), (1, [4, 0, 0, 0, 2], 0), "{pushed:?}");
    assert_eq!(pushed.faults(), [(3, "obs_status".to_owned()), (7, "obs_status".to_owned())]);
    let faults = pushed.each_fault();
    for (fault, earlier) in faults.iter().zip([2, 6]) {
        let (zh, en) = (fault["zh"].as_str().unwrap(), fault["en"].as_str().unwrap());
        assert!(zh.contains(&format!("第 {earlier} 行")) && en.contains(&format!("line {earlier}")), "{fault}");
    }
    assert_eq!(desk.sandbox.durable().await, before);
}

//! `songhua push --template`: what an agency may report, to fill in and to push.

use songhua_tests::pb::{AssignmentRole, Role, scope};
use songhua_tests::{PLAN, Sandbox, date, event, introduce, pb, submit};

/// The rows of a CSV text, which here holds no quoted line breaks, as cells by column name.
fn rows(text: &str) -> Vec<Vec<(String, String)>> {
    let mut lines =
        text.trim_start_matches('\u{feff}').lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    lines.map(|cells| header.iter().cloned().zip(cells).collect()).collect()
}

fn cell<'a>(row: &'a [(String, String)], column: &str) -> &'a str {
    row.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.as_str()).unwrap_or_else(|| panic!("no {column}"))
}

/// An agency that leads one circle and answers for one city indicator without leading it.
async fn hit(sandbox: &Sandbox) -> String {
    let mut office = sandbox.admin().await;
    let area = scope::Kind::Area("circle-hit".to_owned());
    let mut events = introduce("hit", AssignmentRole::Lead, &[area]);
    let indicator = scope::Kind::Indicator("rd-intensity".to_owned());
    events.push(songhua_tests::assigned("hit", AssignmentRole::Responsible, indicator));
    events.push(event(pb::event_input::Payload::MilestonePlanned(pb::MilestonePlanned {
        project: "aerospace-park".to_owned(),
        milestone: "approval".to_owned(),
        milestone_type: pb::MilestoneType::Approval.into(),
        title: Some(pb::Name { zh: "=立项批复".to_owned(), en: "Approval".to_owned() }),
        due_date: Some(date(2026, 9, 30)),
        weight: String::new(),
    })));
    office.ingest.submit(submit(events)).await.unwrap();
    let (_, token) = sandbox.grant(Role::Agency, "hit", "").await;
    sandbox.write("hit.token", &token)
}

#[tokio::test]
async fn a_template_is_filled_in_pushed_and_seen() {
    let sandbox = Sandbox::start().await;
    let token = hit(&sandbox).await;
    let file = sandbox.path("template.csv").to_str().unwrap().to_owned();
    let written = sandbox.run(&["push", "--template", "--agency", "hit", "--token-file", &token, "--out", &file]);
    assert_eq!(written.code, 0, "{written:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with('\u{feff}') && text.contains("\r\n"), "as Excel and WPS want it");
    let listed = rows(&text);
    let indicators: Vec<_> = listed.iter().map(|row| cell(row, "指标")).filter(|id| !id.is_empty()).collect();
    let own = ["carriers", "gross-output", "high-level-talent", "platforms", "rd-intensity", "results-commercialised"];
    assert!(own.iter().all(|id| indicators.contains(id)) && indicators.len() == 8, "{indicators:?}");
    assert!(listed.iter().all(|row| ["", "circle-hit", "city"].contains(&cell(row, "区域"))), "{text}");
    let platforms = listed.iter().find(|row| cell(row, "指标") == "platforms").unwrap();
    assert_eq!([cell(platforms, "口径"), cell(platforms, "单位"), cell(platforms, "数值")], ["期末数", "个", ""]);
    assert!(cell(platforms, "期间").contains("季度") && cell(platforms, "_目标").contains("60"), "{platforms:?}");
    let share = listed.iter().find(|row| cell(row, "指标") == "rd-intensity").unwrap();
    assert!(cell(share, "_提示").contains("分项") && cell(share, "期间").ends_with('年'), "{share:?}");
    let milestone = listed.iter().find(|row| cell(row, "节点") == "approval").unwrap();
    assert_eq!([cell(milestone, "项目"), cell(milestone, "_节点名称")], ["aerospace-park", "'=立项批复"]);

    let push = |arguments: &[&str]| {
        let output =
            sandbox.run(&[&["--json", "push", &file, "--agency", "hit", "--token-file", &token], arguments].concat());
        let outcome: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let count = |name: &str| outcome[name].as_u64().unwrap();
        (output.code, count("new"), count("unchanged"), count("not_filled_in"), count("stored"))
    };
    let all = listed.len() as u64;
    assert_eq!(push(&[]), (0, 0, 0, all, 0), "a template as it is written says nothing");
    let header: Vec<_> = text.lines().next().unwrap().trim_start_matches('\u{feff}').split(',').collect();
    let (value, progress, day) =
        ["数值", "进展", "日期"].map(|name| header.iter().position(|column| *column == name).unwrap()).into();
    let fill = |line: &str| {
        let mut cells: Vec<_> = line.split(',').map(str::to_owned).collect();
        if line.contains(",platforms,") {
            cells[value] = "61".to_owned();
        }
        if line.contains(",approval,") {
            (cells[progress], cells[day]) = ("已达成".to_owned(), "2026-09-28".to_owned());
        }
        cells.join(",")
    };
    std::fs::write(&file, text.lines().map(fill).collect::<Vec<_>>().join("\r\n")).unwrap();
    assert_eq!(push(&[]), (0, 2, 0, all - 2, 2));
    assert_eq!(push(&[]), (0, 0, 2, all - 2, 0));
    let shown =
        sandbox.run(&["progress", "--min-position", &sandbox.durable().await.to_string(), "circle", "circle-hit"]);
    assert!(shown.stdout.contains("101.7 %"), "61 of 60 platforms: {shown:?}");
    let request = pb::GetProjectRequest { name: format!("{PLAN}/projects/aerospace-park"), as_of: None };
    let project = sandbox.admin().await.progress.get_project(request).await.unwrap().into_inner().project.unwrap();
    assert_eq!(project.met_count, 1);
    let again = sandbox.run(&["push", "--template", "--agency", "hit", "--token-file", &token]);
    assert!(!again.stdout.contains("approval"), "what is reached is asked no more: {again:?}");
}

#[tokio::test]
async fn a_template_can_be_gb18030_and_needs_an_agency_of_the_plan() {
    let sandbox = Sandbox::start().await;
    let token = hit(&sandbox).await;
    let file = sandbox.path("template.csv").to_str().unwrap().to_owned();
    let arguments = ["push", "--template", "--agency", "hit", "--token-file", &token, "--out", &file];
    let written = sandbox.run(&[&arguments[..], &["--encoding", "gb18030"]].concat());
    assert_eq!(written.code, 0, "{written:?}");
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"\xc7\xf8\xd3\xf2,"), "区域 in GB18030");
    let pushed = sandbox.run(&["push", &file, "--agency", "hit", "--token-file", &token]);
    assert!(pushed.code == 0 && pushed.stdout.contains("0 bad"), "{pushed:?}");
    let over = sandbox.run(&arguments);
    assert!(over.code == 1 && std::fs::read(&file).unwrap() == bytes, "a ledger is not written over: {over:?}");
    let unknown = sandbox.run(&["push", "--template", "--agency", "nobody", "--token-file", &token]);
    assert!(unknown.code == 1 && unknown.stderr.contains("nobody"), "{unknown:?}");
    assert_eq!(sandbox.run(&["push", "--template"]).code, 2);
    assert_eq!(sandbox.run(&["push"]).code, 2);
}

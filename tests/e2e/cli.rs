//! The command line against a running server: tables with the expected words, JSON equal to the RPC's answer, exit codes.

use std::fs;

use serde_json::Value;
use songhua_tests::{PLAN, Sandbox, ServeOptions, date, event, stock};
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use crate::progress_world::{World, seen};

const DAY: &str = "2026-11-23";

/// A plan with one figure and one overdue milestone.
async fn world() -> World {
    let world = World::harbin().await;
    let milestone = event(Payload::MilestonePlanned(pb::MilestonePlanned {
        project: "aerospace-park".to_owned(),
        milestone: "approval".to_owned(),
        milestone_type: pb::MilestoneType::Approval.into(),
        title: Some(pb::Name { zh: "立项批复".to_owned(), en: "Approval".to_owned() }),
        due_date: Some(date(2026, 1, 31)),
        weight: String::new(),
    }));
    world.stored(&world.bureau, milestone).await;
    let receipt = world.stored(&world.bureau, stock("circle-hit", "platforms", date(2026, 9, 30), "61")).await;
    world.indicator("platforms", &receipt).await;
    world
}

/// Runs `songhua progress …` for [`DAY`]; it must succeed.
fn progress(world: &World, arguments: &[&str]) -> String {
    let output = world.sandbox.run(&[&["progress", "--valid-date", DAY], arguments].concat());
    assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {}", output.stderr);
    output.stdout
}

#[tokio::test]
async fn every_progress_command_prints_a_table_with_words_not_only_colours() {
    let world = world().await;
    let expected: [(&[&str], &[&str]); 9] = [
        (&["plan"], &["哈尔滨", "72 targets = 62 AT_LEAST", "35 projects, 33 after merges", "2022-01-01 – 2026-12-31"]),
        (
            &["overview"],
            &["97.9 %", "剩余 38 天", "MET_SO_FAR 2", "未指定牵头单位 UNASSIGNED", "72 个目标", "NO_DATA 69"],
        ),
        (&["circles"], &["[circle-hit]", "[circle-songbei]", "无目标", "✔ 当前已达标（自报）", "○ 无数据", "≥ 60 个"]),
        (
            &["circle", "circle-hit"],
            &["[circle-hit]", "aerospace-park", "61", "101.7 %", "2026-09-30", "science-bureau"],
        ),
        (&["indicators"], &["> 1700 亿元", "3–5 个", "≈ 100 个", "> 对比序列", "100 %", "国内领先"]),
        (&["indicator", "platforms"], &["STOCK_AT", "2026-09-30", "| V ", "circle-hit", "61", "science-bureau"]),
        (&["projects"], &["aerospace-park", "0/1", "2026-01-31", "并入 → ", "longjiang-data-exchange"]),
        (
            &["project", "aerospace-park"],
            &["aerospace-park/milestones/approval", "立项批复", "SCHEDULED 逾期", "0.0 %"],
        ),
        (&["milestones"], &["aerospace-park/milestones/approval", "2026-01-31", "0 (0 d)"]),
    ];
    for (arguments, words) in expected {
        let text = progress(&world, arguments);
        for word in words {
            assert!(text.contains(word), "{word:?} is not in the output of {arguments:?}:\n{text}");
        }
        assert!(text.contains("截至 2026-11-23 · 已知位置 known"), "{text}");
    }
    let filtered = progress(&world, &["milestones", "--filter", "status = MET"]);
    assert!(!filtered.contains("approval"), "{filtered}");
    let before = progress(&world, &["indicator", "platforms", "--known-position", &world.set_up.to_string()]);
    assert!(before.contains("无数据") && !before.contains("61"), "{before}");
}

#[tokio::test]
async fn json_is_the_answer_of_the_rpc() {
    let world = world().await;
    let mut client = world.bureau.progress.clone();
    let at = Some(seen(date(2026, 11, 23), 0));
    let name = |rest: &str| world.name(rest);
    /// Calls a method and gives its answer as proto3-JSON.
    macro_rules! rpc {
        ($method:ident, $request:ident { $($field:tt)* }) => {
            serde_json::to_value(client.$method(pb::$request { $($field)* }).await.unwrap().into_inner()).unwrap()
        };
    }
    /// The same for a list.
    macro_rules! list {
        ($method:ident, $request:ident) => {
            rpc!($method, $request { parent: PLAN.to_owned(), page_size: 1_000, as_of: at, ..Default::default() })
        };
    }
    let expected: [(&[&str], Value); 9] = [
        (&["plan"], rpc!(get_plan, GetPlanRequest { name: name(""), as_of: at })),
        (&["overview"], rpc!(get_overview, GetOverviewRequest { name: name(""), as_of: at })),
        (&["circles"], list!(list_circles, ListCirclesRequest)),
        (&["circle", "zone-ai"], rpc!(get_circle, GetCircleRequest { name: name("areas/zone-ai"), as_of: at })),
        (&["indicators"], list!(list_indicators, ListIndicatorsRequest)),
        (
            &["indicator", "platforms"],
            rpc!(
                get_indicator,
                GetIndicatorRequest { name: name("indicators/platforms"), as_of: at, ..Default::default() }
            ),
        ),
        (&["projects"], list!(list_projects, ListProjectsRequest)),
        (
            &["project", "aerospace-park"],
            rpc!(get_project, GetProjectRequest { name: name("projects/aerospace-park"), as_of: at }),
        ),
        (&["milestones"], list!(list_milestones, ListMilestonesRequest)),
    ];
    for (arguments, answer) in expected {
        let text = progress(&world, &[arguments, &["--json"]].concat());
        let printed: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{text}"));
        assert_eq!(printed, answer, "{arguments:?}");
        assert_eq!(printed["state"]["plan"], PLAN, "{arguments:?}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_both_languages_with_the_reason_and_exit_code_1() {
    let sandbox = Sandbox::start().await;
    let expected: [(&[&str], &str); 6] = [
        (&["progress", "indicator", "happiness"], "RESOURCE_NOT_FOUND"),
        (&["progress", "circles", "--plan", "atlantis"], "PLAN_NOT_FOUND"),
        (&["progress", "indicators", "--filter", "colour = red"], "BAD_FILTER"),
        (&["progress", "plan", "--known-position", "999999"], "POSITION_AHEAD"),
        (&["progress", "project", "天宫"], "INVALID_FIELD"),
        (&["admin", "revoke", "00000000-0000-4000-8000-000000000000", "--reason", "left"], "RESOURCE_NOT_FOUND"),
    ];
    for (arguments, reason) in expected {
        let output = sandbox.run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(&format!("[{reason}]")), "{arguments:?}: {}", output.stderr);
        let chinese = output.stderr.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character));
        assert!(chinese, "{}", output.stderr);
    }
    let wrong_token =
        sandbox.run_with(&["progress", "plan", "--plan", "harbin-2022-2026"], &[("SONGHUA_TOKEN", "made-up")]);
    assert_eq!(wrong_token.code, 1);
    assert!(wrong_token.stderr.contains("[TOKEN_INVALID]"), "{}", wrong_token.stderr);
    let usage = sandbox.run(&["progress", "indicator"]);
    assert_eq!(usage.code, 2, "{usage:?}");
    let date = sandbox.run(&["progress", "plan", "--valid-date", "2026-02-30"]);
    assert_eq!(date.code, 2, "{date:?}");
    assert!(date.stderr.contains("2026-02-30"), "{}", date.stderr);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_exit_code_3_and_says_so() {
    let mut sandbox = Sandbox::start().await;
    sandbox.terminate().await;
    for arguments in [&["progress", "circles"][..], &["views", "digest"], &["admin", "status"]] {
        let output = sandbox.run(arguments);
        assert_eq!(output.code, 3, "{arguments:?}: {output:?}");
        assert!(output.stderr.contains("does not answer"), "{}", output.stderr);
        assert!(output.stderr.contains("songhua serve") && output.stderr.contains("无法连接服务"), "{}", output.stderr);
    }
}

#[tokio::test]
async fn without_a_profile_the_message_says_what_to_give_and_where_it_looked() {
    let sandbox = Sandbox::stopped(ServeOptions::default());
    let nothing = sandbox.run(&["progress", "circles"]);
    assert_eq!(nothing.code, 1, "{nothing:?}");
    for word in ["--server", "SONGHUA_SERVER", "profile.json"] {
        assert!(nothing.stderr.contains(word), "{word} in {}", nothing.stderr);
    }
    let no_token = sandbox.run(&["progress", "circles", "--server", "http://127.0.0.1:1"]);
    assert_eq!(no_token.code, 1, "{no_token:?}");
    assert!(no_token.stderr.contains("--token-file") && no_token.stderr.contains("SONGHUA_TOKEN"));
    let no_file = sandbox.run(&["progress", "circles", "--server", "http://127.0.0.1:1", "--token-file", "/nowhere/t"]);
    assert_eq!(no_file.code, 1, "{no_file:?}");
    assert!(no_file.stderr.contains("/nowhere/t"), "{}", no_file.stderr);
    let nobody_there =
        sandbox.run_with(&["progress", "circles", "--server", "http://127.0.0.1:1"], &[("SONGHUA_TOKEN", "x")]);
    assert_eq!(nobody_there.code, 3, "{nobody_there:?}");
}

#[tokio::test]
async fn a_plan_is_loaded_by_command_twice_and_then_has_to_be_named() {
    let sandbox = Sandbox::start().await;
    let folder = "tests/fixtures/plans/qingshui-2025-2027";
    let first = sandbox.run(&["plan", "load", folder]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.stdout.contains("plan qingshui-2025-2027 is published: "), "{}", first.stdout);
    let at_once = sandbox.run(&["progress", "plan", "--plan", "qingshui-2025-2027"]);
    assert_eq!(at_once.code, 0, "{at_once:?}");
    let second: Value = serde_json::from_str(&sandbox.run(&["plan", "load", folder, "--json"]).stdout).unwrap();
    // proto3-JSON leaves zeros out: nothing was stored, all of it was there.
    assert_eq!((&second["plan"], &second["storedCount"]), (&Value::from("qingshui-2025-2027"), &Value::Null));
    assert!(second["duplicateCount"].as_u64().is_some_and(|count| count > 15), "{second}");
    let unnamed = sandbox.run(&["progress", "plan"]);
    assert_eq!(unnamed.code, 1, "{unnamed:?}");
    for word in ["--plan", "harbin-2022-2026", "qingshui-2025-2027"] {
        assert!(unnamed.stderr.contains(word), "{word} in {}", unnamed.stderr);
    }
    let named = sandbox.run(&["progress", "plan", "--plan", "qingshui-2025-2027"]);
    assert!(named.code == 0 && named.stdout.contains("Asia/Urumqi"), "{named:?}");
}

#[tokio::test]
async fn grants_are_given_listed_and_ended_by_command() {
    let sandbox = Sandbox::start().await;
    let file = sandbox.path("reader.token");
    let grant = ["admin", "grant", "--principal", "reader-7", "--role", "reader", "--out", file.to_str().unwrap()];
    let granted: Value = serde_json::from_str(&sandbox.run(&[&grant[..], &["--json"]].concat()).stdout).unwrap();
    assert_eq!(granted["grant"]["principal"], "reader-7");
    assert!(granted["token"].as_str().unwrap_or_default().is_empty(), "the token is in the file, not on the screen");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let as_reader = |arguments: &[&str]| sandbox.run(&[arguments, &["--token-file", file.to_str().unwrap()]].concat());
    assert_eq!(as_reader(&["progress", "circles"]).code, 0);
    let not_allowed = as_reader(&["admin", "grants"]);
    assert!(not_allowed.code == 1 && not_allowed.stderr.contains("[ROLE_NOT_ALLOWED]"), "{not_allowed:?}");
    assert!(sandbox.run(&["admin", "grants"]).stdout.contains("reader-7"));
    let id = granted["grant"]["grantId"].as_str().unwrap();
    assert_eq!(sandbox.run(&["admin", "revoke", id, "--reason", "left"]).code, 0);
    let gone = as_reader(&["progress", "circles"]);
    assert!(gone.code == 1 && gone.stderr.contains("[TOKEN_INVALID]"), "{gone:?}");
    let status = sandbox.run(&["admin", "status"]);
    assert!(status.code == 0 && status.stdout.contains("RUNNING") && status.stdout.contains("harbin-2022-2026"));
}

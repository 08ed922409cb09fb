//! `songhua push ledger.csv`: what clerks keep in a table becomes figures, once, however often it is pushed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use songhua_tests::pb::{AssignmentRole, GetStatusRequest, Role, scope};
use songhua_tests::{Output, binary, introduce, python, repository, submit};

use crate::ledger_world::{AGENCY, Desk, Pushed, shown};

/// Columns of the ledgers here.
const HEADER: &str = "区域,指标,维度,口径,期间,数值,单位,状态,来源,更正原因";

fn fixture(name: &str) -> String {
    repository().join("tests/fixtures/ledgers").join(name).to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ledger_in_any_dress_is_the_same_figures() {
    let desk = Desk::open().await;
    let first = desk.push_file(&fixture("quarter.csv"), &[]);
    assert_eq!(first.counts(), (0, [5, 0, 0, 0, 0], 5), "{first:?}");
    let expected = [
        ("tech-firms", "circle-hit _T STOCK_AT ..2026-09-30 331 PROVISIONAL"),
        ("tech-contract-turnover", "circle-hit _T YEAR_TO_DATE 2026-01-01..2026-09-30 123.45678 UNVALIDATED"),
        ("high-level-talent", "circle-hit _T PLAN_TO_DATE 2022-01-01..2026-09-30 1200 UNVALIDATED"),
        ("platforms", "circle-hit _T STOCK_AT ..2026-09-30 61 NORMAL"),
        ("results-commercialised", "circle-hit _T PERIOD 2026-09-01..2026-09-30 12 UNVALIDATED"),
    ];
    for (indicator, figure) in expected {
        assert_eq!(desk.live(indicator).await, [figure]);
    }
    let before = desk.sandbox.durable().await;
    for dress in ["quarter.csv", "quarter.utf8-bom-crlf.csv", "quarter.gb18030.csv", "quarter.tsv"] {
        let again = desk.push_file(&fixture(dress), &[]);
        assert_eq!(again.counts(), (0, [0, 0, 5, 0, 0], 0), "{dress}: {again:?}");
    }
    assert_eq!(desk.sandbox.durable().await, before, "the same again stores nothing");
    let forced = desk.push_file(&fixture("quarter.gb18030.csv"), &["--encoding", "utf-8"]);
    assert!(forced.0.code == 1 && forced.0.stderr.contains("line 1"), "{forced:?}");
}

#[tokio::test]
async fn english_columns_fractions_and_units_are_taken() {
    let desk = Desk::open().await;
    let pushed = desk.push_file(&fixture("english.csv"), &[]);
    assert_eq!(pushed.counts(), (0, [4, 0, 0, 0, 0], 4), "{pushed:?}");
    let expected = [
        ("hnte-rd-coverage", "city _T STOCK_AT ..2025-12-31 45/50 NORMAL"),
        ("rd-intensity", "city _T FULL_YEAR 2025-01-01..2025-12-31 3.12 PROVISIONAL"),
        ("quality-incubation-space", "city _T STOCK_AT ..2025-12-31 125 UNVALIDATED"),
        ("hnte-revenue", "city _T FULL_YEAR 2025-01-01..2025-12-31 1700 UNVALIDATED"),
    ];
    for (indicator, figure) in expected {
        assert_eq!(desk.live(indicator).await, [figure]);
    }
}

#[tokio::test]
async fn an_edited_ledger_is_a_correction_with_its_reason_each_time() {
    let desk = Desk::open().await;
    let row = |value: &str, status: &str, reason: &str| {
        format!("circle-hit,tech-firms,,,2026-09-30,{value},,{status},第1页,{reason}")
    };
    let same = "circle-hit,platforms,,,2026-09-30,61,,,第1页,";
    let push = |changed: &str| desk.push(&[HEADER, same, changed], &[]);
    assert_eq!(push(&row("331", "初步", "")).counts(), (0, [2, 0, 0, 0, 0], 2));

    let silent = push(&row("335", "初步", ""));
    assert_eq!(silent.counts(), (1, [0, 0, 1, 0, 1], 0), "{silent:?}");
    assert_eq!(silent.faults(), [(3, "reason".to_owned())]);

    let edits = [("335", "初步", "漏报"), ("331", "初步", "误改"), ("335", "初步", "漏报"), ("335", "正式", "定稿")];
    for (value, status, reason) in edits {
        let edited = push(&row(value, status, reason));
        assert_eq!(edited.counts(), (0, [0, 1, 1, 0, 0], 1), "{value} {status}: {edited:?}");
        let again = push(&row(value, status, reason));
        assert_eq!(again.counts(), (0, [0, 0, 2, 0, 0], 0), "{value} {status}: {again:?}");
        let unsaid = push(&row(value, "", reason));
        assert_eq!(unsaid.counts(), (0, [0, 0, 2, 0, 0], 0), "a status that is not said is not changed: {unsaid:?}");
    }
    let history = desk.history("tech-firms").await;
    let told: Vec<_> = history.iter().map(|one| shown(one).rsplit(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(told, ["PROVISIONAL 331", "PROVISIONAL 335", "PROVISIONAL 331", "PROVISIONAL 335", "NORMAL 335"]);
    assert_eq!(history.iter().filter(|one| one.live).count(), 1);
}

#[tokio::test]
async fn the_preview_shows_old_and_new_and_a_dry_run_ends_there() {
    let desk = Desk::open().await;
    let row = |value: &str| format!("环哈工大,集聚科技型企业,,,2026-09-30,{value},,初步,第1页,漏报");
    let blank = "环哈工大,各类创新平台,,,2026-09-30,,个,,,";
    let first = desk.push_text(&[HEADER, &row("331"), blank], &[]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.stdout.contains("2 rows: 1 new, 0 changed, 0 unchanged, 1 not filled in, 0 bad"), "{first:?}");
    assert!(first.stdout.contains("已入库 1 行"), "{first:?}");
    let before = desk.sandbox.durable().await;
    for flag in ["--dry-run", "--validate-only"] {
        let dry = desk.push_text(&[HEADER, &row("335"), blank], &[flag]);
        assert_eq!(dry.code, 0, "{dry:?}");
        for part in
            ["331 家 初步", "335 家 初步", "集聚科技型企业", "期末数", "2 行：新增 0，变更 1，未变 0，未填 1，有误 0"]
        {
            assert!(dry.stdout.contains(part), "{part}: {dry:?}");
        }
        assert!(!dry.stdout.contains("已入库"), "{dry:?}");
    }
    assert_eq!(desk.sandbox.durable().await, before, "only looked at");
}

#[tokio::test]
async fn a_retracted_figure_is_reported_anew_and_nothing_to_report_is_said_once() {
    let desk = Desk::open().await;
    let rows = [
        HEADER,
        "circle-hit,tech-firms,,,2026-09-30,331,,,第1页,",
        "circle-hit,platforms,,,2026年第3季度,,,无变化,第1页,",
    ];
    let first = desk.push(&rows, &[]);
    assert_eq!(first.counts(), (0, [2, 0, 0, 0, 0], 2), "{first:?}");
    assert_eq!(desk.push(&rows, &[]).counts(), (0, [0, 0, 2, 0, 0], 0));
    let other_page = rows.map(|row| row.replace("第1页", "第2页"));
    let other_page: Vec<_> = other_page.iter().map(String::as_str).collect();
    assert_eq!(desk.push(&other_page, &[]).counts(), (0, [0, 0, 2, 0, 0], 0), "a source alone is no correction");

    let id = first.outcome()["results"][0]["event_id"].as_str().unwrap().to_owned();
    let retraction = serde_json::json!({"measurementRetracted": {"measurement": id, "reason": "口径有误"}});
    let file = desk.sandbox.write("retract.ndjson", &retraction.to_string());
    let retracted = desk.sandbox.run(&desk.arguments(&file, &[]));
    assert_eq!(retracted.code, 0, "{retracted:?}");
    let anew = desk.push(&rows, &[]);
    assert_eq!(anew.counts(), (0, [1, 0, 1, 0, 0], 1), "{anew:?}");
    assert_eq!(desk.push(&rows, &[]).counts(), (0, [0, 0, 2, 0, 0], 0));
}

#[tokio::test]
async fn an_interrupted_push_is_resumed_by_the_same_command() {
    let mut desk = Desk::open().await;
    let before = desk.sandbox.durable().await;
    let rows: Vec<_> =
        (0..3_000).map(|index| format!("city,hnte-count,district=d{index},,2026-09-30,17,,,第1页,")).collect();
    let file = desk.sandbox.write("ledger.csv", &format!("{HEADER}\n{}", rows.join("\n")));
    let mut command = desk.sandbox.command(&desk.arguments(&file, &["--json", "--batch", "1"]));
    let mut pushing = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while desk.sandbox.durable().await < before + 50 {
        let running = pushing.try_wait().unwrap().is_none() && Instant::now() < deadline;
        if !running {
            pushing.kill().ok();
            panic!("not cut off: {:?}", Output::from(pushing.wait_with_output().unwrap()));
        }
    }
    desk.sandbox.terminate().await;
    let cut = Output::from(pushing.wait_with_output().unwrap());
    assert!(cut.code == 3 && cut.stderr.contains("run the same command again"), "{}", cut.stderr);
    desk.sandbox.serve().await;
    let found = desk.sandbox.durable().await - before;
    assert!(found < 3_000, "cut off");
    let resumed = desk.push_file(&file, &[]);
    assert_eq!(resumed.counts(), (0, [3_000 - found, 0, found, 0, 0], 3_000 - found), "{}", resumed.0.stderr);
    assert_eq!(desk.push_file(&file, &[]).counts(), (0, [0, 0, 3_000, 0, 0], 0));
    assert_eq!(desk.sandbox.durable().await, before + 3_000);
}

#[tokio::test]
async fn a_correction_keeps_the_status_that_it_does_not_name() {
    let desk = Desk::open().await;
    let row = |value: &str, status: &str| format!("circle-hit,tech-firms,,,2026-09-30,{value},,{status},第1页,漏报");
    assert_eq!(desk.push(&[HEADER, &row("331", "正式")], &[]).counts(), (0, [1, 0, 0, 0, 0], 1));
    let dry = desk.push_text(&[HEADER, &row("335", "")], &["--dry-run"]);
    assert!(dry.stdout.contains("331 家 正式") && dry.stdout.contains("335 家 正式"), "{dry:?}");
    let kept = desk.push(&[HEADER, &row("335", "")], &[]);
    assert_eq!(kept.counts(), (0, [0, 1, 0, 0, 0], 1), "{kept:?}");
    assert_eq!(desk.live("tech-firms").await, ["circle-hit _T STOCK_AT ..2026-09-30 335 NORMAL"]);
    let lowered = desk.push_text(&[HEADER, &row("335", "未核实")], &[]);
    assert!(lowered.stdout.contains("335 家 正式") && lowered.stdout.contains("335 家 未核实"), "{lowered:?}");
    assert_eq!(desk.live("tech-firms").await, ["circle-hit _T STOCK_AT ..2026-09-30 335 UNVALIDATED"]);
}

#[tokio::test]
async fn a_long_ledger_says_before_that_it_is_stored_in_parts_and_after_what_was_stored() {
    let desk = Desk::open().await;
    let total = |day: &str, value: &str| format!("circle-hit,high-level-talent,,累计,{day},{value},,,第1页,");
    let mut rows = vec![HEADER.to_owned(), total("2026-06-30", "900")];
    rows.extend((0..1_000).map(|index| format!("city,hnte-count,district=d{index},,2026-09-30,17,,,第1页,")));
    rows.push(total("2026-09-30", "800"));
    let push = |rows: &[String], more: &[&str]| {
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        desk.push(&rows, more)
    };
    let before = desk.sandbox.durable().await;
    let dry = push(&rows, &["--dry-run"]);
    assert_eq!(dry.counts(), (0, [1_002, 0, 0, 0, 0], 0), "{}", dry.0.stderr);
    assert!(dry.0.stderr.contains("stored in 2 parts") && dry.0.stderr.contains("分 2 批入库"), "{}", dry.0.stderr);
    assert_eq!(desk.sandbox.durable().await, before);
    let cut = push(&rows, &[]);
    assert_eq!(cut.counts(), (4, [1_001, 0, 0, 0, 1], 1_000), "{}", cut.0.stderr);
    assert!(cut.0.stderr.contains("TOTAL_DECREASED"), "{}", cut.0.stderr);
    assert!(cut.0.stderr.contains("1000 are stored, 1 were not sent"), "{}", cut.0.stderr);
    *rows.last_mut().unwrap() = total("2026-09-30", "950");
    let resumed = push(&rows, &[]);
    assert_eq!(resumed.counts(), (0, [2, 0, 1_000, 0, 0], 2), "{}", resumed.0.stderr);
    assert!(!resumed.0.stderr.contains("parts"), "{}", resumed.0.stderr);
}

#[tokio::test]
async fn a_token_speaks_for_its_own_agency_only() {
    let desk = Desk::open().await;
    let status = desk.clerk.admin.clone().get_status(GetStatusRequest::default()).await.unwrap().into_inner();
    let caller = status.caller.unwrap();
    assert_eq!((caller.principal.as_str(), caller.role(), caller.agency.as_str()), ("clerk-drc", Role::Agency, AGENCY));
    introduce_hit(&desk).await;
    let file = desk.sandbox.write("ledger.csv", &format!("{HEADER}\ncircle-hit,tech-firms,,,2026-09-30,331,,,第1页,"));
    let line = serde_json::to_string(&songhua_tests::many(1)[0]).unwrap();
    let lines = desk.sandbox.write("rows.ndjson", &line);
    let before = desk.sandbox.durable().await;
    for file in [&file, &lines] {
        let other = desk.sandbox.run(&["push", file, "--token-file", &desk.token, "--agency", "hit"]);
        assert_eq!(other.code, 1, "{other:?}");
        for part in ["the token acts for drc, not for hit", "令牌属于单位 drc，不是 hit"] {
            assert!(other.stderr.contains(part), "{other:?}");
        }
    }
    assert_eq!(desk.sandbox.durable().await, before, "nothing was sent");
    let named = desk.push_file(&file, &[]);
    assert_eq!(named.counts(), (0, [1, 0, 0, 0, 0], 1), "{named:?}");
    let unnamed = desk.sandbox.run(&["--json", "push", &file, "--token-file", &desk.token]);
    assert_eq!(Pushed(unnamed).counts(), (0, [0, 0, 1, 0, 0], 0), "the token's agency is the same one");
}

/// Another agency of the plan.
async fn introduce_hit(desk: &Desk) {
    let events = introduce("hit", AssignmentRole::Lead, &[scope::Kind::Area("circle-heu".to_owned())]);
    desk.sandbox.admin().await.ingest.submit(submit(events)).await.unwrap();
}

/// Runs a command on a terminal, types a line, and gives back what it printed.
const ON_A_TERMINAL: &str = "
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b''
asked = False
while True:
    try:
        read = os.read(terminal, 4096)
    except OSError:
        break
    if not read:
        break
    seen += read
    if b'[y/N]' in seen and not asked:
        asked = True
        os.write(terminal, sys.argv[1].encode() + b'\\n')
os.waitpid(child, 0)
sys.stdout.buffer.write(seen)
";

#[tokio::test]
async fn on_a_terminal_a_person_is_asked_unless_yes_is_said() {
    let desk = Desk::open().await;
    let typed = |answer: &str, value: &str, more: &[&str]| {
        let row = format!("circle-hit,tech-firms,,,2026-09-30,{value},,,第1页,漏报");
        let file = desk.sandbox.write("ledger.csv", &format!("{HEADER}\n{row}"));
        let program = binary();
        let mut command = std::process::Command::new(python());
        command.args(["-c", ON_A_TERMINAL, answer, program.to_str().unwrap()]);
        command.args(desk.arguments(&file, more)).env("SONGHUA_DATA", desk.sandbox.data());
        Output::from(command.output().unwrap()).stdout
    };
    let before = desk.sandbox.durable().await;
    let no = typed("n", "331", &[]);
    assert!(no.contains("1 new") && no.contains("[y/N]") && !no.contains("已入库"), "{no}");
    assert_eq!(desk.sandbox.durable().await, before);
    let yes = typed("y", "331", &[]);
    assert!(yes.contains("[y/N]") && yes.contains("已入库 1 行"), "{yes}");
    let unasked = typed("n", "335", &["--yes"]);
    assert!(!unasked.contains("[y/N]") && unasked.contains("已入库 1 行"), "{unasked}");
    assert_eq!(desk.sandbox.durable().await, before + 2);
}

#[tokio::test]
async fn a_ledger_needs_its_agency_and_a_header() {
    let desk = Desk::open().await;
    let file = desk.sandbox.write("ledger.csv", &format!("{HEADER}\ncity,hnte-count,,,2026-09-30,4,,,,"));
    let nameless = desk.sandbox.run(&["push", &file]);
    assert!(
        nameless.code == 1 && nameless.stderr.contains("--agency") && nameless.stderr.contains("台账"),
        "the administrator's token is of no agency: {nameless:?}"
    );
    let stranger = desk.sandbox.run(&["push", &file, "--agency", "drcc"]);
    assert!(stranger.code == 1 && stranger.stderr.contains("no agency \"drcc\""), "{stranger:?}");
    for (rows, part) in
        [("地区,数字\n1,2", "表头"), ("区域,指标,数子\ncity,hnte-count,4", "数子"), ("区域,指标,区域\n", "出现两次")]
    {
        let file = desk.sandbox.write("ledger.csv", rows);
        let headless = desk.sandbox.run(&["push", &file, "--token-file", &desk.token, "--agency", AGENCY]);
        assert!(headless.code == 1 && headless.stderr.contains(part), "{headless:?}");
    }
}

//! Ledgers and boards as workbooks: templates filled in by a spreadsheet library that is not ours, pushed, exported.

use std::process::Command;

use songhua_tests::{Output, Sandbox, python};

use crate::demo_world::demo;
use crate::ledger_world::{AGENCY, Desk};

/// Runs a script with openpyxl; `sys.argv[1]` is the file.
fn openpyxl(script: &str, file: &str) -> Output {
    let script = format!("import sys, openpyxl\nfrom openpyxl.styles import numbers\nfile = sys.argv[1]\n{script}");
    let output = Output::from(Command::new(python()).args(["-c", &script, file]).output().unwrap());
    assert_eq!(output.code, 0, "{output:?}");
    output
}

#[tokio::test]
async fn a_template_as_workbook_has_lists_and_a_locked_header_and_is_filled_in_and_pushed() {
    let desk = Desk::open().await;
    let file = desk.sandbox.path("台账.xlsx").to_str().unwrap().to_owned();
    let arguments = ["push", "--template", "--agency", AGENCY, "--token-file", &desk.token, "--out", &file];
    let written = desk.sandbox.run(&arguments);
    assert_eq!(written.code, 0, "{written:?}");
    let seen = openpyxl(
        "book = openpyxl.load_workbook(file); page = book['台账']
names = [cell.value for cell in page[1]]
column = {name: index for index, name in enumerate(names)}
lists = sorted(str(rule.formula1) for rule in page.data_validations.dataValidation)
row = page[2]
print('protected', page.protection.sheet, 'header locked', page['A1'].protection.locked, 'frozen', page.freeze_panes)
print('period unlocked', not row[column['期间']].protection.locked, 'as text', row[column['期间']].number_format == '@')
print('helper locked', row[column['_指标名称']].protection.locked)
print('lists', *lists)",
        &file,
    );
    for words in [
        "protected True header locked True frozen A2",
        "period unlocked True as text True",
        "helper locked True",
        "期末数,本期数",
        "正式,初步",
        "已达成,部分达成",
    ] {
        assert!(seen.stdout.contains(words), "{words}: {}", seen.stdout);
    }
    openpyxl(
        "book = openpyxl.load_workbook(file); page = book['台账']
column = {cell.value: cell.column for cell in page[1]}
for row in range(2, page.max_row + 1):
    if page.cell(row, column['指标']).value == 'hnte-count':
        page.cell(row, column['数值']).value = 4321
        page.cell(row, column['来源']).value = '科技局〔2026〕12号'
page.insert_rows(1, 2)
page['A1'] = '发展改革委 2026 年第三季度台账'
book.create_sheet('填报说明', 0)['A1'] = '请勿修改表头'
book.save(file)",
        &file,
    );
    let pushed = desk.push_file(&file, &[]);
    assert_eq!((pushed.0.code, pushed.count("new"), pushed.count("stored")), (0, 1, 1), "{:?}", pushed.0);
    let live = desk.live("hnte-count").await;
    assert!(live.len() == 1 && live[0].contains(" 4321 "), "{live:?}");
    let again = desk.push_file(&file, &[]);
    assert_eq!((again.0.code, again.count("unchanged"), again.count("stored")), (0, 1, 0), "{:?}", again.0);
}

#[tokio::test]
async fn a_workbook_says_what_excel_shows_and_what_excel_changed_is_refused() {
    let desk = Desk::open().await;
    let file = desk.sandbox.path("own.xlsx").to_str().unwrap().to_owned();
    openpyxl(
        "book = openpyxl.Workbook(); page = book.active
page.append(['区域', '指标', '期间', '数值', '单位', '来源', '修订原因'])
page.append(['city', 'rd-intensity', '2024年', 0.0312, None, '统计公报'])
page['D2'].number_format = '0.00%'
book.save(file)",
        &file,
    );
    let pushed = desk.push_file(&file, &[]);
    assert_eq!((pushed.0.code, pushed.count("stored")), (0, 1), "{:?}", pushed.0);
    assert!(desk.live("rd-intensity").await[0].contains(" 3.12 "), "3.12 %, not 0.0312 %");
    openpyxl(
        "book = openpyxl.load_workbook(file); page = book.active
page['D2'] = 0.0315; page['G2'] = '国家统计局修订'
book.save(file)",
        &file,
    );
    let revised = desk.push_file(&file, &[]);
    assert_eq!((revised.0.code, revised.count("changed"), revised.count("stored")), (0, 1, 1), "{:?}", revised.0);
    let history = desk.history("rd-intensity").await;
    assert!(history.len() == 2 && history[1].corrects == history[0].position, "{history:?}");
    openpyxl(
        "import datetime
book = openpyxl.load_workbook(file); page = book.active
page['C2'] = datetime.date(2024, 10, 1); page['C2'].number_format = 'yyyy\"年\"m\"月\"'
book.save(file)",
        &file,
    );
    let refused = desk.sandbox.run(&desk.arguments(&file, &["--yes"]));
    let told = [&refused.stdout, &refused.stderr].iter().any(|text| text.contains("2024-10-01"));
    assert!(refused.code == 1 && told, "{refused:?}");
    assert_eq!(desk.history("rd-intensity").await.len(), 2, "nothing was sent");
}

#[tokio::test]
async fn every_board_is_exported_as_table_json_csv_and_workbook() {
    let desk = Desk::open().await;
    let pushed = desk.push(&["区域,指标,期间,数值", "city,hnte-count,2026Q3,4321"], &[]);
    assert_eq!(pushed.0.code, 0, "{:?}", pushed.0);
    let position = desk.sandbox.durable().await.to_string();
    let boards: [&[&str]; 21] = [
        &["plan"],
        &["overview"],
        &["circles"],
        &["circle", "circle-hit"],
        &["matrix"],
        &["league"],
        &["indicators"],
        &["indicator", "hnte-count"],
        &["projects"],
        &["project", "aerospace-park"],
        &["milestones"],
        &["calendar"],
        &["agencies"],
        &["agency", AGENCY],
        &["staleness"],
        &["revisions"],
        &["verifications"],
        &["supervisions"],
        &["periods"],
        &["notes"],
        &["close-out"],
    ];
    for board in boards {
        let ask = |more: &[&str]| desk.sandbox.run(&[&["progress", "--min-position", &position], board, more].concat());
        let table = ask(&[]);
        assert!(table.code == 0 && table.stdout.contains("已知位置"), "{board:?}: {table:?}");
        let json = ask(&["--format", "json"]);
        let value: serde_json::Value =
            serde_json::from_str(&json.stdout).unwrap_or_else(|_| panic!("{board:?}: {json:?}"));
        assert_eq!(value["state"]["plan"], songhua_tests::PLAN, "{board:?}");
        let csv = ask(&["--format", "csv"]);
        let header = csv.stdout.lines().next().unwrap_or_default();
        assert!(csv.code == 0 && header.starts_with('\u{feff}') && header.contains(','), "{board:?}: {csv:?}");
        let file = desk.sandbox.path(&format!("{}.xlsx", board.join("-"))).to_str().unwrap().to_owned();
        let written = ask(&["--out", &file]);
        assert_eq!(written.code, 0, "{board:?}: {written:?}");
        let sheets = openpyxl("print(*openpyxl.load_workbook(file).sheetnames)", &file);
        assert!(sheets.stdout.contains("about"), "{board:?}: {sheets:?}");
    }
    let figures =
        desk.sandbox.run(&["progress", "--min-position", &position, "indicator", "hnte-count", "--format", "csv"]);
    let (header, row) = figures.stdout.split_once("\r\n").unwrap();
    let columns: Vec<&str> = header.trim_start_matches('\u{feff}').split(',').collect();
    let row: Vec<&str> = row.trim().split(',').collect();
    let cell = |name: &str| {
        row[columns.iter().position(|column| *column == name).unwrap_or_else(|| panic!("no {name}: {header}"))]
    };
    let seen = ["REF_AREA", "INDICATOR", "TIME_PERIOD", "OBS_VALUE", "UNIT_MULT", "OBS_STATUS", "FREQ"].map(cell);
    assert_eq!(seen, ["city", "hnte-count", "2026-09-30", "4321", "0", "V", seen[6]]);
    let none = desk.sandbox.run(&["progress", "overview", "--format", "csv", "--sheet", "nothing"]);
    assert!(none.code == 2 && none.stderr.contains("areas"), "{none:?}");
}

#[tokio::test]
async fn a_flag_that_has_no_effect_is_a_usage_error_that_says_where_it_has_one() {
    let desk = Desk::open().await;
    let csv = desk.sandbox.write("ledger.csv", "区域,指标,期间,数值\ncity,hnte-count,2026Q3,4321\n");
    let ndjson = desk.sandbox.write("events.ndjson", "{}");
    let file = |name: &str| desk.sandbox.path(name).to_str().unwrap().to_owned();
    let (xls, xlsx, book) = (file("a.xls"), file("a.xlsx"), file("book.xlsx"));
    openpyxl("book = openpyxl.Workbook(); book.active.append(['区域', '指标']); book.save(file)", &book);
    let template = ["push", "--template", "--agency", AGENCY, "--out"];
    let cases: [(&[&str], &str); 15] = [
        (&["progress", "overview", "--filter", "area = city"], "circles, indicators"),
        (&["progress", "close-out", "--filter", ""], "circles, indicators"),
        (&["progress", "indicator", "hnte-count", "--sheet", "figures"], "csv only"),
        (&["progress", "overview", "--out", &xlsx, "--sheet", "areas"], "csv only"),
        (&["progress", "overview", "--format", "xlsx"], "--out FILE.xlsx"),
        (&["progress", "overview", "--format", "csv", "--out", &xlsx], "a.xlsx"),
        (&["progress", "overview", "--out", &xls], ".xlsx"),
        (&["progress", "overview", "--json", "--format", "csv"], "--json"),
        (&["progress", "indicator", "hnte-count", "--history", "0"], "--history"),
        (&["push", &ndjson, "--encoding", "gb18030"], "CSV ledgers only"),
        (&["push", &book, "--encoding", "utf-8"], "CSV ledgers only"),
        (&["push", &csv, "--out", &xlsx], "--template"),
        (&[&template[..], &[&xls]].concat(), ".xlsx or .csv"),
        (&[&template[..], &[&xlsx, "--encoding", "gb18030"]].concat(), "CSV ledgers only"),
        (&[&template[..], &[&xlsx, "--dry-run"]].concat(), "--template"),
    ];
    for (arguments, words) in cases {
        let output = desk.sandbox.run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(words), "{words}, {arguments:?}: {}", output.stderr);
    }
    assert!(!std::path::Path::new(&xlsx).exists() && !std::path::Path::new(&xls).exists(), "nothing is written");
    let wrong = desk.sandbox.run(&["progress", "staleness", "--period-end", "2026-09-15"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (1, ""), "{wrong:?}");
    for words in ["2026-09-15", "2026-09-30", "期末", "[INVALID_FIELD]"] {
        assert!(wrong.stderr.contains(words), "{words}: {}", wrong.stderr);
    }
    assert_eq!(wrong.stderr.matches("no target has a period").count(), 1, "once: {}", wrong.stderr);
}

#[tokio::test]
async fn a_number_that_excel_shows_scaled_is_refused_with_what_is_shown_and_what_is_kept() {
    let desk = Desk::open().await;
    let file = desk.sandbox.path("scaled.xlsx").to_str().unwrap().to_owned();
    openpyxl(
        "book = openpyxl.Workbook(); page = book.active
page.append(['区域', '指标', '期间', '数值', '来源', '_备忘'])
for row, (value, code) in enumerate([(16820000, '0!.0,\"万\"'), (16820000, '#,##0.0,,'), (4321, '#,##0')], 2):
    for column, cell in enumerate(['city', 'hnte-count', f'{2020 + row}年', value, '年报', 16820000], 1):
        page.cell(row, column).value = cell
    page.cell(row, 4).number_format = code
    page.cell(row, 6).number_format = '0,'
book.save(file)",
        &file,
    );
    let pushed = desk.push_file(&file, &[]);
    assert_eq!(pushed.counts(), (1, [1, 0, 0, 0, 2], 0), "{pushed:?}");
    assert_eq!(pushed.faults(), [2, 3].map(|line| (line, "value".to_owned())), "{pushed:?}");
    let said: Vec<String> =
        pushed.each_fault().iter().map(|fault| format!("{} {}", fault["zh"], fault["en"])).collect();
    assert!(said[0].contains("shows 1682.0 (10000 times less)") && said[0].contains("显示为 1682.0"), "{said:?}");
    assert!(said[1].contains("keeps 16820000") && said[1].contains("shows 16.8 "), "{said:?}");
    assert!(said.iter().all(|said| said.contains("“单位”") && said.contains("General")), "{said:?}");
}

#[tokio::test]
async fn every_file_of_a_simulated_plan_says_that_it_is_simulated() {
    let sandbox = Sandbox::start_with(demo()).await;
    for board in [&["league"][..], &["indicator", "registered-incubators"], &["revisions"]] {
        let ask = |more: &[&str]| sandbox.run(&[&["progress"], board, more].concat());
        let table = ask(&[]);
        assert!(table.stdout.starts_with("模拟数据 SIMULATED DATA\n"), "{table:?}");
        let json: serde_json::Value = serde_json::from_str(&ask(&["--json"]).stdout).unwrap();
        assert_eq!(json["state"]["simulated"], true, "{board:?}");
        let csv = ask(&["--format", "csv"]).stdout;
        let mut rows = csv.trim_end().split("\r\n");
        assert!(rows.next().unwrap().ends_with(",SIMULATED") && rows.clone().count() > 0, "{csv}");
        assert!(rows.all(|row| row.ends_with(",模拟数据")), "{csv}");
        let file = sandbox.path("board.xlsx").to_str().unwrap().to_owned();
        assert_eq!(ask(&["--out", &file]).code, 0, "{board:?}");
        let heads = openpyxl("print(*{page['A1'].value for page in openpyxl.load_workbook(file)}, sep='|')", &file);
        assert_eq!(heads.stdout.trim(), "模拟数据 SIMULATED DATA", "{board:?}");
    }
}

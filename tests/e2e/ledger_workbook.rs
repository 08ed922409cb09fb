//! Ledgers and boards as workbooks: templates filled in by a spreadsheet library that is not ours, pushed, exported.

use std::process::Command;

use songhua_tests::{Output, python};

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
    assert!(none.code == 1 && none.stderr.contains("areas"), "{none:?}");
    let no_file = desk.sandbox.run(&["progress", "overview", "--format", "xlsx"]);
    assert!(no_file.code == 1 && no_file.stderr.contains("--out"), "{no_file:?}");
}

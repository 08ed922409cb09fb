//! The rows of a ledger: a header row somewhere at the top, from CSV or from a workbook.
//!
//! Place in the flow: text, or the rows of `workbook` → cells by column, with the line they stand on. It must not know: what may stand in a cell.

use std::collections::{BTreeMap, BTreeSet};

use csv::{ByteRecord, ReaderBuilder};

use super::column::{Belongs, Column};
use super::fault::{Fault, Words, words};
use crate::cli::formula;

/// Rows among which the header is looked for.
const HEADER_ROWS: usize = 10;

/// A row with something in it.
#[derive(Debug)]
pub(super) struct Line {
    /// Its line in the file, from 1.
    pub(super) number: usize,
    cells: BTreeMap<Column, String>,
}

impl Line {
    /// What stands in a column, without space around it; empty where nothing does.
    pub(super) fn cell(&self, column: Column) -> &str {
        self.cells.get(&column).map_or("", String::as_str)
    }

    /// The first filled column that only such rows have.
    pub(super) fn first(&self, rows: Belongs) -> Option<Column> {
        self.cells.keys().copied().find(|column| column.belongs() == rows)
    }
}

/// A row as it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raw {
    /// Its line, from 1.
    pub(super) number: usize,
    /// Its cells, without space around them.
    pub(super) cells: Vec<String>,
    /// Cells that a spreadsheet keeps as dates.
    pub(super) dates: BTreeSet<usize>,
    /// What to say of cells that a spreadsheet shows as another number than it keeps.
    pub(super) scaled: BTreeMap<usize, Words>,
}

/// What stands below the header.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) lines: Vec<Line>,
    /// Rows that do not fit under the header.
    pub(super) faults: Vec<Fault>,
}

/// Finds the header and reads the rows below it.
///
/// # Errors
/// A quote without its twin; no header, or one with columns that are unknown or stand twice.
pub(super) fn read(text: &str) -> Result<Sheet, Vec<Fault>> {
    let found = [b',', b'\t'].into_iter().find_map(|delimiter| {
        let rows = raw(text, delimiter);
        has_header(&rows).then_some((rows, delimiter))
    });
    let delimiter = found.as_ref().map_or(b',', |(_, delimiter)| *delimiter);
    if let Some(line) = stray_quote(text, delimiter) {
        return Err(vec![Fault::new(line, None, stray())]);
    }
    let (rows, _) = found.ok_or_else(|| vec![Fault::new(1, None, no_header())])?;
    of_rows(rows)
}

/// Whether there is a header among the first rows.
pub(super) fn has_header(rows: &[Raw]) -> bool {
    header_of(rows).is_some()
}

fn header_of(rows: &[Raw]) -> Option<usize> {
    rows.iter().take(HEADER_ROWS).position(|row| is_header(&row.cells))
}

/// Finds the header and reads the rows below it.
///
/// # Errors
/// No header, or one with columns that are unknown or stand twice.
pub(super) fn of_rows(mut rows: Vec<Raw>) -> Result<Sheet, Vec<Fault>> {
    let header = header_of(&rows).ok_or_else(|| vec![Fault::new(1, None, no_header())])?;
    let below = rows.split_off(header + 1);
    let columns = rows.pop().map_or_else(|| Ok(Vec::new()), |header| columns(&header))?;
    let mut sheet = Sheet::default();
    for row in below {
        match line(row, &columns) {
            Ok(line) if line.cells.is_empty() => {}
            Ok(line) => sheet.lines.push(line),
            Err(fault) => sheet.faults.push(fault),
        }
    }
    Ok(sheet)
}

fn raw(text: &str, delimiter: u8) -> Vec<Raw> {
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let (mut rows, mut record) = (Vec::new(), ByteRecord::new());
    let (mut seen, mut number) = (0, 1);
    // Reading from memory, of bytes that are UTF-8, does not fail.
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        let at = record.position().map_or(seen, |position| usize::try_from(position.byte()).unwrap_or(seen));
        // Empty lines before the record belong to it for the reader, but not for a person who counts lines.
        let blank = text.as_bytes()[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = at + blank;
        number += text.as_bytes()[seen..start].iter().filter(|byte| **byte == b'\n').count();
        seen = start;
        let cells: Vec<_> = record.iter().map(|cell| clean(&String::from_utf8_lossy(cell))).collect();
        if cells.iter().any(|cell| !cell.is_empty()) && !cells[0].starts_with('#') {
            rows.push(Raw { number, cells, dates: BTreeSet::new(), scaled: BTreeMap::new() });
        }
    }
    rows
}

/// The line of the first quote that opens a cell which does not end with a quote. The reader would take the rows up to
/// the next quote, or to the end of the file, for the text of that cell, and say nothing.
fn stray_quote(text: &str, delimiter: u8) -> Option<usize> {
    let ends = |byte: u8| byte == delimiter || matches!(byte, b'\r' | b'\n');
    let (mut line, mut opened, mut first) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, opened) {
            (b'"', None) if first => opened = Some(line),
            (b'"', Some(at)) => match bytes.peek() {
                Some(b'"') => drop(bytes.next()),
                Some(next) if !ends(*next) => return Some(at),
                _ => opened = None,
            },
            _ => {}
        }
        first = opened.is_none() && ends(byte);
        line += usize::from(byte == b'\n');
    }
    opened
}

fn stray() -> Words {
    words(
        "单元格以引号 \" 开头但没有成对结束，其后的行会被当作该单元格的内容；请成对使用，或将内容中的 \" 写作 \"\" 并整体加引号",
        "a cell begins with a quote \" and does not end with one, so the rows below would be taken for its text; close it, or \
         write \" within text as \"\" and put quotes around the whole cell",
    )
}

/// Without space around it, and without the quote that keeps a spreadsheet from calculating.
fn clean(cell: &str) -> String {
    formula::read(cell.trim()).to_owned()
}

fn is_header(cells: &[String]) -> bool {
    let named: Vec<_> = cells.iter().filter_map(|cell| Column::named(cell)).collect();
    let has = |pair: [Column; 2]| pair.iter().all(|column| named.contains(column));
    has([Column::Area, Column::Indicator]) || has([Column::Project, Column::Milestone])
}

pub(super) fn no_header() -> Words {
    words(
        format!("前 {HEADER_ROWS} 行内没有表头：须有“区域”和“指标”，或“项目”和“节点”两列"),
        format!(
            "no header within {HEADER_ROWS} rows: it has the columns 区域 area and 指标 indicator, or 项目 project and 节点 milestone"
        ),
    )
}

/// The column of each cell; none for helper columns and for cells without a name.
fn columns(header: &Raw) -> Result<Vec<Option<Column>>, Vec<Fault>> {
    let (mut columns, mut faults) = (Vec::new(), Vec::new());
    for cell in &header.cells {
        let column = Column::named(cell);
        let fault = |zh: &str, en: &str| {
            Fault::new(header.number, None, words(format!("列“{cell}”{zh}"), format!("column {cell:?} {en}")))
        };
        if column.is_none() && !cell.is_empty() && !cell.starts_with(['_', '＿']) {
            faults.push(fault(
                "无法识别；列名见 songhua push --help，自用列请以 _ 开头",
                "is unknown; see songhua push --help, and begin columns of your own with _",
            ));
        }
        if column.is_some() && columns.contains(&column) {
            faults.push(fault("出现两次", "stands twice"));
        }
        columns.push(column);
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

fn line(row: Raw, columns: &[Option<Column>]) -> Result<Line, Fault> {
    if let Some(extra) = row.cells.iter().skip(columns.len()).find(|cell| !cell.is_empty()) {
        let said = words(
            format!("“{extra}”超出表头的列数；含逗号的内容请加引号"),
            format!("{extra:?} stands beyond the columns of the header; put quotes around text with commas"),
        );
        return Err(Fault::new(row.number, None, said));
    }
    let is_period = |index: &usize| columns.get(*index) == Some(&Some(Column::Period));
    if let Some(index) = row.dates.iter().copied().find(is_period) {
        let day = row.cells.get(index).map_or("", String::as_str);
        let said = words(
            format!("Excel 把期间当成了日期 {day}；请将该列设为“文本”格式后重新填写，例如 2026年10月"),
            format!(
                "Excel took the period for the date {day}; format the column as text and write it again, as 2026年10月"
            ),
        );
        return Err(Fault::new(row.number, Some(Column::Period), said));
    }
    let named = |(index, said)| Some(((*columns.get(index)?)?, said));
    if let Some((column, said)) = row.scaled.into_iter().find_map(named) {
        return Err(Fault::new(row.number, Some(column), said));
    }
    let cells = columns.iter().zip(row.cells).filter_map(|(column, cell)| Some(((*column)?, cell)));
    Ok(Line { number: row.number, cells: cells.filter(|(_, cell)| !cell.is_empty()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_blank_rows_and_comments_are_passed_over_and_lines_are_counted_as_a_person_does() {
        let text = "科技局台账,,\r\n\r\n\"填报人\n：张\",,\r\n区域,指标,数值,_备忘\r\n\r\n\r\n#说明,,\r\n,,,\r\n city ,hnte-count,\"1,234\",x\r\n　,,,y\r\ncity,platforms,7,";
        let lines = read(text).unwrap().lines;
        let seen: Vec<_> = lines.iter().map(|line| (line.number, line.cell(Column::Value))).collect();
        assert_eq!(seen, [(10, "1,234"), (12, "7")]);
        assert_eq!(lines[0].cell(Column::Area), "city");
    }

    #[test]
    fn tabs_english_names_and_any_order_are_taken() {
        let lines = read("value\tIndicator\tarea\n1,234\thnte-count\tcity\n").unwrap().lines;
        assert_eq!((lines[0].cell(Column::Value), lines[0].cell(Column::Area)), ("1,234", "city"));
        assert!(lines[0].first(Belongs::Figure).is_some() && lines[0].first(Belongs::Milestone).is_none());
    }

    #[test]
    fn unknown_double_and_missing_columns_are_named() {
        let said = |text: &str| read(text).unwrap_err().iter().map(ToString::to_string).collect::<String>();
        assert!(said("区域,指标,数字\n").contains("数字"));
        assert!(said("区域,指标,area\n").contains("twice"));
        assert!(said("地区,指标\n").contains("表头"));
        let sheet = read("区域,指标,数值\ncity,hnte-count,1,234\ncity,platforms,7\n").unwrap();
        assert_eq!((sheet.faults[0].line, sheet.lines.len()), (2, 1), "{sheet:?}");
    }

    #[test]
    fn a_quote_without_its_twin_is_named_by_its_line_instead_of_taking_the_rows_below() {
        let cases = [
            ("区域,指标,来源\ncity,a,\"页\ncity,b,x\n", Some(2)),
            ("区域,指标,来源\ncity,a,x\ncity,b,\"", Some(3)),
            ("区域,指标,来源\r\n\"city\n\",a,\"x\"\"\r\ncity,b,x\r\n", Some(3)),
            ("区域,指标,来源\ncity,a,\"页\ncity,b,\"x\ncity,c,y\n", Some(2)),
            ("区域\t指标\t来源\ncity\ta\t\"12,1\ncity\tb\tx", Some(2)),
            ("\"台账\n区域,指标\ncity,a\n", Some(1)),
            ("区域,指标,来源\ncity,a,12\"屏 \"大\"\ncity,\"\",\"a\n\"\"b\"\"\"\n", None),
            ("区域\t指标\t来源\ncity\ta\t1,\"b\n", None),
        ];
        for (text, line) in cases {
            let found = read(text).err().map(|faults| faults.iter().map(|fault| fault.line).collect::<Vec<_>>());
            assert_eq!(found, line.map(|line| vec![line]), "{text}");
        }
    }
}

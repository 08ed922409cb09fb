//! Boards as files: CSV for statistics tools and Excel, and XLSX workbooks.
//!
//! Place in the flow: behind a [`Board`]. Words that a spreadsheet would take for a formula are kept from being one: with
//! an apostrophe in CSV, by a text format in XLSX. Who has only the file sees that it is simulated: in a column of the CSV
//! and above every sheet. It must not know which board it writes.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::words::SIMULATED;
use super::{Board, Cell, Sheet, computed};
use crate::cli::{Failure, formula};

/// Byte order mark: Excel then reads UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Significant digits that a cell of a workbook, an IEEE double, keeps for sure.
const XLSX_DIGITS: usize = 15;
/// The last column of every CSV file: 模拟数据, or nothing.
const SIMULATED_COLUMN: &str = "SIMULATED";

impl Board {
    /// The sheet of this name; without a name the main one.
    ///
    /// # Errors
    /// [`Failure::Usage`] with the names there are.
    fn sheet(&self, name: Option<&str>) -> Result<&Sheet, Failure> {
        let found = match name {
            None => self.sheets.get(self.main),
            Some(name) => self.sheets.iter().find(|sheet| sheet.name == name),
        };
        let known = || self.sheets.iter().map(|sheet| sheet.name).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| {
            let name = name.unwrap_or_default();
            Failure::Usage(format!("there is no sheet {name:?}; known: {} / 没有该表", known()))
        })
    }

    /// One sheet as CSV: UTF-8 with a byte order mark, SDMX-style column names, RFC 4180.
    pub(in crate::cli) fn csv(&self, name: Option<&str>) -> Result<Vec<u8>, Failure> {
        let sheet = self.sheet(name)?;
        let mut bytes = BOM.to_vec();
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut bytes);
        // Sheets of one name and shape, as one for each circle, are one table in a file.
        let alike = self.sheets.iter().filter(|other| other.name == sheet.name && other.columns == sheet.columns);
        let codes = sheet.columns.iter().map(|column| column.code.as_str());
        writer.write_record(codes.chain([SIMULATED_COLUMN])).map_err(Failure::failed)?;
        let simulated = if self.simulated { "模拟数据" } else { "" };
        for row in alike.flat_map(|sheet| &sheet.rows) {
            writer.write_record(row.iter().map(neutral).chain([simulated.to_owned()])).map_err(Failure::failed)?;
        }
        writer.flush().map_err(Failure::failed)?;
        drop(writer);
        Ok(bytes)
    }

    /// Every sheet in one workbook, and a sheet that says what it rests on.
    pub(in crate::cli) fn xlsx(&self) -> Result<Vec<u8>, Failure> {
        self.workbook().map_err(|error| Failure::Failed(format!("XLSX: {error} / 无法生成工作簿")))
    }

    fn workbook(&self) -> Result<Vec<u8>, XlsxError> {
        let mut workbook = Workbook::new();
        let mut names: Vec<String> = Vec::new();
        for sheet in &self.sheets {
            let before = names.iter().filter(|name| name.starts_with(sheet.name)).count();
            let name = if before == 0 { sheet.name.to_owned() } else { format!("{}-{}", sheet.name, before + 1) };
            fill(workbook.add_worksheet().set_name(&name)?, sheet, self.simulated)?;
            names.push(name);
        }
        let about = workbook.add_worksheet().set_name("about")?;
        let mark = self.simulated.then_some(SIMULATED);
        for (row, line) in (0..).zip(mark.into_iter().chain(self.heading.lines()).chain(self.foot.trim().lines())) {
            about.write_string_with_format(row, 0, line, &words())?;
        }
        workbook.save_to_buffer()
    }
}

/// A format in which nothing is a formula, also after somebody edits the cell.
fn words() -> Format {
    Format::new().set_quote_prefix()
}

fn fill(page: &mut Worksheet, sheet: &Sheet, simulated: bool) -> Result<(), XlsxError> {
    let (head, words) = (Format::new().set_bold().set_text_wrap(), words());
    let top = u32::from(simulated);
    for (column, heading) in (0..).zip(&sheet.columns) {
        let percent = sheet.rows.iter().any(|row| matches!(row.get(usize::from(column)), Some(Cell::Percent(_))));
        let unit = if percent { " (%)" } else { "" };
        page.write_string_with_format(top, column, format!("{}{unit}", heading.title), &head)?;
    }
    for (number, row) in (top + 1..).zip(&sheet.rows) {
        for (column, cell) in (0..).zip(row) {
            match cell {
                Cell::Number(text) | Cell::Percent(text) => match double(text) {
                    Some(value) => page.write_number(number, column, value)?,
                    None => page.write_string(number, column, text)?,
                },
                Cell::Text(text) if formula::is(text) => page.write_string_with_format(number, column, text, &words)?,
                Cell::Text(text) => page.write_string(number, column, text)?,
            };
        }
    }
    page.set_freeze_panes(top + 1, 0)?;
    page.autofit();
    if simulated {
        // Behind the fit: as words of a title they do not widen the first column.
        page.write_string_with_format(0, 0, SIMULATED, &Format::new().set_bold())?;
    }
    if let (Ok(rows), Ok(columns)) = (u32::try_from(sheet.rows.len()), u16::try_from(sheet.columns.len())) {
        page.autofilter(top, 0, top.saturating_add(rows), columns.saturating_sub(1))?;
    }
    Ok(())
}

/// The number as a workbook keeps it, if it keeps every digit that was reported. A double is the only number a workbook
/// has; a computed number is cut to it.
fn double(text: &str) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > XLSX_DIGITS && computed(text).is_none() { None } else { text.parse().ok() }
}

/// A cell as it stands in CSV.
fn neutral(cell: &Cell) -> String {
    match cell {
        Cell::Number(text) | Cell::Percent(text) => text.clone(),
        Cell::Text(text) => formula::neutral(text),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx};
    use songhua_wire::pb;

    use super::super::{Column, decimal, either, percent, say, text, wide};
    use super::*;

    struct Row {
        word: &'static str,
        number: &'static str,
    }

    const ROWS: &[Column<Row>] = &[
        text("NOTE", "说明 note", |row| say(row.word)),
        text("OBS_VALUE", "数值 figure", |row| decimal(row.number)),
        wide("AFTER", "之后 after", |row| either(row.number)),
        wide("RATE", "完成率 rate", |row| percent(row.number)),
    ];

    fn board(rows: &[Row]) -> Board {
        state(rows, pb::ReadState::default())
    }

    fn state(rows: &[Row], state: pb::ReadState) -> Board {
        Board::new("标题", vec![Sheet::of("rows", rows, ROWS)], Some(&state))
    }

    fn simulated(rows: &[Row]) -> Board {
        state(rows, pb::ReadState { simulated: true, ..Default::default() })
    }

    fn opened(bytes: Vec<u8>) -> Xlsx<Cursor<Vec<u8>>> {
        calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap()
    }

    const HOSTILE: [Row; 8] = [
        Row { word: "=HYPERLINK(\"http://x\")", number: "-5.50" },
        Row { word: "+1", number: "12345678901234567.25" },
        Row { word: "-1", number: "" },
        Row { word: "@SUM(A1)", number: "0.10" },
        Row { word: "\tx", number: "3" },
        Row { word: "平常, \"引\"\n换行", number: "3" },
        Row { word: "\r=1+1\u{1b}[2J", number: "-0.3" },
        Row { word: "", number: "194.76013143483023001095290252" },
    ];

    #[test]
    fn csv_has_a_mark_codes_for_columns_and_no_formula_but_numbers_stay_numbers() {
        let csv = String::from_utf8(board(&HOSTILE).csv(None).unwrap()).unwrap();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert_eq!(lines[0], "\u{feff}NOTE,OBS_VALUE,AFTER,RATE,SIMULATED");
        assert_eq!(lines[1], "\"'=HYPERLINK(\"\"http://x\"\")\",-5.50,-5.50,-5.50,");
        assert!(lines[2].starts_with("'+1,12345678901234567.25,"), "{}", lines[2]);
        assert_eq!(lines[3], "'-1,,,,");
        assert!(lines[4].starts_with("'@SUM(A1),0.10,"), "{}", lines[4]);
        assert!(lines[5].starts_with("'\t") || lines[5].starts_with("\"'\t"), "{}", lines[5]);
        assert!(lines[6].starts_with("\"平常, \"\"引\"\"\n换行\",3,"), "{}", lines[6]);
        assert!(lines[8].starts_with(",194.76013143483023001095290252,"), "{}", lines[8]);
        assert_eq!(lines[7], "\"'\r=1+1\u{1b}[2J\",-0.3,-0.3,-0.3,");
    }

    #[test]
    fn a_workbook_has_the_words_as_words_and_the_numbers_with_every_digit() {
        let mut workbook = opened(board(&HOSTILE).xlsx().unwrap());
        assert_eq!(workbook.sheet_names(), ["rows", "about"]);
        let range = workbook.worksheet_range("rows").unwrap();
        let cell = |row, column| range.get_value((row, column)).cloned().unwrap_or(Data::Empty);
        assert_eq!(cell(0, 0), Data::String("说明 note".into()));
        assert_eq!(cell(1, 0), Data::String("=HYPERLINK(\"http://x\")".into()));
        assert_eq!([cell(1, 1), cell(1, 2), cell(7, 3)], [Data::Float(-5.5), Data::Float(-5.5), Data::Float(-0.3)]);
        assert_eq!(cell(0, 3), Data::String("完成率 rate (%)".into()));
        assert_eq!(cell(2, 1), Data::String("12345678901234567.25".into()));
        assert_eq!(cell(8, 1), Data::Float(194.760_131_434_830_23), "computed: a number, though not to its last digit");
        assert!(workbook.worksheet_formula("rows").unwrap().is_empty(), "a formula was written");
    }

    #[test]
    fn a_terminal_shows_what_was_reported_in_full_and_what_was_computed_in_short() {
        let text = board(&HOSTILE).text();
        assert!(!text.contains(['\r', '\t', '\u{1b}']), "{text:?}");
        assert!(text.contains("| 12345678901234567.25 ") && text.contains("| 194.76 "), "{text}");
    }

    #[test]
    fn whoever_gets_a_file_of_a_simulated_plan_sees_that_it_is() {
        let csv = String::from_utf8(simulated(&HOSTILE).csv(None).unwrap()).unwrap();
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let marks: Vec<_> = rows.records().map(|row| row.unwrap().iter().next_back().unwrap().to_owned()).collect();
        assert_eq!(marks, ["模拟数据"; HOSTILE.len()]);
        let mut workbook = opened(simulated(&HOSTILE).xlsx().unwrap());
        for sheet in ["rows", "about"] {
            let range = workbook.worksheet_range(sheet).unwrap();
            assert_eq!(range.get_value((0, 0)), Some(&Data::String("模拟数据 SIMULATED DATA".into())), "{sheet}");
        }
        let range = workbook.worksheet_range("rows").unwrap();
        assert_eq!(range.get_value((1, 0)), Some(&Data::String("说明 note".into())), "the header stands below");
        assert!(simulated(&[]).text().starts_with("模拟数据 SIMULATED DATA\n"));
        for real in [board(&HOSTILE).text().into_bytes(), board(&HOSTILE).csv(None).unwrap()] {
            assert!(!String::from_utf8(real).unwrap().contains("模拟数据"));
        }
    }

    #[test]
    fn a_sheet_that_is_not_there_is_answered_with_those_that_are() {
        let error = board(&[]).csv(Some("figures")).unwrap_err().to_string();
        assert!(error.contains("known: rows"), "{error}");
    }
}

//! Boards as files: CSV for statistics tools and Excel, and XLSX workbooks.
//!
//! Place in the flow: behind a [`Board`]. Words that a spreadsheet would take for a formula (they begin with `=`, `+`,
//! `-`, `@`, a tab or a line end) are kept from being one: with an apostrophe in CSV, by a text format in XLSX. It must
//! not know which board it writes.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{Board, Cell, Sheet};
use crate::cli::Failure;

/// Byte order mark: Excel then reads UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Significant digits that a cell of a workbook, an IEEE double, keeps for sure.
const XLSX_DIGITS: usize = 15;

impl Board {
    /// The sheet of this name; without a name the main one.
    ///
    /// # Errors
    /// [`Failure`] with the names there are.
    fn sheet(&self, name: Option<&str>) -> Result<&Sheet, Failure> {
        let found = match name {
            None => self.sheets.get(self.main),
            Some(name) => self.sheets.iter().find(|sheet| sheet.name == name),
        };
        let known = || self.sheets.iter().map(|sheet| sheet.name).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| {
            let name = name.unwrap_or_default();
            Failure::Failed(format!("there is no sheet {name:?}; known: {} / 没有该表", known()))
        })
    }

    /// One sheet as CSV: UTF-8 with a byte order mark, SDMX-style column names, RFC 4180.
    pub(in crate::cli) fn csv(&self, name: Option<&str>) -> Result<Vec<u8>, Failure> {
        let sheet = self.sheet(name)?;
        let mut bytes = BOM.to_vec();
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut bytes);
        // Sheets of one name and shape, as one for each circle, are one table in a file.
        let alike = self.sheets.iter().filter(|other| other.name == sheet.name && other.columns == sheet.columns);
        writer.write_record(sheet.columns.iter().map(|column| column.code.as_str())).map_err(Failure::failed)?;
        for row in alike.flat_map(|sheet| &sheet.rows) {
            writer.write_record(row.iter().map(neutral)).map_err(Failure::failed)?;
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
            fill(workbook.add_worksheet().set_name(&name)?, sheet)?;
            names.push(name);
        }
        let about = workbook.add_worksheet().set_name("about")?;
        for (row, line) in (0..).zip(self.heading.lines().chain(self.foot.trim().lines())) {
            about.write_string_with_format(row, 0, line, &words())?;
        }
        workbook.save_to_buffer()
    }
}

/// A format in which nothing is a formula, also after somebody edits the cell.
fn words() -> Format {
    Format::new().set_quote_prefix()
}

fn fill(page: &mut Worksheet, sheet: &Sheet) -> Result<(), XlsxError> {
    let (head, words) = (Format::new().set_bold().set_text_wrap(), words());
    for (column, heading) in (0..).zip(&sheet.columns) {
        page.write_string_with_format(0, column, &heading.title, &head)?;
    }
    for (number, row) in (1..).zip(&sheet.rows) {
        for (column, cell) in (0..).zip(row) {
            match cell {
                Cell::Number(text) | Cell::Percent(text) => match double(text) {
                    Some(value) => page.write_number(number, column, value)?,
                    None => page.write_string(number, column, text)?,
                },
                Cell::Text(text) if is_formula(text) => page.write_string_with_format(number, column, text, &words)?,
                Cell::Text(text) => page.write_string(number, column, text)?,
            };
        }
    }
    page.set_freeze_panes(1, 0)?;
    page.autofit();
    if let (Ok(rows), Ok(columns)) = (u32::try_from(sheet.rows.len()), u16::try_from(sheet.columns.len())) {
        page.autofilter(0, 0, rows, columns.saturating_sub(1))?;
    }
    Ok(())
}

/// The number as a workbook keeps it, if it keeps every digit. A double is the only number a workbook has.
fn double(text: &str) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > XLSX_DIGITS { None } else { text.parse().ok() }
}

/// Whether a spreadsheet would take the words for a formula.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// A cell as it stands in CSV.
fn neutral(cell: &Cell) -> String {
    match cell {
        Cell::Number(text) | Cell::Percent(text) => text.clone(),
        Cell::Text(text) if is_formula(text) => format!("'{text}"),
        Cell::Text(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx};
    use songhua_wire::pb;

    use super::super::{Column, decimal, say, text, wide};
    use super::*;

    struct Row {
        word: &'static str,
        number: &'static str,
    }

    const ROWS: &[Column<Row>] =
        &[text("NOTE", "说明 note", |row| say(row.word)), wide("OBS_VALUE", "数值 figure", |row| decimal(row.number))];

    fn board(rows: &[Row]) -> Board {
        Board::new("标题", vec![Sheet::of("rows", rows, ROWS)], Some(&pb::ReadState::default()))
    }

    const HOSTILE: [Row; 6] = [
        Row { word: "=HYPERLINK(\"http://x\")", number: "-5.50" },
        Row { word: "+1", number: "12345678901234567.25" },
        Row { word: "-1", number: "" },
        Row { word: "@SUM(A1)", number: "0.10" },
        Row { word: "\tx", number: "3" },
        Row { word: "平常, \"引\"\n换行", number: "3" },
    ];

    #[test]
    fn csv_has_a_mark_codes_for_columns_and_no_formula_but_numbers_stay_numbers() {
        let csv = String::from_utf8(board(&HOSTILE).csv(None).unwrap()).unwrap();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert_eq!(lines[0], "\u{feff}NOTE,OBS_VALUE");
        assert_eq!(lines[1], "\"'=HYPERLINK(\"\"http://x\"\")\",-5.50");
        assert_eq!(lines[2], "'+1,12345678901234567.25");
        assert_eq!(lines[3], "'-1,");
        assert_eq!(lines[4], "'@SUM(A1),0.10");
        assert!(lines[5].starts_with("'\t") || lines[5].starts_with("\"'\t"), "{}", lines[5]);
        assert_eq!(lines[6], "\"平常, \"\"引\"\"\n换行\",3");
    }

    #[test]
    fn a_workbook_has_the_words_as_words_and_the_numbers_with_every_digit() {
        let bytes = board(&HOSTILE).xlsx().unwrap();
        let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
        assert_eq!(workbook.sheet_names(), ["rows", "about"]);
        let range = workbook.worksheet_range("rows").unwrap();
        let cell = |row, column| range.get_value((row, column)).cloned().unwrap_or(Data::Empty);
        assert_eq!(cell(0, 0), Data::String("说明 note".into()));
        assert_eq!(cell(1, 0), Data::String("=HYPERLINK(\"http://x\")".into()));
        assert_eq!(cell(1, 1), Data::Float(-5.5));
        assert_eq!(cell(2, 1), Data::String("12345678901234567.25".into()));
        assert!(workbook.worksheet_formula("rows").unwrap().is_empty(), "a formula was written");
    }

    #[test]
    fn a_sheet_that_is_not_there_is_answered_with_those_that_are() {
        let error = board(&[]).csv(Some("figures")).unwrap_err().to_string();
        assert!(error.contains("known: rows"), "{error}");
    }
}

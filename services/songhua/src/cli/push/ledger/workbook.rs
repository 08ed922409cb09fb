//! A workbook (XLSX) as rows of text: the sheet that has a ledger's header.
//!
//! Place in the flow: bytes → rows, beside the CSV reader of `sheet`. Numbers come as Excel shows them: at most 15
//! digits, a cell in a percent format with its `%`; where a format scales, what is shown and kept is told. It must not
//! know: columns, but for where the header is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use calamine::{Data, ExcelDateTime, Reader, Xlsx};
use songhua_domain::quantity::Decimal;

use super::fault::{Fault, Words, words};
use super::format::NumberFormat;
use super::sheet::{Raw, has_header};
use super::styles::{Formats, formats};

/// What an XLSX file begins with: it is a ZIP archive.
const ZIP: &[u8] = b"PK\x03\x04";
/// Significant digits that Excel shows and keeps.
const DIGITS: u32 = 15;
/// Most cells of a sheet that are looked at: a ledger is smaller, and a file may say it is as large as it likes.
const CELLS_MAX: u64 = 2_000_000;

/// Whether these are the bytes of a workbook.
pub(in crate::cli::push) fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP)
}

/// The rows of the one sheet that has a ledger's header.
///
/// # Errors
/// Not a workbook, no sheet with a header or several, a sheet that is far too large, or a cell that Excel could not calculate.
pub(super) fn rows(bytes: &[u8]) -> Result<Vec<Raw>, Vec<Fault>> {
    let broken = |detail: &dyn std::fmt::Display| vec![Fault::new(1, None, unreadable(detail))];
    let mut workbook: Xlsx<_> =
        calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(|error: calamine::XlsxError| broken(&error))?;
    let styles = formats(bytes).map_err(|error| broken(&error))?;
    let mut found: Option<(String, Vec<Raw>, Vec<Fault>)> = None;
    for name in workbook.sheet_names() {
        // Before a range is made of it, which takes room for every cell between the first and the last.
        let (height, width) = size(&mut workbook, &name).map_err(|error| broken(&error))?;
        if height.saturating_mul(width) > CELLS_MAX {
            return Err(broken(&format!("sheet {name:?} has {height} × {width} cells")));
        }
        let range = workbook.worksheet_range(&name).map_err(|error| broken(&error))?;
        let formats = styles.get(&name);
        let first = range.start().unwrap_or_default();
        let read = (0..).zip(range.rows()).filter_map(|(row, cells)| line(row, cells, first, formats).transpose());
        let (rows, faults): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        let rows: Vec<Raw> = rows.into_iter().filter_map(Result::ok).collect();
        if !has_header(&rows) {
            continue;
        }
        if let Some((other, ..)) = &found {
            return Err(vec![Fault::new(1, None, two_sheets(other, &name))]);
        }
        found = Some((name, rows, faults.into_iter().filter_map(Result::err).collect()));
    }
    match found {
        None => Err(vec![Fault::new(1, None, super::sheet::no_header())]),
        Some((_, rows, faults)) if faults.is_empty() => Ok(rows),
        Some((_, _, faults)) => Err(faults),
    }
}

/// Rows and columns from the first cell of the sheet to the last one that is filled.
fn size(workbook: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<(u64, u64), calamine::XlsxError> {
    let mut cells = workbook.worksheet_cells_reader(name)?;
    let (mut height, mut width) = (0, 0);
    while let Some(cell) = cells.next_cell()? {
        let (row, column) = cell.get_position();
        (height, width) = (height.max(u64::from(row) + 1), width.max(u64::from(column) + 1));
    }
    Ok((height, width))
}

fn two_sheets(one: &str, other: &str) -> Words {
    words(
        format!("工作表“{one}”和“{other}”都有台账表头；请只保留一张，或分成两个文件推送"),
        format!("the sheets {one:?} and {other:?} both have a ledger's header; keep one, or push two files"),
    )
}

/// A row with something in it.
fn line(row: u32, cells: &[Data], first: (u32, u32), formats: Option<&Formats>) -> Result<Option<Raw>, Fault> {
    let number = usize::try_from(first.0.saturating_add(row)).unwrap_or(usize::MAX).saturating_add(1);
    // Cells to the left of the first filled column are empty: columns need only their order.
    let (mut texts, mut dates, mut scaled) = (Vec::with_capacity(cells.len()), BTreeSet::new(), BTreeMap::new());
    for (column, cell) in (0_u32..).zip(cells) {
        let place = (first.0.saturating_add(row), first.1.saturating_add(column));
        let format = formats.and_then(|formats| formats.get(&place)).map(AsRef::as_ref);
        let text = text(cell, format).map_err(|said| Fault::new(number, None, said))?;
        let said = format.and_then(|format| format.scaled(decimal(cell)?));
        scaled.extend(said.map(|said| (texts.len(), said)));
        if matches!(cell, Data::DateTime(_) | Data::DateTimeIso(_)) {
            dates.insert(texts.len());
        }
        texts.push(text);
    }
    let filled = texts.iter().any(|text| !text.is_empty());
    let comment = texts.first().is_some_and(|text| text.starts_with('#'));
    Ok((filled && !comment).then_some(Raw { number, cells: texts, dates, scaled }))
}

fn text(cell: &Data, format: Option<&NumberFormat>) -> Result<String, Words> {
    match cell {
        Data::Empty => Ok(String::new()),
        Data::String(text) => Ok(text.trim().to_owned()),
        Data::Int(_) | Data::Float(_) => number_text(cell, format),
        Data::Bool(is) => Ok(if *is { "TRUE" } else { "FALSE" }.to_owned()),
        Data::DateTime(date) => Ok(day(date)),
        Data::DateTimeIso(text) | Data::DurationIso(text) => Ok(text.split('T').next().unwrap_or_default().to_owned()),
        Data::Error(error) => Err(words(
            format!("单元格有公式错误 {error}；请改正后再推送"),
            format!("a cell holds the formula error {error}; mend it before you push"),
        )),
    }
}

/// A number without the noise behind its 15th digit, and × 100 with `%` in a percent format.
fn number_text(cell: &Data, format: Option<&NumberFormat>) -> Result<String, Words> {
    let kept = decimal(cell);
    let is_percent = kept.is_some_and(|kept| format.is_some_and(|format| format.is_percent(kept)));
    let number = if is_percent { kept.and_then(|kept| kept.checked_mul(Decimal::ONE_HUNDRED)) } else { kept };
    let number = number.ok_or_else(|| {
        words(format!("数值 {cell} 超出可用范围"), format!("the number {cell} is beyond what can be kept"))
    })?;
    Ok(format!("{}{}", number.normalize(), if is_percent { "%" } else { "" }))
}

/// The number of a cell, as far as Excel keeps it; none of what is no number or too large.
fn decimal(cell: &Data) -> Option<Decimal> {
    let shortest = match cell {
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        _ => return None,
    };
    shortest.parse::<Decimal>().ok().and_then(|number| number.round_sf(DIGITS))
}

fn day(date: &ExcelDateTime) -> String {
    let (year, month, day, ..) = date.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02}")
}

fn unreadable(detail: &dyn std::fmt::Display) -> Words {
    words(
        format!("无法读取工作簿：{detail}；请另存为 .xlsx 或 CSV UTF-8"),
        format!("the workbook cannot be read: {detail}; save it as .xlsx or as CSV UTF-8"),
    )
}

#[cfg(test)]
mod tests {
    use rust_xlsxwriter::{ExcelDateTime as Day, Format, Formula, Workbook};

    use super::*;

    fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
        let mut workbook = Workbook::new();
        workbook.add_worksheet().set_name("说明").unwrap().write(0, 0, "填报说明").unwrap();
        fill(workbook.add_worksheet().set_name("台账").unwrap());
        workbook.save_to_buffer().unwrap()
    }

    fn header(page: &mut rust_xlsxwriter::Worksheet, row: u32) {
        for (column, name) in (1..).zip(["区域", "指标", "期间", "数值", "日期"]) {
            page.write(row, column, name).unwrap();
        }
    }

    #[test]
    fn titles_are_passed_over_and_rows_keep_the_numbers_excel_shows() {
        let bytes = workbook(|page| {
            page.merge_range(0, 1, 0, 5, "科技局 2026 年台账", &Format::new()).unwrap();
            header(page, 2);
            page.write(4, 1, "city").unwrap().write(4, 2, "a").unwrap().write(4, 3, "2026Q3").unwrap();
            page.write(4, 4, 1_234.5).unwrap();
        });
        let rows = rows(&bytes).unwrap();
        let row = rows.last().unwrap();
        assert_eq!((row.number, row.cells[3].as_str()), (5, "1234.5"));
    }

    #[test]
    fn a_cell_in_a_percent_format_is_a_percentage_and_a_sum_has_no_noise() {
        let bytes = workbook(|page| {
            header(page, 0);
            page.write_with_format(1, 4, 0.035, &Format::new().set_num_format("0.00%")).unwrap();
            page.write_with_format(2, 4, 0.035, &Format::new().set_num_format("0.000")).unwrap();
            page.write_formula(3, 4, Formula::new("=0.1+0.2").set_result("0.30000000000000004")).unwrap();
            page.write_with_format(4, 4, 0.5, &Format::new().set_num_format_index(9)).unwrap();
        });
        let rows = rows(&bytes).unwrap();
        let values: Vec<&str> = rows[1..].iter().map(|row| row.cells[3].as_str()).collect();
        assert_eq!(values, ["3.5%", "0.035", "0.3", "50%"]);
    }

    #[test]
    fn a_number_that_is_shown_scaled_is_told_with_its_place() {
        let bytes = workbook(|page| {
            header(page, 0);
            let scaled = Format::new().set_num_format("0!.0,\"万\"");
            page.write_with_format(1, 4, 12_345, &scaled).unwrap();
            page.write_with_format(2, 4, 12_345, &Format::new().set_num_format("#,##0.00")).unwrap();
            page.write_with_format(3, 4, "12345", &scaled).unwrap();
        });
        let rows = rows(&bytes).unwrap();
        let said = |row: &Raw| row.scaled.iter().map(|(place, said)| (*place, said.en.clone())).collect::<Vec<_>>();
        let told = said(&rows[1]);
        assert!(told.len() == 1 && told[0].0 == 3 && told[0].1.contains("keeps 12345"), "{told:?}");
        assert_eq!(rows[2..].iter().flat_map(said).count(), 0, "{rows:?}");
    }

    #[test]
    fn dates_are_days_and_are_known_to_be_dates() {
        let bytes = workbook(|page| {
            header(page, 0);
            let format = Format::new().set_num_format("yyyy-mm-dd");
            page.write_with_format(1, 5, Day::parse_from_str("2026-10-09").unwrap(), &format).unwrap();
        });
        let row = &rows(&bytes).unwrap()[1];
        assert_eq!((row.cells[4].as_str(), row.dates.contains(&4)), ("2026-10-09", true));
    }

    #[test]
    fn garbage_and_workbooks_without_a_header_are_refused_in_words() {
        assert!(rows(b"PK\x03\x04garbage").unwrap_err()[0].to_string().contains("工作簿"));
        let stray = workbook(|page| {
            header(page, 0);
            page.write(1_048_575, 16_383, "x").unwrap();
        });
        assert!(rows(&stray).unwrap_err()[0].to_string().contains("1048576 × 16384"));
        let mut two = Workbook::new();
        header(two.add_worksheet().set_name("1月").unwrap(), 0);
        header(two.add_worksheet().set_name("2月").unwrap(), 0);
        let said = rows(&two.save_to_buffer().unwrap()).unwrap_err()[0].to_string();
        assert!(said.contains("1月") && said.contains("2月"), "{said}");
        let empty = workbook(|page| {
            page.write(0, 0, "别的").unwrap();
        });
        assert!(rows(&empty).unwrap_err()[0].to_string().contains("表头"));
        assert!(is_workbook(&empty) && !is_workbook("区域,指标".as_bytes()));
    }
}

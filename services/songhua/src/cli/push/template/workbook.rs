//! A template as a workbook: lists to choose from, a header and helper columns that cannot be written over.
//!
//! Place in the flow: beside CSV, for files that end in `.xlsx`. Protection has no password: it keeps from accidents.
//! It must not know: what an agency may report.

use rust_xlsxwriter::{Color, DataValidation, Format, FormatBorder, ProtectionOptions, Workbook, Worksheet, XlsxError};

use super::{Cells, is_helper};
use crate::cli::push::ledger::Column;

/// Rows below those with something to report that can be filled in too.
const SPARE_ROWS: u32 = 500;
/// What may stand in a column, as the ledger reads it.
const CHOICES: &[(Column, &[&str])] = &[
    (Column::Basis, &["期末数", "本期数", "本年累计", "规划期累计", "全年数"]),
    (Column::ObsStatus, &["正式", "初步", "估计", "未核实", "无变化"]),
    (Column::Progress, &["已达成", "部分达成", "未达成", "调整", "取消"]),
];

/// The workbook: `header` across, `rows` below; `mark` stands above all where it is not empty.
pub(super) fn write(header: &[&'static str], rows: &[Cells], mark: &str) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let page = workbook.add_worksheet().set_name("台账")?;
    let top = u32::from(!mark.is_empty());
    if top > 0 {
        page.write_string_with_format(0, 0, mark, &Format::new().set_bold())?;
    }
    let last = top.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX)).saturating_add(SPARE_ROWS);
    for (column, name) in (0_u16..).zip(header) {
        fill(page, (column, name), rows, (top, last))?;
    }
    page.set_freeze_panes(top.saturating_add(1), 0)?;
    page.autofit();
    page.protect_with_options(&ProtectionOptions {
        insert_rows: true,
        delete_rows: true,
        format_cells: true,
        format_columns: true,
        format_rows: true,
        sort: true,
        use_autofilter: true,
        ..ProtectionOptions::default()
    });
    workbook.save_to_buffer()
}

/// One column, from its head at row `top` to row `last`.
fn fill(
    page: &mut Worksheet,
    (column, name): (u16, &str),
    rows: &[Cells],
    (top, last): (u32, u32),
) -> Result<(), XlsxError> {
    let locked = is_helper(name);
    page.write_string_with_format(top, column, name, &head(locked))?;
    let format = cell(name);
    page.set_column_format(column, &format)?;
    for (row, cells) in (top.saturating_add(1)..).zip(rows) {
        let text = cells.iter().find(|(of, _)| *of == name).map_or("", |(_, text)| text.as_str());
        if text.is_empty() {
            page.write_blank(row, column, &format)?;
        } else {
            page.write_string_with_format(row, column, text, &format)?;
        }
    }
    let choices = CHOICES.iter().find(|(of, _)| of.zh() == name).map(|(_, choices)| *choices);
    if let Some(choices) = choices {
        let list = DataValidation::new().allow_list_strings(choices)?;
        let list = list.set_error_title("台账")?.set_error_message("请从列表中选择 / choose from the list")?;
        page.add_data_validation(top.saturating_add(1), column, last, column, &list)?;
    }
    Ok(())
}

fn head(helper: bool) -> Format {
    let head = Format::new().set_bold().set_border_bottom(FormatBorder::Thin).set_locked();
    head.set_background_color(if helper { Color::RGB(0x00EE_EEEE) } else { Color::RGB(0x00DD_E8F5) })
}

/// Words are text, so that Excel makes no date of a period and no formula of a name; figures stay numbers.
fn cell(name: &str) -> Format {
    let figures = [Column::Value, Column::Numerator, Column::Denominator, Column::Percent].map(Column::zh);
    let format = if figures.contains(&name) { Format::new() } else { Format::new().set_num_format("@") };
    if is_helper(name) { format.set_locked().set_font_color(Color::RGB(0x0066_6666)) } else { format.set_unlocked() }
}

//! `push --template`: a ledger to fill in, with a row for everything that an agency may report.
//!
//! Place in the flow: what the agency may report → CSV, or a workbook where the file's name ends in `.xlsx`. The due period is the last one of the indicator's frequency that
//! is over; full-year figures are asked for the last year. It must not know: how a ledger is read.

mod workbook;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use csv::Writer;
use songhua_wire::pb;

use super::ledger::{Book, Column, Indicator, LedgerEncoding, Reader, last, zh};
use super::{PushArgs, status_of};
use crate::cli::board::words::goal;
use crate::cli::{Connect, Failure, client, formula};

/// Columns for people, passed over when the ledger is pushed, and the column that each stands behind.
const HELPERS: &[(Column, &str)] = &[
    (Column::Area, "_区域名称"),
    (Column::Indicator, "_指标名称"),
    (Column::Indicator, "_目标"),
    (Column::Project, "_项目名称"),
    (Column::Milestone, "_节点名称"),
    (Column::Milestone, "_到期"),
];
/// What stands above the rows of a simulated plan; a row that begins so is passed over when the ledger is pushed.
const MARK: &str = "# 模拟数据 SIMULATED";
/// The last column: what to mind.
const HINT: &str = "_提示";

/// Cells of a row by the name of their column.
type Cells = Vec<(&'static str, String)>;

/// Whether the flags of a template mean something together.
///
/// # Errors
/// [`Failure::Usage`] with what to say instead.
pub(super) fn fits(args: &PushArgs, json: bool) -> Result<(), Failure> {
    let end = args.out.as_deref().and_then(Path::extension).map(|end| end.to_string_lossy().to_ascii_lowercase());
    let said = match end.as_deref() {
        _ if json => "a template is no JSON: leave --json out / 模板不是 JSON，请去掉 --json",
        Some("xlsx") if args.encoding != LedgerEncoding::Auto => super::ONLY_CSV,
        None | Some("csv" | "xlsx") => return Ok(()),
        Some(_) => "a template is .xlsx or .csv: name the file so / 模板文件须以 .xlsx 或 .csv 结尾",
    };
    Err(Failure::Usage(said.to_owned()))
}

/// Writes the template.
pub(super) async fn run(connect: &Connect, args: &PushArgs) -> Result<(), Failure> {
    let agency = args.agency.as_deref().unwrap_or_default();
    let channel = client::connect(connect).await?;
    let plan = client::plan_or_only(&channel, args.plan.clone()).await?;
    let (_, status) = status_of(&channel, &plan).await?;
    let reader = Reader::new(&channel, &plan, &status);
    let found = reader.agency(agency).await?;
    let book = Book::read(&reader).await?;
    let mut rows: Vec<Cells> = found.reportable_targets.iter().filter_map(|target| of_target(&book, target)).collect();
    for name in &found.reportable_projects {
        rows.extend(of_project(&reader, &book, last(name)).await?);
    }
    let out = args.out.as_deref();
    let is_workbook = out.and_then(Path::extension).is_some_and(|end| end.eq_ignore_ascii_case("xlsx"));
    let bytes = if is_workbook {
        let mark = if reader.simulated() { MARK } else { "" };
        workbook::write(&header(), &rows, mark).map_err(Failure::failed)?
    } else {
        encode(&marked(csv(&rows).map_err(Failure::failed)?, reader.simulated()), args.encoding)?
    };
    write(out, &bytes)?;
    let count = rows.len();
    eprintln!("待填 {count} 行；填好后执行 songhua push FILE --agency {agency} / {count} rows to fill in");
    Ok(())
}

fn of_target(book: &Book, reportable: &pb::ReportableTarget) -> Option<Cells> {
    let indicator = book.indicator_of(last(&reportable.name))?;
    let target = indicator.targets.iter().find(|target| target.name == reportable.name)?;
    let [basis, period, unit] = indicator.due(book.today)?;
    Some(vec![
        (Column::Area.zh(), target.area.clone()),
        ("_区域名称", zh(target.area_name.as_ref()).to_owned()),
        (Column::Indicator.zh(), indicator.id.clone()),
        ("_指标名称", indicator.zh().to_owned()),
        ("_目标", goal(target)),
        (Column::Basis.zh(), basis),
        (Column::Period.zh(), period),
        (Column::Unit.zh(), unit),
        (HINT, hint(indicator, reportable.headline)),
    ])
}

fn hint(indicator: &Indicator, headline: bool) -> String {
    let parts = indicator.definition.measure_kind() == pb::MeasureKind::Coverage;
    let hints = [(parts, "填分子、分母，数值留空"), (!headline, "仅报分项：须填维度，如 district=songbei")];
    hints.iter().filter(|(applies, _)| *applies).map(|(_, hint)| *hint).collect::<Vec<_>>().join("；")
}

async fn of_project(reader: &Reader, book: &Book, id: &str) -> Result<Vec<Cells>, Failure> {
    let name = book.project_of(id).map_or("", |project| zh(project.display_name.as_ref()));
    let milestones = reader.milestones(id).await?;
    let open = milestones
        .iter()
        .filter(|milestone| !matches!(milestone.status(), pb::MilestoneStatus::Met | pb::MilestoneStatus::Cancelled));
    Ok(open.map(|milestone| of_milestone(id, name, milestone)).collect())
}

fn of_milestone(project: &str, name: &str, milestone: &pb::Milestone) -> Cells {
    let due = milestone.due_date.unwrap_or_default();
    vec![
        (Column::Project.zh(), project.to_owned()),
        ("_项目名称", name.to_owned()),
        (Column::Milestone.zh(), last(&milestone.name).to_owned()),
        ("_节点名称", zh(milestone.title.as_ref()).to_owned()),
        ("_到期", format!("{:04}-{:02}-{:02}", due.year, due.month, due.day)),
    ]
}

/// Names of the columns, each with the helpers behind it.
fn header() -> Vec<&'static str> {
    let mut header = Vec::new();
    for column in Column::ALL {
        header.push(column.zh());
        header.extend(HELPERS.iter().filter(|(behind, _)| behind == column).map(|(_, name)| *name));
    }
    header.push(HINT);
    header
}

/// Whether a column is for people only.
fn is_helper(name: &str) -> bool {
    name.starts_with('_')
}

fn csv(rows: &[Cells]) -> csv::Result<String> {
    let header = header();
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(&header)?;
    for row in rows {
        let cell = |name: &&str| {
            row.iter().find(|(column, _)| column == name).map_or_else(String::new, |(_, text)| formula::neutral(text))
        };
        writer.write_record(header.iter().map(cell))?;
    }
    finish(writer)
}

/// With a row on top that is passed over when the ledger is pushed, where the plan is simulated.
fn marked(csv: String, simulated: bool) -> String {
    if simulated { format!("{MARK}\r\n{csv}") } else { csv }
}

fn finish(writer: Writer<Vec<u8>>) -> csv::Result<String> {
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// With a mark before UTF-8, by which Excel and WPS know it.
fn encode(text: &str, encoding: LedgerEncoding) -> Result<Vec<u8>, Failure> {
    if encoding != LedgerEncoding::Gb18030 {
        return Ok([b"\xef\xbb\xbf", text.as_bytes()].concat());
    }
    let (bytes, _, lost) = encoding_rs::GB18030.encode(text);
    if lost {
        return Err(Failure::Failed("a name cannot be written in GB18030 / 有名称无法用 GB18030 表示".to_owned()));
    }
    Ok(bytes.into_owned())
}

/// A file that is there may be filled in already: it is not written over.
fn write(file: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    let Some(file) = file else { return std::io::stdout().write_all(bytes).map_err(Failure::failed) };
    let written = File::create_new(file).and_then(|mut created| created.write_all(bytes));
    written.map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_spreadsheet_would_calculate_is_written_as_text() {
        let row =
            vec![("_指标名称", "=HYPERLINK(1)".to_owned()), ("数值", String::new()), ("_提示", "a,\"b\"".to_owned())];
        let text = csv(&[row]).unwrap();
        let lines: Vec<_> = text.split("\r\n").collect();
        assert!(
            lines[0].starts_with("区域,_区域名称,指标,_指标名称,_目标,维度") && lines[0].ends_with(",_提示"),
            "{text}"
        );
        assert!(lines[1].contains(",'=HYPERLINK(1),") && lines[1].ends_with("\"a,\"\"b\"\"\""), "{text}");
    }

    #[test]
    fn a_template_is_utf8_with_a_mark_or_gb18030() {
        assert_eq!(encode("区", LedgerEncoding::Auto).unwrap(), b"\xef\xbb\xbf\xe5\x8c\xba");
        assert_eq!(encode("区", LedgerEncoding::Gb18030).unwrap(), b"\xc7\xf8");
    }
}

//! The board of one indicator: targets, years, figures with their vintages, contributions, tasks, revisions, notes.
//!
//! Place in the flow: called by `progress`. Figures stand under SDMX's column names, so that statistics tools read the
//! CSV as it is. It must not know how a board is written.

use songhua_wire::pb;

use super::conduct::{note_sheet, revision_sheet};
use super::targets::targets;
use super::words::{both, code, date, light, time, time_period, zh};
use super::{Board, Column, Sheet, decimal, percent, quantity, say, text, whole, wide};

/// A figure and the indicator it is of.
type Figure<'a> = (&'a pb::Observation, &'a pb::IndicatorDefined);

fn figures_columns<'a>() -> Vec<Column<Figure<'a>>> {
    vec![
        text("POSITION", "位置 position", |(o, _)| decimal(&o.position.to_string())),
        wide("INDICATOR", "指标编号 indicator", |(_, i)| say(&*i.indicator)),
        text("REF_AREA", "区域 area", |(o, _)| say(&*o.area)),
        text("DIMENSION", "维度 dimension", |(o, _)| say(&*o.dimension)),
        wide("FREQ", "频率 frequency", |(_, i)| say(frequency(i))),
        text("BASIS", "口径 basis", |(o, _)| say(code(o.basis().as_str_name(), "BASIS_"))),
        text("TIME_PERIOD", "期间 period", |(o, _)| say(time_period(o.period.as_ref()))),
        text("OBS_VALUE", "数值 figure", |(o, _)| quantity(o.figure.as_ref(), &o.step)),
        wide("NUMERATOR", "分子 numerator", |(o, _)| decimal(fraction(o).map_or("", |fraction| &fraction.numerator))),
        wide("DENOMINATOR", "分母 denominator", |(o, _)| {
            decimal(fraction(o).map_or("", |fraction| &fraction.denominator))
        }),
        wide("UNIT_MEASURE", "单位 unit", |(_, i)| say(&*i.unit)),
        wide("UNIT_MULT", "倍数 multiplier", |(_, i)| whole(i.unit_multiplier)),
        text("OBS_STATUS", "质量 obs.", |(o, _)| say(obs_status(o.obs_status()))),
        text("REPORTING_AGENCY", "单位 agency", |(o, _)| say(&*o.agency)),
        text("LIVE", "有效 live", |(o, _)| {
            say(if o.live { "✔".to_owned() } else { format!("→ {}", o.superseded_by) })
        }),
        text("VERIFIED", "核验 verified", |(o, _)| say(if o.verified { "已核" } else { "" })),
        wide("BACK_DATED", "补录 back-dated", |(o, _)| say(super::words::yes(o.back_dated))),
        wide("RECORDED_TIME", "记录时间 recorded", |(o, _)| say(time(o.recorded_time.as_ref()))),
        wide("EVENT_ID", "事件 event", |(o, _)| say(&*o.event_id)),
    ]
}

fn fraction(observation: &pb::Observation) -> Option<&pb::Fraction> {
    match observation.figure.as_ref()?.kind.as_ref()? {
        pb::figure::Kind::Fraction(fraction) => Some(fraction),
        pb::figure::Kind::Value(_) => None,
    }
}

/// SDMX `FREQ`.
fn frequency(indicator: &pb::IndicatorDefined) -> &'static str {
    match indicator.schedule.map(|schedule| schedule.frequency()) {
        Some(pb::Frequency::Month) => "M",
        Some(pb::Frequency::Quarter) => "Q",
        Some(pb::Frequency::Year) => "A",
        Some(pb::Frequency::Unspecified) | None => "",
    }
}

/// SDMX `OBS_STATUS`.
const fn obs_status(status: pb::ObsStatus) -> &'static str {
    match status {
        pb::ObsStatus::Unspecified => "",
        pb::ObsStatus::Normal => "A",
        pb::ObsStatus::Break => "B",
        pb::ObsStatus::Estimated => "E",
        pb::ObsStatus::Provisional => "P",
        pb::ObsStatus::LowReliability => "U",
        pb::ObsStatus::Unvalidated => "V",
    }
}

const YEARS: &[Column<pb::YearResult>] = &[
    text("REF_AREA", "区域 area", |y| say(&*y.area)),
    text("TIME_PERIOD", "年份 year", |y| whole(y.year)),
    text("OBS_VALUE", "实际 actual", |y| decimal(&y.actual)),
    text("EXPECTED", "序时应达 expected", |y| decimal(&y.expected)),
    text("INTERIM_TARGET", "年度目标 interim target", |y| decimal(&y.interim_target)),
    text("STATUS", "状态 status", |y| say(light(y.light(), y.status_label.as_ref()))),
];

type Said<'a> = (&'a pb::PeriodVintages, &'a pb::Vintage);

fn vintages_columns<'a>() -> Vec<Column<Said<'a>>> {
    vec![
        text("REF_AREA", "区域 area", |(p, _)| say(&*p.area)),
        text("DIMENSION", "维度 dimension", |(p, _)| say(&*p.dimension)),
        text("BASIS", "口径 basis", |(p, _)| say(code(p.basis().as_str_name(), "BASIS_"))),
        text("TIME_PERIOD", "期间 period", |(p, _)| say(time_period(p.period.as_ref()))),
        text("VINTAGE", "版本 vintage", |(_, v)| whole(v.number)),
        text("KIND", "性质 kind", |(_, v)| say(kind(&v.kind))),
        text("OBS_VALUE", "数值 figure", |(_, v)| quantity(v.figure.as_ref(), &v.step)),
        text("ENDED", "结果 ended", |(_, v)| say(&*v.ended)),
        text("REASON", "理由 reason", |(_, v)| say(&*v.reason)),
        wide("POSITION", "位置 position", |(_, v)| decimal(&v.position.to_string())),
        wide("RECORDED_TIME", "记录时间 recorded", |(_, v)| say(time(v.recorded_time.as_ref()))),
        wide("REPORTING_AGENCY", "单位 agency", |(_, v)| say(&*v.agency)),
    ]
}

fn kind(kind: &str) -> String {
    let word = match kind {
        "REPORTED" => "上报",
        "CORRECTED" => "更正",
        "REVISED" => "修订",
        "ASSESSED" => "评估",
        _ => "",
    };
    format!("{word} {kind}").trim().to_owned()
}

type Part<'a> = (&'a pb::Contributions, &'a pb::Contribution);

fn contributions_columns<'a>() -> Vec<Column<Part<'a>>> {
    vec![
        text("REF_AREA", "区域 area", |(c, _)| say(&*c.area)),
        text("DIMENSION", "维度 dimension", |(_, p)| say(&*p.dimension)),
        text("OBS_VALUE", "数值 figure", |(_, p)| decimal(p.figure.as_ref().map_or("", |figure| &figure.value))),
        text("TIME_PERIOD", "数据日期 as of", |(_, p)| {
            say(date(p.figure.as_ref().and_then(|figure| figure.reference_date.as_ref())))
        }),
        text("REPORTING_AGENCY", "单位 agency", |(_, p)| say(&*p.agency)),
        text("SUM", "合计 sum", |(c, _)| decimal(&c.sum)),
        text("DIFFERENCE", "与总数之差 difference", |(c, _)| decimal(&c.difference)),
    ]
}

const TASKS: &[Column<pb::TaskProgress>] = &[
    text("TARGET", "目标 target", |t| say(t.target.split("/areas/").nth(1).unwrap_or(&t.target))),
    text("AGENCY", "单位 agency", |t| say(zh(t.agency_name.as_ref()))),
    text("DIMENSION", "维度 dimension", |t| say(t.task.as_ref().map_or("", |task| &task.dimension))),
    text("DUE_DATE", "期限 due", |t| say(date(t.task.as_ref().and_then(|task| task.due_date.as_ref())))),
    text("TASK_VALUE", "任务数 task", |t| decimal(t.task.as_ref().map_or("", |task| &task.value))),
    text("OBS_VALUE", "实际 actual", |t| decimal(&t.actual)),
    text("RATE", "完成率 rate", |t| percent(&t.rate)),
    text("OVERDUE", "逾期 overdue", |t| say(super::words::yes(t.overdue))),
];

pub(super) fn task_sheet(tasks: &[pb::TaskProgress]) -> Sheet {
    Sheet::of("tasks", tasks, TASKS).captioned("任务分解 tasks")
}

const BREAKS: &[Column<pb::SeriesBreak>] = &[
    text("BREAK_FROM", "自 from", |b| say(date(b.from.as_ref()))),
    text("REASON", "理由 reason", |b| say(&*b.reason)),
    text("POSITION", "位置 position", |b| decimal(&b.position.to_string())),
];

pub(in crate::cli) fn indicator(answer: &pb::GetIndicatorResponse) -> Board {
    let indicator = answer.indicator.clone().unwrap_or_default();
    let definition = indicator.definition.clone().unwrap_or_default();
    let figures: Vec<Figure<'_>> = answer.history.iter().map(|figure| (figure, &definition)).collect();
    let vintages: Vec<Said<'_>> = answer
        .vintages
        .iter()
        .flat_map(|period| period.vintages.iter().map(move |vintage| (period, vintage)))
        .collect();
    let parts: Vec<Part<'_>> =
        answer.contributions.iter().flat_map(|all| all.parts.iter().map(move |part| (all, part))).collect();
    let cut = if usize::try_from(answer.history_count).is_ok_and(|count| count > answer.history.len()) {
        format!("数值 figures（最近 {} / {} 条）", answer.history.len(), answer.history_count)
    } else {
        "数值 figures".to_owned()
    };
    let sheets = vec![
        targets("targets", &indicator.targets),
        Sheet::of("figures", &figures, &figures_columns()).captioned(cut),
        Sheet::of("years", &answer.years, YEARS).captioned("逐年 years"),
        Sheet::of("vintages", &vintages, &vintages_columns()).captioned("各期版本 vintages"),
        Sheet::of("contributions", &parts, &contributions_columns()).captioned("分项 contributions"),
        task_sheet(&answer.tasks),
        Sheet::of("breaks", &answer.breaks, BREAKS).captioned("序列断点 series breaks"),
        revision_sheet(&answer.revisions),
        note_sheet(&answer.notes),
    ];
    let (name, unit) = (both(definition.display_name.as_ref()), both(definition.unit_label.as_ref()));
    let heading = if unit.is_empty() { name } else { format!("{name}\n单位 unit: {unit}") };
    let mut board = Board::new(heading, sheets, answer.state.as_ref());
    board.main = 1;
    board
}

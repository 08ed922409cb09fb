//! Boards of targets: overview, areas, indicators, matrix, league, close-out, and the plan itself.
//!
//! Place in the flow: one function an answer, called by `progress`. It must not know how a board is written.

use songhua_wire::pb;

use super::words::{self, both, code, counts, dash, date, goal, id, lead, light, source, zh};
use super::{Board, Cell, Column, Heading, Sheet, decimal, percent, say, text, whole, wide};

type Target = pb::TargetProgress;

/// One row a target; codes are SDMX's where it has one.
const TARGETS: &[Column<Target>] = &[
    text("NUMBER", "#", |t| whole(t.number)),
    wide("REF_AREA", "区域 area", |t| say(&*t.area)),
    wide("AREA_NAME", "区域名称 area name", |t| say(zh(t.area_name.as_ref()))),
    wide("INDICATOR", "指标编号 indicator", |t| say(&*t.indicator)),
    text("INDICATOR_NAME", "指标 indicator", |t| say(zh(t.indicator_name.as_ref()))),
    wide("UNIT_MEASURE", "单位 unit", |t| say(zh(t.unit_label.as_ref()))),
    wide("OPERATOR", "算子 operator", |t| say(code(t.operator().as_str_name(), "OPERATOR_"))),
    text("TARGET", "目标 target", |t| say(goal(t))),
    wide("TARGET_VALUE", "目标值 target value", |t| decimal(&t.value)),
    text("OBS_VALUE", "实际 actual", |t| if t.step.is_empty() { decimal(&t.actual) } else { say(&*t.step) }),
    text("TARGET_RATE", "完成率 rate", |t| percent(&t.target_rate)),
    wide("INCREMENT_RATE", "增量完成率 increment rate", |t| percent(&t.increment_rate)),
    wide("EXPECTED", "序时应达 expected", |t| decimal(&t.expected)),
    text("DEVIATION", "偏差 dev.", |t| decimal(&t.deviation)),
    wide("GAP", "差距 gap", |t| decimal(&t.gap)),
    wide("REQUIRED_PACE", "每日所需 required pace", |t| decimal(&t.required_pace)),
    wide("FORECAST", "预测 forecast", |t| decimal(&t.forecast)),
    wide("STATUS_CODE", "状态代码 status code", |t| say(code(t.status().as_str_name(), "STATUS_"))),
    text("STATUS", "状态 status", |t| say(light(t.light(), t.status_label.as_ref()))),
    text("TIME_PERIOD", "数据日期 as of", |t| say(dash(&date(t.scored_date.as_ref())))),
    text("VERIFIED", "来源 by", |t| say(t.headline.as_ref().map_or("", |headline| source(headline.verified)))),
    text("LEAD_AGENCY", "牵头 lead", |t| say(lead(&t.lead_agency))),
    wide("DEADLINE", "期限 deadline", |t| say(date(t.effective_deadline.as_ref()))),
    wide("MARKS", "标记 marks", |t| say(t.marks.join(" "))),
    wide("COMMENT_OBS", "最新说明 last note", |t| {
        say(t
            .last_note
            .as_ref()
            .map_or("", |note| if note.progress.is_empty() { &note.problems } else { &note.progress }))
    }),
];

pub(in crate::cli) fn targets<'a>(name: &'static str, all: impl IntoIterator<Item = &'a Target>) -> Sheet {
    Sheet::of(name, all, TARGETS)
}

fn heading(circle: &pb::Circle) -> String {
    format!("{} [{}]", both(circle.display_name.as_ref()), id(&circle.name))
}

pub(in crate::cli) fn circles(page: &pb::ListCirclesResponse) -> Board {
    let (with, without): (Vec<_>, Vec<_>) = page.circles.iter().partition(|circle| !circle.targets.is_empty());
    let mut sheets: Vec<Sheet> =
        with.into_iter().map(|circle| targets("targets", &circle.targets).captioned(heading(circle))).collect();
    let empty: Vec<String> =
        without.into_iter().map(|circle| format!("{}（无目标 no targets）", heading(circle))).collect();
    if sheets.is_empty() {
        sheets.push(targets("targets", []));
    }
    Board::new(empty.join("\n"), sheets, page.state.as_ref())
}

pub(in crate::cli) fn circle(answer: &pb::GetCircleResponse) -> Board {
    let circle = answer.circle.clone().unwrap_or_default();
    let sheets = vec![targets("targets", &circle.targets), super::delivery::project_sheet(&answer.projects)];
    Board::new(heading(&circle), sheets, answer.state.as_ref())
}

pub(in crate::cli) fn indicators(page: &pb::ListIndicatorsResponse) -> Board {
    let all = page.indicators.iter().flat_map(|indicator| &indicator.targets);
    Board::new("", vec![targets("targets", all)], page.state.as_ref())
}

const AREAS: &[Column<pb::AreaSummary>] = &[
    wide("REF_AREA", "区域编号 area", |a| say(id(&a.name))),
    text("AREA_NAME", "区域 area", |a| say(zh(a.display_name.as_ref()))),
    text("TARGETS", "目标 targets", |a| whole(a.target_count)),
    text("STATUSES", "状态 statuses", |a| say(counts(&a.statuses))),
];

const TODOS: &[Column<pb::Todo>] = &[
    text("TODO", "待办 to do", |t| say(todo(&t.kind))),
    text("COUNT", "数量 count", |t| whole(t.count)),
    wide("NAMES", "名称 names", |t| say(t.names.join(" "))),
];

fn todo(kind: &str) -> String {
    let word = match kind {
        "UNASSIGNED" => "未指定牵头单位",
        "NO_BASELINE" => "缺基期值",
        "NO_MILESTONE" => "无节点的项目",
        "NOT_REPORTED" => "从未上报",
        _ => "",
    };
    format!("{word} {kind}").trim().to_owned()
}

pub(in crate::cli) fn overview(answer: &pb::GetOverviewResponse) -> Board {
    let title = answer.title.clone().unwrap_or_default();
    let heading = format!(
        "{}\n{}\n序时进度 time progress {} %，剩余 {} 天 days left\n{} 个目标 targets: {}",
        title.zh,
        title.en,
        answer.time_progress,
        answer.days_left,
        answer.target_count,
        counts(&answer.statuses)
    );
    let sheets = vec![
        Sheet::of("areas", &answer.areas, AREAS),
        Sheet::of("todo", &answer.todos, TODOS),
        targets("attention", &answer.attention).captioned("需关注 attention"),
    ];
    Board::new(heading, sheets, answer.state.as_ref())
}

/// Areas across, indicators down: as many columns as there are areas.
pub(in crate::cli) fn matrix(answer: &pb::GetMatrixResponse) -> Board {
    let heading =
        |code: &str, title: &str, terminal| Heading { code: code.to_owned(), title: title.to_owned(), terminal };
    let mut columns = vec![heading("INDICATOR", "指标编号", false), heading("INDICATOR_NAME", "指标 indicator", true)];
    for area in &answer.areas {
        let (id, name) = (id(&area.name), zh(area.display_name.as_ref()));
        columns.push(heading(id, name, true));
        columns.push(heading(&format!("{id}:OBS_VALUE"), &format!("{name} 实际 actual"), false));
        columns.push(heading(&format!("{id}:STATUS"), &format!("{name} 状态 status"), false));
    }
    let rows = answer.rows.iter().map(|row| {
        let mut cells = vec![say(&*row.indicator), say(zh(row.indicator_name.as_ref()))];
        for cell in &row.cells {
            if cell.target.is_empty() {
                cells.extend([say("—"), decimal(""), say("")]);
                continue;
            }
            let shown =
                format!("{} {}", light(cell.light(), cell.status_label.as_ref()), words::percent(&cell.target_rate));
            let status = code(cell.status().as_str_name(), "STATUS_");
            cells.extend([say(shown), decimal(&cell.actual), say(status)]);
        }
        cells
    });
    let sheet = Sheet { name: "matrix", caption: String::new(), rows: rows.collect(), columns };
    Board::new("", vec![sheet], answer.state.as_ref())
}

type Placed<'a> = (&'a pb::League, &'a pb::LeaguePlace);

fn league_columns<'a>() -> Vec<Column<Placed<'a>>> {
    vec![
        wide("INDICATOR", "指标编号 indicator", |(l, _)| say(&*l.indicator)),
        text("INDICATOR_NAME", "指标 indicator", |(l, _)| say(zh(l.indicator_name.as_ref()))),
        text("RANK", "位次 rank", |(_, p)| rank(p.rank)),
        text("RANK_CHANGE", "升降 change", |(_, p)| say(rank_change(p))),
        wide("PREVIOUS_RANK", "上次位次 previous rank", |(_, p)| rank(p.previous_rank)),
        wide("REF_AREA", "区域编号 area", |(_, p)| say(&*p.area)),
        text("AREA_NAME", "区域 area", |(_, p)| say(zh(p.area_name.as_ref()))),
        text("TARGET_RATE", "完成率 rate", |(_, p)| percent(&p.target_rate)),
        text("PREVIOUS_TARGET_RATE", "上次 before", |(_, p)| percent(&p.previous_target_rate)),
        text("OBS_VALUE", "实际 actual", |(_, p)| decimal(&p.actual)),
        text("TARGET_VALUE", "目标 target", |(_, p)| decimal(&p.value)),
        text("UNIT_MEASURE", "单位 unit", |(l, _)| say(zh(l.unit_label.as_ref()))),
        text("STATUS", "状态 status", |(_, p)| say(light(p.light(), p.status_label.as_ref()))),
    ]
}

fn rank(rank: u32) -> Cell {
    if rank == 0 { decimal("") } else { whole(rank) }
}

fn rank_change(place: &pb::LeaguePlace) -> String {
    match place.rank_change {
        _ if place.rank == 0 || place.previous_rank == 0 => String::new(),
        0 => "持平".to_owned(),
        won if won > 0 => format!("↑{won}"),
        lost => format!("↓{}", lost.unsigned_abs()),
    }
}

pub(in crate::cli) fn league(answer: &pb::GetLeagueResponse) -> Board {
    let all: Vec<Placed<'_>> =
        answer.leagues.iter().flat_map(|league| league.places.iter().map(move |place| (league, place))).collect();
    let heading = format!("位次按完成率，与 {} 相比 ranks compared with", date(answer.compare_date.as_ref()));
    Board::new(heading, vec![Sheet::of("league", &all, &league_columns())], answer.state.as_ref())
}

type Closed<'a> = (&'a pb::CloseOutTarget, &'a Target);

fn close_out_columns<'a>() -> Vec<Column<Closed<'a>>> {
    vec![
        text("NUMBER", "#", |(_, t)| whole(t.number)),
        wide("CATEGORY", "类别 category", |(c, _)| say(&*c.category)),
        wide("REF_AREA", "区域编号 area", |(_, t)| say(&*t.area)),
        text("AREA_NAME", "区域 area", |(_, t)| say(zh(t.area_name.as_ref()))),
        wide("INDICATOR", "指标编号 indicator", |(_, t)| say(&*t.indicator)),
        text("INDICATOR_NAME", "指标 indicator", |(_, t)| say(zh(t.indicator_name.as_ref()))),
        text("TARGET", "目标 target", |(_, t)| say(goal(t))),
        text("OBS_VALUE", "已核实际 verified", |(_, t)| decimal(&t.actual)),
        text("OUTCOME", "结论 outcome", |(c, _)| say(zh(c.outcome_label.as_ref()))),
        wide("OUTCOME_CODE", "结论代码 outcome code", |(c, _)| {
            say(code(c.outcome().as_str_name(), "CLOSE_OUT_OUTCOME_"))
        }),
        text("REPORTED_VALUE", "自报实际 reported", |(c, _)| decimal(&c.reported_actual)),
        text("REPORTED_STATUS", "按全部数据 all figures", |(c, _)| say(zh(c.reported_status_label.as_ref()))),
        text("TIME_PERIOD", "数据日期 as of", |(_, t)| say(dash(&date(t.scored_date.as_ref())))),
        text("LEAD_AGENCY", "牵头 lead", |(_, t)| say(lead(&t.lead_agency))),
    ]
}

const GROUPS: &[Column<pb::CloseOutGroup>] = &[
    wide("GROUP", "编号 id", |g| say(&*g.group)),
    text("GROUP_NAME", "类别或区域 group", |g| say(zh(g.display_name.as_ref()))),
    text("OUTCOMES", "结论 outcomes", |g| say(outcomes(&g.outcomes))),
];

fn outcomes(all: &[pb::OutcomeCount]) -> String {
    let shown = all.iter().filter(|count| count.count > 0);
    let words =
        shown.map(|count| format!("{} {}", code(count.outcome().as_str_name(), "CLOSE_OUT_OUTCOME_"), count.count));
    words.collect::<Vec<_>>().join(", ")
}

pub(in crate::cli) fn close_out(answer: &pb::GetCloseOutResponse) -> Board {
    let title = answer.title.clone().unwrap_or_default();
    let closed = if answer.closed {
        format!("已收官 closed out，截至 {}：{}", date(answer.as_of_date.as_ref()), answer.finding)
    } else {
        format!("未收官 not closed out，期末 plan ends {}", date(answer.end_date.as_ref()))
    };
    let heading = format!(
        "{} 收官评估\n{} close-out\n{closed}\n结论（仅计已核数据 verified figures only）: {}\n项目 projects {}，节点全部完成 all met {}，无节点 without milestone {}；未销号督办 open supervisions {}",
        title.zh,
        title.en,
        outcomes(&answer.outcomes),
        answer.project_count,
        answer.project_completed_count,
        answer.project_unplanned_count,
        answer.supervision_open_count
    );
    let targets: Vec<Closed<'_>> =
        answer.targets.iter().filter_map(|target| Some((target, target.verified.as_ref()?))).collect();
    let sheets = vec![
        Sheet::of("targets", &targets, &close_out_columns()),
        Sheet::of("categories", &answer.categories, GROUPS).captioned("按类别 by category"),
        Sheet::of("areas", &answer.areas, GROUPS).captioned("按区域 by area"),
    ];
    Board::new(heading, sheets, answer.state.as_ref())
}

const OPERATORS: &[Column<pb::OperatorCount>] = &[
    text("OPERATOR", "算子 operator", |o| say(code(o.operator().as_str_name(), "OPERATOR_"))),
    text("COUNT", "目标数 targets", |o| whole(o.count)),
];

pub(in crate::cli) fn plan(answer: &pb::GetPlanResponse) -> Board {
    let plan = answer.plan.clone().unwrap_or_default();
    let title = plan.title.clone().unwrap_or_default();
    let operators = plan
        .operators
        .iter()
        .map(|count| format!("{} {}", count.count, code(count.operator().as_str_name(), "OPERATOR_")));
    let heading = format!(
        "{}\n{}\n{} – {} ({})\n{} targets = {}\n{} areas, {} indicators, {} projects, {} after merges",
        title.zh,
        title.en,
        date(plan.start_date.as_ref()),
        date(plan.end_date.as_ref()),
        plan.time_zone,
        plan.target_count,
        operators.collect::<Vec<_>>().join(", "),
        plan.area_count,
        plan.indicator_count,
        plan.project_count,
        plan.project_count_after_merges
    );
    Board::new(heading, vec![Sheet::of("operators", &plan.operators, OPERATORS)], answer.state.as_ref())
}

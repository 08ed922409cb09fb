//! Answers of `ProgressService` as tables for a terminal. A status is a word with a shape, never a colour alone.

use comfy_table::Table;
use songhua_wire::google::type_::Date;
use songhua_wire::pb;

fn date(date: Option<&Date>) -> String {
    date.map_or_else(String::new, |date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}

fn zh(name: Option<&pb::Name>) -> &str {
    name.map_or("", |name| name.zh.as_str())
}

fn percent(text: &str) -> String {
    if text.is_empty() { "–".to_owned() } else { format!("{text} %") }
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

const fn shape(light: pb::Light) -> &'static str {
    match light {
        pb::Light::Met => "✔",
        pb::Light::Missed => "✘",
        pb::Light::Provisional => "◐",
        pb::Light::Green => "●",
        pb::Light::Yellow => "▲",
        pb::Light::Red => "■",
        pb::Light::Grey => "○",
        pb::Light::None | pb::Light::Unspecified => "·",
    }
}

fn status(target: &pb::TargetProgress) -> String {
    format!("{} {}", shape(target.light()), zh(target.status_label.as_ref()))
}

pub(super) fn goal(target: &pb::TargetProgress) -> String {
    let unit = zh(target.unit_label.as_ref());
    match target.operator() {
        pb::Operator::MoreThan => format!("> {} {unit}", target.value),
        pb::Operator::Between => format!("{}–{} {unit}", target.value, target.max),
        pb::Operator::Approximately => format!("≈ {} {unit}", target.value),
        pb::Operator::FullCoverage => "100 %".to_owned(),
        pb::Operator::ExceedsSeries => "> 对比序列".to_owned(),
        pb::Operator::Qualitative => target.required_step.clone(),
        pb::Operator::AtLeast | pb::Operator::Unspecified => format!("≥ {} {unit}", target.value),
    }
}

fn verified(target: &pb::TargetProgress) -> &'static str {
    target.headline.as_ref().map_or("", |headline| if headline.verified { "已核" } else { "自报" })
}

fn targets<'a>(targets: impl IntoIterator<Item = &'a pb::TargetProgress>) -> Table {
    let mut table = Table::new();
    table.set_header([
        "#",
        "指标 indicator",
        "目标 target",
        "实际 actual",
        "完成率 rate",
        "偏差 dev.",
        "状态 status",
        "数据日期 as of",
        "来源 by",
        "牵头 lead",
    ]);
    for target in targets {
        table.add_row([
            target.number.to_string(),
            zh(target.indicator_name.as_ref()).to_owned(),
            goal(target),
            dash(if target.step.is_empty() { &target.actual } else { &target.step }).to_owned(),
            percent(&target.target_rate),
            dash(&target.deviation).to_owned(),
            status(target),
            dash(&date(target.scored_date.as_ref())).to_owned(),
            verified(target).to_owned(),
            lead(&target.lead_agency).to_owned(),
        ]);
    }
    table
}

fn lead(agency: &str) -> &str {
    if agency.is_empty() { "未分配" } else { agency }
}

fn foot(state: Option<&pb::ReadState>) -> String {
    let Some(state) = state else { return String::new() };
    let simulated = if state.simulated { " 模拟数据 SIMULATED" } else { "" };
    let still = if state.r#final { "定 final" } else { "可变 may change" };
    format!(
        "\n截至 {} · 已知位置 known {} / {} · {still} · 规则 rule {}{simulated}",
        date(state.valid_date.as_ref()),
        state.known_position,
        state.applied_position,
        state.light_rule_version
    )
}

pub(super) fn circles(page: &pb::ListCirclesResponse) -> String {
    let mut text = String::new();
    let (with, without): (Vec<_>, Vec<_>) = page.circles.iter().partition(|circle| !circle.targets.is_empty());
    for circle in with {
        text.push_str(&format!("{}\n{}\n\n", heading(circle), targets(&circle.targets)));
    }
    for circle in without {
        text.push_str(&format!("{}（无目标 no targets）\n", heading(circle)));
    }
    text + &foot(page.state.as_ref())
}

fn heading(circle: &pb::Circle) -> String {
    let id = circle.name.rsplit('/').next().unwrap_or_default();
    let name = circle.display_name.clone().unwrap_or_default();
    format!("{} {} [{id}]", name.zh, name.en)
}

pub(super) fn circle(answer: &pb::GetCircleResponse) -> String {
    let circle = answer.circle.clone().unwrap_or_default();
    let projects =
        if answer.projects.is_empty() { String::new() } else { format!("\n{}", project_table(&answer.projects)) };
    format!("{}\n{}{projects}{}", heading(&circle), targets(&circle.targets), foot(answer.state.as_ref()))
}

pub(super) fn indicators(page: &pb::ListIndicatorsResponse) -> String {
    let all = page.indicators.iter().flat_map(|indicator| &indicator.targets);
    format!("{}{}", targets(all), foot(page.state.as_ref()))
}

pub(super) fn indicator(answer: &pb::GetIndicatorResponse) -> String {
    let indicator = answer.indicator.clone().unwrap_or_default();
    let mut history = Table::new();
    history.set_header([
        "位置 position",
        "区域 area",
        "口径 basis",
        "期间 period",
        "数值 figure",
        "状态 obs.",
        "单位 agency",
        "有效 live",
        "核验 verified",
    ]);
    for observation in &answer.history {
        let period = observation.period.unwrap_or_default();
        history.add_row([
            observation.position.to_string(),
            observation.area.clone(),
            observation.basis().as_str_name().trim_start_matches("BASIS_").to_owned(),
            format!("{}..{}", date(period.start.as_ref()), date(period.end.as_ref())),
            figure(observation),
            observation.obs_status().as_str_name().trim_start_matches("OBS_STATUS_").to_owned(),
            observation.agency.clone(),
            if observation.live { "✔".to_owned() } else { format!("→ {}", observation.superseded_by) },
            if observation.verified { "已核".to_owned() } else { String::new() },
        ]);
    }
    let name = indicator.definition.as_ref().and_then(|definition| definition.display_name.clone()).unwrap_or_default();
    format!("{} {}\n{}\n{history}{}", name.zh, name.en, targets(&indicator.targets), foot(answer.state.as_ref()))
}

fn figure(observation: &pb::Observation) -> String {
    match observation.figure.as_ref().and_then(|figure| figure.kind.as_ref()) {
        Some(pb::figure::Kind::Value(value)) => value.clone(),
        Some(pb::figure::Kind::Fraction(fraction)) => format!("{}/{}", fraction.numerator, fraction.denominator),
        None => observation.step.clone(),
    }
}

fn project_table(projects: &[pb::Project]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "项目 project",
        "名称 name",
        "区域 area",
        "完成 completion",
        "节点 met/all",
        "逾期 overdue",
        "下一节点 next due",
        "备注",
    ]);
    for project in projects {
        table.add_row([
            project.name.rsplit('/').next().unwrap_or_default().to_owned(),
            zh(project.display_name.as_ref()).to_owned(),
            project.area.clone(),
            percent(&project.completion),
            format!("{}/{}", project.met_count, project.milestone_count),
            project.overdue_count.to_string(),
            dash(&date(project.next_due_date.as_ref())).to_owned(),
            if project.merged_into.is_empty() { String::new() } else { format!("并入 → {}", project.merged_into) },
        ]);
    }
    table
}

pub(super) fn projects(page: &pb::ListProjectsResponse) -> String {
    format!("{}{}", project_table(&page.projects), foot(page.state.as_ref()))
}

fn milestone_table(milestones: &[pb::Milestone]) -> Table {
    let mut table = Table::new();
    table.set_header(["节点 milestone", "名称 title", "到期 due", "状态 status", "延期 slips", "达成 reached"]);
    for milestone in milestones {
        let overdue = if milestone.overdue { " 逾期" } else { "" };
        table.add_row([
            milestone.name.split("/projects/").nth(1).unwrap_or_default().to_owned(),
            zh(milestone.title.as_ref()).to_owned(),
            date(milestone.due_date.as_ref()),
            format!("{}{overdue}", milestone.status().as_str_name().trim_start_matches("MILESTONE_STATUS_")),
            format!("{} ({} d)", milestone.reschedule_count, milestone.slip_days),
            dash(&date(milestone.reach_date.as_ref())).to_owned(),
        ]);
    }
    table
}

pub(super) fn milestones(page: &pb::ListMilestonesResponse) -> String {
    format!("{}{}", milestone_table(&page.milestones), foot(page.state.as_ref()))
}

pub(super) fn project(answer: &pb::GetProjectResponse) -> String {
    let project = answer.project.clone().unwrap_or_default();
    let milestones = milestone_table(&project.milestones);
    format!("{}\n{milestones}{}", project_table(std::slice::from_ref(&project)), foot(answer.state.as_ref()))
}

pub(super) fn agencies(page: &pb::ListAgenciesResponse) -> String {
    let mut table = Table::new();
    table.set_header([
        "单位 agency",
        "名称 name",
        "分工 assignments",
        "可报目标 targets",
        "其中牵头 headline",
        "可报项目 projects",
    ]);
    for agency in &page.agencies {
        let targets = &agency.reportable_targets;
        table.add_row([
            agency.name.rsplit('/').next().unwrap_or_default().to_owned(),
            zh(agency.display_name.as_ref()).to_owned(),
            agency.assignments.iter().map(assignment).collect::<Vec<_>>().join("\n"),
            targets.len().to_string(),
            targets.iter().filter(|target| target.headline).count().to_string(),
            agency.reportable_projects.len().to_string(),
        ]);
    }
    format!("{table}{}", foot(page.state.as_ref()))
}

fn assignment(assigned: &pb::AgencyAssigned) -> String {
    use pb::scope::Kind;
    let role = assigned.role().as_str_name().trim_start_matches("ASSIGNMENT_ROLE_");
    let scope = match assigned.scope.as_ref().and_then(|scope| scope.kind.as_ref()) {
        Some(Kind::Plan(_)) | None => "plan".to_owned(),
        Some(Kind::Area(area)) => format!("areas/{area}"),
        Some(Kind::Indicator(indicator)) => format!("indicators/{indicator}"),
        Some(Kind::Target(target)) => format!("areas/{}/targets/{}", target.area, target.indicator),
        Some(Kind::Project(project)) => format!("projects/{project}"),
    };
    format!("{role} {scope}")
}

/// A change of status as one line.
pub(super) fn change(change: &pb::StatusChange) -> String {
    let pb::StatusChange { area, indicator, position, .. } = change;
    let from = change.from().as_str_name().trim_start_matches("STATUS_");
    let from = if change.from == 0 { "–" } else { from };
    let word = change.to_label.clone().unwrap_or_default();
    format!(
        "{} {} [{area}] {} [{indicator}] {from} → {} {} {} @ {position}",
        date(change.date.as_ref()),
        zh(change.area_name.as_ref()),
        zh(change.indicator_name.as_ref()),
        shape(change.to_light()),
        word.zh,
        word.en,
    )
}

fn counts(statuses: &[pb::StatusCount]) -> String {
    let shown = statuses.iter().filter(|count| count.count > 0);
    let words =
        shown.map(|count| format!("{} {}", count.status().as_str_name().trim_start_matches("STATUS_"), count.count));
    words.collect::<Vec<_>>().join(", ")
}

pub(super) fn overview(answer: &pb::GetOverviewResponse) -> String {
    let title = answer.title.clone().unwrap_or_default();
    let mut areas = Table::new();
    areas.set_header(["区域 area", "目标 targets", "状态 statuses"]);
    for area in &answer.areas {
        areas.add_row([
            zh(area.display_name.as_ref()).to_owned(),
            area.target_count.to_string(),
            counts(&area.statuses),
        ]);
    }
    let todos = answer.todos.iter().map(|todo| format!("{} {}", todo.kind, todo.count)).collect::<Vec<_>>().join(", ");
    format!(
        "{}\n{}\n序时进度 time progress {} %，剩余 {} 天 days left\n{} 个目标 targets: {}\n待办 to do: {todos}\n{areas}\n需关注 attention\n{}{}",
        title.zh,
        title.en,
        answer.time_progress,
        answer.days_left,
        answer.target_count,
        counts(&answer.statuses),
        targets(&answer.attention),
        foot(answer.state.as_ref())
    )
}

pub(super) fn plan(answer: &pb::GetPlanResponse) -> String {
    let plan = answer.plan.clone().unwrap_or_default();
    let title = plan.title.clone().unwrap_or_default();
    let operators = plan
        .operators
        .iter()
        .map(|count| format!("{} {}", count.count, count.operator().as_str_name().trim_start_matches("OPERATOR_")));
    format!(
        "{}\n{}\n{} – {} ({})\n{} targets = {}\n{} areas, {} indicators, {} projects, {} after merges{}",
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
        plan.project_count_after_merges,
        foot(answer.state.as_ref())
    )
}

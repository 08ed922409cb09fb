//! Boards of projects and milestones: lists, one project, the calendar.
//!
//! Place in the flow: one function an answer, called by `progress`. It must not know how a board is written.

use songhua_wire::pb;

use super::words::{both, code, dash, date, id, lead, zh};
use super::{Board, Column, Sheet, decimal, percent, say, text, whole, wide};

const PROJECTS: &[Column<pb::Project>] = &[
    text("PROJECT", "项目 project", |p| say(id(&p.name))),
    text("PROJECT_NAME", "名称 name", |p| say(zh(p.display_name.as_ref()))),
    text("REF_AREA", "区域 area", |p| say(&*p.area)),
    text("PROJECT_STATUS", "状态 status", |p| say(project_status(p.status()))),
    text("COMPLETION", "完成 completion", |p| percent(&p.completion)),
    text("MILESTONES", "节点 met/all", |p| say(format!("{}/{}", p.met_count, p.milestone_count))),
    text("OVERDUE", "逾期 overdue", |p| whole(p.overdue_count)),
    text("SLIPPED", "延期 slipped", |p| whole(p.slipped_count)),
    text("NEXT_DUE", "下一节点 next due", |p| say(dash(&date(p.next_due_date.as_ref())))),
    wide("INDUSTRY", "产业 industry", |p| say(&*p.industry)),
    wide("LEAD_AGENCY", "责任单位 lead", |p| say(lead(&p.lead_agency))),
    text("MERGED_INTO", "备注", |p| {
        say(if p.merged_into.is_empty() { String::new() } else { format!("并入 → {}", id(&p.merged_into)) })
    }),
];

/// The word for a project's status; nothing where nobody said.
fn project_status(status: pb::ProjectStatus) -> &'static str {
    match status {
        pb::ProjectStatus::Unspecified => "",
        pb::ProjectStatus::Identification => "谋划",
        pb::ProjectStatus::Preparation => "前期",
        pb::ProjectStatus::Implementation => "实施",
        pb::ProjectStatus::Completion => "收尾",
        pb::ProjectStatus::Completed => "已完成",
        pb::ProjectStatus::Cancelled => "已取消",
        pb::ProjectStatus::Suspended => "暂停",
    }
}

pub(super) fn project_sheet(projects: &[pb::Project]) -> Sheet {
    Sheet::of("projects", projects, PROJECTS)
}

pub(in crate::cli) fn projects(page: &pb::ListProjectsResponse) -> Board {
    Board::new("", vec![project_sheet(&page.projects)], page.state.as_ref())
}

const MILESTONES: &[Column<pb::Milestone>] = &[
    text("MILESTONE", "节点 milestone", |m| say(m.name.split("/projects/").nth(1).unwrap_or_default())),
    text("TITLE", "名称 title", |m| say(zh(m.title.as_ref()))),
    wide("MILESTONE_TYPE", "类型 type", |m| say(code(m.milestone_type().as_str_name(), "MILESTONE_TYPE_"))),
    wide("REF_AREA", "区域 area", |m| say(&*m.area)),
    text("DUE_DATE", "到期 due", |m| say(date(m.due_date.as_ref()))),
    wide("ORIGINAL_DUE_DATE", "原定 original due", |m| say(date(m.original_due_date.as_ref()))),
    text("STATUS", "状态 status", |m| say(status(m))),
    text("SLIPS", "调整 moved", |m| say(format!("{} ({} d)", m.reschedule_count, m.slip_days))),
    wide("RESCHEDULES", "调整次数 reschedules", |m| whole(m.reschedule_count)),
    wide("SLIP_DAYS", "延期天数 slip days", |m| whole(m.slip_days)),
    text("REACH_DATE", "达成 reached", |m| say(dash(&date(m.reach_date.as_ref())))),
    wide("PERCENT", "完成百分比 percent", |m| decimal(&m.percent)),
    wide("WEIGHT", "权重 weight", |m| decimal(&m.weight)),
];

fn status(milestone: &pb::Milestone) -> String {
    let overdue = if milestone.overdue { " 逾期" } else { "" };
    format!("{}{overdue}", code(milestone.status().as_str_name(), "MILESTONE_STATUS_"))
}

fn milestone_sheet(milestones: &[pb::Milestone]) -> Sheet {
    Sheet::of("milestones", milestones, MILESTONES)
}

pub(in crate::cli) fn milestones(page: &pb::ListMilestonesResponse) -> Board {
    Board::new("", vec![milestone_sheet(&page.milestones)], page.state.as_ref())
}

pub(in crate::cli) fn project(answer: &pb::GetProjectResponse) -> Board {
    let project = answer.project.clone().unwrap_or_default();
    let sheets = vec![project_sheet(std::slice::from_ref(&project)), milestone_sheet(&project.milestones)];
    Board::new(both(project.display_name.as_ref()), sheets, answer.state.as_ref())
}

/// An entry of the calendar that has a milestone, as all have.
type Item<'a> = (&'a pb::CalendarItem, &'a pb::Milestone);

fn calendar_columns<'a>() -> Vec<Column<Item<'a>>> {
    vec![
        text("BUCKET", "到期 when", |(i, _)| say(bucket(i.bucket()))),
        text("DUE_DATE", "到期日 due", |(_, m)| say(date(m.due_date.as_ref()))),
        text("DAYS_TO_DUE", "剩余天数 days", |(i, _)| whole(i.days_to_due)),
        wide("PROJECT", "项目编号 project", |(i, _)| say(id(&i.project))),
        text("PROJECT_NAME", "项目 project", |(i, _)| say(zh(i.project_name.as_ref()))),
        wide("MILESTONE", "节点编号 milestone", |(_, m)| say(id(&m.name))),
        text("TITLE", "节点 milestone", |(_, m)| say(zh(m.title.as_ref()))),
        text("STATUS", "状态 status", |(_, m)| say(status(m))),
        text("SLIPS", "调整 moved", |(_, m)| say(format!("{} ({} d)", m.reschedule_count, m.slip_days))),
        wide("ORIGINAL_DUE_DATE", "原定 original due", |(_, m)| say(date(m.original_due_date.as_ref()))),
        text("LEAD_AGENCY", "责任单位 lead", |(i, _)| say(lead(&i.lead_agency))),
    ]
}

fn bucket(bucket: pb::DueBucket) -> &'static str {
    match bucket {
        pb::DueBucket::Unspecified => "",
        pb::DueBucket::Overdue => "■ 逾期 overdue",
        pb::DueBucket::Due30 => "▲ 30 天内",
        pb::DueBucket::Due90 => "● 90 天内",
        pb::DueBucket::Later => "○ 以后 later",
        pb::DueBucket::Met => "✔ 已完成 met",
        pb::DueBucket::Cancelled => "· 已取消",
    }
}

pub(super) fn calendar_sheet(items: &[pb::CalendarItem]) -> Sheet {
    let items: Vec<Item<'_>> = items.iter().filter_map(|item| Some((item, item.milestone.as_ref()?))).collect();
    Sheet::of("calendar", &items, &calendar_columns())
}

pub(in crate::cli) fn calendar(answer: &pb::GetCalendarResponse) -> Board {
    let buckets = answer.buckets.iter().filter(|count| count.count > 0);
    let buckets: Vec<String> = buckets.map(|count| format!("{} {}", bucket(count.bucket()), count.count)).collect();
    let heading = format!(
        "{}\n延期节点 slipped {}，调整 reschedules {} 次，共 {} 天；无节点的项目 without milestone {}",
        buckets.join(", "),
        answer.slipped_count,
        answer.reschedule_count,
        answer.slip_days,
        answer.without_milestone_count
    );
    let projects = project_sheet(&answer.projects).captioned("项目完成情况 projects by completion");
    Board::new(heading, vec![calendar_sheet(&answer.items), projects], answer.state.as_ref())
}

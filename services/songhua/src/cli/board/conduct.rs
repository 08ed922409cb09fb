//! Boards of conducting a plan: agencies, who has not reported, revisions, verification, supervision, periods, notes.
//!
//! Place in the flow: one function an answer, called by `progress`. It must not know how a board is written.

use songhua_wire::pb;

use super::delivery::calendar_sheet;
use super::indicator::task_sheet;
use super::words::{both, code, dash, date, id, lead, light, scope, time, time_period, yes, zh};
use super::{Board, Cell, Column, Sheet, decimal, either, quantity, say, text, whole, wide};

const AGENCIES: &[Column<pb::Agency>] = &[
    text("AGENCY", "单位 agency", |a| say(id(&a.name))),
    text("AGENCY_NAME", "名称 name", |a| say(zh(a.display_name.as_ref()))),
    wide("USCC", "统一社会信用代码", |a| say(&*a.uscc)),
    text("ASSIGNMENTS", "分工 assignments", |a| {
        say(a.assignments.iter().map(assignment).collect::<Vec<_>>().join("\n"))
    }),
    text("TARGETS", "可报目标 targets", |a| count(a.reportable_targets.len())),
    text("LEADS", "其中牵头 headline", |a| {
        count(a.reportable_targets.iter().filter(|target| target.headline).count())
    }),
    text("PROJECTS", "可报项目 projects", |a| count(a.reportable_projects.len())),
    text("DUE", "应报 due", |a| ledger(a, |l| l.due_count)),
    text("OVERDUE", "逾期 overdue", |a| ledger(a, |l| l.overdue_count)),
    text("REJECTED", "退回 rejected", |a| ledger(a, |l| l.rejected_count)),
    wide("UNVERIFIED", "未核 unverified", |a| ledger(a, |l| l.unverified_count)),
    wide("CORRECTIONS", "更正 corrections", |a| ledger(a, |l| l.correction_count)),
    wide("MILESTONES_OPEN", "未完成节点 milestones", |a| ledger(a, |l| l.milestone_count)),
    wide("MILESTONES_OVERDUE", "逾期节点 overdue milestones", |a| ledger(a, |l| l.milestone_overdue_count)),
    text("SUPERVISIONS_OPEN", "督办 supervised", |a| ledger(a, |l| l.supervision_open_count)),
    wide("SUPERVISIONS_OVERDUE", "督办逾期", |a| ledger(a, |l| l.supervision_overdue_count)),
    wide("REMINDERS", "催报 reminders", |a| ledger(a, |l| l.reminder_count)),
    text("SUCCEEDED_BY", "承接单位 successor", |a| say(id(&a.succeeded_by))),
];

fn ledger(agency: &pb::Agency, count: fn(&pb::AgencyLedger) -> u32) -> Cell {
    agency.ledger.as_ref().map_or_else(|| decimal(""), |ledger| whole(count(ledger)))
}

fn count(number: usize) -> Cell {
    decimal(&number.to_string())
}

fn assignment(assigned: &pb::AgencyAssigned) -> String {
    let role = code(assigned.role().as_str_name(), "ASSIGNMENT_ROLE_");
    format!("{role} {}", scope(assigned.scope.as_ref()))
}

pub(in crate::cli) fn agencies(page: &pb::ListAgenciesResponse) -> Board {
    Board::new("", vec![Sheet::of("agencies", &page.agencies, AGENCIES)], page.state.as_ref())
}

const DUTIES: &[Column<pb::Duty>] = &[
    text("AGENCY", "单位 agency", |d| say(lead(&d.agency))),
    wide("AGENCY_NAME", "单位名称", |d| say(zh(d.agency_name.as_ref()))),
    text("REF_AREA", "区域 area", |d| say(&*d.area)),
    wide("INDICATOR", "指标编号 indicator", |d| say(&*d.indicator)),
    text("INDICATOR_NAME", "指标 indicator", |d| say(zh(d.indicator_name.as_ref()))),
    text("FREQ", "频率 frequency", |d| say(code(d.frequency().as_str_name(), "FREQUENCY_"))),
    text("LAST_TIME_PERIOD", "最近数据 last", |d| say(dash(&date(d.last_reference_date.as_ref())))),
    text("TIME_PERIOD", "应报期末 period end", |d| say(date(d.period_end.as_ref()))),
    text("DUE_DATE", "应报日 due", |d| say(date(d.due_date.as_ref()))),
    text("DAYS_OVERDUE", "逾期天数 overdue", |d| whole(d.days_overdue.max(0))),
    text("NOTHING", "无变化 nothing", |d| say(yes(d.nothing_to_report))),
    text("REMINDERS", "催报 reminders", |d| whole(d.reminder_count)),
    text("STATUS", "状态 status", |d| say(light(d.light(), d.status_label.as_ref()))),
    text("PERIOD_CLOSED", "已关闭·漏报 period closed", |d| say(yes(d.period_closed))),
];

pub(in crate::cli) fn staleness(page: &pb::ListStalenessResponse) -> Board {
    let heading = format!("应报 owed {}，逾期 overdue {}", page.total_size, page.overdue_count);
    Board::new(heading, vec![Sheet::of("duties", &page.duties, DUTIES)], page.state.as_ref())
}

const REMINDERS: &[Column<pb::Reminder>] = &[
    text("RECORDED_TIME", "时间 time", |r| say(time(r.recorded_time.as_ref()))),
    text("SCOPE", "事项 scope", |r| say(scope(r.scope.as_ref()))),
    text("PERIOD", "报告期 period", |r| say(&*r.period)),
    text("MESSAGE", "内容 message", |r| say(&*r.message)),
];

pub(in crate::cli) fn agency(answer: &pb::GetAgencyResponse) -> Board {
    let agency = answer.agency.clone().unwrap_or_default();
    let former: Vec<&str> = agency.former_names.iter().map(|name| name.zh.as_str()).collect();
    let mut heading = both(agency.display_name.as_ref());
    if !former.is_empty() {
        heading.push_str(&format!("\n曾用名 formerly: {}", former.join("、")));
    }
    let sheets = vec![
        Sheet::of("agency", [&agency], AGENCIES),
        Sheet::of("duties", &answer.duties, DUTIES).captioned("应报数据 duties"),
        task_sheet(&answer.tasks),
        calendar_sheet(&answer.milestones).captioned("未完成节点 open milestones"),
        supervision_sheet(&answer.supervisions).captioned("督办 supervision"),
        Sheet::of("reminders", &answer.reminders, REMINDERS).captioned("催报 reminders"),
        note_sheet(&answer.notes),
    ];
    let mut board = Board::new(heading, sheets, answer.state.as_ref());
    board.main = 1;
    board
}

const REVISIONS: &[Column<pb::Revision>] = &[
    text("POSITION", "位置 position", |r| decimal(&r.position.to_string())),
    text("RECORDED_TIME", "时间 time", |r| say(time(r.recorded_time.as_ref()))),
    text("EVENT", "事项 event", |r| say(zh(r.event_label.as_ref()))),
    wide("EVENT_TYPE", "事件类型 event type", |r| say(&*r.event_type)),
    text("SUBJECT", "对象 subject", |r| say(r.subject.splitn(3, '/').nth(2).unwrap_or(&r.subject))),
    wide("REF_AREA", "区域 area", |r| say(&*r.area)),
    wide("INDICATOR", "指标 indicator", |r| say(&*r.indicator)),
    wide("DIMENSION", "维度 dimension", |r| say(&*r.dimension)),
    text("TIME_PERIOD", "期间 period", |r| say(time_period(r.period.as_ref()))),
    text("BEFORE", "之前 before", |r| either(&r.before)),
    text("AFTER", "之后 after", |r| either(&r.after)),
    text("REASON", "理由 reason", |r| say(&*r.reason)),
    text("AGENCY", "单位 agency", |r| say(&*r.agency)),
    wide("EVENT_ID", "事件 event id", |r| say(&*r.event_id)),
];

pub(super) fn revision_sheet(revisions: &[pb::Revision]) -> Sheet {
    Sheet::of("revisions", revisions, REVISIONS).captioned("修订记录 revisions")
}

pub(in crate::cli) fn revisions(page: &pb::ListRevisionsResponse) -> Board {
    Board::new("", vec![revision_sheet(&page.revisions)], page.state.as_ref())
}

const VERIFICATIONS: &[Column<pb::VerificationItem>] = &[
    text("POSITION", "位置 position", |v| decimal(&v.position.to_string())),
    text("STATE", "核验 state", |v| say(state(v.state()))),
    text("DAYS_WAITING", "等待天数 days", |v| whole(v.days_waiting)),
    text("SUBJECT", "对象 subject", |v| say(v.subject.splitn(3, '/').nth(2).unwrap_or(&v.subject))),
    wide("KIND", "性质 kind", |v| say(&*v.kind)),
    wide("DIMENSION", "维度 dimension", |v| say(&*v.dimension)),
    text("TIME_PERIOD", "期间 period", |v| say(time_period(v.period.as_ref()))),
    text("OBS_VALUE", "内容 content", |v| quantity(v.figure.as_ref(), &v.step)),
    text("REPORTING_AGENCY", "单位 agency", |v| say(&*v.agency)),
    text("EVIDENCE", "佐证 evidence", |v| say(evidence(&v.evidence))),
    text("NOTE", "说明 note", |v| say(&*v.note)),
    text("EVENT_ID", "事件 event id", |v| say(&*v.event_id)),
];

fn state(state: pb::VerificationState) -> &'static str {
    match state {
        pb::VerificationState::Unspecified => "",
        pb::VerificationState::Unverified => "○ 自报",
        pb::VerificationState::Requested => "◔ 待核验",
        pb::VerificationState::Reopened => "↻ 重新核验",
        pb::VerificationState::Verified => "✔ 已核",
        pb::VerificationState::Rejected => "✘ 核验不通过",
    }
}

fn evidence(all: &[pb::EvidenceState]) -> String {
    let standing = all.iter().filter(|one| one.withdrawn_by == 0).count();
    match all.len() - standing {
        0 if standing == 0 => String::new(),
        0 => format!("{standing} 份"),
        withdrawn => format!("{standing} 份，撤回 {withdrawn} 份"),
    }
}

pub(in crate::cli) fn verifications(page: &pb::ListVerificationsResponse) -> Board {
    Board::new("", vec![Sheet::of("verifications", &page.items, VERIFICATIONS)], page.state.as_ref())
}

const SUPERVISIONS: &[Column<pb::Supervision>] = &[
    text("SUPERVISION", "督办 supervision", |s| say(id(&s.name))),
    text("STATUS", "状态 status", |s| say(supervision_status(s))),
    text("AGENCY_NAME", "单位 agency", |s| say(zh(s.agency_name.as_ref()))),
    text("SCOPE", "事项 scope", |s| say(scope(s.scope.as_ref()))),
    text("DEMAND", "要求 demand", |s| say(&*s.demand)),
    text("DUE_DATE", "期限 due", |s| say(date(s.due_date.as_ref()))),
    text("DAYS_OVERDUE", "逾期天数 overdue", |s| whole(s.days_overdue)),
    wide("DOCUMENT", "督办函 document", |s| say(&*s.document)),
    wide("ISSUED_BY", "督查单位 issued by", |s| say(&*s.issued_by)),
    wide("ISSUED_TIME", "督办时间 issued", |s| say(time(s.issued_time.as_ref()))),
    text("ANSWER", "最近回复 answer", |s| say(s.answers.last().map_or("", |answer| &answer.answer))),
    text("FINDING", "结论 finding", |s| say(&*s.finding)),
];

fn supervision_status(matter: &pb::Supervision) -> &'static str {
    match (matter.status(), matter.outcome()) {
        (pb::SupervisionStatus::Unspecified, _) => "",
        (pb::SupervisionStatus::Issued, _) => "▲ 已督办",
        (pb::SupervisionStatus::Answered, _) => "◔ 已回复",
        (pb::SupervisionStatus::Closed, pb::SupervisionOutcome::Withdrawn) => "· 撤销",
        (pb::SupervisionStatus::Closed, _) => "✔ 已销号",
    }
}

fn supervision_sheet(matters: &[pb::Supervision]) -> Sheet {
    Sheet::of("supervisions", matters, SUPERVISIONS)
}

pub(in crate::cli) fn supervisions(page: &pb::ListSupervisionsResponse) -> Board {
    Board::new("", vec![supervision_sheet(&page.supervisions)], page.state.as_ref())
}

const PERIODS: &[Column<pb::ReportingPeriod>] = &[
    text("PERIOD", "报告期 period", |p| say(id(&p.name))),
    text("FREQ", "频率 frequency", |p| say(code(p.frequency().as_str_name(), "FREQUENCY_"))),
    text("START_DATE", "起 from", |p| say(date(p.start_date.as_ref()))),
    text("END_DATE", "止 to", |p| say(date(p.end_date.as_ref()))),
    text("DUE_DATE", "应报日 due", |p| say(date(p.due_date.as_ref()))),
    text("OPEN", "状态 state", |p| say(if p.open { "● 开放" } else { "■ 已关闭" })),
    text("EXPECTED", "应报 expected", |p| whole(p.expected_count)),
    text("REPORTED", "已报 reported", |p| whole(p.reported_count)),
    text("NOTHING", "无变化 nothing", |p| whole(p.nothing_count)),
    text("MISSING", "未报单位 missing", |p| say(missing(&p.missing))),
    wide("NOTE", "说明 note", |p| say(&*p.note)),
    wide("REASON", "关闭理由 reason", |p| say(&*p.reason)),
];

/// Every agency once, in the order of what is missing.
fn missing(duties: &[pb::Duty]) -> String {
    let mut agencies: Vec<&str> = Vec::new();
    for duty in duties {
        let agency = lead(&duty.agency);
        if !agencies.contains(&agency) {
            agencies.push(agency);
        }
    }
    agencies.join(" ")
}

pub(in crate::cli) fn periods(page: &pb::ListReportingPeriodsResponse) -> Board {
    Board::new("", vec![Sheet::of("periods", &page.periods, PERIODS)], page.state.as_ref())
}

const NOTES: &[Column<pb::ProgressNote>] = &[
    text("AS_OF_DATE", "截至 as of", |n| say(date(n.as_of_date.as_ref()))),
    text("SCOPE", "事项 scope", |n| say(scope(n.scope.as_ref()))),
    text("PROGRESS", "进展 progress", |n| say(&*n.progress)),
    text("PROBLEMS", "存在问题 problems", |n| say(&*n.problems)),
    text("NEXT_STEPS", "下一步措施 next steps", |n| say(&*n.next_steps)),
    text("AGENCY_NAME", "单位 agency", |n| say(zh(n.agency_name.as_ref()))),
    wide("POSITION", "位置 position", |n| decimal(&n.position.to_string())),
];

pub(super) fn note_sheet(notes: &[pb::ProgressNote]) -> Sheet {
    Sheet::of("notes", notes, NOTES).captioned("进展说明 notes")
}

pub(in crate::cli) fn notes(page: &pb::ListProgressNotesResponse) -> Board {
    Board::new("", vec![note_sheet(&page.notes)], page.state.as_ref())
}

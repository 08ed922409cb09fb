//! A record as one line for people: position, time, who, type, subject, and in short what it says.

use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::time::timestamp_from_pb;

/// Longest free text that is shown, in characters.
const TEXT_SHOWN_MAX: usize = 60;

/// The line of an event, without its end.
pub(super) fn line(position: u64, event_type: &str, event: &pb::Event) -> String {
    let time = event.recorded_time.as_ref().and_then(|time| timestamp_from_pb(time).ok());
    let time = time.map_or_else(String::new, |time| format!("{time:.6}"));
    let subject = event.subject.strip_prefix("plans/").unwrap_or(&event.subject);
    let subject = subject.split_once('/').map_or(subject, |(_, rest)| rest);
    let payload = event.input.as_ref().and_then(|input| input.payload.as_ref());
    let (who, says) = (who(event.actor.as_ref()), payload.map_or_else(String::new, says));
    let back_dated = if event.back_dated { " 补录" } else { "" };
    let line = format!("{position:>8}  {time}  {who:<16}  {event_type:<28}  {subject}  {says}{back_dated}");
    // What others wrote must not steer a terminal.
    line.trim_end().chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn who(actor: Option<&pb::Actor>) -> String {
    let Some(actor) = actor else { return String::new() };
    let mut who = actor.principal.clone();
    for (mark, agency) in [("/", &actor.agency), (" 代 ", &actor.on_behalf_of)] {
        if !agency.is_empty() {
            who.push_str(mark);
            who.push_str(agency);
        }
    }
    who
}

fn date(date: Option<&Date>) -> String {
    date.map_or_else(|| "–".to_owned(), |date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}

fn zh(name: Option<&pb::Name>) -> &str {
    name.map_or("", |name| if name.zh.is_empty() { &name.en } else { &name.zh })
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(TEXT_SHOWN_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn figure(figure: Option<&pb::Figure>) -> String {
    match figure.and_then(|figure| figure.kind.as_ref()) {
        Some(pb::figure::Kind::Value(value)) => value.clone(),
        Some(pb::figure::Kind::Fraction(fraction)) => format!("{}/{}", fraction.numerator, fraction.denominator),
        None => String::new(),
    }
}

fn period(period: Option<&pb::ReferencePeriod>) -> String {
    let Some(period) = period else { return String::new() };
    let start = period.start.as_ref().map_or_else(String::new, |start| format!("{} – ", date(Some(start))));
    format!("{start}{}", date(period.end.as_ref()))
}

fn dated(value: &pb::DatedValue) -> String {
    format!("{}（{}）", value.value, date(value.date.as_ref()))
}

/// The beginning of a digest.
fn digest(sha256: &[u8]) -> String {
    sha256.iter().take(4).map(|byte| format!("{byte:02x}")).chain(["…".to_owned()]).collect()
}

/// A code without its prefix, which repeats the name of its list.
fn code<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

fn scope(scope: Option<&pb::Scope>) -> String {
    use pb::scope::Kind;
    match scope.and_then(|scope| scope.kind.as_ref()) {
        Some(Kind::Plan(_)) => "全方案".to_owned(),
        Some(Kind::Area(area)) => format!("区域 {area}"),
        Some(Kind::Indicator(indicator)) => format!("指标 {indicator}"),
        Some(Kind::Target(target)) => format!("目标 {}/{}", target.area, target.indicator),
        Some(Kind::Project(project)) => format!("项目 {project}"),
        None => String::new(),
    }
}

/// What the event says, in short.
fn says(payload: &Payload) -> String {
    match payload {
        Payload::LogCreated(genesis) => if genesis.simulated { "建立日志 模拟数据" } else { "建立日志" }.to_owned(),
        Payload::HistoryForked(forked) => {
            format!("自备份恢复，纪元 {}，保留前 {} 条：{}", forked.epoch, forked.new_size, short(&forked.reason))
        }
        Payload::DayOpened(day) => date(day.date.as_ref()),
        Payload::PlanDefined(plan) => zh(plan.title.as_ref()).to_owned(),
        Payload::PlanPublished(published) => format!("发布，{} 条定义", published.event_count),
        Payload::AreaDesignated(area) => zh(area.display_name.as_ref()).to_owned(),
        Payload::AreaStageChanged(change) => {
            format!("{} {}", code(change.stage().as_str_name(), "AREA_STAGE_"), short(&change.reason))
        }
        Payload::IndicatorDefined(indicator) => zh(indicator.display_name.as_ref()).to_owned(),
        Payload::TargetSet(target) => format!(
            "{} {} {}",
            code(target.operator().as_str_name(), "OPERATOR_"),
            if target.value.is_empty() { &target.required_step } else { &target.value },
            date(target.effective_deadline.as_ref())
        ),
        Payload::BaselineSet(set) => format!("基期 {}", set.baseline.as_ref().map_or_else(String::new, dated)),
        Payload::InterimTargetsSet(set) => {
            format!("年度目标 {}", set.interim.iter().map(dated).collect::<Vec<_>>().join("、"))
        }
        Payload::LightRuleAdopted(adopted) => {
            format!("规则 {} {}", adopted.rule.as_ref().map_or(0, |rule| rule.version), short(&adopted.reason))
        }
        Payload::AgencyRegistered(agency) => zh(agency.display_name.as_ref()).to_owned(),
        Payload::AgencyAssigned(assigned) => {
            format!("{} {}", code(assigned.role().as_str_name(), "ASSIGNMENT_ROLE_"), scope(assigned.scope.as_ref()))
        }
        Payload::ProjectRegistered(project) => zh(project.display_name.as_ref()).to_owned(),
        Payload::ProjectMerged(merged) => format!("并入 {} {}", merged.into, short(&merged.reason)),
        payload => says_of_report(payload),
    }
}

fn says_of_report(payload: &Payload) -> String {
    match payload {
        Payload::MilestonePlanned(m) => format!("{} 到期 {}", zh(m.title.as_ref()), date(m.due_date.as_ref())),
        Payload::MilestoneRescheduled(m) => {
            let (before, after) = (date(m.previous_due_date.as_ref()), date(m.due_date.as_ref()));
            format!("{before} → {after} {}", short(&m.reason))
        }
        Payload::MilestoneReached(m) => format!("达成 {}", date(m.reach_date.as_ref())),
        Payload::MilestonePartiallyReached(m) => {
            format!("部分达成 {} % {} {}", m.percent, date(m.as_of_date.as_ref()), short(&m.shortfall))
        }
        Payload::MilestoneMissed(m) => format!("未达成 {} {}", date(m.as_of_date.as_ref()), short(&m.reason)),
        Payload::MilestoneCancelled(m) => format!("取消 {}", short(&m.reason)),
        Payload::MeasurementReported(m) => {
            format!("{}（{}）{}", figure(m.figure.as_ref()), period(m.period.as_ref()), m.dimension)
        }
        Payload::MeasurementCorrected(m) => format!("更正为 {} {}", figure(m.figure.as_ref()), short(&m.reason)),
        Payload::MeasurementRetracted(m) => format!("撤回 {}", short(&m.reason)),
        Payload::NothingToReport(m) => format!("无变化（{}）", period(m.period.as_ref())),
        Payload::QualitativeAssessmentRecorded(a) => {
            format!("{}（{}）{}", a.step, date(a.as_of_date.as_ref()), short(&a.finding))
        }
        Payload::EvidenceAttached(attached) => format!("佐证 {} 份", attached.evidence.len()),
        Payload::VerificationAccepted(verified) => format!("核验通过 {}", short(&verified.finding)),
        Payload::VerificationRejected(rejected) => format!("核验不通过 {}", short(&rejected.reason)),
        Payload::MilestoneReopened(m) => format!("重新启动 {}", short(&m.reason)),
        Payload::MeasurementRevised(m) => format!("修订为 {} {}", figure(m.figure.as_ref()), short(&m.reason)),
        Payload::EvidenceWithdrawn(w) => format!("撤回佐证 {} {}", digest(&w.sha256), short(&w.reason)),
        Payload::VerificationRequested(requested) => format!("申请核验 {}", short(&requested.note)),
        Payload::VerificationReopened(reopened) => format!("重新核验 {}", short(&reopened.reason)),
        payload => says_of_revision(payload),
    }
}

fn says_of_revision(payload: &Payload) -> String {
    match payload {
        Payload::PlanRevised(plan) => format!("修订 {}", short(&plan.changes)),
        Payload::PlanClosedOut(plan) => format!("收官 {} {}", date(plan.as_of_date.as_ref()), short(&plan.finding)),
        Payload::CalculationAdopted(adopted) => {
            format!("算法 {} {}", adopted.calc_version, short(&adopted.reason))
        }
        Payload::IndicatorRedefined(i) => format!("改为 {} {}", zh(i.display_name.as_ref()), short(&i.reason)),
        Payload::IndicatorRetired(i) => format!("停用 {} {}", date(i.retired_from.as_ref()), short(&i.reason)),
        Payload::TargetRevised(target) => format!(
            "调整为 {} {} {}",
            if target.value.is_empty() { &target.required_step } else { &target.value },
            date(target.effective_deadline.as_ref()),
            short(&target.reason)
        ),
        Payload::BaselineRestated(restated) => {
            let baseline = restated.baseline.as_ref().map_or_else(String::new, dated);
            format!("基期改为 {baseline} {}", short(&restated.reason))
        }
        Payload::TargetDecomposed(target) => format!("任务分解 {} 项 {}", target.tasks.len(), short(&target.note)),
        Payload::AgencyRenamed(agency) => {
            format!("更名 {} {}", zh(agency.display_name.as_ref()), short(&agency.reason))
        }
        Payload::AgencySucceeded(agency) => format!("由 {} 承接 {}", agency.successor, short(&agency.reason)),
        Payload::AssignmentEnded(ended) => {
            let role = ended.role();
            let role = code(role.as_str_name(), "ASSIGNMENT_ROLE_");
            format!("解除 {role} {} {}", scope(ended.scope.as_ref()), short(&ended.reason))
        }
        Payload::ProjectStatusChanged(project) => {
            format!("{} {}", code(project.status().as_str_name(), "PROJECT_STATUS_"), short(&project.reason))
        }
        payload => says_of_conduct(payload),
    }
}

fn says_of_conduct(payload: &Payload) -> String {
    match payload {
        Payload::ReportingPeriodOpened(period) => {
            let [start, end, due] =
                [&period.start_date, &period.end_date, &period.due_date].map(|day| date(day.as_ref()));
            format!("填报期 {start} – {end} 截止 {due}")
        }
        Payload::ReportingPeriodClosed(period) => format!("填报期关闭 {}", short(&period.reason)),
        Payload::ReminderIssued(reminder) => {
            format!("催报 {} {}", scope(reminder.scope.as_ref()), short(&reminder.message))
        }
        Payload::ProgressNoteRecorded(note) => {
            let texts = [&note.progress, &note.problems, &note.next_steps];
            let said = texts.into_iter().find(|text| !text.is_empty()).map_or_else(String::new, |text| short(text));
            format!("进展（{}）{said}", date(note.as_of_date.as_ref()))
        }
        Payload::SupervisionIssued(s) => {
            format!("督办 {} 限期 {} {}", s.agency, date(s.due_date.as_ref()), short(&s.demand))
        }
        Payload::SupervisionAnswered(s) => format!("回复 {}", short(&s.answer)),
        Payload::SupervisionClosed(s) => {
            format!("销号 {} {}", code(s.outcome().as_str_name(), "SUPERVISION_OUTCOME_"), short(&s.finding))
        }
        // Every other type was taken by the functions before this one.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use songhua_wire::event::TYPE_TOKENS;

    use super::*;

    #[test]
    fn every_event_type_says_something() {
        let mut seen = BTreeSet::new();
        // The wire crate keeps one record of each event type.
        for folder in ["../wire/fixtures/v1", "../wire/fixtures/v2", "../wire/fixtures/v3"] {
            let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
            for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
                let token = file.file_stem().unwrap().to_str().unwrap().to_owned();
                let event: pb::Event = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
                let payload = event.input.as_ref().unwrap().payload.as_ref().unwrap();
                assert!(!says(payload).trim().is_empty(), "{token} says nothing");
                assert!(line(1, &token, &event).contains(&token));
                seen.insert(token);
            }
        }
        assert_eq!(seen, TYPE_TOKENS.iter().map(|token| (*token).to_owned()).collect());
    }
}

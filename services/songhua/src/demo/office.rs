//! What the plan office and the assessor do: baselines, interim targets, stages, the light rule, merges, assessments.

use jiff::civil::date;
use songhua_domain::event::{
    AreaStageChanged, BaselineSet, InterimTargetsSet, LightRuleAdopted, ProjectMerged, QualitativeAssessmentRecorded,
    VerificationAccepted, VerificationRejected,
};
use songhua_domain::score::DatedValue;
use songhua_domain::vocabulary::{Accumulation, PathKind};

use super::calendar::sent;
use super::scenario::{Fault, Story};
use super::script::{assessor, office};
use super::stage::Stage;

/// Tells what the office and the assessor do.
pub(super) fn tell(stage: &mut Stage<'_>) -> Result<(), Fault> {
    paths(stage)?;
    let (scenario, actor) = (stage.scenario, office());
    for change in &scenario.office.stages {
        let key = format!("stage/{}/{}", change.area, change.effective);
        let payload = AreaStageChanged { area: change.area.clone(), stage: change.stage, reason: change.why.clone() };
        stage.script.say_with(sent(change.on, &actor.principal)?, &actor, &key, payload, |event| {
            event.effective_date = Some(change.effective);
        });
    }
    for change in &scenario.office.rules {
        let key = format!("rule/{}", change.rule.version);
        let (rule, schedules, reason) = (change.rule.clone(), change.schedules.clone(), change.why.clone());
        let payload = LightRuleAdopted { rule, schedules, reason };
        stage.script.say(sent(change.on, &actor.principal)?, &actor, &key, payload);
    }
    for merge in &scenario.office.merges {
        let (project, into, reason) = (merge.project.clone(), merge.into.clone(), merge.why.clone());
        let payload = ProjectMerged { project, into, interpreted: false, reason };
        let key = format!("merged/{}", merge.project);
        stage.script.say(sent(merge.on, &actor.principal)?, &actor, &key, payload);
    }
    assessments(stage)
}

/// Baselines and interim targets of the stories that have them.
fn paths(stage: &mut Stage<'_>) -> Result<(), Fault> {
    let (scenario, actor) = (stage.scenario, office());
    let at = |day| sent(day, &actor.principal);
    let (baselines, interim) = (at(scenario.office.baselines_on)?, at(scenario.office.interim_on)?);
    for story in &scenario.figures {
        let (area, indicator) = (story.area.clone(), story.indicator.clone());
        if let Some(value) = story.base.filter(|_| story.baseline && has_start(stage, story)) {
            let baseline = DatedValue { date: date(2021, 12, 31), value };
            let key = format!("baseline/{area}/{indicator}");
            let payload = BaselineSet { area: area.clone(), indicator: indicator.clone(), baseline };
            stage.script.say_with(baselines, &actor, &key, payload, |event| {
                event.source_ref = "2021 年度统计年鉴（模拟）".to_owned();
            });
        }
        if !story.interim.is_empty() {
            let points = story.interim.iter().zip(2022..);
            let points = points.map(|(value, year)| DatedValue { date: date(year, 12, 31), value: *value }).collect();
            let key = format!("interim/{area}/{indicator}");
            let payload = InterimTargetsSet { area, indicator, interim: points, reason: String::new() };
            stage.script.say(interim, &actor, &key, payload);
        }
    }
    Ok(())
}

/// Whether a baseline means anything to the story's target.
fn has_start(stage: &Stage<'_>, story: &Story) -> bool {
    let target = stage.state.target(&story.area, &story.indicator);
    let path = target.is_some_and(|target| target.definition.path_kind == PathKind::Linear);
    let indicator = stage.state.indicator(&story.indicator);
    path && indicator.is_some_and(|indicator| indicator.accumulation != Accumulation::Cumulative)
}

fn assessments(stage: &mut Stage<'_>) -> Result<(), Fault> {
    let (scenario, actor) = (stage.scenario, assessor());
    for one in &scenario.office.assessments {
        let key = format!("{}/{}/{}", one.area, one.indicator, one.as_of);
        let payload = QualitativeAssessmentRecorded {
            area: one.area.clone(),
            indicator: one.indicator.clone(),
            as_of: one.as_of,
            step: one.step.clone(),
            finding: one.finding.clone(),
            obs_status: one.obs_status,
        };
        let at = sent(one.on, &actor.principal)?;
        let event = stage.script.say(at, &actor, &format!("assessed/{key}"), payload);
        let inspector = stage.inspector();
        if let Some(day) = one.verified_on {
            let finding = "评估程序和专家意见齐全（模拟） / procedure and opinions are complete".to_owned();
            let payload = VerificationAccepted { event, finding };
            stage.script.say(
                sent(day, &inspector.principal)?,
                &inspector,
                &format!("assessed/{key}/verified"),
                payload,
            );
        }
        if let Some(day) = one.rejected_on {
            let reason = "评估样本不足，结论不成立（模拟） / too few samples for the conclusion".to_owned();
            let payload = VerificationRejected { event, reason };
            stage.script.say(
                sent(day, &inspector.principal)?,
                &inspector,
                &format!("assessed/{key}/rejected"),
                payload,
            );
        }
    }
    Ok(())
}

//! Milestones: expands each project's story into plans, reports, new dates and checks.

use jiff::civil::Date;
use songhua_domain::event::{
    MilestoneCancelled, MilestoneMissed, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneRescheduled, VerificationAccepted, VerificationRejected,
};
use songhua_domain::id::ProjectId;
use songhua_domain::quantity::Decimal;
use uuid::Uuid;

use super::calendar::{plus, sent};
use super::scenario::{Deed, DeedKind, Fault, MilestoneStory};
use super::script::clerk;
use super::stage::Stage;

/// Tells every project's story.
pub(super) fn tell(stage: &mut Stage<'_>) -> Result<(), Fault> {
    for story in &stage.scenario.projects {
        let lead = stage.state.lead_of_project(&story.project);
        let lead = lead.ok_or_else(|| Fault(format!("{}: nobody leads it", story.project)))?;
        let actor = clerk(lead);
        for milestone in &story.milestones {
            let planned = MilestonePlanned {
                project: story.project.clone(),
                milestone: milestone.id.clone(),
                milestone_type: milestone.r#type,
                title: milestone.title.clone(),
                due_date: milestone.due,
                weight: milestone.weight.unwrap_or(Decimal::ONE),
            };
            let key = format!("planned/{}/{}", story.project, milestone.id);
            stage.script.say(sent(story.planned, &actor.principal)?, &actor, &key, planned);
            let mut course = Course { project: &story.project, milestone, due: milestone.due, last: None };
            for (deed, count) in milestone.story.iter().zip(1..) {
                course.go_on(stage, &actor, deed, count)?;
            }
        }
    }
    Ok(())
}

/// How far a milestone has come.
struct Course<'a> {
    project: &'a ProjectId,
    milestone: &'a MilestoneStory,
    due: Date,
    last: Option<Uuid>,
}

impl Course<'_> {
    fn go_on(
        &mut self,
        stage: &mut Stage<'_>,
        actor: &songhua_domain::event::Actor,
        deed: &Deed,
        count: u32,
    ) -> Result<(), Fault> {
        let fault = |what: &str| Fault(format!("{}/{} on {}: {what}", self.project, self.milestone.id, deed.on));
        let key = format!("milestone/{}/{}/{count}", self.project, self.milestone.id);
        let checks = matches!(deed.what, DeedKind::Verified | DeedKind::Rejected);
        let who = if checks { stage.inspector() } else { actor.clone() };
        let at = sent(deed.on, &who.principal)?;
        let (project, milestone) = (self.project.clone(), self.milestone.id.clone());
        let (day, why) = (deed.as_of.unwrap_or(deed.on), deed.why.clone());
        let script = &mut stage.script;
        let report = match deed.what {
            DeedKind::Rescheduled => {
                let due_date = deed.to.ok_or_else(|| fault("has no new date"))?;
                let previous_due_date = std::mem::replace(&mut self.due, due_date);
                let moved = MilestoneRescheduled { project, milestone, previous_due_date, due_date, reason: why };
                script.say(at, &who, &key, moved);
                return Ok(());
            }
            DeedKind::Cancelled => {
                script.say(at, &who, &key, MilestoneCancelled { project, milestone, reason: why });
                return Ok(());
            }
            DeedKind::Verified => {
                let event = self.last.ok_or_else(|| fault("nothing was reported"))?;
                script.say(at, &who, &key, VerificationAccepted { event, finding: why });
                return Ok(());
            }
            DeedKind::Rejected => {
                let event = self.last.take().ok_or_else(|| fault("nothing was reported"))?;
                script.say(at, &who, &key, VerificationRejected { event, reason: why });
                return Ok(());
            }
            DeedKind::Partial => {
                let percent = deed.percent.ok_or_else(|| fault("has no percent"))?;
                MilestonePartiallyReached { project, milestone, as_of: day, percent, shortfall: why }.into()
            }
            DeedKind::Missed => MilestoneMissed { project, milestone, as_of: day, reason: why }.into(),
            DeedKind::Reached => songhua_domain::event::Payload::from(MilestoneReached {
                project,
                milestone,
                reach_date: day,
            }),
        };
        let proof = script.evidence(&key, "现场照片和验收记录（模拟）");
        let late = plus(day, 366) < deed.on;
        let id = script.say_with(at, &who, &key, report, |event| {
            if deed.what == DeedKind::Reached {
                event.evidence = vec![proof];
            }
            if late {
                event.source_ref = format!("{} 年项目档案（模拟），第 3 页", day.year());
                event.comment = "补录：项目档案移交后补报（模拟） / filed late from the project's files".to_owned();
            }
        });
        self.last = Some(id);
        Ok(())
    }
}

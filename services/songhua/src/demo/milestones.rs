//! Milestones: expands each project's story into plans, reports, new dates and checks.

use jiff::civil::Date;
use songhua_domain::event::{
    Actor, MilestoneCancelled, MilestoneMissed, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneReopened, MilestoneRescheduled, Payload, VerificationAccepted, VerificationRejected,
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
    fn go_on(&mut self, stage: &mut Stage<'_>, actor: &Actor, deed: &Deed, count: u32) -> Result<(), Fault> {
        let fault = |what: &str| Fault(format!("{}/{} on {}: {what}", self.project, self.milestone.id, deed.on));
        let (project, milestone, why) = (self.project.clone(), self.milestone.id.clone(), deed.why.clone());
        let day = deed.as_of.unwrap_or(deed.on);
        let reported = || self.last.ok_or_else(|| fault("nothing was reported"));
        let payload: Payload = match deed.what {
            DeedKind::Rescheduled => {
                let (previous_due_date, due_date) = (self.due, deed.to.ok_or_else(|| fault("has no new date"))?);
                MilestoneRescheduled { project, milestone, previous_due_date, due_date, reason: why }.into()
            }
            DeedKind::Cancelled => MilestoneCancelled { project, milestone, reason: why }.into(),
            DeedKind::Reopened => MilestoneReopened { project, milestone, reason: why }.into(),
            DeedKind::Partial => {
                let percent = deed.percent.ok_or_else(|| fault("has no percent"))?;
                MilestonePartiallyReached { project, milestone, as_of: day, percent, shortfall: why }.into()
            }
            DeedKind::Missed => MilestoneMissed { project, milestone, as_of: day, reason: why }.into(),
            DeedKind::Reached => MilestoneReached { project, milestone, reach_date: day }.into(),
            DeedKind::Verified => VerificationAccepted { event: reported()?, finding: why }.into(),
            DeedKind::Rejected => VerificationRejected { event: reported()?, reason: why }.into(),
        };
        let said = self.say(stage, actor, deed, count, payload)?;
        match deed.what {
            DeedKind::Rescheduled => self.due = deed.to.unwrap_or(self.due),
            DeedKind::Partial | DeedKind::Missed | DeedKind::Reached => self.last = Some(said),
            DeedKind::Rejected | DeedKind::Reopened => self.last = None,
            DeedKind::Cancelled | DeedKind::Verified => {}
        }
        Ok(())
    }

    /// Checks come from the inspector, all else from the project's agency; what is late names its source.
    fn say(
        &self,
        stage: &mut Stage<'_>,
        actor: &Actor,
        deed: &Deed,
        count: u32,
        payload: Payload,
    ) -> Result<Uuid, Fault> {
        let key = format!("milestone/{}/{}/{count}", self.project, self.milestone.id);
        let checks = matches!(deed.what, DeedKind::Verified | DeedKind::Rejected);
        let who = if checks { stage.inspector() } else { actor.clone() };
        let at = sent(deed.on, &who.principal)?;
        let proof = stage.script.evidence(&key, "现场照片和验收记录（模拟）");
        let late = deed.as_of.filter(|day| plus(*day, 366) < deed.on);
        Ok(stage.script.say_with(at, &who, &key, payload, |event| {
            if deed.what == DeedKind::Reached {
                event.evidence = vec![proof];
            }
            if let Some(day) = late {
                event.source_ref = format!("{} 年项目档案（模拟），第 3 页", day.year());
                event.comment = "补录：项目档案移交后补报（模拟） / filed late from the project's files".to_owned();
            }
        }))
    }
}

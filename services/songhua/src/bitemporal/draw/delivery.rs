//! Projects and milestones.

use jiff::civil::date;
use songhua_domain::event::{
    MilestoneCancelled, MilestoneMissed, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneReopened, MilestoneRescheduled, Payload, ProjectMerged, ProjectRegistered, ProjectStatusChanged,
};
use songhua_domain::id::{MilestoneId, ProjectId};
use songhua_domain::vocabulary::{MilestoneType, ProjectKind, ProjectStatus};

use super::{Proposal, any_agency, any_area, any_project, service};
use crate::bitemporal::dice::Dice;
use crate::bitemporal::plan;
use crate::bitemporal::world::{World, office};

/// Most projects of a history.
const PROJECTS: usize = 6;

/// Whether it says nothing without a date.
pub(super) const fn is_dated(payload: &Payload) -> bool {
    matches!(payload, Payload::ProjectStatusChanged(_) | Payload::AreaStageChanged(_))
}

/// Something about a project.
pub(super) fn any(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let project = any_project(world, dice);
    let lead = world.state.lead_of_project(&project).filter(|_| !dice.one_in(8));
    let reporter = lead.map_or_else(|| service(&any_agency(world, dice)), service);
    let payload = match dice.below(20) {
        0..3 => return Some((office(), planned(world, dice, project))),
        3..6 => status(dice, project),
        6 => return Some((office(), registered(world, dice)?)),
        7 if dice.one_in(4) => return Some((office(), merged(world, dice, project)?)),
        _ => of_milestone(world, dice, project)?,
    };
    Some((reporter, payload))
}

fn planned(world: &World, dice: &mut Dice, project: ProjectId) -> Payload {
    let milestone = plan::id(&format!("m-{}", dice.below(9)));
    let due_date = dice.day(world.today(), -30, 500);
    let milestone_type = *dice.of_all(MilestoneType::ALL);
    let (title, weight) = (plan::name("节点"), dice.decimal(1, 30, 1));
    MilestonePlanned { project, milestone, milestone_type, title, due_date, weight }.into()
}

fn status(dice: &mut Dice, project: ProjectId) -> Payload {
    let status = *dice.of_all(ProjectStatus::ALL);
    ProjectStatusChanged { project, status, reason: "批复".to_owned() }.into()
}

fn registered(world: &World, dice: &mut Dice) -> Option<Payload> {
    let count = world.state.projects().count();
    let area = any_area(world, dice);
    let project = plan::project(&format!("project-{count}"), area.as_str());
    let kind = if dice.one_in(3) { ProjectKind::Direction } else { ProjectKind::Project };
    (count < PROJECTS).then(|| ProjectRegistered { kind, ..project }.into())
}

fn merged(world: &World, dice: &mut Dice, into: ProjectId) -> Option<Payload> {
    let known = world.state.projects().map(|(id, _)| id).filter(|id| **id != into && id.as_str() != "park");
    let all: Vec<_> = known.collect();
    let project = (*dice.of_any(&all)?).clone();
    Some(ProjectMerged { project, into, interpreted: dice.one_in(2), reason: "同一项目".to_owned() }.into())
}

fn of_milestone(world: &World, dice: &mut Dice, project: ProjectId) -> Option<Payload> {
    let all: Vec<_> = world.state.milestones_of(&project).collect();
    let (id, known) = *dice.of_any(&all)?;
    let (milestone, due): (MilestoneId, _) = (id.clone(), known.due_date);
    let past = dice.day(world.today(), -120, 0);
    let reason = "审批延后".to_owned();
    Some(match dice.below(12) {
        0..3 => {
            let due_date = dice.day(due, -60, 200).max(date(2022, 1, 1));
            MilestoneRescheduled { project, milestone, previous_due_date: due, due_date, reason }.into()
        }
        3..5 => MilestoneReached { project, milestone, reach_date: past }.into(),
        5..7 => {
            let (percent, shortfall) = (dice.decimal(5, 995, 1), "设备未到".to_owned());
            MilestonePartiallyReached { project, milestone, as_of: past, percent, shortfall }.into()
        }
        7..9 => {
            let as_of = dice.day(due, 0, 30).min(world.today());
            MilestoneMissed { project, milestone, as_of, reason }.into()
        }
        9 => MilestoneCancelled { project, milestone, reason }.into(),
        _ => MilestoneReopened { project, milestone, reason }.into(),
    })
}

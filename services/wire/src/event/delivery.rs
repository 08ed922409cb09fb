//! Payloads of projects and milestones.
//!
//! Place in the flow: called by [`super::input_from_pb`] and its inverse. It must not know: which step a milestone may
//! take next.

use songhua_domain::event::{
    MilestoneCancelled, MilestoneMissed, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneReopened, MilestoneRescheduled, ProjectMerged, ProjectRegistered, ProjectStatusChanged,
};
use songhua_domain::quantity::Decimal;

use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, gather};

impl FromWire for ProjectRegistered {
    type Wire = pb::ProjectRegistered;
    fn read(at: At<'_>, wire: &pb::ProjectRegistered) -> Option<Self> {
        gather!(ProjectRegistered {
            project: at.field("project").id(&wire.project),
            area: at.field("area").id(&wire.area),
            kind: at.field("kind").code(wire.kind),
            name: at.field("display_name").title(wire.display_name.as_ref()),
            industry: at.field("industry").name(&wire.industry),
            aliases: at.field("aliases").names(&wire.aliases),
            mentions: at.field("mentions").list(&wire.mentions),
            notes: at.field("notes").texts(&wire.notes),
        })
    }
}

impl From<&ProjectRegistered> for pb::ProjectRegistered {
    fn from(event: &ProjectRegistered) -> Self {
        Self {
            project: event.project.to_string(),
            area: event.area.to_string(),
            kind: event.kind.to_wire(),
            display_name: Some((&event.name).into()),
            industry: event.industry.clone(),
            aliases: event.aliases.clone(),
            mentions: event.mentions.iter().map(Into::into).collect(),
            notes: event.notes.clone(),
        }
    }
}

impl FromWire for ProjectMerged {
    type Wire = pb::ProjectMerged;
    fn read(at: At<'_>, wire: &pb::ProjectMerged) -> Option<Self> {
        gather!(ProjectMerged {
            project: at.field("project").id(&wire.project),
            into: at.field("into").id(&wire.into),
            interpreted: Some(wire.interpreted),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&ProjectMerged> for pb::ProjectMerged {
    fn from(event: &ProjectMerged) -> Self {
        Self {
            project: event.project.to_string(),
            into: event.into.to_string(),
            interpreted: event.interpreted,
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for MilestonePlanned {
    type Wire = pb::MilestonePlanned;
    fn read(at: At<'_>, wire: &pb::MilestonePlanned) -> Option<Self> {
        let weight = at.field("weight").optional_decimal(&wire.weight);
        gather!(MilestonePlanned {
            project: at.field("project").id(&wire.project),
            milestone: at.field("milestone").id(&wire.milestone),
            milestone_type: at.field("milestone_type").code(wire.milestone_type),
            title: at.field("title").title(wire.title.as_ref()),
            due_date: at.field("due_date").date(wire.due_date.as_ref()),
            weight: weight.map(|weight| weight.unwrap_or(Decimal::ONE)),
        })
    }
}

impl From<&MilestonePlanned> for pb::MilestonePlanned {
    fn from(event: &MilestonePlanned) -> Self {
        Self {
            project: event.project.to_string(),
            milestone: event.milestone.to_string(),
            milestone_type: event.milestone_type.to_wire(),
            title: Some((&event.title).into()),
            due_date: Some(date_to_pb(event.due_date)),
            weight: event.weight.to_string(),
        }
    }
}

impl FromWire for MilestoneRescheduled {
    type Wire = pb::MilestoneRescheduled;
    fn read(at: At<'_>, wire: &pb::MilestoneRescheduled) -> Option<Self> {
        gather!(MilestoneRescheduled {
            project: at.field("project").id(&wire.project),
            milestone: at.field("milestone").id(&wire.milestone),
            previous_due_date: at.field("previous_due_date").date(wire.previous_due_date.as_ref()),
            due_date: at.field("due_date").date(wire.due_date.as_ref()),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&MilestoneRescheduled> for pb::MilestoneRescheduled {
    fn from(event: &MilestoneRescheduled) -> Self {
        Self {
            project: event.project.to_string(),
            milestone: event.milestone.to_string(),
            previous_due_date: Some(date_to_pb(event.previous_due_date)),
            due_date: Some(date_to_pb(event.due_date)),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for MilestoneReached {
    type Wire = pb::MilestoneReached;
    fn read(at: At<'_>, wire: &pb::MilestoneReached) -> Option<Self> {
        gather!(MilestoneReached {
            project: at.field("project").id(&wire.project),
            milestone: at.field("milestone").id(&wire.milestone),
            reach_date: at.field("reach_date").date(wire.reach_date.as_ref()),
        })
    }
}

impl From<&MilestoneReached> for pb::MilestoneReached {
    fn from(event: &MilestoneReached) -> Self {
        Self {
            project: event.project.to_string(),
            milestone: event.milestone.to_string(),
            reach_date: Some(date_to_pb(event.reach_date)),
        }
    }
}

impl FromWire for MilestonePartiallyReached {
    type Wire = pb::MilestonePartiallyReached;
    fn read(at: At<'_>, wire: &pb::MilestonePartiallyReached) -> Option<Self> {
        gather!(MilestonePartiallyReached {
            project: at.field("project").id(&wire.project),
            milestone: at.field("milestone").id(&wire.milestone),
            as_of: at.field("as_of_date").date(wire.as_of_date.as_ref()),
            percent: at.field("percent").decimal(&wire.percent),
            shortfall: at.field("shortfall").required_text(&wire.shortfall),
        })
    }
}

impl From<&MilestonePartiallyReached> for pb::MilestonePartiallyReached {
    fn from(event: &MilestonePartiallyReached) -> Self {
        Self {
            project: event.project.to_string(),
            milestone: event.milestone.to_string(),
            as_of_date: Some(date_to_pb(event.as_of)),
            percent: event.percent.to_string(),
            shortfall: event.shortfall.clone(),
        }
    }
}

impl FromWire for MilestoneMissed {
    type Wire = pb::MilestoneMissed;
    fn read(at: At<'_>, wire: &pb::MilestoneMissed) -> Option<Self> {
        gather!(MilestoneMissed {
            project: at.field("project").id(&wire.project),
            milestone: at.field("milestone").id(&wire.milestone),
            as_of: at.field("as_of_date").date(wire.as_of_date.as_ref()),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&MilestoneMissed> for pb::MilestoneMissed {
    fn from(event: &MilestoneMissed) -> Self {
        Self {
            project: event.project.to_string(),
            milestone: event.milestone.to_string(),
            as_of_date: Some(date_to_pb(event.as_of)),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for MilestoneCancelled {
    type Wire = pb::MilestoneCancelled;
    fn read(at: At<'_>, wire: &pb::MilestoneCancelled) -> Option<Self> {
        gather!(MilestoneCancelled {
            project: at.field("project").id(&wire.project),
            milestone: at.field("milestone").id(&wire.milestone),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&MilestoneCancelled> for pb::MilestoneCancelled {
    fn from(event: &MilestoneCancelled) -> Self {
        Self {
            project: event.project.to_string(),
            milestone: event.milestone.to_string(),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for ProjectStatusChanged {
    type Wire = pb::ProjectStatusChanged;
    fn read(at: At<'_>, wire: &pb::ProjectStatusChanged) -> Option<Self> {
        gather!(ProjectStatusChanged {
            project: at.field("project").id(&wire.project),
            status: at.field("status").code(wire.status),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&ProjectStatusChanged> for pb::ProjectStatusChanged {
    fn from(event: &ProjectStatusChanged) -> Self {
        Self { project: event.project.to_string(), status: event.status.to_wire(), reason: event.reason.clone() }
    }
}

impl FromWire for MilestoneReopened {
    type Wire = pb::MilestoneReopened;
    fn read(at: At<'_>, wire: &pb::MilestoneReopened) -> Option<Self> {
        gather!(MilestoneReopened {
            project: at.field("project").id(&wire.project),
            milestone: at.field("milestone").id(&wire.milestone),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&MilestoneReopened> for pb::MilestoneReopened {
    fn from(event: &MilestoneReopened) -> Self {
        Self {
            project: event.project.to_string(),
            milestone: event.milestone.to_string(),
            reason: event.reason.clone(),
        }
    }
}

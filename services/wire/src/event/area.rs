//! Payloads of areas and of the agencies that answer for them.
//!
//! Place in the flow: called by [`super::input_from_pb`] and its inverse. It must not know: who answers for what.

use songhua_domain::event::{AgencyAssigned, AgencyRegistered, AreaDesignated, AreaStageChanged, Scope};

use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::violation::{At, gather};

impl FromWire for AreaDesignated {
    type Wire = pb::AreaDesignated;
    fn read(at: At<'_>, wire: &pb::AreaDesignated) -> Option<Self> {
        gather!(AreaDesignated {
            area: at.field("area").id(&wire.area),
            kind: at.field("kind").code(wire.kind),
            name: at.field("display_name").title(wire.display_name.as_ref()),
            aliases: at.field("aliases").names(&wire.aliases),
            stage: at.field("stage").optional_code(wire.stage),
            batch: Some(wire.batch),
            hosts: at.field("hosts").names(&wire.hosts),
            participants: at.field("participants").names(&wire.participants),
            industries: at.field("industries").names(&wire.industries),
            sites: at.field("sites").names(&wire.sites),
            order: Some(wire.order),
            source: at.field("source").optional_message(wire.source.as_ref()),
            notes: at.field("notes").texts(&wire.notes),
        })
    }
}

impl From<&AreaDesignated> for pb::AreaDesignated {
    fn from(event: &AreaDesignated) -> Self {
        Self {
            area: event.area.to_string(),
            kind: event.kind.to_wire(),
            display_name: Some((&event.name).into()),
            aliases: event.aliases.clone(),
            stage: event.stage.map(Code::to_wire).unwrap_or_default(),
            batch: event.batch,
            hosts: event.hosts.clone(),
            participants: event.participants.clone(),
            industries: event.industries.clone(),
            sites: event.sites.clone(),
            order: event.order,
            source: event.source.as_ref().map(Into::into),
            notes: event.notes.clone(),
        }
    }
}

impl FromWire for AreaStageChanged {
    type Wire = pb::AreaStageChanged;
    fn read(at: At<'_>, wire: &pb::AreaStageChanged) -> Option<Self> {
        gather!(AreaStageChanged {
            area: at.field("area").id(&wire.area),
            stage: at.field("stage").code(wire.stage),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&AreaStageChanged> for pb::AreaStageChanged {
    fn from(event: &AreaStageChanged) -> Self {
        Self { area: event.area.to_string(), stage: event.stage.to_wire(), reason: event.reason.clone() }
    }
}

impl FromWire for AgencyRegistered {
    type Wire = pb::AgencyRegistered;
    fn read(at: At<'_>, wire: &pb::AgencyRegistered) -> Option<Self> {
        gather!(AgencyRegistered {
            agency: at.field("agency").id(&wire.agency),
            name: at.field("display_name").title(wire.display_name.as_ref()),
            uscc: at.field("uscc").name(&wire.uscc),
        })
    }
}

impl From<&AgencyRegistered> for pb::AgencyRegistered {
    fn from(event: &AgencyRegistered) -> Self {
        Self { agency: event.agency.to_string(), display_name: Some((&event.name).into()), uscc: event.uscc.clone() }
    }
}

impl FromWire for Scope {
    type Wire = pb::Scope;
    fn read(at: At<'_>, wire: &pb::Scope) -> Option<Self> {
        use pb::scope::Kind;
        match &wire.kind {
            Some(Kind::Plan(true)) => Some(Self::Plan),
            Some(Kind::Plan(false)) => at.field("plan").refuse("is true or not set"),
            Some(Kind::Area(area)) => at.field("area").id(area).map(Self::Area),
            Some(Kind::Indicator(indicator)) => at.field("indicator").id(indicator).map(Self::Indicator),
            Some(Kind::Target(target)) => {
                let at = at.field("target");
                let (area, indicator) =
                    (at.field("area").id(&target.area), at.field("indicator").id(&target.indicator));
                Some(Self::Target(area?, indicator?))
            }
            Some(Kind::Project(project)) => at.field("project").id(project).map(Self::Project),
            None => at.refuse("is required: set plan, area, indicator, target or project"),
        }
    }
}

impl From<&Scope> for pb::Scope {
    fn from(scope: &Scope) -> Self {
        use pb::scope::Kind;
        Self {
            kind: Some(match scope {
                Scope::Plan => Kind::Plan(true),
                Scope::Area(area) => Kind::Area(area.to_string()),
                Scope::Indicator(indicator) => Kind::Indicator(indicator.to_string()),
                Scope::Target(area, indicator) => {
                    Kind::Target(pb::TargetRef { area: area.to_string(), indicator: indicator.to_string() })
                }
                Scope::Project(project) => Kind::Project(project.to_string()),
            }),
        }
    }
}

impl FromWire for AgencyAssigned {
    type Wire = pb::AgencyAssigned;
    fn read(at: At<'_>, wire: &pb::AgencyAssigned) -> Option<Self> {
        gather!(AgencyAssigned {
            agency: at.field("agency").id(&wire.agency),
            role: at.field("role").code(wire.role),
            scope: at.field("scope").message(wire.scope.as_ref()),
        })
    }
}

impl From<&AgencyAssigned> for pb::AgencyAssigned {
    fn from(event: &AgencyAssigned) -> Self {
        Self { agency: event.agency.to_string(), role: event.role.to_wire(), scope: Some((&event.scope).into()) }
    }
}

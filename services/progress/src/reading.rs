//! A reading: the views of one plan, on one day, as known at one position. Every answer is made from one.
//!
//! Place in the flow: taken after the wait, used by every answer, then checked once more. It must not know which answer
//! is made.

use std::sync::Arc;

use jiff::civil::Date;
use songhua_domain::event::PlanDefined;
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, PlanId, ProjectId};
use songhua_domain::score::Score;
use songhua_views::{Area, ClosedOut, FactKind, Facts, Milestone, Model, Target, Views};
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::as_of::{AsOf, Knowledge};
use crate::kept::Moment;
use crate::name;
use crate::reader::PlanReader;
use crate::refusal::{self, Refused};

/// The views of a plan on a day, as known.
pub(crate) struct Reading {
    views: Views,
    /// Which of the views' lives it began in.
    life: u64,
    knowledge: Knowledge,
    /// The plan's id.
    pub(crate) plan: PlanId,
    /// What is defined, as known.
    pub(crate) model: Arc<Model>,
    /// The day.
    pub(crate) valid_date: Date,
}

impl Reading {
    /// Finds day and position, and the model known then. Blocks.
    pub(crate) fn take(reader: &PlanReader, plan: &PlanId, as_of: &AsOf) -> Result<Self, Refused> {
        let (views, now) = (reader.views().clone(), reader.now());
        let life = views.life();
        let model_at = |position| views.model(position).map_err(|error| refusal::from_views(&error));
        // Whether the plan is visible at all comes first: what is not yet published tells nothing about itself.
        let latest = model_at(views.applied())?;
        let Some(published) = &latest.published else {
            // Views that have just been reset know no plan either.
            reader.check()?;
            return Err(refusal::plan_not_found(plan));
        };
        let knowledge = as_of.knowledge(&views, now)?;
        if knowledge.position < published.position {
            return Err(refusal::not_published_then(plan, knowledge.position, published.position));
        }
        let model = model_at(knowledge.position)?;
        let valid_date = as_of.valid_date(&defined(&model)?.time_zone, now);
        Ok(Self { life, knowledge, plan: plan.clone(), model, valid_date, views })
    }

    /// Checks that the views still hold what was read: a rebuild in between would have left holes.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        if self.views.applied() < self.knowledge.applied {
            return Err(refusal::rebuilding("they were reset while they were read"));
        }
        Ok(())
    }

    /// What an answer of now that is made of it follows from.
    pub(crate) fn moment(&self) -> Result<Moment, Refused> {
        let time_zone = self.plan_defined()?.time_zone.clone();
        Ok(Moment { life: self.life, applied: self.knowledge.applied, valid_date: self.valid_date, time_zone })
    }

    /// The last position it knows.
    pub(crate) const fn known(&self) -> u64 {
        self.knowledge.position
    }

    /// The plan as defined.
    pub(crate) fn plan_defined(&self) -> Result<&PlanDefined, Refused> {
        defined(&self.model)
    }

    /// What the answer rests on.
    pub(crate) fn state(&self) -> pb::ReadState {
        pb::ReadState {
            plan: name::of_plan(&self.plan),
            valid_date: Some(date_to_pb(self.valid_date)),
            known_position: self.knowledge.position,
            applied_position: self.knowledge.applied,
            r#final: self.knowledge.settled,
            calc_version: self.model.calc_version,
            light_rule_version: self.model.light_rule.version,
            simulated: self.model.log.as_ref().is_some_and(|log| log.simulated),
        }
    }

    /// What a target's figures mean.
    pub(crate) fn score(&self, target: &Target) -> Result<Arc<Score>, Refused> {
        self.score_on(target, self.valid_date)
    }

    /// What they mean on another day, by the same knowledge.
    pub(crate) fn score_on(&self, target: &Target, date: Date) -> Result<Arc<Score>, Refused> {
        let (area, indicator) = (&target.definition.area, &target.definition.indicator);
        let score = self.views.score_target(&self.model, area, indicator, date, self.known());
        let score = score.map_err(|error| refusal::from_views(&error))?;
        score.ok_or_else(|| refusal::internal(&format!("target of {indicator} in {area} is not wholly defined")))
    }

    /// Areas in the order of the source.
    pub(crate) fn areas(&self) -> Vec<&Area> {
        let mut areas: Vec<&Area> = self.model.areas.values().collect();
        areas.sort_by_key(|area| area.definition.order);
        areas
    }

    /// The place of an area in the source.
    pub(crate) fn order_of(&self, area: &AreaId) -> u32 {
        self.model.areas.get(area).map_or(u32::MAX, |area| area.definition.order)
    }

    /// Milestones of one project or of all, by due date.
    pub(crate) fn milestones(&self, project: Option<&ProjectId>) -> Result<Vec<Milestone>, Refused> {
        let found = self.views.milestones(project, self.valid_date, self.known());
        let mut found = found.map_err(|error| refusal::from_views(&error))?;
        // Stable: those of one day stay in the order of their ids.
        found.sort_by_key(|milestone| milestone.due_date);
        Ok(found)
    }

    /// Whether a project has a milestone that is not cancelled.
    pub(crate) fn is_planned(&self, project: &ProjectId) -> Result<bool, Refused> {
        let planned = self.views.is_planned(project, self.valid_date, self.known());
        planned.map_err(|error| refusal::from_views(&error))
    }

    /// The facts of a kind, in log order.
    pub(crate) fn facts(&self, kind: FactKind) -> Result<Facts, Refused> {
        self.views.facts(kind, self.known()).map_err(|error| refusal::from_views(&error))
    }

    /// The facts of a kind about one subject, in log order.
    pub(crate) fn facts_of(&self, kind: FactKind, subject: &str) -> Result<Facts, Refused> {
        self.views.facts_of(kind, subject, self.known()).map_err(|error| refusal::from_views(&error))
    }

    /// The last position it knows that was recorded by the end of its day: what boards of things done see, which count
    /// from the day they are recorded on.
    pub(crate) fn recorded(&self) -> Result<u64, Refused> {
        let is_later = |position| -> Result<bool, Refused> {
            let day = self.views.last_day(position).map_err(|error| refusal::from_views(&error))?;
            Ok(day.is_some_and(|day| day > self.valid_date))
        };
        if !is_later(self.known())? {
            return Ok(self.known());
        }
        // Days open in order.
        let (mut seen, mut later) = (0, self.known());
        while later - seen > 1 {
            let middle = seen + (later - seen) / 2;
            if is_later(middle)? { later = middle } else { seen = middle }
        }
        Ok(seen)
    }

    /// What figures of `indicator` in `area` are about: the target; without one, as with a series for comparison, the
    /// indicator.
    pub(crate) fn subject_of_series(&self, area: &AreaId, indicator: &IndicatorId) -> String {
        match self.model.target(area, indicator) {
            Some(_) => name::of_target(&self.plan, area, indicator),
            None => name::of_indicator(&self.plan, indicator),
        }
    }

    /// The close-out as known, from the day its assessment speaks of.
    pub(crate) fn closed_out(&self) -> Option<&ClosedOut> {
        self.model.closed_out.as_ref().filter(|closed| closed.event.as_of <= self.valid_date)
    }

    /// The name of an agency, as known.
    pub(crate) fn agency_name(&self, agency: &AgencyId) -> Option<pb::Name> {
        self.model.agencies.get(agency).map(|agency| (&agency.name).into())
    }

    /// The views, for what only one answer needs.
    pub(crate) const fn views(&self) -> &Views {
        &self.views
    }
}

fn defined(model: &Model) -> Result<&PlanDefined, Refused> {
    model.plan.as_ref().ok_or_else(|| refusal::internal("a published plan has no definition"))
}

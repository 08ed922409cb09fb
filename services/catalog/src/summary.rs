//! How many of everything a plan has.
//!
//! Place in the flow: printed by `songhua plan check`. It must not know: what the things are worth.

use std::fmt;

use serde::Serialize;
use songhua_domain::vocabulary::{AreaKind, Operator};

use crate::format::Plan;

/// Counts of a plan's parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Targets by operator, in the order of [`Operator::ALL`]; operators without targets are left out.
    pub targets: Vec<(Operator, usize)>,
    /// Projects and directions.
    pub projects: usize,
    /// The same, after each merged pair counts once.
    pub projects_after_merges: usize,
    /// Milestones of projects.
    pub milestones: usize,
    /// Categories.
    pub categories: usize,
    /// Indicators.
    pub indicators: usize,
    /// Indicators that targets use.
    pub scored_indicators: usize,
    /// Areas by kind, in the order of [`AreaKind::ALL`]; kinds without areas are left out.
    pub areas: Vec<(AreaKind, usize)>,
    /// Organisations that the text names.
    pub organisations: usize,
    /// Industries that the text names.
    pub industries: usize,
    /// Agencies.
    pub agencies: usize,
    /// Assignments.
    pub assignments: usize,
    /// Goals that are not scored.
    pub goals: usize,
    /// Facts.
    pub facts: usize,
    /// Values that the source does not settle and an editor read.
    pub interpreted: usize,
}

impl Summary {
    pub(crate) fn of(plan: &Plan) -> Self {
        let Plan { plan: head, areas, indicators, targets, projects, agencies } = plan;
        Self {
            targets: counted(Operator::ALL, || targets.targets.iter().map(|target| target.operator)),
            projects: projects.projects.len(),
            projects_after_merges: projects.projects.len() - projects.merges.len(),
            milestones: projects.projects.iter().map(|project| project.milestones.0.len()).sum(),
            categories: head.categories.len(),
            indicators: indicators.indicators.len(),
            scored_indicators: indicators.indicators.iter().filter(|indicator| indicator.scored).count(),
            areas: counted(AreaKind::ALL, || areas.areas.iter().map(|area| area.kind)),
            organisations: areas.organisations.len(),
            industries: areas.industries.len(),
            agencies: agencies.agencies.len(),
            assignments: agencies.assignments.len(),
            goals: head.goals.len(),
            facts: head.facts.len(),
            interpreted: interpreted(plan),
        }
    }
}

/// How often each of `codes` stands in `items`.
fn counted<T: Copy + PartialEq, I: Iterator<Item = T>>(codes: &[T], items: impl Fn() -> I) -> Vec<(T, usize)> {
    let count = |code: &T| (*code, items().filter(|item| item == code).count());
    codes.iter().map(count).filter(|(_, count)| *count > 0).collect()
}

fn interpreted(plan: &Plan) -> usize {
    let Plan { plan: head, areas, indicators, targets, projects, .. } = plan;
    let lists = [&head.interpreted]
        .into_iter()
        .chain(areas.areas.iter().map(|area| &area.interpreted))
        .chain(areas.organisations.iter().map(|organisation| &organisation.interpreted))
        .chain(indicators.indicators.iter().map(|indicator| &indicator.interpreted))
        .chain(targets.targets.iter().map(|target| &target.interpreted))
        .chain(projects.projects.iter().map(|project| &project.interpreted));
    lists.map(Vec::len).sum::<usize>() + projects.merges.iter().filter(|merge| merge.interpreted).count()
}

impl fmt::Display for Summary {
    /// Three lines, without a line break at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}; {} projects, {} after merges",
            sum("targets", &self.targets),
            self.projects,
            self.projects_after_merges
        )?;
        writeln!(
            f,
            "{} categories, {} indicators ({} scored); {}; {} organisations, {} industries",
            self.categories,
            self.indicators,
            self.scored_indicators,
            sum("areas", &self.areas),
            self.organisations,
            self.industries
        )?;
        write!(
            f,
            "{} goals, {} facts, {} interpreted values; {} milestones, {} agencies, {} assignments",
            self.goals, self.facts, self.interpreted, self.milestones, self.agencies, self.assignments
        )
    }
}

/// For example `11 areas = 1 CITY, 2 ZONE, 8 CIRCLE`.
fn sum<T: fmt::Display>(name: &str, counts: &[(T, usize)]) -> String {
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let parts: Vec<_> = counts.iter().map(|(code, count)| format!("{count} {code}")).collect();
    match parts.as_slice() {
        [] => format!("0 {name}"),
        parts => format!("{total} {name} = {}", parts.join(", ")),
    }
}

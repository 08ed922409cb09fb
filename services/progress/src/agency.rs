//! ListAgencies, GetAgency: who answers for what, what each agency may report, and its account.
//!
//! Place in the flow: reading → `Agency`. The rules are asked of `domain`, which authorises and decides by them: what is
//! listed is what ingest takes. It must not know: tokens and grants.

mod account;
mod ledger;

use songhua_domain::decide::takes_figures;
use songhua_domain::event::{AgencyRegistered, TargetSet};
use songhua_domain::id::AgencyId;
use songhua_domain::state::Assignments;
use songhua_domain::vocabulary::ProjectKind;
use songhua_wire::pb;

pub(crate) use self::account::get;
use self::ledger::Ledgers;
use crate::filter::{Field, Filter, Kind, field};
use crate::name;
use crate::page::Page;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// What agencies can be filtered by.
pub(crate) const FIELDS: &[Field] = &[field("agency", Kind::Id)];

/// Whether a view has accounts; not set = it has.
pub(crate) fn has_account(view: i32) -> Result<bool, Refused> {
    let view = pb::AgencyView::try_from(view);
    let view = view.map_err(|unknown| refusal::invalid_field("view", &unknown.to_string()))?;
    Ok(view != pb::AgencyView::Basic)
}

/// A page of agencies, by id; with their ledgers, or without.
pub(crate) fn list(
    reading: &Reading,
    filter: &Filter,
    page: &Page,
    with_account: bool,
) -> Result<pb::ListAgenciesResponse, Refused> {
    let agencies = reading.model.agencies.values();
    let all: Vec<_> = agencies.filter(|one| filter.matches(|_| Some(one.agency.as_str().into()))).collect();
    let cut = page.cut(&all, reading);
    let asked = || cut.items.iter().map(|one| &one.agency);
    let ledgers = if with_account { Some(Ledgers::count(reading, asked())?) } else { None };
    let to_pb = |agency: &&AgencyRegistered| to_pb(reading, agency, ledgers.as_ref().map(|all| all.of(&agency.agency)));
    Ok(pb::ListAgenciesResponse {
        agencies: cut.items.iter().map(to_pb).collect(),
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn to_pb(reading: &Reading, agency: &AgencyRegistered, ledger: Option<pb::AgencyLedger>) -> pb::Agency {
    let (model, assignments) = (&reading.model, &reading.model.in_force);
    let registered = pb::AgencyRegistered::from(agency);
    let own = model.assignments.values().filter(|assigned| assigned.agency == agency.agency);
    let former = model.former_names.get(&agency.agency);
    pb::Agency {
        name: name::of_agency(&reading.plan, &agency.agency),
        display_name: registered.display_name,
        uscc: registered.uscc,
        assignments: own.map(Into::into).collect(),
        reportable_targets: targets(reading, assignments, &agency.agency),
        reportable_projects: projects(reading, assignments, &agency.agency),
        ledger,
        former_names: former.into_iter().flatten().map(Into::into).collect(),
        succeeded_by: name::or_empty(model.successors.get(&agency.agency)),
    }
}

/// Whether figures of the target are reported at all: derived ones follow from elsewhere, steps are assessed, and a
/// retired indicator needs none any more.
fn reports_figures(reading: &Reading, set: &TargetSet) -> bool {
    reading.model.indicators.get(&set.indicator).is_some_and(|indicator| {
        takes_figures(indicator) && indicator.retired_from.is_none_or(|retired| reading.valid_date < retired)
    })
}

/// Targets that the agency may report figures for, by number.
fn targets(reading: &Reading, assignments: &Assignments, agency: &AgencyId) -> Vec<pb::ReportableTarget> {
    let reportable = |set: &&TargetSet| {
        reports_figures(reading, set) && assignments.reports_on_target(agency, &set.area, &set.indicator)
    };
    let all = reading.model.targets.values().map(|target| &target.definition);
    let mut reportable: Vec<&TargetSet> = all.filter(reportable).collect();
    reportable.sort_by_key(|set| set.number);
    let shown = reportable.into_iter().map(|set| pb::ReportableTarget {
        name: name::of_target(&reading.plan, &set.area, &set.indicator),
        headline: assignments.lead_of_target(&set.area, &set.indicator) == Some(agency),
    });
    shown.collect()
}

/// Projects whose milestones the agency may report, by area, then by id: those that have milestones, and go on.
fn projects(reading: &Reading, assignments: &Assignments, agency: &AgencyId) -> Vec<String> {
    let model = &reading.model;
    let reportable = model.projects.values().filter(|project| {
        let goes_on = !model.merges.contains_key(&project.project);
        let has_milestones = project.kind == ProjectKind::Project && goes_on;
        has_milestones && assignments.reports_on_project(agency, &project.project, &project.area)
    });
    let mut reportable: Vec<_> = reportable.collect();
    reportable.sort_by_key(|project| reading.order_of(&project.area));
    reportable.into_iter().map(|project| name::of_project(&reading.plan, &project.project)).collect()
}

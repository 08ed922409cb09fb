//! `PlanDefined`, and what the text says that no other event has a field for.
//!
//! Place in the flow: the first definition. Its remarks carry goals, facts and every other quotation, so that readers
//! find all of the source in the log. It must not know: targets, projects.

use songhua_domain::event::{Category, Document, Name, PlanDefined, Remark, SourceSpan, Unit};
use songhua_domain::score::LightRule;

use super::texts::{bilingual, bilinguals, readings};
use crate::fault::{Faults, Place};
use crate::folder::PLAN;
use crate::format::{self, Fact, Plan, PlanFile, Rule};

/// Largest event that ingest takes, in bytes.
const EVENT_SIZE_MAX: usize = 60 * 1024;

/// The event.
pub(super) fn defined(plan: &Plan) -> PlanDefined {
    let head = &plan.plan;
    PlanDefined {
        plan: head.plan.clone(),
        title: head.title.clone(),
        city: head.city.clone(),
        administrative_division_code: head.administrative_division_code.clone().unwrap_or_default(),
        start: head.start,
        end: head.end,
        time_zone: head.time_zone.clone(),
        calc_version: head.calc_version,
        late_after_days: head.late_after_days,
        documents: head.documents.iter().map(document).collect(),
        units: head.units.iter().map(|unit| Unit { code: unit.code.0.clone(), name: unit.name.clone() }).collect(),
        categories: head.categories.iter().map(category).collect(),
        remarks: remarks(plan),
        light_rule: light_rule(&head.light_rule),
    }
}

/// Refuses a plan whose first event is too large: remarks are the part that grows.
pub(crate) fn check_size(plan: &Plan, faults: &Faults) {
    let event = defined(plan);
    // JSON spells every field name out, so that it is never shorter than the encoded event.
    let size = serde_json::to_vec(&event).map_or(usize::MAX, |json| json.len());
    if size > EVENT_SIZE_MAX {
        let remarks = serde_json::to_vec(&event.remarks).map_or(0, |json| json.len());
        let reason = format!(
            "the plan is defined by one event of at most {EVENT_SIZE_MAX} bytes; this one has about {size}, of which \
             {remarks} are {} remarks (goals, facts, quotations): shorten them",
            event.remarks.len()
        );
        faults.add(&Place::root(PLAN), reason);
    }
}

fn document(document: &format::Document) -> Document {
    let published = document.published.map(|date| format!("发布日期 / published: {date}"));
    let notes = published.into_iter().chain(document.published_note.as_ref().map(bilingual));
    Document {
        id: document.id.clone(),
        title: bilingual(&document.title),
        sha256: document.sha256.as_ref().map(|digest| digest.0),
        notes: notes.chain(bilinguals(&document.notes)).collect(),
    }
}

fn category(category: &format::Category) -> Category {
    Category { id: category.id.clone(), name: category.name.clone(), order: category.order }
}

const fn light_rule(rule: &Rule) -> LightRule {
    LightRule {
        version: rule.version,
        behind_below_points: rule.behind_below_points,
        far_behind_below_points: rule.far_behind_below_points,
        closing_window_days: rule.closing_window_days,
        closing_shortfall_percent: rule.closing_shortfall_percent,
        gap_tolerance_points: rule.gap_tolerance_points,
        coverage_yellow_percent: rule.coverage_yellow_percent,
    }
}

/// Goals and facts with the kind they have in the folder, then the other quotations: `TITLE`, `CATEGORY`,
/// `ORGANISATION`, `INDUSTRY`, `SITE`; then what the editor says of the whole: `UNIT`, `NOTE`, `INTERPRETED`.
fn remarks(plan: &Plan) -> Vec<Remark> {
    let head = &plan.plan;
    let area_name = |id| plan.areas.areas.iter().find(|area| area.id == id).map(|area| bilingual(&area.short_name));
    let goals = head.goals.iter().map(|goal| {
        let note = joined([area_name(goal.area.0.clone()), goal.note.as_ref().map(bilingual)]);
        remark(goal.kind.0, goal.name.clone(), Some(&goal.source), note)
    });
    let facts = head.facts.iter().map(|fact| {
        let area = fact.area.as_ref().and_then(|area| area_name(area.0.clone()));
        let note = joined([area, fact.note.as_ref().map(bilingual)]);
        remark(fact.kind.0, fact_text(fact), Some(&fact.source), note)
    });
    goals.chain(facts).chain(quotations(plan)).chain(editorial(head)).collect()
}

fn quotations(plan: &Plan) -> impl Iterator<Item = Remark> {
    let (head, areas) = (&plan.plan, &plan.areas);
    let quote = |kind, name: &Name, source| remark(kind, name.clone(), Some(source), String::new());
    let title = quote("TITLE", &head.title, &head.source);
    let categories = head.categories.iter().map(move |item| quote("CATEGORY", &item.name, &item.source));
    let organisations = areas.organisations.iter().map(|item| {
        let aliases = (!item.aliases.is_empty()).then(|| item.aliases.join("、"));
        let notes = bilinguals(&item.notes).into_iter().chain(readings(&item.interpreted));
        let note = joined([Some(item.kind.0.to_owned()), aliases].into_iter().chain(notes.map(Some)));
        remark("ORGANISATION", item.name.clone(), Some(&item.source), note)
    });
    let industries = areas.industries.iter().map(move |item| quote("INDUSTRY", &item.name, &item.source));
    let sites = areas.areas.iter().flat_map(move |area| {
        area.sites.iter().map(|site| remark("SITE", site.name.clone(), Some(&site.source), bilingual(&area.short_name)))
    });
    [title].into_iter().chain(categories).chain(organisations).chain(industries).chain(sites)
}

fn editorial(head: &PlanFile) -> impl Iterator<Item = Remark> {
    let unit = |unit: &format::Unit| Some(remark("UNIT", unit.name.clone(), None, bilingual(unit.note.as_ref()?)));
    let notes = head.notes.iter().map(|note| remark("NOTE", note.clone(), None, String::new()));
    let interpreted = readings(&head.interpreted)
        .map(|text| remark("INTERPRETED", Name { zh: text, en: String::new() }, None, String::new()));
    head.units.iter().filter_map(unit).chain(notes).chain(interpreted)
}

/// The fact's name, with its value as the text writes it: `沿线科技企业孵化器：42家`.
fn fact_text(fact: &Fact) -> Name {
    let date = fact.as_of.map(|date| format!(" ({date})")).unwrap_or_default();
    match &fact.value_as_written {
        None => Name { zh: format!("{}{date}", fact.name.zh), en: format!("{}{date}", fact.name.en) },
        Some(value) => {
            Name { zh: format!("{}：{value}{date}", fact.name.zh), en: format!("{}: {value}{date}", fact.name.en) }
        }
    }
}

fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn remark(kind: &str, text: Name, source: Option<&SourceSpan>, note: String) -> Remark {
    Remark { kind: kind.to_owned(), text, source: source.cloned(), note }
}

//! Subjects: `songhua.v1.<plan>.<area>.<kind>.<id…>.<event>`, and the filters of the two streams of a plan.
//!
//! Place in the flow: pure functions between records and messages. A subject names what an event is about, most general
//! part first, so that one wildcard selects an area, a kind or one thing. The contract is `proto/asyncapi.yaml`.

/// Area token of what belongs to the plan as a whole.
const CITY: &str = "city";
/// Kind token of status changes. No event type begins with it.
const PROGRESS: &str = "progress";

/// Every kind: what stands before the dot in a type token. A stream that takes them all, and nothing else, names each.
pub(crate) const KINDS: [&str; 21] = [
    "log",
    "day",
    "plan",
    "area",
    "indicator",
    "target",
    "baseline",
    "interim-targets",
    "light-rule",
    "agency",
    "project",
    "milestone",
    "measurement",
    "assessment",
    "evidence",
    "verification",
    "calculation",
    "reporting-period",
    "reminder",
    "note",
    "supervision",
];

/// The token of an area; `city` for what has none.
pub(crate) fn area_token(area: &str) -> &str {
    if area.is_empty() { CITY } else { area }
}

/// Subject of an event of type `event_type` (`milestone.reached`) about `resource` (`plans/p/projects/x/milestones/y`).
pub(crate) fn of_event(plan: &str, area: &str, resource: &str, event_type: &str) -> String {
    let (kind, event) = event_type.split_once('.').unwrap_or((event_type, ""));
    let mut subject = format!("songhua.v1.{plan}.{}.{kind}", area_token(area));
    for token in ids(resource).chain([event]) {
        subject.push('.');
        subject.push_str(token);
    }
    subject
}

/// Subject of a status change of a target.
pub(crate) fn of_change(plan: &str, area: &str, indicator: &str) -> String {
    format!("songhua.v1.{plan}.{}.{PROGRESS}.{indicator}", area_token(area))
}

/// Everything of one area within a stream.
pub(crate) fn of_area(plan: &str, token: &str) -> String {
    format!("songhua.v1.{plan}.{token}.>")
}

/// What the events stream of a plan takes.
pub(crate) fn event_filters(plan: &str) -> Vec<String> {
    KINDS.iter().map(|kind| format!("songhua.v1.{plan}.*.{kind}.>")).collect()
}

/// What the progress stream of a plan takes.
pub(crate) fn change_filters(plan: &str) -> Vec<String> {
    vec![format!("songhua.v1.{plan}.*.{PROGRESS}.>")]
}

/// The ids in a resource name, without those of plan and area, which the subject names before.
fn ids(resource: &str) -> impl Iterator<Item = &str> {
    let mut segments = resource.split('/');
    std::iter::from_fn(move || Some((segments.next()?, segments.next()?)))
        .filter(|(collection, _)| !matches!(*collection, "plans" | "areas"))
        .map(|(_, id)| id)
}

/// Whether every subject that `filter` selects is also selected by `by`.
pub(crate) fn is_covered(filter: &str, by: &str) -> bool {
    let (mut wanted, mut given) = (filter.split('.'), by.split('.'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) | (Some(_), Some(">")) => return true,
            (Some(">") | None, _) | (_, None) => return false,
            (Some(wanted), Some(given)) if given == "*" || given == wanted => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use songhua_wire::event::TYPE_TOKENS;

    use super::*;

    /// Area, resource name and type of an event of each type, and the rest of its subject.
    const TABLE: [(&str, &str, &str, &str); 59] = [
        ("", "plans/p", "log.created", "city.log.created"),
        ("", "plans/p", "log.history-forked", "city.log.history-forked"),
        ("", "plans/p", "day.opened", "city.day.opened"),
        ("", "plans/p", "plan.defined", "city.plan.defined"),
        ("", "plans/p", "plan.published", "city.plan.published"),
        ("c", "plans/p/areas/c", "area.designated", "c.area.designated"),
        ("c", "plans/p/areas/c", "area.stage-changed", "c.area.stage-changed"),
        ("", "plans/p/indicators/i", "indicator.defined", "city.indicator.i.defined"),
        ("c", "plans/p/areas/c/targets/i", "target.set", "c.target.i.set"),
        ("c", "plans/p/areas/c/targets/i", "baseline.set", "c.baseline.i.set"),
        ("c", "plans/p/areas/c/targets/i", "interim-targets.set", "c.interim-targets.i.set"),
        ("", "plans/p", "light-rule.adopted", "city.light-rule.adopted"),
        ("", "plans/p/agencies/a", "agency.registered", "city.agency.a.registered"),
        ("c", "plans/p/agencies/a", "agency.assigned", "c.agency.a.assigned"),
        ("c", "plans/p/projects/x", "project.registered", "c.project.x.registered"),
        ("c", "plans/p/projects/x", "project.merged", "c.project.x.merged"),
        ("c", "plans/p/projects/x/milestones/m", "milestone.planned", "c.milestone.x.m.planned"),
        ("c", "plans/p/projects/x/milestones/m", "milestone.rescheduled", "c.milestone.x.m.rescheduled"),
        ("c", "plans/p/projects/x/milestones/m", "milestone.reached", "c.milestone.x.m.reached"),
        ("c", "plans/p/projects/x/milestones/m", "milestone.partially-reached", "c.milestone.x.m.partially-reached"),
        ("c", "plans/p/projects/x/milestones/m", "milestone.missed", "c.milestone.x.m.missed"),
        ("c", "plans/p/projects/x/milestones/m", "milestone.cancelled", "c.milestone.x.m.cancelled"),
        ("c", "plans/p/areas/c/targets/i", "measurement.reported", "c.measurement.i.reported"),
        ("c", "plans/p/indicators/i", "measurement.reported", "c.measurement.i.reported"),
        ("c", "plans/p/areas/c/targets/i", "measurement.corrected", "c.measurement.i.corrected"),
        ("c", "plans/p/areas/c/targets/i", "measurement.retracted", "c.measurement.i.retracted"),
        ("c", "plans/p/areas/c/targets/i", "measurement.nothing-to-report", "c.measurement.i.nothing-to-report"),
        ("c", "plans/p/areas/c/targets/i", "assessment.recorded", "c.assessment.i.recorded"),
        ("c", "plans/p/areas/c/targets/i", "evidence.attached", "c.evidence.i.attached"),
        ("c", "plans/p/projects/x/milestones/m", "verification.accepted", "c.verification.x.m.accepted"),
        ("", "plans/p", "verification.rejected", "city.verification.rejected"),
        ("", "plans/p", "plan.revised", "city.plan.revised"),
        ("", "plans/p", "plan.closed-out", "city.plan.closed-out"),
        ("", "plans/p", "calculation.adopted", "city.calculation.adopted"),
        ("", "plans/p/indicators/i", "indicator.redefined", "city.indicator.i.redefined"),
        ("", "plans/p/indicators/i", "indicator.retired", "city.indicator.i.retired"),
        ("c", "plans/p/areas/c/targets/i", "target.revised", "c.target.i.revised"),
        ("c", "plans/p/areas/c/targets/i", "target.decomposed", "c.target.i.decomposed"),
        ("c", "plans/p/areas/c/targets/i", "baseline.restated", "c.baseline.i.restated"),
        ("", "plans/p/agencies/a", "agency.renamed", "city.agency.a.renamed"),
        ("", "plans/p/agencies/a", "agency.succeeded", "city.agency.a.succeeded"),
        ("c", "plans/p/agencies/a", "agency.assignment-ended", "c.agency.a.assignment-ended"),
        ("c", "plans/p/projects/x", "project.status-changed", "c.project.x.status-changed"),
        ("c", "plans/p/projects/x/milestones/m", "milestone.reopened", "c.milestone.x.m.reopened"),
        ("c", "plans/p/areas/c/targets/i", "measurement.revised", "c.measurement.i.revised"),
        ("c", "plans/p/areas/c/targets/i", "evidence.withdrawn", "c.evidence.i.withdrawn"),
        ("c", "plans/p/supervisions/s", "evidence.withdrawn", "c.evidence.s.withdrawn"),
        ("c", "plans/p/areas/c/targets/i", "verification.requested", "c.verification.i.requested"),
        ("c", "plans/p/areas/c/targets/i", "verification.reopened", "c.verification.i.reopened"),
        ("", "plans/p/reportingPeriods/q", "reporting-period.opened", "city.reporting-period.q.opened"),
        ("", "plans/p/reportingPeriods/q", "reporting-period.closed", "city.reporting-period.q.closed"),
        ("c", "plans/p/agencies/a", "reminder.issued", "c.reminder.a.issued"),
        ("c", "plans/p/areas/c/targets/i", "note.recorded", "c.note.i.recorded"),
        ("c", "plans/p/areas/c", "note.recorded", "c.note.recorded"),
        ("", "plans/p", "note.recorded", "city.note.recorded"),
        ("c", "plans/p/projects/x", "note.recorded", "c.note.x.recorded"),
        ("c", "plans/p/supervisions/s", "supervision.issued", "c.supervision.s.issued"),
        ("c", "plans/p/supervisions/s", "supervision.answered", "c.supervision.s.answered"),
        ("", "plans/p/supervisions/s", "supervision.closed", "city.supervision.s.closed"),
    ];

    #[test]
    fn every_event_type_has_its_subject() {
        for (area, resource, event_type, expected) in TABLE {
            assert_eq!(of_event("p", area, resource, event_type), format!("songhua.v1.p.{expected}"));
        }
    }

    #[test]
    fn the_table_names_every_event_type_of_the_contract_and_the_events_stream_takes_each() {
        let filters = event_filters("p");
        for token in TYPE_TOKENS {
            let (area, resource, event_type, _) =
                TABLE.iter().find(|row| row.2 == *token).unwrap_or_else(|| panic!("{token} is not in the table"));
            let subject = of_event("p", area, resource, event_type);
            assert_eq!(filters.iter().filter(|filter| is_covered(&subject, filter)).count(), 1, "{subject}");
        }
        assert!(TABLE.iter().all(|row| TYPE_TOKENS.contains(&row.2)));
    }

    #[test]
    fn a_status_change_goes_to_the_progress_stream_only() {
        let subject = of_change("p", "circle-hit", "tech-firms");
        assert_eq!(subject, "songhua.v1.p.circle-hit.progress.tech-firms");
        assert!(is_covered(&subject, &change_filters("p")[0]));
        assert!(!event_filters("p").iter().any(|filter| is_covered(&subject, filter)));
        assert!(!KINDS.contains(&"checkpoint"), "reserved");
    }

    #[test]
    fn a_wider_filter_covers_a_narrower_one() {
        let wanted = "songhua.v1.p.*.milestone.>";
        for by in [wanted, "songhua.v1.p.>", "songhua.>", ">", "songhua.v1.p.*.*.>", "songhua.v1.*.*.milestone.>"] {
            assert!(is_covered(wanted, by), "{by}");
        }
        for by in ["songhua.v1.q.>", "songhua.v1.p.city.milestone.>", "songhua.v1.p.*.milestone.*", "songhua.v1", ""] {
            assert!(!is_covered(wanted, by), "{by}");
        }
    }
}

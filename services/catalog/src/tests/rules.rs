//! Records that are well formed and yet cannot stand: each rule is broken once.

use serde_json::{Value, json};

use super::scratch::{merge, refused, refused_elsewhere};
use crate::folder::{AGENCIES, AREAS, INDICATORS, PLAN, PROJECTS, TARGETS};

#[test]
fn a_target_that_breaks_a_rule_of_scoring_is_refused() {
    refused([
        (TARGETS, "targets[1].value", json!("0"), "0 is not above zero"),
        (TARGETS, "targets[1].value", json!("-1"), "-1 is not above zero"),
        (TARGETS, "targets[1].value", Value::Null, "AT_LEAST needs it"),
        (TARGETS, "targets[1].max", json!("2"), "AT_LEAST takes none: write null"),
        (TARGETS, "targets[1].tolerance", json!("1"), "no fraction between 0 and 1"),
        (TARGETS, "targets[0].operator", json!("BETWEEN"), "descending, which BETWEEN does not allow"),
        (TARGETS, "targets[0].operator", json!("FULL_COVERAGE"), "takes measure_kind COVERAGE, not SHARE"),
        (TARGETS, "targets[3].operator", json!("EXCEEDS_SERIES"), "takes PAIRED, not STOCK"),
        (TARGETS, "targets[3].operator", json!("QUALITATIVE"), "takes NONE, not STOCK"),
        (TARGETS, "targets[1].other_series", json!("new-forest"), "is not what"),
        (TARGETS, "targets[1].required_step", json!("领先"), "AT_LEAST takes none"),
        (TARGETS, "targets[1].steps", json!(["一", "一"]), "two or more different steps"),
        (TARGETS, "targets[4].operator_source", json!("IMPLIED"), "read as AT_LEAST, not MORE_THAN"),
        (TARGETS, "targets[5].effective_deadline", json!("2027-06-30"), "not 31 December"),
        (TARGETS, "targets[2].effective_deadline", json!("2028-01-01"), "by its end, 2027-12-31"),
        (TARGETS, "targets[2].effective_deadline", json!("2025-01-01"), "after the plan's start"),
        (TARGETS, "targets[6].number", json!(8), "8 stands where 7 must"),
    ]);
    refused_elsewhere([
        (TARGETS, "targets[3].operator", json!("BETWEEN"), "targets[3].max", "BETWEEN needs it"),
        (TARGETS, "targets[3].operator", json!("APPROXIMATELY"), "targets[3].tolerance", "APPROXIMATELY needs it"),
        (
            TARGETS,
            "targets[1].due_inherited",
            json!(false),
            "targets[1].due_as_written",
            "\"到2027年\" is not in source.text",
        ),
    ]);
}

#[test]
fn an_indicator_that_contradicts_itself_or_its_targets_is_refused() {
    refused([
        (INDICATORS, "indicators[3].basis", Value::Null, "STOCK must name its one basis: STOCK_AT"),
        (INDICATORS, "indicators[0].basis", Value::Null, "RATIO must name its one basis: STOCK_AT or FULL_YEAR"),
        (INDICATORS, "indicators[3].basis", json!("FULL_YEAR"), "STOCK takes STOCK_AT, not FULL_YEAR"),
        (INDICATORS, "indicators[2].basis", json!("PERIOD"), "CUMULATIVE names no basis"),
        (INDICATORS, "indicators[2].measure_kind", json!("QUALITATIVE"), "accumulation NONE belong together; here are"),
        (INDICATORS, "indicators[2].ascending", json!(false), "only STOCK and RATIO"),
        (INDICATORS, "indicators[2].compared_with", json!("tech-firms"), "only PAIRED"),
        (INDICATORS, "indicators[2].compared_with", json!("tech-firms"), "no full-year figures"),
        (INDICATORS, "indicators[2].compared_with", json!("new-forest"), "the indicator itself"),
        (INDICATORS, "indicators[0].aggregation", json!("SUM"), "of RATIO do not add up"),
        (INDICATORS, "indicators[3].number", json!([5, 4]), "must ascend"),
        (INDICATORS, "indicators[3].number", json!([4]), "the targets that use it are [4, 5]"),
        (INDICATORS, "indicators[1].unit_multiplier", json!(16), "above 15"),
        (
            INDICATORS,
            "indicators[2].derived",
            json!({"kind": "AREAS_AT_STAGE", "area_kind": "CIRCLE", "at_least": "BUILDING"}),
            "a STOCK, not CUMULATIVE",
        ),
    ]);
    refused_elsewhere([
        (
            INDICATORS,
            "indicators[2].measure_kind",
            json!("COVERAGE"),
            "indicators[2].accumulation",
            "COVERAGE is a RATIO",
        ),
        (
            INDICATORS,
            "indicators[2].accumulation",
            json!("PAIRED"),
            "indicators[2].measure_kind",
            "COMPARISON and accumulation PAIRED belong together",
        ),
        (
            INDICATORS,
            "indicators[2].accumulation",
            json!("PAIRED"),
            "indicators[2].compared_with",
            "must name the indicator",
        ),
        (INDICATORS, "indicators[3].scored", json!(false), "indicators[3].number", "[] when it is not scored"),
    ]);
}

#[test]
fn a_plan_that_cannot_be_scored_or_dated_is_refused() {
    refused([
        (PLAN, "format", json!(2), "only format 1 is"),
        (PLAN, "units", json!([]), "is empty; indicators need a unit"),
        (PLAN, "light_rule.version", json!(2), "must be 1"),
        (PLAN, "calc_version", json!(3), "only 1 and 2 are"),
        (PLAN, "time_zone", json!("Asia/Songhua"), "\"Asia/Songhua\" is not an IANA time zone"),
        (PLAN, "administrative_division_code", json!("2301"), "six digits"),
        (PLAN, "documents[0].sha256", json!("0".repeat(64)), "is 0f560858334f03a4"),
        (PLAN, "documents[0].sha256", Value::Null, "both or neither"),
        (PLAN, "documents[0].file", json!("../source.txt"), "not the name of a file in the plan's folder"),
        (PLAN, "documents[0].file", json!("other.txt"), "cannot be read"),
        (PLAN, "categories[1].order", json!(1), "1 is taken by categories[0].order"),
        (PLAN, "light_rule.gap_tolerance_target_percent", json!("4"), "must be \"5\""),
        (PLAN, "light_rule.far_behind_below_points", json!("-5"), "must lie below"),
        (PLAN, "light_rule.behind_below_points", json!("5"), "zero or below"),
        (PLAN, "light_rule.coverage_yellow_percent", json!("101"), "from 0 to 100"),
        (PLAN, "light_rule.interpreted", json!(false), "names light_rule"),
        (AREAS, "areas[2].source_order", json!(2), "2 is taken by areas[1].source_order"),
        (AREAS, "areas[2].batch", json!(0), "counts from 1"),
    ]);
    refused_elsewhere([
        (PLAN, "start", json!("2028-01-01"), "end", "lies before the start, 2028-01-01"),
        (AREAS, "areas[1].kind", json!("CITY"), "areas", "2 areas are of kind CITY"),
    ]);
}

#[test]
fn projects_and_agencies_that_contradict_themselves_are_refused() {
    let lead = |agency: &str| json!({"agency": agency, "role": "LEAD", "scope": {"area": "county"}});
    let two_leads = json!([lead("bureau"), lead("committee")]);
    let chain = json!([merge("water-monitoring-centre", "germplasm-garden"), merge("germplasm-garden", "pilot-base")]);
    refused([
        (PROJECTS, "projects[1].mentions", json!([]), "at least one place"),
        (PROJECTS, "projects[2].industry", json!("water-equipment"), "not an industry of area \"agri-college\""),
        (PROJECTS, "projects[0].milestones[0].weight", json!("0"), "above zero"),
        (PROJECTS, "projects[0].milestones[0].type", json!("START"), "APPROVAL, REGISTRATION"),
        (PROJECTS, "projects[0].milestones[1].id", json!("start"), "taken by another milestone"),
        (AGENCIES, "agencies[0].uscc", json!("91350100M000100Y44"), "right check character"),
        (AGENCIES, "assignments[0].scope", json!({}), "an object with one field"),
        (AGENCIES, "assignments[0].role", json!("BOSS"), "LEAD, RESPONSIBLE, SUPERVISING"),
    ]);
    refused_elsewhere([
        (PROJECTS, "projects[0].kind", json!("DIRECTION"), "projects[0].milestones", "a DIRECTION has none"),
        (PROJECTS, "merges", json!([merge("pilot-base", "pilot-base")]), "merges[0].into", "merged into itself"),
        (PROJECTS, "merges", json!([merge("pilot-base", "germplasm-garden")]), "projects[0].milestones", "is merged"),
        (PROJECTS, "merges", chain, "merges[0].into", "is merged into \"pilot-base\" itself"),
        (AGENCIES, "assignments[1].scope", json!({"plan": true}), "assignments[1]", "stands twice"),
        (AGENCIES, "assignments", two_leads, "assignments[1].role", "\"bureau\" leads this scope already"),
        (
            AGENCIES,
            "assignments[0].scope",
            json!({"plan": false}),
            "assignments[0].scope.plan",
            "must be true, is false",
        ),
        (AGENCIES, "assignments[0].scope", json!({"city": "x"}), "assignments[0].scope.city", "is not a scope"),
    ]);
}

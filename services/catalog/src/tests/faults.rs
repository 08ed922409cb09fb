//! Files and fields that are not what the format says: each fault is found where it stands.

use serde_json::{Value, json};

use super::scratch::{Scratch, faults, merge, refused, refused_elsewhere};
use crate::Fault;
use crate::folder::{AGENCIES, AREAS, INDICATORS, PLAN, PROJECTS, TARGETS};

#[test]
fn a_field_of_the_wrong_shape_is_refused_where_it_stands() {
    let number = "is a JSON number: write \"3.1\" as a string";
    refused([
        (TARGETS, "targets[1].valeu", json!("1"), "is not a field here; the fields are number, area"),
        (TARGETS, "targets[1].value", json!(3.1), number),
        (TARGETS, "targets[1].value", json!(3), "write \"3\" as a string"),
        (TARGETS, "targets[1].value", json!("1,000"), "\"1,000\" is not a decimal number"),
        (TARGETS, "targets[1].value", json!("0.123456789"), "9 after the point"),
        (TARGETS, "targets[0].number", json!("1"), "must be a whole number from 0 on, without quotes"),
        (TARGETS, "targets[0].number", json!(1.5), "must be a whole number"),
        (TARGETS, "targets[0].due_inherited", json!("no"), "must be true or false, is \"no\""),
        (TARGETS, "targets[0].notes", json!({}), "must be a list, is an object"),
        (TARGETS, "targets[0]", json!([]), "must be an object, is a list"),
        (TARGETS, "targets[2].effective_deadline", json!("2026-02-30"), "not a date of the calendar"),
        (TARGETS, "targets[2].effective_deadline", json!("20261231"), "like \"2026-12-31\""),
        (TARGETS, "targets[2].effective_deadline", Value::Null, "must be a date, not null"),
        (TARGETS, "targets[2].operator", json!("GREATER"), "AT_LEAST, MORE_THAN, BETWEEN"),
        (AREAS, "areas[1].id", json!("湖滨"), "area id \"湖滨\" is not 1 to 63 characters of a-z"),
        (AREAS, "areas[1].name.en", json!(" "), "is empty"),
        (AREAS, "areas[1].name", json!("湖滨新区"), "must be an object, is \"湖滨新区\""),
        (AREAS, "organisations[0].kind", json!("SCHOOL"), "UNIVERSITY, INSTITUTE, COMPANY"),
        (AREAS, "industries[0].id", json!("Water"), "industry id \"Water\""),
        (PLAN, "documents[0].sha256", json!("0F56"), "is not 64 digits"),
    ]);
    refused_elsewhere([(
        TARGETS,
        "targets[2].interpreted",
        json!(["deadline"]),
        "targets[2].interpreted[0]",
        "\"deadline\" is not a field of this object",
    )]);
}

#[test]
fn a_reference_to_nothing_and_an_id_that_stands_twice_are_refused() {
    refused([
        (TARGETS, "targets[4].area", json!("seaside"), "\"seaside\" is not in the list \"areas\""),
        (TARGETS, "targets[4].indicator", json!("no-such"), "not in the list \"indicators\""),
        (INDICATORS, "indicators[0].unit", json!("公顷"), "\"公顷\" is not in the list \"units\""),
        (INDICATORS, "indicators[0].category", json!("x"), "not in the list \"categories\""),
        (AREAS, "areas[2].id", json!("lakeside"), "\"lakeside\" is taken by areas[1]"),
        (AREAS, "areas[2].hosts[0]", json!("school"), "not in the list \"organisations\""),
        (PROJECTS, "projects[0].industry", json!("tourism"), "not in the list \"industries\""),
        (PLAN, "units[1].code", json!("%"), "\"%\" is taken by units[0]"),
        (AGENCIES, "assignments[0].agency", json!("nobody"), "not in the list \"agencies\""),
        (AGENCIES, "assignments[4].scope.project", json!("x"), "not in the list \"projects\""),
    ]);
    refused_elsewhere([
        (TARGETS, "targets[4].area", json!("county"), "targets[4]", "\"county/tech-firms\" is taken by targets[3]"),
        (INDICATORS, "indicators[1].id", json!("new-forest"), "indicators[2].id", "is taken by indicators[1]"),
        (
            PROJECTS,
            "merges",
            json!([merge("pilot-base", "gone")]),
            "merges[0].into",
            "\"gone\" is not in the list \"projects\"",
        ),
        (PROJECTS, "merges", json!([merge("gone", "pilot-base")]), "merges[0].project", "not in the list \"projects\""),
        (
            AGENCIES,
            "assignments[3].scope.target.area",
            json!("lakeside"),
            "assignments[3].scope.target",
            "area \"lakeside\" has no target of indicator \"new-forest\"",
        ),
    ]);
}

#[test]
fn words_that_do_not_stand_in_the_named_lines_are_refused() {
    let words = "生态治理资金累计投入达到1.25亿元";
    refused([
        (TARGETS, "targets[1].source.text", json!("一百亿元"), "nor anywhere else"),
        (TARGETS, "targets[1].source.line_last", json!(4), "between line_first (5)"),
        (TARGETS, "targets[1].source.line_last", json!(999), "the last line (14)"),
        (TARGETS, "targets[1].source.line_first", json!(0), "lines count from 1"),
        (TARGETS, "targets[1].source.text", json!(format!("{words} ")), "has space around it"),
        (TARGETS, "targets[1].source.document", json!("other"), "not in the list \"documents\""),
    ]);
    refused_elsewhere([
        (TARGETS, "targets[1].source.line_last", json!(6), "targets[1].source.text", "it first stands in line 5"),
        (PROJECTS, "projects[0].mentions[0].line_first", json!(9), "projects[0].mentions[0].text", "stands in line 10"),
    ]);
}

#[test]
fn a_missing_field_is_refused_and_optional_parts_may_be_absent() {
    for (file, list, field) in
        [(TARGETS, "targets", "effective_deadline"), (TARGETS, "targets", "max"), (PROJECTS, "projects", "mentions")]
    {
        let found =
            faults(|scratch| scratch.edit(file, |root| drop(root[list][0].as_object_mut().unwrap().remove(field))));
        assert_eq!(found, [fault(file, &format!("{list}[0].{field}"), "is missing")]);
    }
    let scratch = Scratch::staffed();
    scratch.remove(AGENCIES);
    scratch.edit(PROJECTS, |root| drop(root["projects"][0].as_object_mut().unwrap().remove("milestones")));
    scratch.read().unwrap();
}

fn fault(file: &str, path: &str, reason: &str) -> Fault {
    Fault { file: file.to_owned(), path: path.to_owned(), reason: reason.to_owned() }
}

#[test]
fn a_file_that_is_no_json_is_one_fault_with_its_line() {
    let found = faults(|scratch| scratch.write(AREAS, "{\n  \"areas\": [,]\n}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].reason.starts_with("line 2 column 13: is not JSON: "), "{}", found[0]);
    let found = faults(|scratch| scratch.write(AREAS, format!("\u{feff}{}", scratch.text(AREAS))));
    assert!(found[0].reason.contains("byte order mark"), "{found:#?}");
    let found = faults(|scratch| scratch.remove(TARGETS));
    assert!(found[0].to_string().starts_with("targets.json: cannot be read: "), "{found:#?}");
    let found = faults(|scratch| scratch.write(AREAS, scratch.text(AREAS).replacen("{", "{ \"areas\": [],", 1)));
    assert!(found.iter().any(|fault| fault.reason.contains("\"areas\" stands twice")), "{found:#?}");
    let found = faults(|scratch| scratch.write("agency.json", "{}"));
    assert!(found[0].reason.contains("\"agency.json\", which is none of plan.json"), "{found:#?}");
}

#[test]
fn a_folder_that_does_not_exist_misses_every_file() {
    let error = crate::read(std::path::Path::new("/nowhere/at/all")).unwrap_err();
    assert_eq!(error.faults().len(), 5);
    assert_eq!(error.to_string().lines().count(), 5);
}

#[test]
fn all_faults_are_reported_at_once_in_the_order_of_the_files() {
    let found = faults(|scratch| {
        scratch.set(TARGETS, "targets[0].value", json!(5));
        scratch.set(TARGETS, "targets[5].effective_deadline", json!("2027-06-30"));
        scratch.set(PROJECTS, "projects[0].area", json!("seaside"));
        scratch.set(PLAN, "calc_version", json!(9));
        scratch.set(INDICATORS, "indicators[0].basis", Value::Null);
        scratch.set(INDICATORS, "indicators[1].grace_days", json!("x"));
    });
    let places: Vec<_> = found.iter().map(|fault| (fault.file.as_str(), fault.path.as_str())).collect();
    assert_eq!(
        places,
        [
            (PLAN, "calc_version"),
            (INDICATORS, "indicators[1].grace_days"),
            (INDICATORS, "indicators[0].basis"),
            (TARGETS, "targets[0].value"),
            (TARGETS, "targets[5].effective_deadline"),
            (PROJECTS, "projects[0].area"),
        ]
    );
}

#[test]
fn a_plan_whose_first_event_is_too_large_is_refused_with_its_size() {
    let found = faults(|scratch| {
        let long = json!({"zh": "很".repeat(2_000), "en": "very ".repeat(390)});
        scratch.set(PLAN, "notes", Value::from(vec![long; 8]));
    });
    assert_eq!((found.len(), found[0].path.as_str()), (1, ""));
    assert!(found[0].reason.contains("at most 61440 bytes; this one has about "), "{}", found[0]);
}

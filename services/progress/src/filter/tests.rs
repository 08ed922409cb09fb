//! Filters: what is read, what holds, what is refused where.

use jiff::civil::date;
use proptest::prelude::*;
use songhua_domain::vocabulary::{AreaKind, Reason};

use super::*;

const FIELDS: &[Field] = &[
    field("area", Kind::Id),
    field("kind", Kind::Code(|text| AreaKind::from_code(text).map(drop))),
    field("batch", Kind::Number),
    field("due_date", Kind::Date),
    field("merged", Kind::Bool),
];

fn parse(text: &str) -> Filter {
    Filter::parse(text, FIELDS).unwrap()
}

/// An item: area hit, circle of batch 2, due on 2026-06-30, not merged.
fn item(field: &str) -> Option<Value> {
    match field {
        "area" => Some("hit".into()),
        "kind" => Some(AreaKind::Circle.code().into()),
        "batch" => Some(Value::Number(Decimal::TWO)),
        "due_date" => Some(Value::Date(date(2026, 6, 30))),
        _ => Some(Value::Bool(false)),
    }
}

#[test]
fn every_condition_must_hold() {
    let holding = [
        "",
        "  ",
        "area=hit",
        "area = hit AND kind = CIRCLE",
        "area=\"hit\" AND kind='CIRCLE'",
        r#"area = "h\it""#,
        "batch<=2 AND batch >= 2.0 AND batch<3 AND batch > 1",
        "due_date >= 2026-06-30 AND due_date < \"2026-07-01\"",
        "merged = false AND merged != true",
        "area != heu",
    ];
    for text in holding {
        assert!(parse(text).matches(item), "{text}");
    }
    for text in ["area=heu", "area=hit AND kind=ZONE", "batch<2", "due_date > 2026-06-30", "merged=true"] {
        assert!(!parse(text).matches(item), "{text}");
    }
}

#[test]
fn an_item_without_a_value_is_unequal_to_every_value() {
    let none = |_: &str| None;
    assert!(parse("area != hit AND due_date != 2026-01-01").matches(none));
    for text in ["area = hit", "due_date < 2030-01-01", "due_date >= 1990-01-01"] {
        assert!(!parse(text).matches(none), "{text}");
    }
}

#[test]
fn a_filter_is_split_by_the_fields_it_names() {
    let (area, others) = parse("area=hit AND batch=1 AND area!=heu").split(&["area"]);
    assert!(area.names("area") && !area.names("batch") && others.names("batch") && !others.names("area"));
    assert!(!area.is_empty() && parse("").is_empty());
}

#[test]
fn a_fault_names_its_place_and_what_is_expected() {
    let faults = [
        ("colour = red", "character 1: \"colour\" is not a field; the fields are area, kind, batch, due_date, merged"),
        ("area = hit colour = red", "character 12: AND is expected, not \"colour\""),
        ("area = hit OR area = heu", "character 12: AND is expected, not \"OR\""),
        ("area = hit and area = heu", "character 12: AND is expected, not \"and\""),
        ("area = hit AND", "character 15: \"\" is not a field"),
        ("area", "character 5: one of =, != is expected behind area"),
        ("area < hit", "character 6: one of =, != is expected behind area"),
        ("batch : 1", "character 7: one of =, !=, <, <=, >, >= is expected behind batch"),
        ("area =", "character 7: a value is expected"),
        ("area = (hit)", "character 8: a value is expected"),
        ("area = \"hit", "character 8: the quote \" is not closed"),
        ("area = '环' AND area = '环", "character 23: the quote ' is not closed"),
        ("kind = GALAXY", "character 8: \"GALAXY\" is not one of the AreaKind codes: CITY, ZONE, CIRCLE"),
        ("batch = 1e3", "character 9: \"1e3\" is not a decimal number"),
        ("due_date = 2026-02-30", "character 12: \"2026-02-30\" is not a day of the form YYYY-MM-DD"),
        ("due_date = 20260228", "character 12: \"20260228\" is not a day of the form YYYY-MM-DD"),
        ("merged = yes", "character 10: \"yes\" is neither true nor false"),
    ];
    for (text, expected) in faults {
        let refused = Filter::parse(text, FIELDS).unwrap_err();
        assert_eq!(refused.reason, Reason::BadFilter, "{text}");
        assert!(refused.message.contains(expected), "{text}: {}", refused.message);
        assert_eq!(refused.violations[0].field, "filter");
    }
    let refused = Filter::parse(&" ".repeat(LENGTH_MAX + 1), FIELDS).unwrap_err();
    assert!(refused.message.contains("longer than 2000 characters"), "{}", refused.message);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        drop(Filter::parse(&text, FIELDS));
    }

    #[test]
    fn no_mixture_of_its_own_words_makes_the_reader_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "area", "kind", "batch", "due_date", "AND", "=", "!=", "<=", ">", "\"", "'", "\\", " ", "环", "1", "hit",
            ]),
            0..40,
        )
    ) {
        drop(Filter::parse(&words.concat(), FIELDS));
    }

    #[test]
    fn a_quoted_value_is_read_as_it_was_meant(value in "\\PC{0,20}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let filter = parse(&format!("area = \"{quoted}\""));
        prop_assert!(filter.matches(|_| Some(Value::Text(value.clone()))));
    }
}

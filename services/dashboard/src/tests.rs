//! The page as a whole, from answers made by hand.

use std::collections::{BTreeMap, BTreeSet};

use songhua_domain::vocabulary::Status;
use songhua_wire::code::Code;
use songhua_wire::pb;

use crate::status::{WORST_FIRST, path, tone};
use crate::{Asked, Lang, PlanLink, Sheet, chart, fault, plans, render};

fn name(zh: &str, en: &str) -> Option<pb::Name> {
    Some(pb::Name { zh: zh.to_owned(), en: en.to_owned() })
}

fn target(number: u32, operator: pb::Operator, actual: &str, value: &str) -> pb::TargetProgress {
    pb::TargetProgress {
        number,
        area: "city".to_owned(),
        indicator_name: name("指标", "indicator"),
        operator: operator.into(),
        actual: actual.to_owned(),
        value: value.to_owned(),
        status: Status::OnTrack.to_wire(),
        status_label: name("正常", "on track"),
        ..Default::default()
    }
}

fn rule() -> pb::LightRule {
    pb::LightRule {
        behind_below_points: "-5".to_owned(),
        far_behind_below_points: "-10".to_owned(),
        ..Default::default()
    }
}

fn drawn(target: &pb::TargetProgress) -> String {
    chart::draw(Lang::Zh, target, Some(&rule())).into_string()
}

/// Place and width of the rectangles of a class.
fn rects(svg: &str, class: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!(" {name}=\"")).nth(1).unwrap_or_default();
        value.split('"').next().unwrap_or_default().to_owned()
    };
    let tags = svg.split("<rect ").skip(1).filter(|tag| tag.starts_with(&format!("class=\"{class}\"")));
    tags.map(|tag| (attribute(tag, "x"), attribute(tag, "width"))).collect()
}

/// A plan of one category and one area beside it.
fn page(asked: &Asked, targets: Vec<pb::TargetProgress>, title: &str) -> String {
    let category = pb::Category { category: "c".to_owned(), display_name: name("类别", "category"), order: 1 };
    let plan = pb::Plan { categories: vec![category], light_rule: Some(rule()), ..Default::default() };
    let area = |id: &str| pb::AreaSummary {
        name: format!("plans/p/areas/{id}"),
        display_name: name(id, id),
        target_count: 1,
        ..Default::default()
    };
    let overview = pb::GetOverviewResponse {
        title: name(title, title),
        target_count: 2,
        areas: vec![area("city"), area("zone")],
        attention: targets.clone(),
        state: Some(pb::ReadState { simulated: true, known_position: 7, calc_version: 2, ..Default::default() }),
        ..Default::default()
    };
    let indicator = |target: pb::TargetProgress| {
        let category = if target.area == "city" { "c" } else { "" }.to_owned();
        let definition = Some(pb::IndicatorDefined { category, ..Default::default() });
        pb::Indicator { definition, targets: vec![target], ..Default::default() }
    };
    let indicators: Vec<_> = targets.into_iter().map(indicator).collect();
    let matrix = pb::GetMatrixResponse::default();
    render(&Sheet { asked, plan: &plan, overview: &overview, matrix: &matrix, indicators: &indicators }, true)
}

#[test]
fn every_status_has_a_place_and_a_shape_of_its_own() {
    let all: BTreeSet<_> = Status::ALL.iter().map(|status| status.to_wire()).collect();
    assert_eq!(WORST_FIRST.iter().map(|status| status.to_wire()).collect::<BTreeSet<_>>(), all);
    assert_eq!(WORST_FIRST.iter().map(|status| path(*status)).collect::<BTreeSet<_>>().len(), Status::ALL.len());
}

/// The colours that the style names.
fn colours() -> BTreeMap<String, [u8; 3]> {
    let part = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let read = |line: &str| {
        let (name, hex) = line.trim().strip_prefix("--")?.trim_end_matches(';').split_once(": #")?;
        let hex = if hex.len() == 3 { hex.chars().flat_map(|one| [one, one]).collect() } else { hex.to_owned() };
        Some((name.to_owned(), [part(&hex, 0), part(&hex, 2), part(&hex, 4)]))
    };
    include_str!("sheet.css").lines().filter_map(read).collect()
}

/// Contrast of two colours, WCAG 2.2.
#[allow(clippy::float_arithmetic, reason = "the formula of WCAG; nothing that is shown")]
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = |[red, green, blue]: [u8; 3]| 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn words_stand_out_from_their_grounds() {
    let colours = colours();
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
    let enough = |ink: &str, ground: &str| {
        let found = contrast(colours[ink], colours[ground]);
        assert!(found >= 4.5, "{ink} on {ground}: {found:.2}");
    };
    enough("ink", "paper");
    enough("quiet", "paper");
    for status in WORST_FIRST {
        let (tone, tint) = (tone(status), format!("tint-{}", tone(status)));
        enough(tone, "paper");
        for ink in [tone, "ink", "quiet"] {
            enough(ink, &tint);
        }
    }
}

#[test]
fn names_cannot_become_markup_nor_style() {
    let hostile = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let mut bad = target(1, pb::Operator::AtLeast, "5", "10");
    bad.indicator_name = name(hostile, hostile);
    bad.area_name = name(hostile, hostile);
    bad.unit_label = name(hostile, hostile);
    bad.status_label = name(hostile, hostile);
    bad.lead_agency = hostile.to_owned();
    bad.marks = vec![hostile.to_owned()];
    bad.last_note = Some(pb::ProgressNote { progress: hostile.to_owned(), ..Default::default() });
    bad.source = Some(pb::SourceSpan { text: hostile.to_owned(), ..Default::default() });
    let mut steps = target(2, pb::Operator::Qualitative, "", "");
    (steps.steps, steps.step) = (vec![hostile.to_owned()], hostile.to_owned());
    let asked = Asked { plan: Some(hostile.to_owned()), known_time: Some(hostile.to_owned()), ..Asked::default() };
    let link = PlanLink { plan: hostile.to_owned(), title: name(hostile, hostile), simulated: true };
    for page in [
        page(&asked, vec![bad, steps], hostile),
        plans(&asked, &[link]),
        fault(&asked, ("参数有误", "Mend the address"), &[hostile.to_owned()]),
    ] {
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(!page.contains("href=\"</") && !page.contains("\"'>"), "{page}");
    }
}

#[test]
fn the_page_asks_nobody_and_runs_nothing() {
    let targets = vec![target(1, pb::Operator::AtLeast, "5", "10")];
    let page = page(&Asked::default(), targets, "方案");
    for banned in ["<script", "http://", "https://", "@import", " style=", " onclick", "javascript:"] {
        assert!(!page.contains(banned), "{banned}");
    }
    assert!(!page.contains("url(") || page.matches("url(").count() == page.matches("url(#").count());
}

#[test]
fn targets_stand_in_their_category_or_area_worst_first() {
    let mut zone = target(3, pb::Operator::AtLeast, "5", "10");
    zone.area = "zone".to_owned();
    let mut late = target(2, pb::Operator::AtLeast, "5", "10");
    late.status = Status::FarBehind.to_wire();
    let page = page(&Asked::default(), vec![zone, target(1, pb::Operator::AtLeast, "5", "10"), late], "方案");
    let at = |what: &str| page.find(what).unwrap_or_else(|| panic!("no {what}"));
    let places = [at("<h3><span class=\"l1\" lang=\"zh-CN\">类别"), at("id=\"t2\""), at("id=\"t1\""), at("id=\"t3\"")];
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(page.matches("<table class=\"numbers\"").count(), 3);
    assert!(page.contains("未指定") && page.contains("模拟数据 SIMULATED DATA"));
}

#[test]
fn links_keep_what_was_asked_and_the_order_of_the_languages() {
    let asked = Asked {
        plan: Some("p".to_owned()),
        valid_date: Some("2026-06-30".to_owned()),
        known_time: Some("2026-07-01T00:00:00+08:00".to_owned()),
        lang: Lang::En,
        ..Asked::default()
    };
    let page = page(&asked, vec![target(1, pb::Operator::AtLeast, "5", "10")], "方案");
    assert!(page.contains("<html lang=\"en\">"));
    let kept = "/?plan=p&amp;valid_date=2026-06-30&amp;known_time=2026-07-01T00%3A00%3A00%2B08%3A00";
    assert!(page.contains(&format!("href=\"{kept}\" lang=\"zh-CN\"")), "中文 first loses what was asked");
    assert!(page.contains("href=\"/?plan=p&amp;lang=en\""), "back to today loses the language");
    assert!(page.contains("name=\"lang\" value=\"en\"") && page.contains("name=\"plan\" value=\"p\""));
    assert!(page.find("all targets") < page.find("全部目标"));
}

#[test]
fn a_bullet_has_one_bar_two_markers_and_the_ranges_of_the_rule() {
    let mut half = target(1, pb::Operator::AtLeast, "5", "10");
    (half.expected, half.scale) = ("8".to_owned(), "10".to_owned());
    let svg = drawn(&half);
    // The chart is 232 wide, from 4 on.
    assert_eq!(rects(&svg, "measure"), [("4.0".to_owned(), "116.0".to_owned())]);
    assert_eq!(rects(&svg, "goal-marker"), [("234.0".to_owned(), "4".to_owned())]);
    // Far behind below 8 − 1, behind below 8 − 0.5.
    assert_eq!(rects(&svg, "range far-behind"), [("4.0".to_owned(), "162.4".to_owned())]);
    assert_eq!(rects(&svg, "range behind"), [("166.4".to_owned(), "11.6".to_owned())]);
    assert_eq!(rects(&svg, "range on-track"), [("178.0".to_owned(), "58.0".to_owned())]);
    assert!(svg.contains("expected-marker") && svg.contains("M189.6 7V25"), "{svg}");
    assert!(svg.contains("aria-label=\"指标：实际 5，目标 ≥\u{a0}10，正常\""), "{svg}");
    // Without a path there is one range and one marker.
    let svg = drawn(&target(1, pb::Operator::AtLeast, "12", "10"));
    assert!(!svg.contains("expected") && rects(&svg, "range on-track").len() == 1);
    assert_eq!(rects(&svg, "measure"), [("4.0".to_owned(), "232.0".to_owned())]);
    // Where less is better, the ranges lie the other way round.
    let mut less = target(1, pb::Operator::AtLeast, "15", "10");
    (less.expected, less.scale) = ("12".to_owned(), "10".to_owned());
    less.descending = true;
    let svg = drawn(&less);
    assert_eq!(rects(&svg, "range far-behind"), [("205.1".to_owned(), "30.9".to_owned())]);
    assert_eq!(rects(&svg, "range on-track"), [("4.0".to_owned(), "193.3".to_owned())]);
    assert!(svg.contains("≤\u{a0}10"), "{svg}");
    less.operator = pb::Operator::MoreThan.into();
    assert!(drawn(&less).contains("&lt;\u{a0}10"));
    // A figure below zero goes to the left of it.
    let svg = drawn(&target(1, pb::Operator::AtLeast, "-10", "10"));
    assert_eq!(rects(&svg, "measure"), [("4.0".to_owned(), "116.0".to_owned())]);
}

#[test]
fn each_operator_is_drawn_as_what_it_is() {
    assert_eq!(rects(&drawn(&target(1, pb::Operator::MoreThan, "5", "10")), "goal-marker open").len(), 1);
    let mut between = target(1, pb::Operator::Between, "1", "3");
    between.max = "5".to_owned();
    assert_eq!(rects(&drawn(&between), "between"), [("143.2".to_owned(), "92.8".to_owned())]);
    let mut about = target(1, pb::Operator::Approximately, "50", "100");
    about.tolerance = "0.1".to_owned();
    assert_eq!(rects(&drawn(&about), "fuzzy"), [("212.8".to_owned(), "23.2".to_owned())]);
    let coverage = drawn(&target(1, pb::Operator::FullCoverage, "25", ""));
    assert_eq!(rects(&coverage, "measure"), [("4.0".to_owned(), "58.0".to_owned())]);
    let mut ahead = target(1, pb::Operator::ExceedsSeries, "", "");
    let year = |year, own: &str, other: &str| pb::YearComparison {
        year,
        own: own.to_owned(),
        other: other.to_owned(),
        gap: String::new(),
    };
    ahead.years = vec![year(2024, "6", "3"), year(2025, "-3", "")];
    let svg = drawn(&ahead);
    assert_eq!((rects(&svg, "measure").len(), rects(&svg, "other").len()), (2, 1));
    assert!(svg.contains(">2024<") && svg.contains(">2025<"));
    let mut level = target(1, pb::Operator::Qualitative, "", "");
    level.steps = ["跟跑", "并跑", "领跑"].map(ToOwned::to_owned).to_vec();
    (level.step, level.required_step) = ("并跑".to_owned(), "领跑".to_owned());
    let svg = drawn(&level);
    assert_eq!(
        (rects(&svg, "step reached").len(), rects(&svg, "step").len(), rects(&svg, "goal-marker").len()),
        (2, 1, 1)
    );
}

#[test]
fn where_there_is_nothing_to_draw_words_say_so() {
    let mut nowhere = target(1, pb::Operator::Qualitative, "", "");
    nowhere.steps = vec!["跟跑".to_owned()];
    for empty in [
        target(1, pb::Operator::AtLeast, "", "10"),
        target(1, pb::Operator::AtLeast, "0", "0"),
        target(1, pb::Operator::ExceedsSeries, "", ""),
        nowhere,
    ] {
        let drawn = drawn(&empty);
        assert!(drawn.contains("没有数据") && drawn.contains("no data") && !drawn.contains("<svg"), "{drawn}");
    }
}

#[test]
fn numbers_are_short_and_keep_the_decimals_that_were_reported() {
    use crate::number::{pace, shown};
    let table =
        [("15.10", "15.10"), ("93.41085271317829", "93.41"), ("", "–"), ("-2.50", "\u{2212}2.50"), ("3200", "3200")];
    for (text, wanted) in table {
        assert_eq!(shown(text), wanted);
    }
    for (text, wanted) in [("0.0075609756", "0.0076"), ("5.1219512", "5.12"), ("0.2439", "0.24"), ("0", "0"), ("", "–")]
    {
        assert_eq!(pace(text), wanted);
    }
}

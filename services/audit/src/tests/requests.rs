//! What a request may say.

use songhua_domain::vocabulary::Reason;
use songhua_wire::google::type_::Date;
use songhua_wire::pb;

use super::fixture::{World, all, follow};

struct Case(&'static str, pb::ReplayRequest, Reason, &'static str);

fn with(change: impl FnOnce(&mut pb::ReplayFilter)) -> pb::ReplayRequest {
    let mut filter = pb::ReplayFilter::default();
    change(&mut filter);
    pb::ReplayRequest { filter: Some(filter), ..all() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn beating(seconds: i64, nanos: i32) -> pb::ReplayRequest {
    pb::ReplayRequest { heartbeat_interval: Some(pbjson_types::Duration { seconds, nanos }), ..all() }
}

const fn second(seconds: i64) -> Option<pbjson_types::Timestamp> {
    Some(pbjson_types::Timestamp { seconds, nanos: 0 })
}

const fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

fn cases(head: u64) -> Vec<Case> {
    use Reason::{InvalidField as Bad, PositionAhead as Ahead, UnknownResource as Unknown};
    let range = |from_position, to_position| pb::ReplayRequest { from_position, to_position, ..all() };
    let parent = |parent: &str| pb::ReplayRequest { parent: parent.to_owned(), ..all() };
    vec![
        Case("no plan", parent(""), Bad, "parent"),
        Case("a bare id", parent("qingshui-2025-2027"), Bad, "parent"),
        Case("more than a plan", parent("plans/qingshui-2025-2027/areas/lakeside"), Bad, "parent"),
        Case("backwards", range(5, 4), Bad, "to_position"),
        Case("from beyond the end", range(head + 1, 0), Ahead, "from_position"),
        Case("to beyond the end", range(1, head + 1), Ahead, "to_position"),
        Case("following from further on", follow(head + 2), Ahead, "from_position"),
        Case("no pause", beating(0, 0), Bad, "heartbeat_interval"),
        Case("a short pause", beating(0, 999_999_999), Bad, "heartbeat_interval"),
        Case("a long pause", beating(60, 1), Bad, "heartbeat_interval"),
        Case("a negative pause", beating(-5, 0), Bad, "heartbeat_interval"),
        Case("no nanoseconds", beating(5, 1_000_000_000), Bad, "heartbeat_interval"),
        Case("a Chinese area", with(|it| it.areas = texts(&["lakeside", "湖滨"])), Bad, "filter.areas[1]"),
        Case("an empty area", with(|it| it.areas = texts(&[""])), Bad, "filter.areas[0]"),
        Case("a name", with(|it| it.indicators = texts(&["plans/p/indicators/i"])), Bad, "filter.indicators[0]"),
        Case("an upper case project", with(|it| it.projects = texts(&["Pilot"])), Bad, "filter.projects[0]"),
        Case("a spaced agency", with(|it| it.agencies = texts(&["water bureau"])), Bad, "filter.agencies[0]"),
        Case("too many", with(|it| it.areas = vec!["lakeside".to_owned(); 201]), Bad, "filter.areas"),
        Case("a type", with(|it| it.event_types = texts(&["measurement.report"])), Bad, "filter.event_types[0]"),
        Case("a kind", with(|it| it.event_types = texts(&["measure.*"])), Bad, "filter.event_types[0]"),
        Case("a bare kind", with(|it| it.event_types = texts(&["measurement"])), Bad, "filter.event_types[0]"),
        Case("any kind", with(|it| it.event_types = texts(&["*"])), Bad, "filter.event_types[0]"),
        Case("no time", with(|it| it.recorded_from = second(i64::MAX)), Bad, "filter.recorded_from"),
        Case(
            "no time between",
            with(|it| (it.recorded_from, it.recorded_until) = (second(7), second(7))),
            Bad,
            "filter.recorded_until",
        ),
        Case("no day", with(|it| it.effective_from = day(2026, 2, 30)), Bad, "filter.effective_from"),
        Case("a month", with(|it| it.effective_to = day(2026, 2, 0)), Bad, "filter.effective_to"),
        Case(
            "no day between",
            with(|it| (it.effective_from, it.effective_to) = (day(2026, 2, 2), day(2026, 2, 1))),
            Bad,
            "filter.effective_to",
        ),
        Case("another plan's area", with(|it| it.areas = texts(&["lakeside", "city"])), Unknown, "filter.areas[1]"),
        Case("no indicator", with(|it| it.indicators = texts(&["gdp"])), Unknown, "filter.indicators[0]"),
        Case("no project", with(|it| it.projects = texts(&["moon-base"])), Unknown, "filter.projects[0]"),
        Case("no agency", with(|it| it.agencies = texts(&["nobody"])), Unknown, "filter.agencies[0]"),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let world = World::published().await;
    let auditor = world.auditor();
    for Case(name, request, reason, field) in cases(world.head()) {
        let refused = world.refused(&auditor, request).await;
        assert_eq!(refused.reason, reason, "{name}: {refused:?}");
        let fields: Vec<_> = refused.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, [field], "{name}");
        assert!(!refused.message_zh.is_ascii(), "{name}");
    }
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let world = World::published().await;
    let mut request = with(|it| it.areas = texts(&["湖滨", "lakeside", "Ö"]));
    request.heartbeat_interval = Some(pbjson_types::Duration { seconds: 61, nanos: 0 });
    let refused = world.refused(&world.auditor(), request).await;
    let fields: Vec<_> = refused.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["filter.areas[0]", "filter.areas[2]", "heartbeat_interval"]);
}

#[tokio::test]
async fn a_position_that_lies_ahead_comes_with_where_the_log_ends() {
    let world = World::published().await;
    let head = world.head();
    let refused = world.refused(&world.auditor(), follow(head + 2)).await;
    assert_eq!(refused.metadata["durable_position"], head.to_string());
    world.begin(&world.auditor(), follow(head + 1)).await.expect("the next one may be waited for");
}

//! Each filter, against what was put there.

use jiff::Timestamp;
use jiff::civil::date;
use songhua_domain::event::{DayOpened, EventInput, MilestoneReached, NothingToReport, ReferencePeriod};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::record::decode_header;
use songhua_wire::time::timestamp_to_pb;

use super::fixture::{BEGIN, COLLEGE, WATER, World, all, clerk, event, figure, office, planned};

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// A world, and where the events of the test stand.
async fn busy() -> (World, [u64; 6]) {
    let world = World::published().await;
    let lake = world.put(&clerk(WATER), vec![figure("lakeside", "tech-firms", "_T", date(2026, 1, 31))]).await;
    let county = world.put(&clerk(WATER), vec![figure("county", "tech-firms", "_T", date(2026, 2, 28))]).await;
    let mut filed = office();
    filed.on_behalf_of = Some(COLLEGE.parse().unwrap());
    let plan = world.put(&filed, vec![planned("pilot-base", "operation")]).await;
    let reached = MilestoneReached {
        project: "pilot-base".parse().unwrap(),
        milestone: "operation".parse().unwrap(),
        reach_date: date(2026, 3, 1),
    };
    let reached = world.put(&clerk(WATER), vec![event(reached)]).await;
    let nothing = NothingToReport {
        area: "agri-college".parse().unwrap(),
        indicator: "agri-talent".parse().unwrap(),
        period: ReferencePeriod::AsOf(date(2026, 2, 1)),
    };
    let silent = world.put(&clerk(COLLEGE), vec![event(nothing)]).await;
    let day = world.put(&office(), vec![event(DayOpened { date: date(2026, 3, 2) })]).await;
    (world, [lake, county, plan, reached, silent, day])
}

#[tokio::test]
async fn areas_indicators_projects_and_agencies() {
    let (world, [lake, county, plan, reached, silent, day]) = busy().await;
    let auditor = world.auditor();
    let tail = |positions: Vec<u64>| positions.into_iter().filter(|position| *position >= lake).collect::<Vec<_>>();
    let ask = |filter| world.positions(&auditor, filter);
    let of = |areas: &[&str]| pb::ReplayFilter { areas: list(areas), ..Default::default() };
    assert_eq!(tail(ask(of(&["lakeside"])).await), [lake, plan, reached]);
    assert_eq!(tail(ask(of(&["county", "agri-college"])).await), [county, silent]);
    let of = |indicators: &[&str]| pb::ReplayFilter { indicators: list(indicators), ..Default::default() };
    assert_eq!(tail(ask(of(&["tech-firms"])).await), [lake, county]);
    assert_eq!(tail(ask(of(&["agri-talent", "eco-output"])).await), [silent]);
    let of = |projects: &[&str]| pb::ReplayFilter { projects: list(projects), ..Default::default() };
    assert_eq!(tail(ask(of(&["pilot-base"])).await), [plan, reached]);
    assert!(tail(ask(of(&["germplasm-garden"])).await).is_empty());
    let of = |agencies: &[&str]| pb::ReplayFilter { agencies: list(agencies), ..Default::default() };
    assert_eq!(tail(ask(of(&[COLLEGE])).await), [plan, silent], "sent, or filed on its behalf");
    assert_eq!(tail(ask(of(&[COLLEGE, WATER])).await), [lake, county, plan, reached, silent]);
    assert_eq!(tail(ask(pb::ReplayFilter::default()).await), (lake..=day).collect::<Vec<_>>());
}

#[tokio::test]
async fn definitions_are_found_by_what_they_define() {
    let world = World::published().await;
    let auditor = world.auditor();
    let types = |records: Vec<pb::ReplayRecord>| {
        let read = |record: &pb::ReplayRecord| decode_header(&record.data).unwrap().event_type;
        records.iter().map(read).collect::<Vec<_>>()
    };
    let filter = pb::ReplayFilter { indicators: list(&["eco-output"]), ..Default::default() };
    let found = types(world.replay(&auditor, pb::ReplayRequest { filter: Some(filter), ..all() }).await);
    assert!(found.contains(&"indicator.defined") && found.contains(&"target.set"), "{found:?}");
    let filter = pb::ReplayFilter { projects: list(&["pilot-base"]), ..Default::default() };
    let found = types(world.replay(&auditor, pb::ReplayRequest { filter: Some(filter), ..all() }).await);
    assert!(found.contains(&"project.registered"), "{found:?}");
    let filter = pb::ReplayFilter { event_types: list(&["agency.*", "plan.published"]), ..Default::default() };
    let found = types(world.replay(&auditor, pb::ReplayRequest { filter: Some(filter), ..all() }).await);
    let two = |name| [name; 2];
    assert_eq!(found, [&["plan.published"][..], &two("agency.registered"), &two("agency.assigned")].concat());
}

#[tokio::test]
async fn every_list_must_match() {
    let (world, [lake, county, ..]) = busy().await;
    let both = pb::ReplayFilter {
        areas: list(&["lakeside"]),
        indicators: list(&["tech-firms"]),
        agencies: list(&[WATER]),
        event_types: list(&["measurement.*"]),
        ..Default::default()
    };
    assert_eq!(world.positions(&world.auditor(), both.clone()).await, [lake]);
    let wider = pb::ReplayFilter { areas: list(&["lakeside", "county"]), ..both };
    assert_eq!(world.positions(&world.auditor(), wider).await, [lake, county]);
}

fn at(seconds: i64, nanos: i64) -> Option<pbjson_types::Timestamp> {
    let begin: Timestamp = BEGIN.parse().unwrap();
    let moment = begin + jiff::SignedDuration::from_secs(seconds) + jiff::SignedDuration::from_nanos(nanos);
    Some(timestamp_to_pb(moment))
}

#[tokio::test]
async fn recorded_times_cut_the_history_at_the_submission() {
    let (world, _) = busy().await;
    let auditor = world.auditor();
    let mut times = Vec::new();
    for record in world.replay(&auditor, all()).await {
        let event = songhua_wire::record::decode_event(record.position, &record.data).unwrap();
        times.push((record.position, event.recorded_time));
    }
    let last = times.last().unwrap().1;
    let mut checked = 0;
    for seconds in -1..=(last.as_second() - BEGIN.parse::<Timestamp>().unwrap().as_second() + 1) {
        for nanos in [-1, 0, 1] {
            let (from, until) = (at(seconds, nanos), at(seconds + 3, nanos));
            let filter = pb::ReplayFilter { recorded_from: from, recorded_until: until, ..Default::default() };
            let moment =
                |wire: Option<pbjson_types::Timestamp>| songhua_wire::time::timestamp_from_pb(&wire.unwrap()).unwrap();
            let within = |time: Timestamp| time >= moment(from) && time < moment(until);
            let expected: Vec<_> =
                times.iter().filter(|(_, time)| within(*time)).map(|(position, _)| *position).collect();
            assert_eq!(world.positions(&auditor, filter.clone()).await, expected, "{seconds} s {nanos} ns");
            // The same within a range that cuts submissions.
            let request = pb::ReplayRequest { from_position: 3, to_position: 20, filter: Some(filter), ..all() };
            let found: Vec<_> = world.replay(&auditor, request).await.iter().map(|record| record.position).collect();
            let cut: Vec<_> = expected.into_iter().filter(|position| (3..=20).contains(position)).collect();
            assert_eq!(found, cut, "{seconds} s {nanos} ns, 3 to 20");
            checked += 1;
        }
    }
    assert!(checked > 30);
}

fn effective(from: (i32, i32), to: (i32, i32)) -> pb::ReplayFilter {
    let day = |(month, day)| Some(Date { year: 2026, month, day });
    pb::ReplayFilter { effective_from: day(from), effective_to: day(to), ..Default::default() }
}

#[tokio::test]
async fn the_effective_day_is_the_date_the_periods_end_or_the_events_own() {
    let (world, [lake, county, _, reached, silent, day]) = busy().await;
    let auditor = world.auditor();
    assert_eq!(world.positions(&auditor, effective((1, 1), (12, 31))).await, [lake, county, reached, silent, day]);
    assert_eq!(world.positions(&auditor, effective((1, 31), (1, 31))).await, [lake]);
    assert_eq!(world.positions(&auditor, effective((2, 1), (2, 28))).await, [county, silent]);
    assert_eq!(world.positions(&auditor, effective((3, 1), (3, 2))).await, [reached, day]);
    let open = pb::ReplayFilter { effective_to: None, ..effective((2, 28), (1, 1)) };
    assert_eq!(world.positions(&auditor, open).await, [county, reached, day]);
    // An effective date goes before everything else.
    let dated = EventInput { effective_date: Some(date(2026, 1, 15)), ..planned("pilot-base", "later") };
    let dated = world.put(&clerk(WATER), vec![dated]).await;
    assert_eq!(world.positions(&auditor, effective((1, 15), (1, 15))).await, [dated]);
}

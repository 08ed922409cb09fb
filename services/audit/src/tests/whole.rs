//! Every record, as it is stored, in order.

use songhua_domain::vocabulary::{Reason, Role};

use super::fixture::{PLAN, WATER, World, all, clerk, follow, heavy, identity, next, office};
use crate::tests::fixture::firms;
use songhua_wire::pb;

#[tokio::test]
async fn an_auditor_and_an_administrator_see_every_record_in_order() {
    let world = World::published().await;
    for number in 0..20 {
        world.put(&clerk(WATER), vec![firms(number), firms(100 + number)]).await;
    }
    for caller in [world.auditor(), world.caller(Role::Admin, None)] {
        let records = world.replay(&caller, all()).await;
        let positions: Vec<_> = records.iter().map(|record| record.position).collect();
        assert_eq!(positions, (1..=world.head()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_range_begins_and_ends_within_submissions() {
    let world = World::published().await;
    let first = world.put(&clerk(WATER), (0..10).map(firms).collect()).await;
    let auditor = world.auditor();
    for (from, to) in [(first + 3, first + 7), (first, first), (1, first + 1), (first + 9, first + 9)] {
        let request = pb::ReplayRequest { from_position: from, to_position: to, ..all() };
        let positions: Vec<_> = world.replay(&auditor, request).await.iter().map(|record| record.position).collect();
        assert_eq!(positions, (from..=to).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn responses_are_of_about_a_mebibyte_also_where_a_submission_is_larger() {
    let world = World::published().await;
    for round in 0..3 {
        world.put(&clerk(WATER), heavy(round * 1_000, 400, 7_800)).await;
    }
    let mut stream = world.begin(&world.auditor(), follow(1)).await.unwrap();
    let (mut scanned, mut responses) = (0, 0);
    while scanned < world.head() {
        let response = next(&mut stream).await;
        let bytes: usize = response.records.iter().map(|record| record.data.len()).sum();
        assert!(bytes <= 1024 * 1024, "{bytes} bytes");
        assert_eq!(response.records[0].position, scanned + 1);
        scanned = response.scanned_position;
        responses += 1;
    }
    assert!(responses < 15, "{responses} responses for 9 MiB");
}

#[tokio::test]
async fn a_plan_that_is_not_published_is_there_for_its_office_only() {
    let world = World::loaded().await;
    for caller in [world.auditor(), world.caller(Role::Agency, Some(WATER))] {
        assert_eq!(world.refused(&caller, all()).await.reason, Reason::PlanNotFound);
    }
    assert_eq!(world.replay(&world.caller(Role::Admin, None), all()).await.len() as u64, world.head());
    world.publish().await;
    assert_eq!(world.replay(&world.auditor(), all()).await.len() as u64, world.head());
}

#[tokio::test]
async fn a_reader_and_a_token_for_another_plan_are_refused() {
    let world = World::published().await;
    assert_eq!(world.refused(&world.caller(Role::Reader, None), all()).await.reason, Reason::RoleNotAllowed);
    assert_eq!(world.refused(&world.caller(Role::Agency, None), all()).await.reason, Reason::OutOfScope);
    let mut elsewhere = world.auditor();
    elsewhere.plan = Some("another".parse().unwrap());
    assert_eq!(world.refused(&elsewhere, all()).await.reason, Reason::PlanNotFound);
    let other = pb::ReplayRequest { parent: "plans/another".to_owned(), ..all() };
    assert_eq!(world.refused(&world.auditor(), other).await.reason, Reason::PlanNotFound);
}

#[tokio::test]
async fn the_log_may_show_its_durable_head_late() {
    use std::sync::Arc;

    use songhua_log::EventLog;
    use songhua_log::hostile::{HostileLog, Hostility};
    let lagging = Hostility { lag: 5, ..Hostility::calm(7) };
    let log: Arc<dyn EventLog> = Arc::new(HostileLog::new(identity(), lagging));
    let world = World::on(log).await;
    world.publish().await;
    let office_view = world.caller(Role::Admin, None);
    let mut stream = world.begin(&office_view, follow(1)).await.unwrap();
    let mut seen = Vec::new();
    for number in 0..50 {
        let last = world.put(&office(), vec![super::fixture::planned("pilot-base", &format!("m{number}"))]).await;
        while seen.len() < last as usize {
            seen.extend(next(&mut stream).await.records.into_iter().map(|record| record.position));
        }
    }
    assert!(seen.iter().copied().eq(1..=seen.len() as u64), "{PLAN}: {seen:?}");
}

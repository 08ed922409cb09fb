//! Replay: what an auditor gets is what was acknowledged, and nobody sees more than is theirs.

use songhua_tests::pb::{self, Role, scope};
use songhua_tests::{
    Client, PLAN, Sandbox, assigned, date, days_ago, event, many, push, reason, refusal, stock, submit,
};
use songhua_wire::google::type_::Date;
use songhua_wire::pb::event_input::Payload;
use tonic::{Code, Status};

/// Everything there is.
pub(crate) fn all() -> pb::ReplayRequest {
    pb::ReplayRequest { parent: PLAN.to_owned(), ..Default::default() }
}

/// A whole replay: its records, and where the last response came to.
pub(crate) async fn replay(
    client: &Client,
    request: pb::ReplayRequest,
) -> Result<(Vec<pb::ReplayRecord>, u64), Status> {
    let mut stream = client.audit.clone().replay(request).await?.into_inner();
    let (mut records, mut scanned) = (Vec::new(), 0);
    while let Some(response) = stream.message().await? {
        assert!(response.scanned_position > scanned && response.durable_position >= response.scanned_position);
        let bytes: usize = response.records.iter().map(|record| record.data.len()).sum();
        assert!(bytes <= 1 << 20, "{bytes} bytes in a response");
        records.extend(response.records);
        scanned = response.scanned_position;
    }
    Ok((records, scanned))
}

pub(crate) fn positions(records: &[pb::ReplayRecord]) -> Vec<u64> {
    records.iter().map(|record| record.position).collect()
}

pub(crate) fn decoded(record: &pb::ReplayRecord) -> pb::Event {
    prost::Message::decode(record.data.clone()).unwrap()
}

/// SHA-256(0x00 ‖ data), as RFC 6962 hashes a leaf.
pub(crate) fn leaf_hash(data: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::new().chain_update([0]).chain_update(data).finalize().to_vec()
}

async fn with_role(sandbox: &Sandbox, role: Role, agency: &str) -> Client {
    let (_, token) = sandbox.grant(role, agency, "").await;
    sandbox.client(Some(&token)).await
}

async fn stored(client: &Client, event: pb::EventInput) -> u64 {
    client.ingest.clone().submit(submit(vec![event])).await.unwrap().into_inner().receipts[0].position
}

#[tokio::test]
async fn an_auditor_replays_exactly_what_was_acknowledged() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let before = sandbox.durable().await;
    let events = many(5_000);
    let (receipts, complete) = push(&clerk, &events, 100).await;
    assert!(complete);
    let auditor = with_role(&sandbox, Role::Auditor, "").await;
    let (records, scanned) = replay(&auditor, all()).await.unwrap();
    assert_eq!(scanned, sandbox.durable().await);
    assert_eq!(positions(&records), (1..=scanned).collect::<Vec<_>>());
    for (receipt, record) in receipts.iter().zip(&records[before as usize..]) {
        let event = decoded(record);
        assert_eq!(record.position, receipt.position);
        assert_eq!(leaf_hash(&record.data), receipt.leaf_hash);
        assert_eq!(event.recorded_time, receipt.recorded_time);
        assert_eq!(event.input.unwrap().event_id, receipt.event_id);
    }
    assert!(matches!(decoded(&records[0]).input.unwrap().payload, Some(Payload::LogCreated(_))));
    // The same bytes once more, also from the middle and for the administrator.
    let range = pb::ReplayRequest { from_position: before + 7, to_position: before + 4_321, ..all() };
    let (part, _) = replay(&sandbox.admin().await, range).await.unwrap();
    assert_eq!(part, records[before as usize + 6..before as usize + 4_321]);
}

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn planned(project: &str) -> pb::EventInput {
    event(Payload::MilestonePlanned(pb::MilestonePlanned {
        project: project.to_owned(),
        milestone: "approval".to_owned(),
        milestone_type: pb::MilestoneType::Approval.into(),
        title: Some(pb::Name { zh: "审批".to_owned(), en: String::new() }),
        due_date: Some(date(2026, 12, 31)),
        weight: String::new(),
    }))
}

#[tokio::test]
async fn each_filter_lets_pass_what_it_names() {
    let sandbox = Sandbox::start().await;
    let drc = sandbox.lead_of_all("drc").await;
    let hit = sandbox.lead("hit", "circle-hit").await;
    let firms = stored(&hit, stock("circle-hit", "tech-firms", days_ago(3), "331")).await;
    let city = stored(&drc, stock("city", "hnte-count", days_ago(1), "17")).await;
    let park = stored(&drc, planned("aerospace-park")).await;
    let auditor = with_role(&sandbox, Role::Auditor, "").await;
    let first = decoded(&replay(&auditor, all()).await.unwrap().0[city as usize - 1]).recorded_time;
    let none = pb::ReplayFilter::default;
    let areas = pb::ReplayFilter { areas: list(&["circle-hit"]), ..none() };
    let indicators = pb::ReplayFilter { indicators: list(&["hnte-count", "tech-firms"]), ..none() };
    let projects = pb::ReplayFilter { projects: list(&["aerospace-park"]), ..none() };
    let agencies = pb::ReplayFilter { agencies: list(&["hit"]), ..none() };
    let types = pb::ReplayFilter { event_types: list(&["measurement.reported", "milestone.*"]), ..none() };
    let from = pb::ReplayFilter { recorded_from: first, ..none() };
    let until = pb::ReplayFilter { recorded_until: first, ..none() };
    let since = pb::ReplayFilter { effective_from: Some(days_ago(2)), ..types.clone() };
    let till = pb::ReplayFilter { effective_to: Some(days_ago(2)), ..types.clone() };
    let both = pb::ReplayFilter { areas: list(&["circle-hit", "city"]), ..agencies.clone() };
    let table = [
        ("areas", areas, vec![firms, park]),
        ("indicators", indicators, vec![firms, city]),
        ("projects", projects, vec![park]),
        ("agencies", agencies, vec![firms]),
        ("types", types, vec![firms, city, park]),
        ("recorded from", from, vec![city, park]),
        ("recorded until", until, vec![firms]),
        ("effective from", since, vec![city]),
        ("effective to", till, vec![firms]),
        ("two lists", both, vec![firms]),
    ];
    for (name, filter, expected) in table {
        let (records, scanned) = replay(&auditor, pb::ReplayRequest { filter: Some(filter), ..all() }).await.unwrap();
        let found: Vec<_> = positions(&records).into_iter().filter(|position| *position >= firms).collect();
        assert_eq!(found, expected, "{name}");
        assert_eq!(scanned, sandbox.durable().await, "{name}");
    }
}

#[tokio::test]
async fn an_agency_sees_its_own_scope_and_a_reader_nothing() {
    let sandbox = Sandbox::start().await;
    let hit = sandbox.lead("hit", "circle-hit").await;
    let heu = sandbox.lead("heu", "circle-heu").await;
    let of_hit = stored(&hit, stock("circle-hit", "tech-firms", days_ago(1), "331")).await;
    let of_heu = stored(&heu, stock("circle-heu", "platforms", days_ago(1), "3")).await;
    let seen = replay(&hit, all()).await.unwrap().0;
    assert!(positions(&seen).contains(&of_hit) && !positions(&seen).contains(&of_heu));
    for record in &seen {
        let event = decoded(record);
        let own = event.actor.as_ref().is_some_and(|actor| actor.agency == "hit");
        assert!(own || event.area == "circle-hit", "{event:?}");
    }
    // Assigned to the other circle as well, it sees that too: from the beginning.
    let heu_too = assigned("hit", pb::AssignmentRole::Supervising, scope::Kind::Area("circle-heu".into()));
    stored(&sandbox.admin().await, heu_too).await;
    let seen = positions(&replay(&hit, all()).await.unwrap().0);
    assert!(seen.contains(&of_hit) && seen.contains(&of_heu));
    let reader = with_role(&sandbox, Role::Reader, "").await;
    let refused = replay(&reader, all()).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "ROLE_NOT_ALLOWED");
    let nobody = sandbox.client(None).await;
    assert_eq!(reason(&replay(&nobody, all()).await.unwrap_err(), Code::Unauthenticated), "TOKEN_MISSING");
}

struct Case(&'static str, pb::ReplayRequest, Code, &'static str, Option<&'static str>);

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_field() {
    use Code::{InvalidArgument as Bad, NotFound, OutOfRange};
    let sandbox = Sandbox::start().await;
    let head = sandbox.durable().await;
    let range = |from_position, to_position| pb::ReplayRequest { from_position, to_position, ..all() };
    let with = |filter| pb::ReplayRequest { filter: Some(filter), ..all() };
    let none = pb::ReplayFilter::default;
    let day = Some(Date { year: 2026, month: 13, day: 1 });
    let minute = Some(std::time::Duration::from_secs(61).into());
    let cases = [
        Case("a name", pb::ReplayRequest { parent: "harbin".into(), ..all() }, Bad, "INVALID_FIELD", Some("parent")),
        Case("no plan", pb::ReplayRequest { parent: "plans/x".into(), ..all() }, NotFound, "PLAN_NOT_FOUND", None),
        Case("backwards", range(9, 8), Bad, "INVALID_FIELD", Some("to_position")),
        Case("from ahead", range(head + 1, 0), OutOfRange, "POSITION_AHEAD", Some("from_position")),
        Case("to ahead", range(0, head + 1), OutOfRange, "POSITION_AHEAD", Some("to_position")),
        Case(
            "a slow heart",
            pb::ReplayRequest { heartbeat_interval: minute, ..all() },
            Bad,
            "INVALID_FIELD",
            Some("heartbeat_interval"),
        ),
        Case(
            "a kind",
            with(pb::ReplayFilter { event_types: list(&["x.*"]), ..none() }),
            Bad,
            "INVALID_FIELD",
            Some("filter.event_types[0]"),
        ),
        Case(
            "a month",
            with(pb::ReplayFilter { effective_from: day, ..none() }),
            Bad,
            "INVALID_FIELD",
            Some("filter.effective_from"),
        ),
        Case(
            "a slip",
            with(pb::ReplayFilter { areas: list(&["circle-hti"]), ..none() }),
            Bad,
            "UNKNOWN_RESOURCE",
            Some("filter.areas[0]"),
        ),
    ];
    let admin = sandbox.admin().await;
    for Case(name, request, code, why, field) in cases {
        let refused = replay(&admin, request).await.unwrap_err();
        assert_eq!(reason(&refused, code), why, "{name}");
        let fields: Vec<_> = refusal(&refused).violations.into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields.first().map(String::as_str), field, "{name}");
    }
}

#[tokio::test]
async fn a_plan_of_another_grant_is_not_there() {
    let sandbox = Sandbox::start().await;
    let (_, token) = sandbox.grant(Role::Auditor, "", "qingshui-2025-2027").await;
    let elsewhere = sandbox.client(Some(&token)).await;
    assert_eq!(reason(&replay(&elsewhere, all()).await.unwrap_err(), Code::NotFound), "PLAN_NOT_FOUND");
}

//! Every refusal is typed and stores nothing: a table of what a client can get wrong.

use songhua_tests::google::type_::Date;
use songhua_tests::pb::event_input::Payload;
use songhua_tests::pb::{self, figure};
use songhua_tests::{
    Client, PLAN, PushStream, Sandbox, agency, call_raw, date, days_ago, dimension, many, reason, refusal, stock,
    stream_raw, submit,
};
use tonic::Code;

/// What is wrong, the request, the code, the reason, the field that is named (none = no field is at fault).
struct Case(&'static str, pb::SubmitRequest, Code, &'static str, Option<&'static str>);

/// A good request with one thing changed in its measurement.
fn with(change: impl FnOnce(&mut pb::MeasurementReported)) -> pb::SubmitRequest {
    let mut event = good();
    if let Some(Payload::MeasurementReported(reported)) = &mut event.payload {
        change(reported);
    }
    submit(vec![event])
}

fn with_event(change: impl FnOnce(&mut pb::EventInput)) -> pb::SubmitRequest {
    let mut event = good();
    change(&mut event);
    submit(vec![event])
}

fn good() -> pb::EventInput {
    stock("city", "hnte-count", days_ago(1), "17")
}

fn number(text: &'static str) -> pb::SubmitRequest {
    with(|it| it.figure = Some(pb::Figure { kind: Some(figure::Kind::Value(text.to_owned())) }))
}

fn on(day: Date) -> pb::SubmitRequest {
    with(|it| it.period = Some(pb::ReferencePeriod { start: None, end: Some(day) }))
}

fn commented(bytes: usize) -> pb::SubmitRequest {
    with_event(|event| event.comment = "x".repeat(bytes))
}

fn fields() -> Vec<Case> {
    use Code::InvalidArgument as Bad;
    let value = Some("events[0].measurement_reported.figure.value");
    let end = Some("events[0].measurement_reported.period.end");
    let area = Some("events[0].measurement_reported.area");
    let indicator = Some("events[0].measurement_reported.indicator");
    let id = Some("events[0].event_id");
    vec![
        Case("1e5", number("1e5"), Bad, "INVALID_FIELD", value),
        Case("NaN", number("NaN"), Bad, "INVALID_FIELD", value),
        Case("infinity", number("inf"), Bad, "INVALID_FIELD", value),
        Case("an empty number", number(""), Bad, "INVALID_FIELD", value),
        Case("full-width digits", number("１７"), Bad, "INVALID_FIELD", value),
        Case("half a firm", number("17.5"), Bad, "FIGURE_NOT_ALLOWED", value),
        Case("no figure", with(|it| it.figure = None), Bad, "INVALID_FIELD", Some("figure")),
        Case("2026-02-30", on(date(2026, 2, 30)), Bad, "INVALID_FIELD", end),
        Case("month 13", on(date(2026, 13, 1)), Bad, "INVALID_FIELD", end),
        Case("a year without a day", on(date(2026, 0, 0)), Bad, "INVALID_FIELD", end),
        Case("tomorrow", on(days_ago(-1)), Bad, "FUTURE_DATE", end),
        Case("an old day without its source", on(date(2023, 6, 30)), Bad, "SOURCE_REF_REQUIRED", Some("source_ref")),
        Case("no period", with(|it| it.period = None), Bad, "INVALID_FIELD", Some("period")),
        Case("a Chinese area", with(|it| it.area = "环哈工大".into()), Bad, "INVALID_FIELD", area),
        Case("a Chinese indicator", with(|it| it.indicator = "高新企业".into()), Bad, "INVALID_FIELD", indicator),
        Case("an unknown area", with(|it| it.area = "circle-mit".into()), Bad, "UNKNOWN_RESOURCE", area),
        Case("an unknown indicator", with(|it| it.indicator = "gdp".into()), Bad, "UNKNOWN_RESOURCE", indicator),
        Case("no target there", with(|it| it.area = "circle-hit".into()), Bad, "UNKNOWN_RESOURCE", Some("indicator")),
        Case("another multiplier", with(|it| it.unit_multiplier = 4), Bad, "UNIT_MISMATCH", Some("unit_multiplier")),
        Case("another basis", with(|it| it.set_basis(pb::Basis::FullYear)), Bad, "BASIS_NOT_ALLOWED", Some("basis")),
        Case("no basis", with(|it| it.set_basis(pb::Basis::Unspecified)), Bad, "INVALID_FIELD", Some("basis")),
        Case("a basis of later", with(|it| it.basis = 99), Bad, "INVALID_FIELD", Some("basis")),
        Case("a bad dimension", with(|it| it.dimension = "区=松北".into()), Bad, "INVALID_FIELD", Some("dimension")),
        Case("no event id", with_event(|it| it.event_id.clear()), Bad, "INVALID_FIELD", id),
        Case("no UUID", with_event(|it| it.event_id = "row-7".into()), Bad, "INVALID_FIELD", id),
        Case("no payload", with_event(|it| it.payload = None), Bad, "INVALID_FIELD", Some("payload")),
        Case("the server's event", with_event(day_opened), Bad, "SERVER_ONLY", Some("day_opened")),
        Case(
            "the office's event",
            submit(vec![agency("x", "某局")]),
            Code::PermissionDenied,
            "ROLE_NOT_ALLOWED",
            Some(""),
        ),
    ]
}

fn day_opened(event: &mut pb::EventInput) {
    event.payload = Some(Payload::DayOpened(pb::DayOpened { date: Some(days_ago(0)) }));
}

fn requests() -> Vec<Case> {
    use Code::InvalidArgument as Bad;
    let parent = |parent: &str| pb::SubmitRequest { parent: parent.to_owned(), ..submit(vec![good()]) };
    let checkpointed = pb::SubmitRequest { wait: pb::Wait::Checkpointed.into(), ..submit(vec![good()]) };
    let named = pb::SubmitRequest { submission_id: "first".into(), ..submit(vec![good()]) };
    let full: Vec<_> = many(1_000).into_iter().map(|it| pb::EventInput { comment: "x".repeat(1_100), ..it }).collect();
    vec![
        Case("an unknown plan", parent("plans/atlantis"), Code::NotFound, "PLAN_NOT_FOUND", None),
        Case("no plan", parent(""), Bad, "INVALID_FIELD", Some("parent")),
        Case("a plan without its collection", parent("harbin-2022-2026"), Bad, "INVALID_FIELD", Some("parent")),
        Case("a Chinese plan", parent("plans/哈尔滨"), Bad, "INVALID_FIELD", Some("parent")),
        Case("no events", submit(vec![]), Bad, "INVALID_FIELD", Some("events")),
        Case("1,001 events", submit(many(1_001)), Bad, "TOO_MANY_EVENTS", None),
        Case("61 KiB", commented(61 << 10), Bad, "EVENT_TOO_LARGE", None),
        Case("2 MiB", commented(2 << 20), Bad, "REQUEST_TOO_LARGE", None),
        Case("1,000 events of more than 1 MiB", submit(full), Bad, "REQUEST_TOO_LARGE", None),
        Case("5 MiB", commented(5 << 20), Bad, "REQUEST_TOO_LARGE", None),
        Case("a comment of 4,001 letters", commented(4_001), Bad, "INVALID_FIELD", Some("comment")),
        Case("a checkpoint", checkpointed, Code::FailedPrecondition, "NOT_SUPPORTED", None),
        Case("a named submission", named, Bad, "INVALID_FIELD", Some("submission_id")),
    ]
}

/// Holds the answer to what the table says.
fn check(case: &Case, status: &tonic::Status) {
    let Case(what, _, code, expected, field) = case;
    assert_eq!(status.code(), *code, "{what}: {status:?}");
    let refusal = refusal(status);
    assert_eq!(refusal.reason.code(), *expected, "{what}: {refusal:?}");
    if let Some(field) = field {
        let named: Vec<_> = refusal.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert!(named.iter().any(|name| name.ends_with(field)), "{what}: {field} is not among {named:?}");
    }
}

async fn world() -> (Sandbox, Client, u64) {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let durable = sandbox.durable().await;
    (sandbox, clerk, durable)
}

#[tokio::test]
async fn whatever_is_wrong_is_refused_by_name_and_nothing_is_stored() {
    let (sandbox, mut clerk, before) = world().await;
    for case in fields().iter().chain(&requests()) {
        let status = clerk.ingest.submit(case.1.clone()).await.expect_err(case.0);
        check(case, &status);
    }
    assert_eq!(sandbox.durable().await, before);
    clerk.ingest.submit(submit(vec![good()])).await.unwrap();
    assert_eq!(sandbox.durable().await, before + 1);
}

#[tokio::test]
async fn a_stream_answers_the_same_in_order_and_goes_on() {
    let (sandbox, clerk, before) = world().await;
    let mut cases = fields();
    cases.extend(requests().into_iter().filter(|case| case.0 != "5 MiB"));
    let mut stream = PushStream::open(&clerk).await.unwrap();
    let mut stored = 0;
    for (case, event) in cases.iter().zip(many(cases.len())) {
        let refused = stream.send(case.1.clone()).await;
        let taken = stream.send(submit(vec![event])).await;
        let (tag, answer) = stream.answer().await.unwrap().unwrap();
        assert_eq!(tag, refused);
        check(case, &answer.unwrap_err());
        let (tag, answer) = stream.answer().await.unwrap().unwrap();
        assert_eq!(tag, taken);
        stored += 1;
        assert_eq!(answer.unwrap()[0].position, before + stored, "{} changed something", case.0);
    }
    stream.finish();
    assert!(stream.answer().await.unwrap().is_none(), "every request has one answer");
    assert_eq!(sandbox.durable().await, before + stored);
}

#[tokio::test]
async fn an_event_id_is_bound_to_its_content() {
    let (sandbox, mut clerk, before) = world().await;
    let event = good();
    clerk.ingest.submit(submit(vec![event.clone()])).await.unwrap();
    let other = pb::EventInput { comment: "另一个内容".into(), ..event.clone() };
    let status = clerk.ingest.submit(submit(vec![other])).await.unwrap_err();
    let case = Case("", submit(vec![]), Code::AlreadyExists, "EVENT_ID_REUSED", Some("events[0].event_id"));
    check(&case, &status);
    let taken = refusal(&status);
    assert!(taken.metadata.is_empty(), "neither position nor hash is told: {taken:?}");
    let new = dimension("city", "srdi-smes", "district=a", days_ago(1), "1");
    let twin = pb::EventInput { event_id: new.event_id.clone(), ..event };
    let status = clerk.ingest.submit(submit(vec![new, twin])).await.unwrap_err();
    assert_eq!(reason(&status, Code::AlreadyExists), "EVENT_ID_REUSED", "within a request too");
    assert_eq!(sandbox.durable().await, before + 1);
}

#[tokio::test]
async fn a_limit_that_is_just_kept_is_no_error() {
    let (sandbox, mut clerk, before) = world().await;
    clerk.ingest.submit(submit(many(1_000))).await.unwrap();
    let wide = |count: usize| pb::EventInput {
        comment: "x".repeat(4_000),
        evidence: (0..count)
            .map(|index| pb::Evidence {
                sha256: vec![7; 32],
                media_type: "application/pdf".into(),
                title: "松".repeat(200),
                locator: format!("档案室/{index}/{}", "y".repeat(600)),
            })
            .collect(),
        ..good()
    };
    let event = wide(32);
    assert!(prost::Message::encoded_len(&event) < 60 << 10);
    clerk.ingest.submit(submit(vec![event])).await.unwrap();
    assert_eq!(sandbox.durable().await, before + 1_001);
}

#[tokio::test]
async fn a_message_that_is_no_message_is_refused_like_any_other() {
    let (sandbox, clerk, before) = world().await;
    let garbage = vec![0xff; 64];
    for method in [
        "/songhua.v1.IngestService/Submit",
        "/songhua.v1.ProgressService/GetCircle",
        "/songhua.v1.AdminService/GetStatus",
        "/songhua.v1.AdminService/LoadPlan",
    ] {
        let status = call_raw(&clerk, method, garbage.clone()).await.unwrap_err();
        assert_eq!(reason(&status, Code::InvalidArgument), "INVALID_FIELD", "{method}");
    }
    let mut stream = stream_raw(&clerk, "/songhua.v1.IngestService/SubmitStream", vec![garbage]).await.unwrap();
    let status = stream.message().await.unwrap_err();
    assert_eq!(reason(&status, Code::InvalidArgument), "INVALID_FIELD");
    let unknown = call_raw(&clerk, "/songhua.v1.IngestService/Forget", Vec::new()).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unimplemented);
    assert_eq!(sandbox.durable().await, before);
}

#[tokio::test]
async fn a_message_too_long_to_be_read_ends_the_stream_with_its_reason() {
    let (sandbox, clerk, before) = world().await;
    let mut stream = PushStream::open(&clerk).await.unwrap();
    stream.send(submit(many(1))).await;
    stream.send(commented(5 << 20)).await;
    stream.finish();
    let (_, answer) = stream.answer().await.unwrap().unwrap();
    assert_eq!(answer.unwrap()[0].position, before + 1, "what came before it is answered");
    let status = stream.answer().await.unwrap_err();
    assert_eq!(reason(&status, Code::InvalidArgument), "REQUEST_TOO_LARGE");
    assert_eq!(sandbox.durable().await, before + 1);
}

#[tokio::test]
async fn reads_refuse_by_name_too() {
    let (_sandbox, mut clerk, _) = world().await;
    let circle = |name: String| pb::GetCircleRequest { name, as_of: None };
    let status = clerk.progress.get_circle(circle(format!("{PLAN}/areas/环哈工大"))).await.unwrap_err();
    assert_eq!(reason(&status, Code::InvalidArgument), "INVALID_FIELD");
    let status = clerk.progress.get_circle(circle(format!("{PLAN}/areas/circle-mit"))).await.unwrap_err();
    assert_eq!(reason(&status, Code::NotFound), "RESOURCE_NOT_FOUND");
    let status = clerk.progress.get_circle(circle("plans/atlantis/areas/city".into())).await.unwrap_err();
    assert_eq!(reason(&status, Code::NotFound), "PLAN_NOT_FOUND");
    let as_of = pb::AsOf { valid_date: Some(date(2026, 2, 30)), ..Default::default() };
    let request = pb::GetPlanRequest { name: PLAN.into(), as_of: Some(as_of) };
    let status = clerk.progress.get_plan(request).await.unwrap_err();
    assert_eq!(reason(&status, Code::InvalidArgument), "INVALID_FIELD");
}

//! `/metrics`: what was done shows in the series, nobody sees them without a grant for every plan, and nobody can make
//! them grow without bound.

use std::collections::BTreeSet;
use std::time::Duration;

use songhua_tests::pb::{self, Role};
use songhua_tests::{
    PLAN, PLAN_ID, PushStream, Sandbox, call_raw, date, days_ago, many, push, reason, send_bytes, stock, submit,
};
use tonic::Code;

/// The page, line by line.
pub(crate) struct Page(String);

/// `GET path` with a token: status line, headers and body apart.
pub(crate) async fn get(sandbox: &Sandbox, path: &str, token: Option<&str>) -> (u16, String, String) {
    let address = sandbox.http().to_owned();
    let authorization = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n");
    let sent = tokio::task::spawn_blocking(move || send_bytes(&address, request.as_bytes())).await.unwrap();
    let answer = String::from_utf8(sent).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, head.to_ascii_lowercase(), body.to_owned())
}

impl Page {
    pub(crate) async fn of(sandbox: &Sandbox) -> Self {
        let (code, head, body) = get(sandbox, "/metrics", Some(&sandbox.admin_token())).await;
        assert_eq!(code, 200, "{body}");
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        Self(body)
    }

    /// Name with labels, and value, of every series.
    fn series(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("not a series: {line}")))
    }

    /// The value of the one series with this name and these labels; none if there is none yet.
    fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        let wanted = |series: &str| {
            let (found, rest) = series.split_once('{').unwrap_or((series, ""));
            found == name && labels.iter().all(|(key, value)| rest.contains(&format!("{key}=\"{value}\"")))
        };
        let mut found = self.series().filter(|(series, _)| wanted(series));
        let value = found.next().map(|(_, value)| value.parse().unwrap_or_else(|_| panic!("{name}: {value}")));
        assert!(found.next().is_none(), "{name} {labels:?} is not one series");
        value
    }

    /// The same; 0 if there is none yet.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.find(name, labels).unwrap_or_default()
    }
}

const PLAN_LABEL: (&str, &str) = ("plan", PLAN_ID);

/// Scrapes until `seen` is true.
async fn until(sandbox: &Sandbox, what: &str, seen: impl Fn(&Page) -> bool) -> Page {
    for _ in 0..600 {
        let page = Page::of(sandbox).await;
        if seen(&page) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never seen: {what}");
}

#[tokio::test]
async fn a_push_shows_in_every_series_that_counts_it() {
    let sandbox = Sandbox::start().await;
    let mut clerk = sandbox.lead_of_all("drc").await;
    let before = Page::of(&sandbox).await;
    let events = many(20);
    push(&clerk, &events, 5).await;
    push(&clerk, &events[..10], 10).await;
    let check =
        pb::SubmitRequest { validate_only: true, ..submit(vec![stock("city", "hnte-count", days_ago(2), "1")]) };
    clerk.ingest.submit(check).await.unwrap();
    let future = || submit(vec![stock("city", "hnte-count", date(2099, 1, 1), "1")]);
    let refused = clerk.ingest.submit(future()).await.unwrap_err();
    let reason_of_future = reason(&refused, Code::InvalidArgument);
    let mut stream = PushStream::open(&clerk).await.unwrap();
    stream.send(future()).await;
    stream.answer().await.unwrap().unwrap().1.unwrap_err();
    stream.finish();
    assert!(stream.answer().await.unwrap().is_none());

    let after = Page::of(&sandbox).await;
    let grown = |name: &str, labels: &[(&str, &str)]| after.value(name, labels) - before.value(name, labels);
    let outcome = |name: &str, outcome| grown(name, &[PLAN_LABEL, ("outcome", outcome)]);
    assert_eq!(outcome("songhua_submissions_total", "stored"), 4);
    assert_eq!(outcome("songhua_submissions_total", "duplicate"), 1);
    assert_eq!(outcome("songhua_submissions_total", "checked"), 1);
    assert_eq!(outcome("songhua_submissions_total", "refused"), 2);
    assert_eq!(outcome("songhua_events_total", "stored"), 20);
    assert_eq!(outcome("songhua_events_total", "duplicate"), 10);
    assert_eq!(grown("songhua_refusals_total", &[("reason", &reason_of_future)]), 2);

    assert_eq!(grown("songhua_append_seconds_count", &[PLAN_LABEL]), 4);
    let groups = grown("songhua_group_submissions_count", &[PLAN_LABEL]);
    assert!((1..=4).contains(&groups), "4 submissions in {groups} groups");
    assert_eq!(grown("songhua_group_submissions_sum", &[PLAN_LABEL]), 4);
    assert_eq!(grown("songhua_group_events_sum", &[PLAN_LABEL]), 20);
    assert_eq!(grown("songhua_group_events_bucket", &[PLAN_LABEL, ("le", "+Inf")]), groups);
    let syncs = grown("songhua_log_sync_seconds_count", &[]);
    assert!((1..=groups).contains(&syncs), "{syncs} syncs for {groups} groups");

    let calls = |method: &str, code: &str| {
        let method = format!("songhua.v1.IngestService/{method}");
        grown("songhua_grpc_calls_total", &[("method", &method), ("code", code)])
    };
    assert_eq!(calls("Submit", "OK"), 1);
    assert_eq!(calls("Submit", "INVALID_ARGUMENT"), 1);
    assert!(calls("SubmitStream", "OK") >= 1, "one was read to its end");
    let submit_method = [("method", "songhua.v1.IngestService/Submit")];
    assert_eq!(grown("songhua_grpc_answer_seconds_count", &submit_method), 2);
}

#[tokio::test]
async fn positions_followers_and_queues_are_told_as_they_are() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    push(&clerk, &many(50), 10).await;
    let durable = sandbox.durable().await;
    let projector = [PLAN_LABEL, ("follower", "projector")];
    let page = until(&sandbox, "the projector has caught up", |page| {
        page.value("songhua_follower_applied_position", &projector) >= durable
    })
    .await;
    assert_eq!(page.value("songhua_log_durable_position", &[PLAN_LABEL]), durable);
    assert_eq!(page.value("songhua_log_written_position", &[PLAN_LABEL]), durable);
    assert_eq!(page.find("songhua_follower_lag_records", &projector), Some(0));
    let state = |state| page.find("songhua_follower_state", &[projector[0], projector[1], ("state", state)]);
    assert_eq!((state("RUNNING"), state("REBUILDING"), state("STOPPED")), (Some(1), Some(0), Some(0)));
    let relay = [PLAN_LABEL, ("follower", "relay")];
    assert_eq!(page.find("songhua_follower_state", &[relay[0], relay[1], ("state", "OFF")]), Some(1));
    assert_eq!(page.find("songhua_follower_lag_records", &relay), None, "what is off is not behind");
    assert_eq!(page.find("songhua_queue_submissions", &[PLAN_LABEL]), Some(0));
    assert_eq!(page.find("songhua_plan_open", &[PLAN_LABEL]), Some(1));
    assert_eq!(page.find("songhua_plan_read_only", &[PLAN_LABEL]), Some(0));
    assert_eq!(page.find("songhua_ready", &[]), Some(1));
    assert!(page.value("songhua_disk_bytes", &[PLAN_LABEL, ("what", "log")]) > 10_000);
    assert!(page.value("songhua_disk_bytes", &[PLAN_LABEL, ("what", "views")]) > 0);
    let replay = pb::ReplayRequest { parent: PLAN.to_owned(), ..Default::default() };
    let mut answers = sandbox.admin().await.audit.replay(replay).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}
    assert_eq!(Page::of(&sandbox).await.value("songhua_replayed_records_total", &[]), durable);
    assert_eq!(page.find("songhua_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1));
}

#[tokio::test]
async fn a_stream_is_told_for_as_long_as_it_is_open() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let open =
        |page: &Page| page.value("songhua_grpc_calls_open", &[("method", "songhua.v1.IngestService/SubmitStream")]);
    let cut_off = |page: &Page| {
        let labels = [("method", "songhua.v1.IngestService/SubmitStream"), ("code", "CANCELLED")];
        page.value("songhua_grpc_calls_total", &labels)
    };
    let mut one = PushStream::open(&clerk).await.unwrap();
    let other = PushStream::open(&clerk).await.unwrap();
    assert_eq!(open(&Page::of(&sandbox).await), 2);
    one.finish();
    assert!(one.answer().await.unwrap().is_none());
    let page = until(&sandbox, "one has ended", |page| open(page) == 1).await;
    assert_eq!(cut_off(&page), 0);
    // Its client goes away without an end.
    drop(other);
    // A page is not of one moment: counters are read before what is open.
    until(&sandbox, "both have ended, one cut off", |page| open(page) == 0 && cut_off(page) == 1).await;
}

#[tokio::test]
async fn every_series_is_named_typed_and_explained() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    push(&clerk, &many(3), 1).await;
    let page = Page::of(&sandbox).await;
    let told = |what: &str| -> BTreeSet<&str> {
        let lines = page.0.lines().filter_map(|line| line.strip_prefix(what));
        lines.map(|rest| rest.split(' ').next().unwrap()).collect()
    };
    let (helped, typed) = (told("# HELP "), told("# TYPE "));
    assert_eq!(helped, typed);
    assert!(page.0.contains("# TYPE songhua_append_seconds histogram"), "{}", page.0);
    for (series, value) in page.series() {
        let name = series.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            name.strip_suffix(end).filter(|family| page.0.contains(&format!("# TYPE {family} histogram")))
        });
        assert!(name.starts_with("songhua_") && helped.contains(family.unwrap_or(name)), "{series}");
        assert!(value.parse::<f64>().unwrap().is_finite(), "{series} {value}");
    }
}

#[tokio::test]
async fn only_a_grant_for_every_plan_may_look() {
    let mut sandbox = Sandbox::start().await;
    let (_, reader) = sandbox.grant(Role::Reader, "", "").await;
    let (_, of_one_plan) = sandbox.grant(Role::Reader, "", PLAN_ID).await;
    assert_eq!(get(&sandbox, "/metrics", Some(&reader)).await.0, 200);
    let made_up = format!("songhua_{}", "5".repeat(64));
    for token in [None, Some(made_up.as_str()), Some("")] {
        let (code, head, body) = get(&sandbox, "/metrics", token).await;
        assert_eq!(code, 401, "{body}");
        assert!(head.contains("www-authenticate: bearer"), "{head}");
        assert!(body.contains("token") && body.contains("令牌") && !body.contains("songhua_"), "{body}");
    }
    let (code, _, body) = get(&sandbox, "/metrics", Some(&of_one_plan)).await;
    assert_eq!(code, 403);
    assert!(body.contains("one plan") && body.contains("授权") && !body.contains("songhua_"), "{body}");
    let page = Page::of(&sandbox).await;
    assert_eq!(page.value("songhua_refusals_total", &[("reason", "TOKEN_MISSING")]), 2);
    assert_eq!(page.value("songhua_refusals_total", &[("reason", "TOKEN_INVALID")]), 1);
    assert_eq!(page.value("songhua_refusals_total", &[("reason", "OUT_OF_SCOPE")]), 1);
    // Refused attempts are kept, as those over gRPC are.
    sandbox.terminate().await;
    let system = sandbox.data().join("system");
    let kept = sandbox.files().into_iter().filter(|file| file.starts_with(&system)).flat_map(std::fs::read);
    let kept: Vec<u8> = kept.flatten().collect();
    assert!(kept.windows(12).any(|window| window == b"GET /metrics"), "no attempt is in the system log");
}

#[tokio::test]
async fn every_reason_counts_from_zero_so_that_its_first_refusal_has_a_rate() {
    let sandbox = Sandbox::start().await;
    let page = Page::of(&sandbox).await;
    for reason in ["INTERNAL", "LOG_READ_ONLY", "OUTCOME_UNKNOWN", "QUEUE_FULL"] {
        assert_eq!(page.find("songhua_refusals_total", &[("reason", reason)]), Some(0), "{reason}");
    }
}

#[tokio::test]
async fn a_plan_that_is_not_published_shows_in_the_series_of_administrators_only() {
    let sandbox = Sandbox::start().await;
    let (_, reader) = sandbox.grant(Role::Reader, "", "").await;
    let published = pb::PlanPublished { event_count: 7, digest: vec![7; 32] };
    let definition = pb::EventInput {
        event_id: "0b9f6c1e-0000-4000-8000-000000000099".to_owned(),
        payload: Some(pb::event_input::Payload::PlanPublished(published)),
        ..Default::default()
    };
    let load = pb::LoadPlanRequest { plan: "half".to_owned(), simulated: false, definitions: vec![definition] };
    // Refused, but the plan is there from now on, for the plan office to go on with.
    sandbox.admin().await.admin.load_plan(tokio_stream::iter([load])).await.unwrap_err();
    assert!(Page::of(&sandbox).await.0.contains("plan=\"half\""));
    let (code, _, body) = get(&sandbox, "/metrics", Some(&reader)).await;
    assert!(code == 200 && !body.contains("half") && body.contains(PLAN_ID), "{body}");
}

#[tokio::test]
async fn made_up_methods_and_plans_make_no_series() {
    let sandbox = Sandbox::start().await;
    let admin = sandbox.admin().await;
    let anonymous = sandbox.client(None).await;
    call_raw(&admin, "/made.up/Method", Vec::new()).await.unwrap_err();
    call_raw(&anonymous, "/made.up/Method", Vec::new()).await.unwrap_err();
    let mut pusher = admin.clone();
    let elsewhere = |plan: &str| pb::SubmitRequest { parent: format!("plans/{plan}"), ..submit(many(1)) };
    pusher.ingest.submit(elsewhere("made-up")).await.unwrap_err();
    let before = Page::of(&sandbox).await;
    for index in 0..200 {
        let path = format!("/made.up.Service{index}/Method{index}");
        for client in [&admin, &anonymous] {
            call_raw(client, &path, Vec::new()).await.unwrap_err();
        }
        pusher.ingest.submit(elsewhere(&format!("made-up-{index}"))).await.unwrap_err();
    }
    let after = Page::of(&sandbox).await;
    let names = |page: &Page| page.series().map(|(series, _)| series.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(names(&after), names(&before));
    let other = |page: &Page, code| page.value("songhua_grpc_calls_total", &[("method", "other"), ("code", code)]);
    assert_eq!((other(&before, "UNIMPLEMENTED"), other(&before, "UNAUTHENTICATED")), (1, 1));
    assert_eq!((other(&after, "UNIMPLEMENTED"), other(&after, "UNAUTHENTICATED")), (201, 201));
}

//! What most tests start from: agencies with assignments and tokens, streams, refusals taken apart.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::submit_stream_response::Result as Answer;
use songhua_wire::status::{Refusal, from_rpc_status, refusal_from};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::{Client, Sandbox, agency, assigned, date, dimension, submit};

/// Id of the plan that tests use unless they say otherwise.
pub const PLAN_ID: &str = "harbin-2022-2026";
/// Submissions of a stream under way at once.
const WINDOW: usize = 16;

/// The day `days` before today in Harbin. Measurements of the last days are neither of the future nor back-dated.
pub fn days_ago(days: i32) -> Date {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("the zone is known");
    let day = jiff::Timestamp::now().to_zoned(zone).date() - jiff::Span::new().days(days);
    date(i32::from(day.year()), i32::from(day.month()), i32::from(day.day()))
}

/// `count` different measurements that whoever reports on the whole plan may send.
pub fn many(count: usize) -> Vec<pb::EventInput> {
    let event = |index| dimension("city", "hnte-count", &format!("district=d{index}"), days_ago(1), "17");
    (0..count).map(event).collect()
}

/// An agency that is not there yet, and its assignments.
pub fn introduce(id: &str, role: pb::AssignmentRole, scopes: &[pb::scope::Kind]) -> Vec<pb::EventInput> {
    let assignments = scopes.iter().map(|scope| assigned(id, role, scope.clone()));
    std::iter::once(agency(id, "测试单位")).chain(assignments).collect()
}

impl Sandbox {
    /// Gives out a token; returns the grant's id and the token.
    pub async fn grant(&self, role: pb::Role, agency: &str, plan: &str) -> (String, String) {
        let request = pb::GrantAccessRequest {
            principal: format!("clerk-{agency}"),
            role: role.into(),
            agency: agency.to_owned(),
            plan: plan.to_owned(),
            expire_time: None,
        };
        let granted = self.admin().await.admin.grant_access(request).await.expect("access is granted").into_inner();
        (granted.grant.expect("a grant").grant_id, granted.token)
    }

    /// Registers an agency as LEAD of an area and gives it a token.
    pub async fn lead(&self, id: &str, area: &str) -> Client {
        self.agency(id, &[pb::scope::Kind::Area(area.to_owned())]).await
    }

    /// Registers an agency as LEAD of the whole plan and gives it a token.
    pub async fn lead_of_all(&self, id: &str) -> Client {
        self.agency(id, &[pb::scope::Kind::Plan(true)]).await
    }

    async fn agency(&self, id: &str, scopes: &[pb::scope::Kind]) -> Client {
        let events = introduce(id, pb::AssignmentRole::Lead, scopes);
        self.admin().await.ingest.submit(submit(events)).await.expect("the office may assign");
        let (_, token) = self.grant(pb::Role::Agency, id, "").await;
        self.client(Some(&token)).await
    }

    /// The durable position of the Harbin plan.
    pub async fn durable(&self) -> u64 {
        self.plan_status(PLAN_ID).await.durable_position
    }

    /// What the server says of a plan.
    pub async fn plan_status(&self, plan: &str) -> pb::PlanStatus {
        let request = pb::GetStatusRequest { plan: plan.to_owned(), views_digest: false };
        let status = self.admin().await.admin.get_status(request).await.expect("the server has the plan");
        status.into_inner().plans.remove(0)
    }

    /// Every file below the data directory.
    pub fn files(&self) -> Vec<PathBuf> {
        files_below(&self.data())
    }

    /// Writes events as NDJSON beside the data directory.
    pub fn ndjson(&self, name: &str, events: &[pb::EventInput]) -> String {
        let lines = events.iter().map(|event| serde_json::to_string(event).expect("an event is JSON") + "\n");
        self.write(name, &lines.collect::<String>())
    }

    /// Writes a file beside the data directory.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("the file can be written");
        path.to_str().expect("a UTF-8 path").to_owned()
    }
}

/// How far a segment was written: its room that is prepared is zeros.
pub fn written(segment: &Path) -> u64 {
    let bytes = std::fs::read(segment).expect("the segment can be read");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

/// Every file below a directory, in order.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort_unstable();
    found
}

/// Takes a refusal apart, and holds it to what every refusal must have: the code of its reason, `ErrorInfo` of the
/// domain `songhua`, a message in English and one in Chinese.
pub fn refusal(status: &Status) -> Refusal {
    let refusal = refusal_from(status).unwrap_or_else(|| panic!("not a refusal of this contract: {status:?}"));
    assert_eq!(status.code(), songhua_wire::status::code_of(refusal.reason), "{status:?}");
    assert!(!refusal.message.is_empty(), "{status:?}");
    assert!(!refusal.message_zh.is_ascii(), "no zh-CN message: {status:?}");
    refusal
}

/// The reason of a refusal that has the given code.
pub fn reason(status: &Status, code: Code) -> String {
    assert_eq!(status.code(), code, "{status:?}");
    refusal(status).reason.code().to_owned()
}

/// One `SubmitStream`, driven by hand.
pub struct PushStream {
    requests: Option<mpsc::Sender<pb::SubmitStreamRequest>>,
    answers: Streaming<pb::SubmitStreamResponse>,
    next_tag: u64,
}

impl PushStream {
    /// Opens a stream.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn open(client: &Client) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(WINDOW);
        let answers = client.ingest.clone().submit_stream(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Self { requests: Some(requests), answers, next_tag: 1 })
    }

    /// Sends a submission; returns its tag.
    pub async fn send(&mut self, request: pb::SubmitRequest) -> u64 {
        let tag = self.next_tag;
        self.next_tag += 1;
        if let Some(requests) = &self.requests {
            // A stream that has broken says so where its answers are read.
            drop(requests.send(pb::SubmitStreamRequest { tag, request: Some(request) }).await);
        }
        tag
    }

    /// Says that nothing more will come.
    pub fn finish(&mut self) {
        self.requests = None;
    }

    /// The next answer with its tag; none when the stream has ended.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn answer(&mut self) -> Result<Option<(u64, Result<Vec<pb::Receipt>, Status>)>, Status> {
        let Some(answer) = self.answers.message().await? else { return Ok(None) };
        let result = match answer.result.expect("every answer has a result") {
            Answer::Response(response) => Ok(response.receipts),
            Answer::Error(error) => Err(from_rpc_status(&error)),
        };
        Ok(Some((answer.tag, result)))
    }
}

/// Pushes events over one stream in submissions of `batch`. Returns the receipts in order, as far as they came, and
/// whether all came. A refusal is a failed test.
pub async fn push(client: &Client, events: &[pb::EventInput], batch: usize) -> (Vec<pb::Receipt>, bool) {
    push_into(client, events, batch, |_| {}).await
}

/// The same; `acknowledged` hears how many are acknowledged, as it happens.
pub async fn push_into(
    client: &Client,
    events: &[pb::EventInput],
    batch: usize,
    acknowledged: impl Fn(usize),
) -> (Vec<pb::Receipt>, bool) {
    let mut receipts = Vec::with_capacity(events.len());
    let Ok(mut stream) = PushStream::open(client).await else { return (receipts, false) };
    let mut waiting = events.chunks(batch);
    let mut under_way = VecDeque::new();
    loop {
        while under_way.len() < WINDOW
            && let Some(chunk) = waiting.next()
        {
            under_way.push_back(stream.send(submit(chunk.to_vec())).await);
        }
        let Some(expected) = under_way.pop_front() else { return (receipts, true) };
        let Ok(Some((tag, answer))) = stream.answer().await else { return (receipts, false) };
        assert_eq!(tag, expected, "answers come in the order of the requests");
        match answer {
            Ok(stored) => receipts.extend(stored),
            Err(status) if status.code() == Code::Unavailable => return (receipts, false),
            Err(status) => panic!("refused: {status:?}"),
        }
        acknowledged(receipts.len());
    }
}

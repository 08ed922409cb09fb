//! `replay`: prints the history of a plan, record by record, and goes on where it was cut off.

mod sink;
mod text;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_wire::pb;
use songhua_wire::pb::audit_service_client::AuditServiceClient;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};
use tonic::Status;

use self::sink::{Form, Sink, Unwritten};
use super::board::words;
use super::client::Authorised;
use super::history::History;
use super::{Connect, Failure, client};

/// Pause before the first new connection; doubled after each further one that fails.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(10);

const HELP: &str = "\
Standard output, one record after another:
  default   position, recorded time (UTC), principal/agency, event type, subject, content
  --json    one line of JSON each: {\"position\": \"12\", \"event\": {…}}, the event as proto3-JSON
  --raw     for machines: a varint with the length, then a songhua.v1.ReplayRecord {position, data};
            data are the stored bytes of the Event, SHA-256(0x00 ‖ data) is its leaf hash
Standard error: a summary, and messages. Exit code 3 = cut off: run again with the --from that is named.
With --follow a broken connection is made anew and goes on without a gap; Ctrl-C ends in order.
A list takes several values, by comma or by giving the option again; a record passes if it passes every list and bound.
标准输出逐条输出记录：默认为可读文本，--json 为每行一个 JSON，--raw 为带长度前缀的 ReplayRecord；
退出码 3 表示传输中断，按提示的 --from 继续；--follow 会自动重连并接续。";

/// What `replay` is told.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct ReplayArgs {
    /// The plan, if there is more than one / 方案
    #[arg(long)]
    plan: Option<String>,
    /// First position [default: 1] / 起始位置
    #[arg(long, value_name = "POSITION", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// Last position [default: where the log ends now; with --follow: none] / 结束位置
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// Go on with new records / 持续接收新记录
    #[arg(long)]
    follow: bool,
    /// Only about these areas / 区域
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    area: Vec<String>,
    /// Only about these indicators / 指标
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    indicator: Vec<String>,
    /// Only about these projects / 项目
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    project: Vec<String>,
    /// Only from these agencies, or filed on their behalf / 单位
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    agency: Vec<String>,
    /// Only these event types, for example measurement.reported or measurement.* / 事件类型
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    event_type: Vec<String>,
    /// Recorded at or after this time, for example 2026-07-01T00:00:00+08:00 / 入库时间起
    #[arg(long, value_name = "TIME")]
    recorded_from: Option<Timestamp>,
    /// Recorded before this time / 入库时间止（不含）
    #[arg(long, value_name = "TIME")]
    recorded_until: Option<Timestamp>,
    /// Effective on or after this day, for example 2026-06-30 / 生效日期起
    #[arg(long, value_name = "DATE")]
    effective_from: Option<Date>,
    /// Effective on or before this day / 生效日期止
    #[arg(long, value_name = "DATE")]
    effective_to: Option<Date>,
    /// Write length-delimited ReplayRecord messages / 输出二进制
    #[arg(long, conflicts_with = "json")]
    raw: bool,
}

impl ReplayArgs {
    fn request(&self, plan: &str) -> pb::ReplayRequest {
        pb::ReplayRequest {
            parent: format!("plans/{plan}"),
            from_position: self.from,
            to_position: self.to.unwrap_or(0),
            filter: Some(pb::ReplayFilter {
                areas: self.area.clone(),
                indicators: self.indicator.clone(),
                projects: self.project.clone(),
                agencies: self.agency.clone(),
                event_types: self.event_type.clone(),
                recorded_from: self.recorded_from.map(timestamp_to_pb),
                recorded_until: self.recorded_until.map(timestamp_to_pb),
                effective_from: self.effective_from.map(date_to_pb),
                effective_to: self.effective_to.map(date_to_pb),
            }),
            follow: self.follow,
            heartbeat_interval: None,
        }
    }
}

/// Why a call ended before its time.
enum Broken {
    /// The connection, or the server is stopping: another call may go on.
    CutOff(String),
    /// Nobody reads standard output any more.
    Closed,
    /// A refusal or a fault: no other call goes on.
    Ended(Failure),
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        if client::may_try_again(&status) {
            Self::CutOff(client::describe(&status))
        } else {
            Self::Ended(client::failed(status))
        }
    }
}

impl From<Unwritten> for Broken {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Closed => Self::Closed,
            Unwritten::Failed(failure) => Self::Ended(failure),
        }
    }
}

/// One replay, over as many calls as it takes.
struct Replay {
    request: pb::ReplayRequest,
    sink: Sink,
    records: u64,
    last_position: u64,
    durable_position: u64,
    /// As the first call said.
    history: Option<History>,
    pause: Duration,
}

/// Prints the history and says on standard error how far it came.
pub(crate) async fn run(connect: &Connect, args: ReplayArgs, json: bool) -> Result<(), Failure> {
    let form = match (args.raw, json) {
        (true, _) => Form::Raw,
        (false, true) => Form::Json,
        (false, false) => Form::Text,
    };
    let channel = client::connect(connect).await?;
    let plan = client::plan_or_only(&channel, args.plan.clone()).await?;
    let mut replay = Replay {
        request: args.request(&plan),
        sink: Sink::new(form),
        records: 0,
        last_position: 0,
        durable_position: 0,
        history: None,
        pause: PAUSE_FIRST,
    };
    let ended = tokio::select! {
        ended = replay.run(connect, channel) => ended,
        () = interrupted(), if args.follow => Ok(()),
    };
    if replay.history.is_some() {
        replay.summarise();
    }
    ended
}

/// Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

impl Replay {
    async fn run(&mut self, connect: &Connect, channel: Authorised) -> Result<(), Failure> {
        let mut channel = Ok(channel);
        loop {
            let called = match channel {
                Ok(channel) => self.call(channel).await,
                Err(Failure::Unreachable(detail)) => Err(Broken::CutOff(detail)),
                Err(failure) => Err(Broken::Ended(failure)),
            };
            match called {
                Ok(()) | Err(Broken::Closed) => return Ok(()),
                // Only the end of the stream was lost.
                Err(Broken::CutOff(_)) if (1..self.request.from_position).contains(&self.request.to_position) => {
                    return Ok(());
                }
                Err(Broken::Ended(failure)) => return Err(failure),
                Err(Broken::CutOff(detail)) if self.request.follow => self.wait(&detail).await,
                Err(Broken::CutOff(detail)) => return Err(self.cut_off(&detail)),
            }
            channel = client::connect(connect).await;
        }
    }

    /// One call, from where the last one came to.
    async fn call(&mut self, channel: Authorised) -> Result<(), Broken> {
        let mut audit = AuditServiceClient::new(channel);
        let mut responses = audit.replay(self.request.clone()).await?.into_inner();
        while let Some(response) = responses.message().await? {
            self.take(&response)?;
        }
        Ok(())
    }

    fn take(&mut self, response: &pb::ReplayResponse) -> Result<(), Broken> {
        if !response.log_id.is_empty() {
            if response.simulated && self.history.is_none() {
                eprintln!("{}", words::SIMULATED);
            }
            let found = History { log_id: response.log_id.clone(), epoch: response.epoch };
            found.recognise(&mut self.history).map_err(Broken::Ended)?;
        }
        self.sink.put(&response.records)?;
        self.records += response.records.len() as u64;
        self.last_position = response.records.last().map_or(self.last_position, |record| record.position);
        self.durable_position = response.durable_position;
        self.request.from_position = response.scanned_position + 1;
        self.pause = PAUSE_FIRST;
        Ok(())
    }

    /// Says that the connection broke, and waits before the next one.
    async fn wait(&mut self, detail: &str) {
        let (from, pause) = (self.request.from_position, self.pause.as_millis());
        eprintln!(
            "连接中断，{pause} 毫秒后从位置 {from} 继续\nconnection lost, going on from position {from} in {pause} ms: {detail}"
        );
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MOST);
    }

    fn cut_off(&self, detail: &str) -> Failure {
        let from = self.request.from_position;
        Failure::Unreachable(format!(
            "cut off: {detail}\ncontinue with --from {from} / 传输中断：用 --from {from} 继续"
        ))
    }

    fn summarise(&self) {
        let Self { records, last_position, durable_position, .. } = self;
        let history = self.history.as_ref().map_or_else(String::new, ToString::to_string);
        eprintln!(
            "{records} 条记录，最后位置 {last_position}，已落盘 {durable_position}；{history}\n\
             {records} records, last position {last_position}, durable {durable_position}; {history}"
        );
    }
}

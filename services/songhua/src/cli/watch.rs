//! `watch`: prints changes of status as they happen, until it is told to stop: a change a line for people, a response a
//! line for programs.
//!
//! A connection that breaks is made anew, from the last position that was looked at: no change is missed or printed
//! twice. The address is looked up again each time, because a server may come back on another port.

use std::io::Write;
use std::time::Duration;

use songhua_wire::pb;
use songhua_wire::pb::progress_service_client::ProgressServiceClient;
use tonic::Status;

use super::board::words;
use super::client::Authorised;
use super::history::History;
use super::{Connect, Failure, client};

/// Pause before the first try to connect again; doubled after each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(10);

const HELP: &str = "\
Standard output, until Ctrl-C:
  default   a change a line: date, area, indicator, status before → status, position
  --json    a WatchProgressResponse a line: the changes of whole events, or none where only appliedPosition moved.
            Keep appliedPosition when a line is dealt with; --after goes on behind it. The first line names logId and
            epoch, within which positions mean something
A broken connection is made anew and goes on without a gap.
标准输出默认每行一次变化；--json 每行一个 WatchProgressResponse，处理完一行后记下 appliedPosition，可用 --after 接续。";

/// What `watch` is told.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct WatchArgs {
    /// The plan, if there is more than one / 方案
    #[arg(long)]
    plan: Option<String>,
    /// Changes behind this position; 0 = all; without it: from now on / 从此位置之后
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Only these areas, for example circle-hit,circle-heu / 区域
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    area: Vec<String>,
    /// Only these indicators / 指标
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    indicator: Vec<String>,
}

/// Watches until interrupted, which is how it is meant to end.
pub(crate) async fn run(connect: &Connect, args: WatchArgs, json: bool) -> Result<(), Failure> {
    tokio::select! {
        watched = watch(connect, args, json) => watched,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::failed),
    }
}

async fn watch(connect: &Connect, args: WatchArgs, json: bool) -> Result<(), Failure> {
    let mut channel = client::connect(connect).await?;
    let plan = client::plan_or_only(&channel, args.plan).await?;
    let request = pb::WatchProgressRequest {
        parent: format!("plans/{plan}"),
        after_position: args.after,
        areas: args.area,
        indicators: args.indicator,
        heartbeat_interval: None,
    };
    let mut watch = Watch { request, json, simulated: false, history: None, printed: None, pause: PAUSE_FIRST };
    loop {
        let mut broken = match watch.follow(channel).await {
            Err(Failure::Unreachable(why)) => why,
            ended => return ended,
        };
        channel = loop {
            watch.wait(&broken).await;
            match client::connect(connect).await {
                Ok(channel) => break channel,
                Err(Failure::Unreachable(why)) => broken = why,
                Err(failed) => return Err(failed),
            }
        };
    }
}

struct Watch {
    /// Goes on from the last position that was looked at.
    request: pb::WatchProgressRequest,
    json: bool,
    /// Whether it was said that everything is simulated.
    simulated: bool,
    /// As the first call said.
    history: Option<History>,
    /// The position of the last JSON line.
    printed: Option<u64>,
    pause: Duration,
}

impl Watch {
    /// Prints until the connection breaks; ends well only when nobody reads any more.
    async fn follow(&mut self, channel: Authorised) -> Result<(), Failure> {
        let mut progress = ProgressServiceClient::new(channel).max_decoding_message_size(64 << 20);
        let mut responses = progress.watch_progress(self.request.clone()).await.map_err(ended)?.into_inner();
        while let Some(response) = responses.message().await.map_err(ended)? {
            self.pause = PAUSE_FIRST;
            if response.simulated && !std::mem::replace(&mut self.simulated, true) {
                eprintln!("{}", words::SIMULATED);
            }
            if !response.log_id.is_empty() {
                let found = History { log_id: response.log_id.clone(), epoch: response.epoch };
                found.recognise(&mut self.history)?;
            }
            if !self.print(&response)? {
                return Ok(());
            }
            self.request.after_position = Some(response.applied_position);
        }
        Err(Failure::Unreachable("the server ended the stream / 服务端结束了推送".to_owned()))
    }

    /// Whether there is still somebody to print for.
    fn print(&mut self, response: &pb::WatchProgressResponse) -> Result<bool, Failure> {
        let position = Some(response.applied_position);
        let lines = if !self.json {
            response.changes.iter().map(|change| words::change(change) + "\n").collect()
        } else if response.changes.is_empty() && self.printed == position {
            String::new()
        } else {
            self.printed = position;
            serde_json::to_string(response).map_err(Failure::failed)? + "\n"
        };
        let mut out = std::io::stdout().lock();
        match out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::failed(error)),
            Ok(()) => Ok(true),
        }
    }

    /// Says why, and waits before the next try.
    async fn wait(&mut self, broken: &str) {
        let from = self.request.after_position.map_or_else(|| "now / 当前".to_owned(), |after| after.to_string());
        let millis = self.pause.as_millis();
        eprintln!(
            "{broken}\n连接中断，{millis} 毫秒后从位置 {from} 继续 / interrupted: going on from position {from} in {millis} ms"
        );
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MOST);
    }
}

/// The end of a stream: the connection's, or the watch's.
fn ended(status: Status) -> Failure {
    let why = client::describe(&status);
    if client::may_try_again(&status) { Failure::Unreachable(why) } else { Failure::Failed(why) }
}

//! WatchProgress: changes of status as they happen, resumable by position.
//!
//! ```text
//! views move ──▶ changes behind the position ──wanted?──▶ named ──▶ access still valid? ──▶ response
//! silence ────────────────────────────────────────────────────────────┘ (heartbeat)
//! ```
//! Place in the flow: begun by the service, then pulled by the transport: the next response is made when the last one
//! was taken, so a slow reader is waited for and nothing piles up. The first response comes at once, so that every
//! watcher has a position to go on from, and names the log and epoch in which that position means something.
//!
//! Views that are thrown away in the middle grow to the same changes again. The stream keeps its position, says it in
//! its heartbeats, and goes on when the views are behind it once more: nothing is skipped, nothing told twice. A call
//! that begins meanwhile is refused with VIEWS_REBUILDING, because there is nothing to check it against.
//!
//! It must not know: why a status changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use jiff::Timestamp;
use songhua_access::{Directory, Principal};
use songhua_domain::id::{AreaId, IndicatorId, PlanId};
use songhua_domain::score::light_of;
use songhua_log::Applied;
use songhua_views::{Change, Model};
use songhua_wire::code::Code;
use songhua_wire::label::label_of_status;
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use crate::name;
use crate::reader::PlanReader;
use crate::refusal::{self, Refused};

/// Changes that are enough for a response; those of its last event come on top.
const ENOUGH: usize = 500;
/// How long a stream may be silent.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(5);
const HEARTBEAT_MIN: Duration = Duration::from_secs(1);
const HEARTBEAT_MAX: Duration = Duration::from_secs(60);

/// The answers of one call.
pub(crate) type Responses = BoxStream<'static, Result<pb::WatchProgressResponse, Status>>;

/// Who watches, and what may end it.
pub(crate) struct Watcher {
    /// As authenticated when the call began.
    pub(crate) caller: Principal,
    /// Where the caller's grant is looked up again.
    pub(crate) directory: Arc<Directory>,
    /// True as soon as the server stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A stream between two responses.
struct Watch {
    watcher: Watcher,
    reader: PlanReader,
    applied: watch::Receiver<Applied>,
    plan: PlanId,
    /// As the call began: targets, and the names of what they are of, are settled when a plan is published.
    model: Arc<Model>,
    wanted: Wanted,
    heartbeat: Duration,
    /// When the next response is due, with or without changes.
    due: Instant,
    /// Every change up to here was looked at.
    position: u64,
    /// The next response is the first.
    first: bool,
}

/// Which changes are wanted; an empty set = all.
struct Wanted {
    areas: BTreeSet<AreaId>,
    indicators: BTreeSet<IndicatorId>,
}

/// Checks a request and begins its stream.
pub(crate) async fn begin(
    watcher: Watcher,
    reader: PlanReader,
    plan: PlanId,
    request: pb::WatchProgressRequest,
) -> Result<Responses, Refused> {
    let interval = request.heartbeat_interval.as_ref().map(|asked| (asked.seconds, asked.nanos));
    let heartbeat = interval.map_or(Ok(HEARTBEAT_DEFAULT), heartbeat)?;
    reader.check()?;
    let views = reader.views().clone();
    let (now, model) = blocking(move || {
        let now = views.applied();
        views.model(now).map(|model| (now, model)).map_err(|error| refusal::from_views(&error))
    })
    .await?;
    // Views that were reset meanwhile know no plan either.
    reader.check()?;
    if model.published.is_none() {
        return Err(refusal::plan_not_found(&plan));
    }
    let wanted = Wanted::read(&request, &model)?;
    let applied = reader.applied();
    // What was durable was applied once, or will be: such a position is waited for.
    let last = now.max(applied.borrow().durable.0);
    let position = match request.after_position {
        None => now,
        Some(after) if after > last => return Err(refusal::position_ahead("after_position", after, last)),
        Some(after) => after,
    };
    let due = Instant::now();
    Ok(responses(Watch { watcher, reader, applied, plan, model, wanted, heartbeat, due, position, first: true }))
}

/// Between [`HEARTBEAT_MIN`] and [`HEARTBEAT_MAX`].
fn heartbeat((seconds, nanos): (i64, i32)) -> Result<Duration, Refused> {
    let parts = (u64::try_from(seconds), u32::try_from(nanos));
    let asked = if let (Ok(seconds), Ok(nanos @ 0..1_000_000_000)) = parts {
        Some(Duration::new(seconds, nanos))
    } else {
        None
    };
    asked.filter(|asked| (HEARTBEAT_MIN..=HEARTBEAT_MAX).contains(asked)).ok_or_else(|| {
        let (shortest, longest) = (HEARTBEAT_MIN.as_secs(), HEARTBEAT_MAX.as_secs());
        let fault = format!("{seconds} s and {nanos} ns is not between {shortest} and {longest} seconds");
        refusal::invalid_field("heartbeat_interval", &fault)
    })
}

/// Reading the views blocks, so it is done on a thread for that.
async fn blocking<T: Send + 'static>(read: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(refusal::internal(&format!("a read ended early: {error}"))))
}

/// One response after the other, up to the refusal that ends them.
fn responses(watch: Watch) -> Responses {
    let next = |watch: Option<Watch>| async {
        let mut watch = watch?;
        match watch.next().await {
            Ok(response) => Some((Ok(response), Some(watch))),
            Err(refused) => Some((Err(Status::from(*refused)), None)),
        }
    };
    stream::unfold(Some(watch), next).boxed()
}

impl Wanted {
    fn read(request: &pb::WatchProgressRequest, model: &Model) -> Result<Self, Refused> {
        fn known<T: std::str::FromStr + Ord>(
            field: &str,
            ids: &[String],
            is_known: impl Fn(&T) -> bool,
        ) -> Result<BTreeSet<T>, Refused> {
            let read = |(index, text): (usize, &String)| {
                let id = text.parse().ok().filter(&is_known);
                id.ok_or_else(|| refusal::unknown_resource(&format!("{field}[{index}]"), text))
            };
            ids.iter().enumerate().map(read).collect()
        }
        Ok(Self {
            areas: known("areas", &request.areas, |area| model.areas.contains_key(area))?,
            indicators: known("indicators", &request.indicators, |indicator| model.indicators.contains_key(indicator))?,
        })
    }

    fn has(&self, change: &Change) -> bool {
        (self.areas.is_empty() || self.areas.contains(&change.area))
            && (self.indicators.is_empty() || self.indicators.contains(&change.indicator))
    }
}

impl Watch {
    /// The next response as soon as there is something to say, or when silence has lasted long enough.
    async fn next(&mut self) -> Result<pb::WatchProgressResponse, Refused> {
        loop {
            if *self.watcher.stop.borrow() {
                return Err(refusal::shutting_down());
            }
            // Marked before the views are read: what moves after that is looked at once more.
            self.applied.mark_unchanged();
            let (views, after) = (self.reader.views().clone(), self.position);
            let found =
                blocking(move || views.changes_behind(after, ENOUGH).map_err(|error| refusal::from_views(&error)));
            let (changes, reached) = found.await?;
            // While the views are rebuilt they are before the position.
            self.position = after.max(reached);
            let wanted: Vec<_> = changes.iter().filter(|change| self.wanted.has(change)).collect();
            if !wanted.is_empty() {
                return self.respond(&wanted);
            }
            let all_read = changes.is_empty();
            tokio::select! {
                biased;
                () = stopped(&mut self.watcher.stop) => return Err(refusal::shutting_down()),
                () = sleep_until(self.due) => return self.respond(&[]),
                () = moved(&mut self.applied), if all_read => {}
                () = std::future::ready(()), if !all_read => {}
            }
        }
    }

    fn respond(&mut self, changes: &[&Change]) -> Result<pb::WatchProgressResponse, Refused> {
        let Watcher { caller, directory, .. } = &self.watcher;
        directory.recheck(caller, Timestamp::now()).map_err(|error| refusal::from_access(&error))?;
        self.due = Instant::now() + self.heartbeat;
        let mut response = pb::WatchProgressResponse {
            changes: changes.iter().map(|change| self.to_pb(change)).collect(),
            applied_position: self.position,
            simulated: self.model.log.as_ref().is_some_and(|log| log.simulated),
            ..Default::default()
        };
        if std::mem::take(&mut self.first)
            && let Some(log) = &self.model.log
        {
            response.log_id = log.log_id.as_bytes().to_vec();
            response.epoch = log.epoch;
        }
        Ok(response)
    }

    fn to_pb(&self, change: &Change) -> pb::StatusChange {
        let Change { position, n, area, indicator, from, to, date } = change;
        let area_name = self.model.areas.get(area).map(|area| &area.definition.name);
        let indicator_name = self.model.indicators.get(indicator).map(|indicator| &indicator.name);
        pb::StatusChange {
            position: *position,
            index: *n,
            target: name::of_target(&self.plan, area, indicator),
            area: area.to_string(),
            area_name: area_name.map(Into::into),
            indicator: indicator.to_string(),
            indicator_name: indicator_name.map(Into::into),
            from: from.map_or(0, Code::to_wire),
            to: to.to_wire(),
            to_label: Some(label_of_status(*to)),
            to_light: light_of(*to).to_wire(),
            date: Some(date_to_pb(*date)),
        }
    }
}

/// Resolves when the server stops; whoever would say so being gone means that it does.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Resolves when the views have moved; never again once nobody grows them.
async fn moved(applied: &mut watch::Receiver<Applied>) {
    if applied.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

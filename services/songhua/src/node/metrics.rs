//! What the node measures, for Prometheus.
//!
//! Place in the flow: installed before anything else, because every crate below takes its series from the recorder when
//! it opens. What changes by itself (calls, groups, syncs) is counted where it happens; what can be looked up
//! (positions, queues, followers, files) is looked up when somebody asks. It must not know who asks.

use std::path::Path;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Reason;
use songhua_wire::pb;

use super::admin::plan_status;
use super::{Node, NodeError};

/// How often samples are taken together while nobody asks.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// States of a follower, as `FollowerStatus.state` says them.
const STATES: [&str; 5] = ["RUNNING", "REBUILDING", "WAITING", "STOPPED", "OFF"];

/// From a sync of a fast disk to a wait that a client gives up.
const SECONDS: [f64; 15] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Up to the records of a group.
const SIZES: [f64; 13] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

const COUNTERS: [(&str, &str); 6] = [
    ("songhua_submissions_total", "Submissions answered, by plan and outcome (stored, duplicate, checked, refused)"),
    ("songhua_events_total", "Events acknowledged, by plan and outcome (stored, duplicate)"),
    ("songhua_refusals_total", "Refusals, by reason of error.proto; those within streams and of HTTP too"),
    ("songhua_replayed_records_total", "Records sent to auditors"),
    ("songhua_log_scrub_bytes_total", "Bytes of sealed segments that were read again to find rot"),
    ("songhua_grpc_calls_total", "gRPC calls that ended, by method and code"),
];

const HISTOGRAMS: [(&str, &str, Unit, &[f64]); 5] = [
    ("songhua_append_seconds", "From taking a submission to its receipts", Unit::Seconds, &SECONDS),
    ("songhua_group_submissions", "Submissions stored with one append", Unit::Count, &SIZES),
    ("songhua_group_events", "Events stored with one append", Unit::Count, &SIZES),
    ("songhua_log_sync_seconds", "One fdatasync of a log, the system log's too", Unit::Seconds, &SECONDS),
    ("songhua_grpc_answer_seconds", "From a gRPC call to the begin of its answer", Unit::Seconds, &SECONDS),
];

const GAUGES: [(&str, &str); 14] = [
    ("songhua_grpc_calls_open", "gRPC calls under way, streams for as long as they are open"),
    ("songhua_queue_submissions", "Submissions that wait or are under way"),
    ("songhua_log_written_position", "Last position accepted for writing"),
    ("songhua_log_durable_position", "Last position that is on disk"),
    ("songhua_plan_open", "1 if the plan is open on this node, 0 if it could not be opened"),
    ("songhua_plan_read_only", "1 if the plan takes no writes"),
    ("songhua_log_scrub_damage", "Frames of sealed segments that were found damaged and are not served"),
    ("songhua_follower_applied_position", "Last position that a follower has applied"),
    ("songhua_follower_lag_records", "Durable records that a follower has not applied"),
    ("songhua_follower_state", "1 for the state that a follower is in"),
    ("songhua_disk_bytes", "Bytes of a plan's files, by what they are for (log, views, snapshots)"),
    ("songhua_ready", "1 if the node is ready, as /readyz says"),
    ("songhua_start_time_seconds", "When the process started, in seconds since 1970"),
    ("songhua_build_info", "1; the labels say which build this is"),
];

/// The recorder of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder. Once in a process, before anything is measured.
    ///
    /// # Errors
    /// A second call.
    pub(super) fn install() -> Result<Self, NodeError> {
        let fault = |error: &dyn std::fmt::Display| NodeError::Server(format!("metrics: {error}"));
        let mut builder = PrometheusBuilder::new();
        for (name, _, _, buckets) in HISTOGRAMS {
            let matcher = Matcher::Full(name.to_owned());
            builder = builder.set_buckets_for_metric(matcher, buckets).map_err(|error| fault(&error))?;
        }
        let handle = builder.install_recorder().map_err(|error| fault(&error))?;
        COUNTERS.iter().for_each(|(name, help)| describe_counter!(*name, *help));
        GAUGES.iter().for_each(|(name, help)| describe_gauge!(*name, *help));
        HISTOGRAMS.iter().for_each(|(name, help, unit, _)| describe_histogram!(*name, *unit, *help));
        // A series that is born with its first refusal has no rate: the first fault would raise no alert.
        for reason in Reason::ALL {
            counter!("songhua_refusals_total", "reason" => reason.code()).absolute(0);
        }
        Ok(Self(handle))
    }

    /// Takes samples together until `shutdown` resolves: without it they pile up while nobody asks.
    pub(super) async fn keep(self, shutdown: impl Future<Output = ()>) {
        let keeping = async {
            loop {
                tokio::time::sleep(UPKEEP_EVERY).await;
                self.0.run_upkeep();
            }
        };
        tokio::select! {
            () = keeping => {}
            () = shutdown => {}
        }
    }

    /// Everything, as Prometheus reads it; plans that are not published or not open for administrators only.
    pub(super) async fn render(&self, node: &Node, administrator: bool) -> String {
        let hidden = look_up(node).await;
        let text = self.0.render();
        if administrator || hidden.is_empty() {
            return text;
        }
        let labels: Vec<_> = hidden.iter().map(|plan| format!("plan=\"{plan}\"")).collect();
        let shown = |line: &&str| !labels.iter().any(|label| line.contains(label));
        text.lines().filter(shown).flat_map(|line| [line, "\n"]).collect()
    }
}

/// Sets what is looked up when it is asked for; returns the plans that are invisible to all but administrators.
async fn look_up(node: &Node) -> Vec<PlanId> {
    let mut hidden = Vec::new();
    gauge!("songhua_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    gauge!("songhua_start_time_seconds").set(Duration::from_millis(start_ms(node)));
    gauge!("songhua_ready").set(flag(node.hindrances().await.is_empty()));
    for plan in node.failed_plans().await.keys() {
        gauge!("songhua_plan_open", "plan" => plan.to_string()).set(0);
        hidden.push(plan.clone());
    }
    for plan in node.hosted_plans().await {
        let seen = node.with_hosted(&plan, |hosted| (plan_status(&plan, hosted), hosted.ingest.waiting())).await;
        let Some((status, waiting)) = seen else { continue };
        of_plan(&status, waiting);
        of_files(&plan, &node.plan_directory(&plan)).await;
        if !status.published {
            hidden.push(plan);
        }
    }
    hidden
}

fn of_plan(status: &pb::PlanStatus, waiting: usize) {
    let set = |name: &'static str, value: f64| gauge!(name, "plan" => status.plan.clone()).set(value);
    set("songhua_plan_open", 1.0);
    set("songhua_plan_read_only", f64::from(flag(!status.read_only.is_empty())));
    set("songhua_queue_submissions", waiting as f64);
    set("songhua_log_written_position", status.written_position as f64);
    set("songhua_log_durable_position", status.durable_position as f64);
    set("songhua_log_scrub_damage", status.damage.len() as f64);
    for follower in &status.followers {
        let labels = [("plan", status.plan.clone()), ("follower", follower.name.clone())];
        let lag = status.durable_position.saturating_sub(follower.applied_position);
        // One that is off is not behind.
        if follower.state != "OFF" {
            gauge!("songhua_follower_applied_position", &labels).set(follower.applied_position as f64);
            gauge!("songhua_follower_lag_records", &labels).set(lag as f64);
        }
        for state in STATES {
            let [plan, name] = labels.clone();
            gauge!("songhua_follower_state", &[plan, name, ("state", state.to_owned())])
                .set(flag(follower.state == state));
        }
    }
}

async fn of_files(plan: &PlanId, directory: &Path) {
    for what in ["log", "views", "snapshots"] {
        let path = directory.join(what);
        // What cannot be counted keeps its last value: a 0 would say that it is gone.
        match tokio::task::spawn_blocking(move || bytes_below(&path)).await {
            Ok(Ok(bytes)) => gauge!("songhua_disk_bytes", "plan" => plan.to_string(), "what" => what).set(bytes as f64),
            uncounted => tracing::debug!(%plan, what, ?uncounted, "the size on disk cannot be told"),
        }
    }
}

fn bytes_below(directory: &Path) -> std::io::Result<u64> {
    let mut bytes = 0_u64;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { bytes_below(&entry.path()).unwrap_or_default() } else { metadata.len() };
    }
    Ok(bytes)
}

fn start_ms(node: &Node) -> u64 {
    u64::try_from(node.start_time.as_millisecond()).unwrap_or_default()
}

const fn flag(is: bool) -> u8 {
    is as u8
}

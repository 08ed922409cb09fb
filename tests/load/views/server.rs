//! The server that is measured: on a history, held to one processor, asked how much memory and disk it takes.

use std::process::Command;
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use songhua_tests::load::Figures;
use songhua_tests::{Client, PLAN, PLAN_ID, Random, Sandbox};
use songhua_wire::pb;

use crate::events::{Events, Line};
use crate::history::{Writer, write};

/// The agency that reports everything.
pub(crate) const AGENCY: &str = "statistics";
/// How often views are rebuilt.
const REBUILDS: usize = 5;
/// Series of dimensions that are reported daily.
const DIMENSIONS: usize = 470;

/// The last day that is recorded.
const LAST_DAY: Date = date(2026, 11, 22);

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History {
    /// The position behind the plan's definitions.
    pub(crate) defined: u64,
    /// The length of the log.
    pub(crate) records: u64,
    /// The first day of which there are figures, and the last.
    pub(crate) days: (Date, Date),
}

/// Writes a history for a running server's plan and starts the server on it.
pub(crate) async fn with_history(sandbox: &mut Sandbox, short: bool, seed: u64) -> History {
    sandbox.lead_of_all(AGENCY).await;
    let defined = sandbox.durable().await;
    let (targets, projects) = plan(sandbox).await;
    sandbox.terminate().await;
    let first_day = if short { date(2026, 5, 25) } else { date(2022, 1, 1) };
    let lines = lines(&targets, first_day);
    println_series(&lines);
    let directory = sandbox.data().join("plans").join(PLAN_ID);
    for derived in ["views", "snapshots"] {
        let found = std::fs::remove_dir_all(directory.join(derived));
        assert!(found.is_ok() || !directory.join(derived).exists(), "{derived} can be removed");
    }
    let writer = Writer::over(&directory.join("log"), AGENCY, Random::new(seed), first_day).await;
    let events = Events::new(lines, &projects, first_day, Random::new(seed + 1));
    let records = write(writer, events, first_day, LAST_DAY).await;
    sandbox.serve().await;
    caught_up(sandbox, records).await;
    History { defined, records: sandbox.durable().await, days: (first_day, LAST_DAY) }
}

#[expect(clippy::print_stdout, reason = "it says what is measured")]
fn println_series(lines: &[Line]) {
    let (heads, parts): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.dimension.is_empty());
    println!("series: {} headlines, {} of dimensions", heads.len(), parts.len());
}

/// Targets that take figures, by area, and projects.
async fn plan(sandbox: &Sandbox) -> (Vec<(String, pb::IndicatorDefined)>, Vec<String>) {
    let mut client = sandbox.admin().await;
    let request = pb::ListIndicatorsRequest { parent: PLAN.to_owned(), page_size: 1_000, ..Default::default() };
    let indicators = client.progress.list_indicators(request).await.expect("indicators").into_inner().indicators;
    let mut targets = Vec::new();
    for indicator in indicators {
        let definition = indicator.definition.expect("a definition");
        if definition.derived.is_none() {
            targets.extend(indicator.targets.into_iter().map(|target| (target.area, definition.clone())));
        }
    }
    let request = pb::ListProjectsRequest { parent: PLAN.to_owned(), page_size: 1_000, ..Default::default() };
    let projects = client.progress.list_projects(request).await.expect("projects").into_inner().projects;
    let real = projects.into_iter().filter(|project| project.kind() == pb::ProjectKind::Project);
    (targets, real.filter_map(|project| project.name.rsplit('/').next().map(str::to_owned)).collect())
}

/// Headlines, and dimensions: the n-th target has a share of them that falls with n.
fn lines(targets: &[(String, pb::IndicatorDefined)], start: jiff::civil::Date) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let every = match index {
            0..10 => 1,
            10..30 => 7,
            _ => 30,
        };
        lines.extend(Line::new(target, String::new(), every, start));
    }
    let daily: Vec<_> = targets
        .iter()
        .filter(|target| Line::new(target, String::new(), 1, start).is_some_and(|line| line.every == 1))
        .collect();
    let weights: Vec<usize> = (0..daily.len()).map(|index| 10_000 / (index + 6)).collect();
    let whole: usize = weights.iter().sum::<usize>().max(1);
    for (target, weight) in daily.into_iter().zip(weights) {
        for number in 0..DIMENSIONS * weight / whole {
            lines.extend(Line::new(target, format!("district=d{number}"), 1, start));
        }
    }
    lines
}

/// Waits until the views have everything.
async fn caught_up(sandbox: &Sandbox, records: u64) {
    let begun = Instant::now();
    loop {
        let status = sandbox.plan_status(PLAN_ID).await;
        let applied =
            status.followers.iter().find(|follower| follower.name == "projector").map(|one| one.applied_position);
        if applied.is_some_and(|applied| applied >= records) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(600), "the views do not catch up: {status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Clients that read, each on a connection of its own.
pub(crate) async fn clients(sandbox: &Sandbox, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(sandbox.admin().await);
    }
    clients
}

/// Names of the circles that have targets.
pub(crate) async fn circles(sandbox: &Sandbox) -> Vec<String> {
    let request = pb::ListCirclesRequest { parent: PLAN.to_owned(), ..Default::default() };
    let circles = sandbox.admin().await.progress.list_circles(request).await.expect("circles").into_inner().circles;
    circles.into_iter().filter(|circle| !circle.targets.is_empty()).map(|circle| circle.name).collect()
}

/// Rebuilds the views on one processor, from zero, [`REBUILDS`] times: the median, since a shared machine differs from
/// second to second. Memory is that of the first one.
#[expect(clippy::print_stdout, reason = "it says what is measured")]
pub(crate) async fn rebuild(sandbox: &mut Sandbox, records: u64, figures: &mut Figures) {
    sandbox.terminate().await;
    let views = sandbox.data().join("plans").join(PLAN_ID).join("views");
    std::fs::remove_dir_all(&views).expect("the views can be removed");
    sandbox.serve().await;
    caught_up(sandbox, records).await;
    hold(sandbox, "0");
    let mut rates = vec![rebuild_rate(sandbox, records).await];
    let memory = most_memory_mb(sandbox);
    while rates.len() < REBUILDS {
        rates.push(rebuild_rate(sandbox, records).await);
    }
    println!("  one after the other: {rates:?} events/s");
    rates.sort_unstable();
    figures.add("rebuild_rate", rates[REBUILDS / 2], "events/s");
    figures.add("rebuild_rss_mb", memory, "MB");
    hold(sandbox, "0-255");
}

/// Events a second, from the call to the last record; behind that only the digest is still to be computed.
async fn rebuild_rate(sandbox: &Sandbox, records: u64) -> u64 {
    let mut admin = sandbox.admin().await.admin;
    let begun = Instant::now();
    let request = pb::RebuildViewsRequest { plan: PLAN_ID.to_owned() };
    let mut progress = admin.rebuild_views(request).await.expect("a rebuild begins").into_inner();
    let mut elapsed = None;
    while let Some(so_far) = progress.message().await.expect("the rebuild goes on") {
        let whole = so_far.applied_position >= records && so_far.applied_position == so_far.durable_position;
        elapsed = elapsed.or_else(|| whole.then(|| begun.elapsed()));
    }
    let elapsed = elapsed.expect("the rebuild comes to its end").as_millis();
    records.saturating_mul(1_000) / u64::try_from(elapsed).unwrap_or(u64::MAX).max(1)
}

/// Lets all threads of the server run on these processors only.
fn hold(sandbox: &Sandbox, processors: &str) {
    let pid = sandbox.pid().to_string();
    let held = Command::new("taskset").args(["-a", "-p", "-c", processors, &pid]).output().expect("taskset is there");
    assert!(held.status.success(), "{held:?}");
}

/// The most memory that the server ever held (`VmHWM`).
fn most_memory_mb(sandbox: &Sandbox) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sandbox.pid())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") / 1_024
}

/// What the views take on disk.
pub(crate) fn views_mb(sandbox: &Sandbox) -> u64 {
    let views = sandbox.data().join("plans").join(PLAN_ID).join("views");
    let bytes: u64 = songhua_tests::files_below(&views)
        .iter()
        .map(|file| std::fs::metadata(file).map_or(0, |metadata| metadata.len()))
        .sum();
    bytes.div_ceil(1 << 20)
}

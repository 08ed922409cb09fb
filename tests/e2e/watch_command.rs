//! `songhua watch`: lines for people and for programs, over a broken connection, until Ctrl-C.
//!
//! Two threads: see `watch`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use songhua_wire::pb;

use crate::progress_world::World;
use crate::watch::{report, told, world};

/// How long a line may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watch that runs; its lines as they come.
struct Watching {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watching {
    fn begin(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.sandbox.command(&[&["watch"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("another line")
    }

    /// Lines up to the first that `is_last`.
    fn until(&self, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line: &String| !is_last(line)) {
            lines.push(self.line());
        }
        lines
    }

    /// Ctrl-C; gives the exit code and what it said on standard error.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_lines_are_the_responses_of_the_rpc_across_kill_9_and_ctrl_c_is_success() {
    let mut world = world().await;
    report(&world, "circle-hit", 9, "61").await;
    let watching = Watching::begin(&world, &["--json", "--after", "0"]);
    let response = |line: &str| serde_json::from_str::<pb::WatchProgressResponse>(line).unwrap();
    let is_of = |area: &'static str| {
        let flips =
            move |change: &pb::StatusChange| change.area == area && change.indicator == "platforms" && change.from != 0;
        move |line: &str| response(line).changes.iter().any(flips)
    };
    let mut lines = watching.until(is_of("circle-hit"));
    world.sandbox.kill();
    world.sandbox.serve().await;
    world.reconnect().await;
    let last = report(&world, "circle-heu", 9, "61").await;
    lines.extend(watching.until(is_of("circle-heu")));
    let printed: Vec<_> = lines.iter().map(|line| response(line)).collect();
    let log_id = world.sandbox.plan_status("harbin-2022-2026").await.log_id;
    assert_eq!((&printed[0].log_id, printed[0].epoch), (&log_id, 1));
    let moved = |pair: &[pb::WatchProgressResponse]| pair[0].applied_position < pair[1].applied_position;
    assert!(printed.windows(2).all(moved), "every line goes on: {lines:?}");
    let changes: Vec<_> = printed.into_iter().flat_map(|response| response.changes).collect();
    assert_eq!(changes, told(&world, last).await);
    let (code, said) = watching.interrupt();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("连接中断") && said.contains("going on from position"), "{said}");
    assert!(!said.contains("模拟"), "nothing is simulated: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_says_date_area_indicator_and_both_statuses() {
    let world = world().await;
    let position = report(&world, "circle-hit", 9, "61").await;
    report(&world, "circle-heu", 9, "61").await;
    let watching = Watching::begin(&world, &["--after", "0", "--area", "circle-hit", "--indicator", "platforms"]);
    let of_target = |change: &pb::StatusChange| change.target == world.name("areas/circle-hit/targets/platforms");
    let changes: Vec<_> = told(&world, position).await.into_iter().filter(of_target).collect();
    assert_eq!((changes.len(), changes[0].from(), changes[1].position), (2, pb::Status::Unspecified, position));
    for (change, shape) in changes.iter().zip(["○", "✔"]) {
        let (day, word) = (change.date.unwrap(), change.to_label.clone().unwrap());
        let from = change.from().as_str_name().replace("STATUS_", "").replace("UNSPECIFIED", "–");
        let expected = format!(
            "{:04}-{:02}-{:02} {} [circle-hit] {} [platforms] {from} → {shape} {} {} @ {}",
            day.year,
            day.month,
            day.day,
            change.area_name.clone().unwrap().zh,
            change.indicator_name.clone().unwrap().zh,
            word.zh,
            word.en,
            change.position
        );
        assert_eq!(watching.line(), expected);
    }
    assert_eq!(watching.interrupt(), (Some(0), String::new()));
    let refused = world.sandbox.run(&["watch", "--area", "atlantis"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("UNKNOWN_RESOURCE") && refused.stderr.contains("areas[0]"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_changes_are_announced_as_such_once() {
    let world = world().await;
    let plan = "qingshui-2025-2027";
    let loaded = world.sandbox.run(&["plan", "load", "--simulated", &format!("tests/fixtures/plans/{plan}")]);
    assert_eq!(loaded.code, 0, "{loaded:?}");
    let begun = Instant::now();
    while world.sandbox.run(&["progress", "plan", "--plan", plan]).code != 0 {
        assert!(begun.elapsed() < PATIENCE, "the plan cannot be read");
    }
    let watching = Watching::begin(&world, &["--plan", plan, "--after", "0"]);
    watching.until(|line| line.contains('→'));
    let (code, said) = watching.interrupt();
    assert_eq!((code, said.trim()), (Some(0), "模拟数据 SIMULATED DATA"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_or_without_a_reader_it_ends() {
    let mut world = world().await;
    // Whoever reads the lines goes away after the first: the next one ends the watch.
    let mut child = world.sandbox.command(&["watch", "--after", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    report(&world, "circle-hit", 9, "61").await;
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert_eq!(tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap().code(), Some(0));
    world.sandbox.kill();
    let unreachable = world.sandbox.run(&["watch"]);
    assert_eq!(unreachable.code, 3, "{unreachable:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_keeps_its_place_by_lines_without_changes() {
    let world = world().await;
    let watching = Watching::begin(&world, &["--json", "--area", "circle-usth"]);
    let response = |line: &str| serde_json::from_str::<pb::WatchProgressResponse>(line).unwrap();
    let first = response(&watching.line());
    assert!(first.changes.is_empty() && !first.log_id.is_empty() && !first.simulated, "{first:?}");
    let position = report(&world, "circle-hit", 9, "61").await;
    let lines = watching.until(|line| response(line).applied_position >= position);
    assert!(lines.iter().all(|line| response(line).changes.is_empty()), "{lines:?}");
    watching.interrupt();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_history_behind_the_same_address_ends_the_watch() {
    let (mut world, other) = (world().await, world().await);
    report(&other, "circle-heu", 9, "61").await;
    let mut watching = Watching::begin(&world, &["--json"]);
    watching.line();
    // The next connection finds the other server.
    let profile = |world: &World| world.sandbox.data().join("profile.json");
    std::fs::copy(profile(&other), profile(&world)).unwrap();
    world.sandbox.kill();
    let ended = tokio::task::spawn_blocking(move || {
        let code = watching.child.wait().unwrap().code();
        let mut said = String::new();
        watching.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said, watching.lines.try_iter().collect::<Vec<_>>())
    });
    let (code, said, lines) = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
    assert_eq!((code, lines), (Some(1), Vec::new()), "{said}");
    assert!(said.contains("another history") && said.contains("另一份历史"), "{said}");
}

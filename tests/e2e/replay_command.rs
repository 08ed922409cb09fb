//! `songhua replay`: three outputs, a summary, and going on where it was cut off.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use prost::Message;
use serde_json::Value;
use songhua_tests::pb::{self, Role};
use songhua_tests::{Output, Sandbox, days_ago, many, push, stock, submit};

use crate::replay::{all, replay};

const PATIENCE: Duration = Duration::from_secs(60);

fn raw(mut bytes: &[u8]) -> Vec<pb::ReplayRecord> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        records.push(pb::ReplayRecord::decode_length_delimited(&mut bytes).unwrap());
    }
    records
}

#[tokio::test]
async fn the_three_outputs_say_the_same_history() {
    let sandbox = Sandbox::start().await;
    let hit = sandbox.lead("hit", "circle-hit").await;
    hit.ingest.clone().submit(submit(vec![stock("circle-hit", "tech-firms", days_ago(1), "331")])).await.unwrap();
    let (records, head) = replay(&sandbox.admin().await, all()).await.unwrap();

    let text = sandbox.run(&["replay"]);
    assert_eq!(text.code, 0, "{text:?}");
    let lines: Vec<_> = text.stdout.lines().collect();
    assert_eq!(lines.len(), records.len());
    let last = lines.last().unwrap();
    let day = days_ago(1);
    let period = format!("331（{:04}-{:02}-{:02}）", day.year, day.month, day.day);
    for word in
        [&*head.to_string(), "clerk-hit/hit", "measurement.reported", "areas/circle-hit/targets/tech-firms", &period]
    {
        assert!(last.contains(word), "{word}: {last}");
    }
    assert!(text.stderr.contains(&format!("{head} records, last position {head}, durable {head}; log ")), "{text:?}");
    assert!(text.stderr.contains("epoch 1") && text.stderr.contains("条记录"), "{text:?}");

    let json = sandbox.run(&["replay", "--json"]);
    let parsed: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed.len(), records.len());
    for (line, record) in parsed.iter().zip(&records) {
        assert_eq!(line["position"], record.position.to_string());
        let event: pb::Event = serde_json::from_value(line["event"].clone()).unwrap();
        assert_eq!(event.encode_to_vec(), record.data, "position {}", record.position);
    }

    let bytes = sandbox.command(&["replay", "--raw"]).output().unwrap();
    assert!(bytes.status.success());
    assert_eq!(raw(&bytes.stdout), records);
}

#[tokio::test]
async fn options_become_the_filter() {
    let sandbox = Sandbox::start().await;
    let hit = sandbox.lead("hit", "circle-hit").await;
    hit.ingest.clone().submit(submit(vec![stock("circle-hit", "tech-firms", days_ago(1), "331")])).await.unwrap();
    let head = sandbox.durable().await;
    let count = |arguments: &[&str]| {
        let output = sandbox.run(&[&["replay"], arguments].concat());
        assert_eq!(output.code, 0, "{output:?}");
        output.stdout.lines().count() as u64
    };
    let from = (head - 1).to_string();
    assert_eq!(count(&["--from", &from]), 2);
    assert_eq!(count(&["--from", "3", "--to", "7"]), 5);
    assert_eq!(count(&["--agency", "hit"]), 1);
    assert_eq!(count(&["--type", "measurement.reported,measurement.corrected"]), 1);
    assert_eq!(count(&["--type", "agency.*", "--type", "measurement.*"]), 3);
    assert_eq!(count(&["--area", "circle-hit", "--indicator", "tech-firms", "--type", "measurement.*"]), 1);
    assert_eq!(count(&["--project", "aerospace-park", "--type", "project.registered"]), 1);
    assert_eq!(count(&["--effective-from", "2199-01-01"]), 0);
    assert_eq!(count(&["--effective-to", "2199-01-01", "--agency", "hit"]), 1);
    assert_eq!(count(&["--recorded-from", "2020-01-01T00:00:00+08:00"]), head);
    assert_eq!(count(&["--recorded-until", "2020-01-01T00:00:00Z"]), 0);

    let refused = sandbox.run(&["replay", "--area", "circle-hti"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("UNKNOWN_RESOURCE") && refused.stderr.contains("filter.areas[0]"), "{refused:?}");
    assert_eq!(sandbox.run(&["replay", "--raw", "--json"]).code, 2);
    assert_eq!(sandbox.run(&["replay", "--from", "0"]).code, 2);
    assert_eq!(sandbox.run(&["replay", "--recorded-from", "yesterday"]).code, 2);
}

#[tokio::test]
async fn an_agency_replays_its_scope_with_its_own_token() {
    let sandbox = Sandbox::start().await;
    sandbox.lead("hit", "circle-hit").await;
    let (_, token) = sandbox.grant(Role::Agency, "hit", "").await;
    let token = sandbox.write("hit.token", &token);
    let output = sandbox.run(&["replay", "--token-file", &token, "--json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let areas = output.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["area"].clone());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    areas.for_each(|area| *counts.entry(area.as_str().unwrap_or("").to_owned()).or_default() += 1);
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["circle-hit"]);
}

/// A command that runs on, and its lines as they come.
struct Following {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Following {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut child = sandbox.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    fn next(&self) -> u64 {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line");
        let line: Value = serde_json::from_str(&line).unwrap();
        line["position"].as_str().unwrap().parse().unwrap()
    }

    fn interrupt(self) -> Output {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        Output::from(self.child.wait_with_output().unwrap())
    }
}

#[tokio::test]
async fn following_survives_a_restart_of_the_server_and_ends_in_order() {
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let following = Following::start(&sandbox, &["replay", "--follow", "--json"]);
    let mut expected = 1;
    for (round, events) in many(30).chunks(10).enumerate() {
        let (receipts, complete) = push(&sandbox.client(Some(&token)).await, events, 5).await;
        assert!(complete);
        while expected <= receipts.last().unwrap().position {
            assert_eq!(following.next(), expected, "round {round}");
            expected += 1;
        }
        // The new server has another port, which its profile says.
        if round == 0 {
            sandbox.kill();
        } else {
            sandbox.terminate().await;
        }
        sandbox.serve().await;
    }
    let output = following.interrupt();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains(&format!("going on from position {expected} in ")), "{output:?}");
    assert!(output.stderr.contains(&format!("{0} records, last position {0}", expected - 1)), "{output:?}");
}

fn read_all(mut out: ChildStdout) -> Vec<u8> {
    let mut bytes = Vec::new();
    out.read_to_end(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_cut_off_says_where_to_continue() {
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let events: Vec<_> =
        many(20_000).into_iter().map(|event| pb::EventInput { comment: "x".repeat(1_000), ..event }).collect();
    assert!(push(&clerk, &events, 500).await.1);
    let (whole, head) = replay(&sandbox.admin().await, all()).await.unwrap();
    // Nobody takes what it prints: it stands still in the middle, whatever the buffers on the way hold.
    let mut cut = sandbox.command(&["replay", "--raw"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = cut.stdout.take().unwrap();
    let mut first = [0];
    out.read_exact(&mut first).unwrap();
    sandbox.kill();
    let reading = tokio::task::spawn_blocking(move || read_all(out));
    let output = Output::from(cut.wait_with_output().unwrap());
    let mut bytes = first.to_vec();
    bytes.extend(reading.await.unwrap());
    assert_eq!(output.code, 3, "{output:?}");
    let (_, rest) = output.stderr.split_once("continue with --from ").unwrap();
    let from = rest.split(' ').next().unwrap().to_owned();
    assert!(from.parse::<u64>().unwrap() <= head, "{output:?}");
    sandbox.serve().await;
    let rest = sandbox.command(&["replay", "--raw", "--from", &from, "--to", &head.to_string()]).output().unwrap();
    assert!(rest.status.success());
    bytes.extend(rest.stdout);
    assert!(raw(&bytes) == whole, "the two parts are not the whole");
}

#[tokio::test]
async fn a_reader_that_closes_the_pipe_is_no_fault() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    assert!(push(&clerk, &many(5_000), 500).await.1);
    let mut child = sandbox.command(&["replay"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("log.created"), "{line}");
    let output = Output::from(child.wait_with_output().unwrap());
    assert_eq!(output.code, 0, "{output:?}");
}

#[tokio::test]
async fn following_asks_for_a_server_and_a_valid_token_at_the_start() {
    let mut sandbox = Sandbox::start().await;
    let bad = sandbox.write("bad.token", "songhua_00");
    let refused = sandbox.run(&["replay", "--follow", "--plan", "harbin-2022-2026", "--token-file", &bad]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("TOKEN_INVALID"), "{refused:?}");
    sandbox.terminate().await;
    let gone = sandbox.run(&["replay", "--follow", "--plan", "harbin-2022-2026"]);
    assert_eq!(gone.code, 3, "{gone:?}");
}

#[tokio::test]
async fn a_simulated_history_says_so_beside_the_records() {
    let sandbox = Sandbox::start().await;
    let folder = "tests/fixtures/plans/qingshui-2025-2027";
    let loaded = sandbox.run(&["plan", "load", folder, "--simulated"]);
    assert_eq!(loaded.code, 0, "{loaded:?}");
    let replayed = sandbox.run(&["replay", "--plan", "qingshui-2025-2027", "--type", "plan.*"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(replayed.stderr.contains("模拟数据"), "{replayed:?}");
    assert!(replayed.stdout.lines().count() == 2 && !replayed.stdout.contains("模拟数据"), "{replayed:?}");
    let real = sandbox.run(&["replay", "--plan", "harbin-2022-2026", "--to", "1"]);
    assert!(!real.stderr.contains("模拟数据"), "{real:?}");
}

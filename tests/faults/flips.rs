//! Single bits that flip in a log at rest: each is found, none is served, and nothing is cut.
//!
//! Place in the flow: a history is grown and closed; then bits are flipped in its segments one at a time. What the product reads offline
//! (`check`, `log dump`) is asked for each, a real server for some of them and for all in the last acknowledged frame.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use songhua_tests::pb;
use songhua_tests::{Output, PLAN_ID, Random, Sandbox, ServeOptions, many, submit};

use crate::clients::{BATCHES, LARGE_STREAM, SINGLE, STREAM, Shape};
use crate::oracle::{Hash, leaf_hash};
use crate::report::{Progress, Report, Settings};
use crate::site::{Reading, Site};

/// Who fills a segment of 64 MiB and begins the next one.
const CLIENTS: [Shape; 4] = [LARGE_STREAM, SINGLE, BATCHES, STREAM];
/// One flip in so many is in the last acknowledged frame.
const IN_LAST: u64 = 10;
/// One in so many is in the header of a segment.
const IN_HEADER: u64 = 50;
/// One of so many others is shown to a server, and all in headers.
const TO_SERVER: u64 = 25;
/// The mark of an idle log comes within this, many times over.
const MARK_MAX: Duration = Duration::from_secs(60);
/// Records that are read before and behind a damaged frame.
const AROUND: u64 = 40;

/// A frame, as `log dump --frames` names it.
struct Frame {
    file: PathBuf,
    offset: u64,
    bytes: u64,
    first: u64,
    /// 0 in a mark.
    records: u64,
}

/// A history at rest.
struct History {
    /// With the data directory, stopped.
    site: Site,
    frames: Vec<Frame>,
    /// Leaf hashes by position, from 1.
    leaves: Vec<Hash>,
}

/// How the server came to rest.
#[derive(Debug, Clone, Copy)]
enum Rest {
    /// SIGTERM: the log ends with a mark that is synced.
    Closed,
    /// `kill -9`: prepared room is behind the frames, and the last one is proved by the mark of an idle log alone.
    Killed,
}

/// A bit, and the frame it is in; none = the header of a segment.
struct Flip<'a> {
    file: &'a Path,
    offset: u64,
    bit: u8,
    frame: Option<&'a Frame>,
}

/// Runs it.
pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let flips = settings.count(60, 1_000);
    let mut random = settings.random("flips");
    report.at("flips, growing a history");
    let mut site = Site::begin(Sandbox::start().await).await;
    while segments(&site.sandbox).len() < 2 {
        site.load(&CLIENTS).await.ended().await;
    }
    let mut progress = Progress::new("flips", flips);
    let (mut headers, mut served, closed) = (0_u64, 0_u64, flips - flips / 5);
    let mut history = History::at_rest(site, Rest::Closed, report).await;
    for number in 0..flips {
        if number == closed {
            history.flipped_back(report);
            history.site.sandbox.serve().await;
            history = History::at_rest(history.site, Rest::Killed, report).await;
        }
        let flip = history.flip(number, &mut random);
        report.at(format_args!("--only flips --seed {}: flip {number}, {}", settings.seed, flip.named()));
        headers += u64::from(flip.frame.is_none());
        flip.apply();
        history.ask_offline(&flip, report);
        if number.is_multiple_of(IN_LAST) || number % TO_SERVER == 1 || flip.frame.is_none() {
            served += 1;
            history.ask_server(&flip, report).await;
        }
        flip.apply();
        progress.done(number + 1, format_args!("{served} shown to a server"));
    }
    history.flipped_back(report);
    let (last, killed) = (flips.div_ceil(IN_LAST), flips - closed);
    println!(
        "flips: {flips} bits, {last} in the last acknowledged frame, {headers} in headers of segments; {killed} behind kill -9, {served} shown to a server"
    );
    report.figure("flipped_bits", flips, "bits");
}

impl Flip<'_> {
    fn named(&self) -> String {
        format!("bit {} at {} of {}", self.bit, self.offset, self.file.display())
    }

    /// Flips the bit in a file; a second time flips it back.
    fn apply(&self) {
        let file = OpenOptions::new().read(true).write(true).open(self.file).expect("the segment can be opened");
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.offset).expect("the segment can be read");
        file.write_all_at(&[byte[0] ^ (1 << self.bit)], self.offset).expect("the segment can be written");
    }

    /// Whether a text names the file, and the frame by its first position.
    fn is_named_in(&self, text: &str) -> bool {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        let named = |frame: &Frame| {
            text.contains(&format!("position {}", frame.first)) && text.contains(&frame.offset.to_string())
        };
        text.contains(&*file) && self.frame.is_none_or(named)
    }
}

impl History {
    /// Sends a little more, brings the server to rest, and remembers what the history holds.
    async fn at_rest(mut site: Site, rest: Rest, report: &mut Report) -> Self {
        site.load(&[SINGLE, BATCHES, STREAM]).await.ended().await;
        site.load(&[Shape { most: 1, ..BATCHES }]).await.ended().await;
        let (mut leaves, head) = (Vec::new(), site.sandbox.durable().await);
        site.verify(Reading::Whole, report).await;
        let all = site.replay(1, head, |record| leaves.push(leaf_hash(&record.data)));
        all.await.expect("the history can be read");
        let mut history = Self { site, frames: Vec::new(), leaves };
        match rest {
            Rest::Closed => history.site.sandbox.terminate().await,
            Rest::Killed => {
                history.marked(head).await;
                history.site.sandbox.kill();
            }
        }
        history.site.check(report);
        history.frames = history.dump(&["--frames"]).iter().filter_map(frame).collect();
        assert_eq!(history.frames.iter().map(|frame| frame.records).sum::<u64>(), history.leaves.len() as u64);
        history
    }

    /// Waits until a mark proves the last acknowledged frame.
    async fn marked(&self, head: u64) {
        let (begun, from) = (Instant::now(), head.to_string());
        let proves = |frame: &Frame| frame.records == 0 && frame.first > head;
        while !self.dump(&["--frames", "--from", &from]).iter().filter_map(frame).any(|frame| proves(&frame)) {
            assert!(begun.elapsed() < MARK_MAX, "an idle log is not marked");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn flipped_back(&self, report: &mut Report) {
        report.at("flips, all flipped back");
        self.site.check(report);
    }

    fn log(&self) -> PathBuf {
        self.site.sandbox.data().join("plans").join(PLAN_ID).join("log")
    }

    /// A bit of the sealed segment or of the active one, of the header of one of them, or of the last acknowledged frame.
    fn flip(&self, number: u64, random: &mut Random) -> Flip<'_> {
        let bit = u8::try_from(random.below(8)).unwrap_or_default();
        let last = self.frames.iter().rfind(|frame| frame.records > 0).expect("the history has records");
        if number.is_multiple_of(IN_LAST) {
            return Flip { file: &last.file, offset: last.offset + random.below(last.bytes), bit, frame: Some(last) };
        }
        let active = random.percent(50);
        let frames: Vec<_> = self.frames.iter().filter(|frame| (frame.file == last.file) == active).collect();
        let (first, end) = frames.first().zip(frames.last()).expect("there are two segments");
        let all = if number % IN_HEADER == 3 { first.offset } else { end.offset + end.bytes };
        let offset = random.below(all);
        let frame = frames.iter().rfind(|frame| frame.offset <= offset).copied();
        Flip { file: &end.file, offset, bit, frame }
    }

    fn check(&self) -> Output {
        self.site.sandbox.run(&["check", &self.log().to_string_lossy()])
    }

    /// Lines of `log dump`; how it ended is `check`'s to say.
    fn dump(&self, arguments: &[&str]) -> Vec<Value> {
        let log = self.log();
        let dumped = self.site.sandbox.run(&[&["log", "dump", &*log.to_string_lossy()], arguments].concat());
        dumped.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// `check` finds it and names it, `log dump` shows no record that is not as it was.
    fn ask_offline(&self, flip: &Flip<'_>, report: &mut Report) {
        let checked = self.check();
        if checked.code == 0 {
            // Behind the last record only a mark can be hit: it proves what is there anyhow.
            let is_last_mark = flip.frame.is_some_and(|frame| frame.first > self.leaves.len() as u64);
            report.expect(is_last_mark, || format!("check finds nothing: {checked:?}"));
        } else {
            let all = format!("{}{}", checked.stdout, checked.stderr);
            report.expect(flip.is_named_in(&all), || format!("check does not name it: {checked:?}"));
        }
        let first = flip.frame.map_or(1, |frame| frame.first);
        let until = first + flip.frame.map_or(0, |frame| frame.records) + AROUND;
        let range = [&first.saturating_sub(AROUND).max(1).to_string(), &until.to_string()];
        for more in [&[][..], &["--skip-damage"]] {
            let dumped = self.dump(&[&["--raw", "--from", range[0], "--to", range[1]], more].concat());
            for line in dumped.iter().filter(|line| line["bytes"].is_string()) {
                let bytes = STANDARD.decode(line["bytes"].as_str().unwrap_or_default()).expect("base64");
                self.compare(line["position"].as_u64().unwrap_or_default(), &bytes, report);
            }
        }
    }

    fn compare(&self, position: u64, bytes: &[u8], report: &mut Report) {
        let index = usize::try_from(position).unwrap_or_default().wrapping_sub(1);
        if self.leaves.get(index) != Some(&leaf_hash(bytes)) {
            report.served_damaged(format!("position {position}: {} bytes", bytes.len()));
        }
    }

    /// A server on a copy serves what is sound, names what is not, and leaves the file as it is.
    async fn ask_server(&self, flip: &Flip<'_>, report: &mut Report) {
        let mut copy = Sandbox::stopped(ServeOptions::default());
        let copied = Command::new("cp").arg("-r").args([self.site.sandbox.data(), copy.data()]).status();
        assert!(copied.is_ok_and(|status| status.success()), "the history can be copied");
        let segment =
            copy.data().join(flip.file.strip_prefix(self.site.sandbox.data()).expect("a segment of the history"));
        let bytes = fs::read(&segment).expect("the segment can be read");
        copy.launch();
        match copy.ready().await {
            Err(said) => report.expect(flip.frame.is_none() && flip.is_named_in(&said), || format!("no start: {said}")),
            Ok(()) => {
                self.ask(&copy, flip, report).await;
                copy.terminate().await;
            }
        }
        let after = fs::read(&segment).expect("the segment can be read");
        // Behind a mark that was hit, a mark is written again.
        let kept = flip
            .frame
            .filter(|frame| frame.records == 0)
            .map_or(bytes.len(), |frame| usize::try_from(frame.offset).unwrap_or(0));
        report.expect(after.starts_with(&bytes[..kept]), || "the segment is not as it was".to_owned());
    }

    async fn ask(&self, copy: &Sandbox, flip: &Flip<'_>, report: &mut Report) {
        let (head, client) = (self.leaves.len() as u64, copy.admin().await);
        let statuses = client.clone().admin.get_status(pb::GetStatusRequest::default()).await;
        let statuses = statuses.expect("the server says how it is").into_inner().plans;
        let status = statuses.into_iter().find(|status| status.plan == PLAN_ID).unwrap_or_default();
        let mut seen = 0;
        let served = crate::site::replay(&client, 1, status.durable_position, |record| {
            self.compare(record.position, &record.data, report);
            seen = record.position;
        });
        let served = served.await;
        let Some(frame) = flip.frame.filter(|frame| frame.records > 0) else {
            // A header or a mark: no record is hit. What is served was compared.
            return;
        };
        let is_active = self.frames.last().is_some_and(|last| last.file == frame.file);
        if is_active {
            let said = &status.read_only;
            report.expect(flip.is_named_in(said), || {
                format!("the plan is not read-only, or does not say why: {status:?}")
            });
            report.expect(seen == frame.first - 1 && served.is_ok(), || format!("served up to {seen}: {served:?}"));
            let refused = client.clone().ingest.submit(submit(many(1))).await;
            report.expect(refused.is_err(), || "a damaged log takes writes".to_owned());
        } else {
            report
                .expect(status.durable_position >= head, || format!("a sealed segment shortened the log: {status:?}"));
            let lost = served.as_ref().is_err_and(|status| flip.is_named_in(status.message()));
            report.expect(lost && seen == frame.first - 1, || format!("served up to {seen}: {served:?}"));
        }
    }
}

fn segments(sandbox: &Sandbox) -> Vec<PathBuf> {
    let log = sandbox.data().join("plans").join(PLAN_ID).join("log");
    let files = songhua_tests::files_below(&log).into_iter();
    files.filter(|file| file.extension().is_some_and(|end| end == "seg")).collect()
}

fn frame(line: &Value) -> Option<Frame> {
    let frame = line.get("frame")?;
    let number = |name: &str| frame[name].as_u64().unwrap_or_default();
    Some(Frame {
        file: frame["file"].as_str()?.into(),
        offset: number("offset"),
        bytes: number("bytes"),
        first: number("first"),
        records: number("records"),
    })
}

//! A disk on which every sync takes two seconds, under more clients than the queue has room for: memory stays bounded, deadlines
//! hold, a full queue says when to come back, and when the disk is quick again everything goes on.

use std::fs;
use std::time::{Duration, Instant};

use songhua_tests::pb;
use songhua_wire::status::refusal_from;
use tonic::{Code, Request, Status};

use crate::clients::{BATCHES, LARGE_STREAM, SINGLE, STREAM, Shape};
use crate::report::{Report, Settings};
use crate::shim::Shim;
use crate::site::{Reading, Site, with};

/// A sync takes so long.
const SYNC: Duration = Duration::from_secs(2);
/// Submissions that may wait for the plan's decider.
const QUEUE: usize = 64;
/// Clients that send one submission at once: with what is under way, more than the queue holds.
const CROWD: usize = 300;
/// What the server may grow by: 64 MiB of requests wait at most (`queue_bytes_max`), each is in memory as bytes, decoded and as
/// records, three times in all; a group of 16 MiB is being written and one being answered; 300 connections take 100 KiB each.
const GROWTH_KIB: u64 = 300 * 1024;
/// Large events, many at once: they fill the queue by bytes.
const LARGE: Shape = Shape { most: 12, ..LARGE_STREAM };

/// Runs it.
pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let shim = match Shim::new() {
        Ok(shim) => shim,
        Err(reason) => {
            println!("the slow disk is LEFT OUT, no C compiler: {reason}");
            return report.expect(!settings.long, || "the long run needs a C compiler".to_owned());
        }
    };
    let mut random = settings.random("slow");
    report.at(format_args!("--only slow --seed {}", settings.seed));
    let mut site = Site::begin(shim.served(&["--queue-submissions-max", &QUEUE.to_string()]).await).await;
    for round in 0..settings.count(1, 6) {
        let before = resident_kib(&site);
        shim.syncs_take(SYNC.as_millis() as i64);
        let shapes =
            [[LARGE; 8].as_slice(), &[Shape { most: 4, ..SINGLE }; 8], &[Shape { most: 4, ..BATCHES }; 4]].concat();
        let mut load = site.load(&shapes).await;
        let full = crowd(&site, report).await;
        deadline(&site, report).await;
        let (mut most, begun) = (0, Instant::now());
        while !load.is_over() && begun.elapsed().as_secs() < settings.count(6, 40) {
            most = most.max(resident_kib(&site));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let grown = most.saturating_sub(before);
        report.expect(grown <= GROWTH_KIB, || format!("grown by {grown} KiB, from {before}: more than queues hold"));
        shim.syncs_take(0);
        load.ended().await;
        site.load(&[Shape { most: 20, ..STREAM }, Shape { most: 20, ..SINGLE }]).await.ended().await;
        site.verify_and_ask_again(Reading::New, &mut random, report).await;
        println!(
            "slow: round {round}, {full} of {CROWD} found the queue full, {grown} KiB more at most (limit {GROWTH_KIB})"
        );
    }
    site.verify(Reading::Whole, report).await;
    site.check_views(report);
    site.sandbox.terminate().await;
    site.check(report);
}

/// Sends one event; the model hears of it.
async fn send(site: &Site, client: usize, deadline: Option<Duration>) -> Result<(), Status> {
    let request = site.events.submission(1);
    let number = with(&site.model, |model| model.sent(client, &request));
    let mut agency = site.sandbox.client(Some(&site.token)).await;
    let mut request = Request::new(request);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    let answer = agency.ingest.submit(request).await.map(|response| response.into_inner().receipts);
    with(&site.model, |model| model.answered(number, answer.as_deref()));
    answer.map(|_: Vec<pb::Receipt>| ())
}

/// More at once than there is room for: all are answered, some with a delay after which to come back.
async fn crowd(site: &Site, report: &mut Report) -> u64 {
    let mut full = 0;
    let answers = futures::future::join_all((0..CROWD).map(|client| send(site, 10_000 + client, None))).await;
    for status in answers.into_iter().filter_map(Result::err) {
        let refused = refusal_from(&status);
        let said = refused.as_ref().is_some_and(|it| it.reason.code() == "QUEUE_FULL" && it.retry_after.is_some());
        report.expect(said, || format!("in a crowd on a slow disk: {status:?}"));
        full += u64::from(said);
    }
    report.expect(full > 0, || format!("{CROWD} submissions at once found room in a queue of {QUEUE}"));
    full
}

/// A call with a second of time ends in that second, long before its sync; what became of it is found out later.
async fn deadline(site: &Site, report: &mut Report) {
    for client in 0..3 {
        let begun = Instant::now();
        let answer = send(site, 20_000 + client, Some(Duration::from_secs(1))).await;
        let took = begun.elapsed();
        let code = answer.as_ref().err().map(Status::code);
        // tonic's client, which keeps the same time, calls it CANCELLED.
        report.expect(matches!(code, Some(Code::DeadlineExceeded | Code::Cancelled)), || {
            format!("a deadline of 1 s, syncs take 2: {answer:?}")
        });
        report.expect(took < SYNC, || format!("a deadline of 1 s was answered after {took:?}"));
    }
}

/// What the server holds in memory.
fn resident_kib(site: &Site) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", site.sandbox.pid())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

//! A wall clock that is set an hour back and an hour forward, under load and between a stop and a start: recorded time never goes
//! back, nothing is refused for it, days are opened once and in order, tokens expire by the clock.

use jiff::{SignedDuration, Timestamp};
use prost::Message;
use songhua_tests::pb::{self, event_input::Payload};
use songhua_tests::{PLAN, reason};
use songhua_wire::time::timestamp_to_pb;
use std::time::Duration;
use tonic::{Code, Request};

use crate::clients::{BATCHES, SINGLE, STREAM, Shape};
use crate::report::{Progress, Report, Settings};
use crate::shim::Shim;
use crate::site::{Reading, Site};

/// An hour.
const HOUR: i64 = 3_600;
/// What the clock is set to, in seconds ahead.
const CLOCKS: [i64; 3] = [0, HOUR, -HOUR];
/// Clients of each step.
const CLIENTS: [Shape; 3] = [Shape { most: 60, ..SINGLE }, Shape { most: 20, ..BATCHES }, Shape { most: 60, ..STREAM }];

/// Runs it.
pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let shim = match Shim::new() {
        Ok(shim) => shim,
        Err(reason) => {
            println!("wrong clocks are LEFT OUT, no C compiler: {reason}");
            return report.expect(!settings.long, || "the long run needs a C compiler".to_owned());
        }
    };
    let steps = settings.count(9, 120);
    let mut random = settings.random("clock");
    let mut progress = Progress::new("clock", steps);
    report.at(format_args!("--only clock --seed {}", settings.seed));
    let mut site = Site::begin(shim.served(&[]).await).await;
    let token = short_lived(&site).await;
    for step in 0..steps {
        let ahead = if step < 3 { CLOCKS[step as usize] } else { CLOCKS[random.below(3) as usize] };
        report.at(format_args!("--only clock --seed {}: step {step}, {ahead} s ahead", settings.seed));
        let load = site.load(&CLIENTS).await;
        tokio::time::sleep(Duration::from_millis(random.below(60))).await;
        shim.clock_is_ahead(ahead);
        load.ended().await;
        if random.percent(40) {
            // Set once more, while it is down.
            shim.clock_is_ahead(CLOCKS[random.below(3) as usize]);
            if random.percent(50) {
                site.sandbox.kill()
            } else {
                site.sandbox.terminate().await
            }
            report.started(&mut site.sandbox).await;
            shim.clock_is_ahead(ahead);
        }
        expires(&site, &token, ahead, report).await;
        within_time(&site, report).await;
        site.verify_and_ask_again(Reading::New, &mut random, report).await;
        progress.done(step + 1, format_args!("{} events acknowledged", site.acknowledged()));
    }
    shim.clock_is_ahead(0);
    site.verify(Reading::Whole, report).await;
    in_order(&site, report).await;
    site.check_views(report);
    site.sandbox.terminate().await;
    site.check(report);
}

/// A token of half an hour.
async fn short_lived(site: &Site) -> String {
    let half_an_hour = Timestamp::now() + SignedDuration::from_mins(30);
    let request = pb::GrantAccessRequest {
        principal: "guest".to_owned(),
        role: pb::Role::Reader.into(),
        expire_time: Some(timestamp_to_pb(half_an_hour)),
        ..Default::default()
    };
    site.sandbox.admin().await.admin.grant_access(request).await.expect("access is granted").into_inner().token
}

/// The token holds by the clock as it is.
async fn expires(site: &Site, token: &str, ahead: i64, report: &mut Report) {
    let mut guest = site.sandbox.client(Some(token)).await.progress;
    let read = guest.get_overview(pb::GetOverviewRequest { name: PLAN.to_owned(), ..Default::default() }).await;
    let right = match &read {
        Ok(_) => ahead < HOUR,
        Err(status) => ahead == HOUR && reason(status, Code::Unauthenticated) == "TOKEN_INVALID",
    };
    report.expect(right, || format!("a token of 30 minutes, {ahead} s ahead: {:?}", read.map(drop)));
}

/// A deadline is a span: the clock's jump neither shortens it nor makes it longer.
async fn within_time(site: &Site, report: &mut Report) {
    let mut admin = site.sandbox.admin().await.admin;
    let mut request = Request::new(pb::GetStatusRequest::default());
    request.set_timeout(Duration::from_secs(60));
    let read = admin.get_status(request).await;
    report.expect(read.is_ok(), || format!("a call with a minute of time: {read:?}"));
}

/// Recorded times and days as the whole history has them.
async fn in_order(site: &Site, report: &mut Report) {
    let (mut last, mut day, mut wrong) = ((0, 0), None, Vec::new());
    let durable = site.sandbox.durable().await;
    let replayed = site.replay(1, durable, |record| {
        let Ok(event) = pb::Event::decode(record.data.as_ref()) else { return };
        let time = event.recorded_time.map_or((0, 0), |time| (time.seconds, time.nanos));
        if time < last {
            wrong.push(format!("recorded at {time:?} at position {}, behind {last:?}", record.position));
        }
        last = time;
        if let Some(Payload::DayOpened(opened)) = event.input.and_then(|input| input.payload) {
            let date = opened.date.map(|date| (date.year, date.month, date.day));
            if date <= day {
                wrong.push(format!("day {date:?} opened at position {} behind {day:?}", record.position));
            }
            day = date;
        }
    });
    let replayed = replayed.await;
    report.expect(replayed.is_ok(), || format!("the history is not read: {replayed:?}"));
    report.expect(day.is_some(), || "no day was opened".to_owned());
    wrong.into_iter().for_each(|what| report.wrong(what));
}

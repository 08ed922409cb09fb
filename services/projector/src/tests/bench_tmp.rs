//! temporary
use super::history::day;
use super::plan::{CITY, History, INTENSITY, apply, checkpoint, id, open};
use crate::hot::tell;
use crate::judge::judge;
use crate::posting::post_figure;
use songhua_domain::vocabulary::Basis;
use songhua_wire::lean::{FigureEvent, Names};
use songhua_wire::record::{Envelope, Said, encode_event};
use std::time::Instant;

#[test]
#[ignore = "bench"]
fn bench() {
    let mut history = History::published();
    let defined = history.events.len();
    for n in 0..60_000_u32 {
        history.report(CITY, INTENSITY, Basis::StockAt, day((n % 1_000) as u16), i64::from(n));
    }
    let area = id(CITY);
    let records: Vec<_> = history.events[defined..]
        .iter()
        .map(|event| {
            encode_event(&Envelope {
                plan: &id("plan"),
                area: Some(&area),
                subject: "plans/plan/areas/city/targets/intensity",
                recorded_time: event.recorded_time,
                actor: &event.actor,
                submission: event.submission,
                back_dated: event.back_dated,
                trace_parent: "",
                said: &Said::of(std::sync::Arc::clone(&event.input)),
            })
        })
        .collect();
    for round in 0..6 {
        let posts = round % 2 == 1;
        let dir = tempfile::tempdir().unwrap();
        let views = open(dir.path());
        apply(&views, &history.events[..1], 1_000);
        let begun = Instant::now();
        let mut position = 1;
        for chunk in records.chunks(20_000) {
            let mut batch = views.batch().unwrap();
            for bytes in chunk {
                position += 1;
                let figure = FigureEvent::read(bytes).unwrap();
                let touched = tell(&mut batch, position, &figure).unwrap();
                judge(&mut batch, position, &touched).unwrap();
                if posts {
                    let names = Names::read(bytes).unwrap();
                    post_figure(&mut batch, position, &figure, &names).unwrap();
                }
            }
            batch.commit(checkpoint(position)).unwrap();
        }
        println!("posts {posts}: {:?} each", begun.elapsed() / records.len() as u32);
    }
}

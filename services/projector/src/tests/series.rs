//! Packed series: chunks are full but the last, whatever the batches; reads stop inside a chunk.

use jiff::civil::date;
use songhua_domain::event::{Figure, MeasurementCorrected};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_views::SeriesKey;

use super::history::day;
use super::plan::{CITY, History, INTENSITY, apply, key, open};

/// Enough for two full chunks and one begun.
const FIGURES: u16 = 300;

fn long() -> History {
    let mut history = History::published();
    for n in 0..FIGURES {
        history.report(CITY, INTENSITY, Basis::StockAt, day(n), i64::from(n));
    }
    history
}

#[test]
fn a_series_longer_than_a_chunk_is_read_at_every_position() {
    let history = long();
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    apply(&views, &history.events, 50);
    let (area, indicator) = key(CITY, INTENSITY);
    let series = SeriesKey::total(&area, &indicator);
    let first = history.head() - u64::from(FIGURES);
    for count in [0, 1, 127, 128, 129, 255, 256, 257, 300] {
        let read = views.series(&series, first + count).unwrap();
        assert_eq!((read.entries() as u64, read.figures().len() as u64), (count, count));
        assert_eq!(read.figures().last().map(|figure| figure.entry.position), (count > 0).then_some(first + count));
    }
}

#[test]
fn chunks_do_not_depend_on_batches_nor_on_a_restart() {
    let history = long();
    let dir = tempfile::tempdir().unwrap();
    let once = open(dir.path());
    apply(&once, &history.events, 1_000);
    let dir = tempfile::tempdir().unwrap();
    for cut in [1, 60, 150, history.events.len() - 1, history.events.len()] {
        let views = open(dir.path());
        apply(&views, &history.events[..cut], 13);
    }
    assert_eq!(open(dir.path()).digest().unwrap(), once.digest().unwrap());
}

#[test]
fn a_correction_in_a_later_chunk_takes_the_place_of_a_figure_in_an_earlier_one() {
    let mut history = long();
    let event = history.events[history.events.len() - usize::from(FIGURES)].input.event_id;
    let figure = Figure::Value(77.into());
    let (obs_status, reason) = (ObsStatus::Normal, String::new());
    let corrected = MeasurementCorrected { measurement: event, figure, obs_status, reason };
    history.push(corrected);
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    apply(&views, &history.events, 100);
    let (area, indicator) = key(CITY, INTENSITY);
    let series = views.series(&SeriesKey::total(&area, &indicator), history.head()).unwrap();
    let (first, last) = (&series.figures()[0], series.figures().last().unwrap());
    assert_eq!((first.superseded_by, first.live()), (Some(history.head()), false));
    assert_eq!((last.corrects(), last.entry.end), (Some(first.entry.position), date(2022, 1, 1)));
    assert_eq!(series.live_observations().len(), usize::from(FIGURES));
    let before = views.series(&SeriesKey::total(&area, &indicator), history.head() - 1).unwrap();
    assert!(before.figures()[0].live());
}

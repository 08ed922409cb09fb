//! Determinism: views grown live, rebuilt from zero, and rebuilt with a crash in between have one digest at every prefix.

use super::dice::Dice;
use super::draw;
use super::grown::Grown;
use super::reads::Seed;
use super::seeds;

/// Histories of a run, and prefixes of each that are rebuilt.
const HISTORIES: u64 = 16;
const PREFIXES: usize = 6;

#[test]
fn live_rebuilt_and_crashed_views_have_one_digest_at_every_prefix() {
    let mut lost = 0;
    for seed in seeds(HISTORIES) {
        let _named = Seed(seed);
        let (world, mut dice) = (draw::history(seed, 260), Dice::of(seed ^ 0xd16e57));
        let records = &world.records;
        let mut prefixes: Vec<usize> = (0..PREFIXES).map(|_| dice.below(records.len())).collect();
        prefixes.push(records.len() - 1);
        prefixes.sort_unstable();
        let mut live = Grown::empty();
        for prefix in prefixes {
            let end = usize::try_from(records[prefix].submission_last.0).unwrap();
            while live.applied() < end {
                live.apply_some(records, live.applied() + 1);
            }
            let (digest, records) = (live.digest(), &records[..end]);
            assert_eq!(Grown::over(records, &mut dice).digest(), digest, "seed {seed}: rebuilt at {end}");
            lost += crashed(records, digest, seed, &mut dice);
        }
    }
    assert!(lost > 0, "no crash lost anything");
}

/// Grows to a random place, crashes there, grows on; tells how many records were lost.
fn crashed(records: &[songhua_log::StoredRecord], digest: [u8; 32], seed: u64, dice: &mut Dice) -> usize {
    let mut before = Grown::empty();
    let place = 1 + dice.below(records.len());
    while before.applied() < place {
        before.apply_some(records, before.applied() + *dice.of_all(&[1, 5, 30]));
    }
    let mut after = before.crashed();
    let lost = before.applied() - after.applied();
    if after.applied() < records.len() {
        after.grow(records, dice);
    }
    assert_eq!(after.digest(), digest, "seed {seed}: crashed at {place} of {}", records.len());
    lost
}

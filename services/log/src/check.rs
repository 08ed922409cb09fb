//! Checks a log on disk from outside: reads every byte, writes none, takes no lock.
//!
//! Place in the flow: the operator's `check` command, offline or asked of a running server. On a log that is being written
//! to, a group under way shows as a torn tail.
//!
//! It must not know the running log; it shares only the way frames are read and judged.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::identity::{Identity, Position};
use crate::record::{Key, StoredRecord};
use crate::segment::OpenError;
use crate::segment::companion;
use crate::segment::disk::SegmentFile;
use crate::segment::frame::{FrameHeader, Kind};
use crate::segment::header::{companion_name, segment_name};
use crate::segment::index::fingerprint;
use crate::segment::recovery::{gap, header_of, length_of, segments_in};
use crate::segment::scan::{Scan, Verdict};

/// No more duplicates than this are listed; all are counted.
const DUPLICATES_LISTED: usize = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Which history the log is.
    pub identity: Identity,
    /// Segments that were read.
    pub segments: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Whole submissions.
    pub submissions: u64,
    /// Whole records.
    pub records: u64,
    /// Durable marks.
    pub marks: u64,
    /// Where the log ends, as far as it is whole.
    pub head: Position,
    /// The first damage. Nothing behind it was read.
    pub damage: Option<Damage>,
    /// Bytes behind the last whole batch that were never acknowledged; the next open cuts them.
    pub torn_tail: Option<TornTail>,
    /// Keys that stand in the log more than once.
    pub duplicate_keys: u64,
    /// The first of them, each with the later position.
    pub duplicates: Vec<(Key, Position)>,
    /// Companions that are missing or do not agree with their segment; the next open makes them again if they are
    /// unusable, and one that is well-formed but wrong should be deleted.
    pub companions: Vec<PathBuf>,
}

impl CheckReport {
    /// Whether there is nothing that an operator must look at. A torn tail is what a crash leaves, and companions can
    /// be made again.
    pub const fn is_sound(&self) -> bool {
        self.damage.is_none() && self.duplicate_keys == 0
    }
}

/// A frame that was acknowledged, or may have been, and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The first position that is lost.
    pub position: Position,
    /// The segment.
    pub file: PathBuf,
    /// Where the frame starts.
    pub offset: u64,
    /// What is wrong.
    pub detail: String,
}

/// What a crash has left of a group that was being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where it starts.
    pub offset: u64,
    /// How much it is.
    pub bytes: u64,
}

/// Checks the log in `directory`: headers, checksums of all frames, gapless positions, durable positions that never
/// decrease, duplicate keys, companions. `progress` is told bytes done and bytes in all after each segment.
///
/// Takes 8 bytes of memory for each record, for the keys, and what one segment's index takes.
///
/// # Errors
/// [`OpenError`] where the files do not form a log at all: no segment, a damaged header, a foreign or missing segment.
pub fn check(directory: &Path, mut progress: impl FnMut(u64, u64)) -> Result<CheckReport, OpenError> {
    let mut files = open_all(directory)?;
    let Some(first) = files.first() else {
        return Err(OpenError::NoLog { directory: directory.to_owned() });
    };
    let mut checking = Checking::new(header_of(&first.0)?.identity);
    let total = files.iter().map(|(_, length)| length).sum();
    let mut expected = Position::FIRST;
    let firsts: Vec<_> = files.iter().map(|(file, _)| file.first).collect();
    for (index, (file, length)) in files.iter_mut().enumerate() {
        checking.same_log(file)?;
        if file.first != expected {
            return Err(gap(file, expected));
        }
        let following = firsts.get(index + 1).copied();
        let next = checking.segment_now(file, length, following)?;
        progress(checking.report.bytes, total);
        let Some(next) = next else { break };
        expected = next;
    }
    let suspects = checking.keys.twice();
    if !suspects.is_empty() {
        list_duplicates(&files, &suspects, &mut checking.report)?;
    }
    Ok(checking.report)
}

/// Checks the log in `directory` as [`check`] does, while it is written: what stands behind `head`, which was durable
/// before, is no finding, and neither are companions that are just being made.
///
/// # Errors
/// As [`check`].
pub fn check_durable(
    directory: &Path,
    head: Position,
    progress: impl FnMut(u64, u64),
) -> Result<CheckReport, OpenError> {
    let report = check(directory, progress)?;
    // What was durable is not torn: there is too little.
    let too_little = report.torn_tail.as_ref().filter(|_| report.head < head).map(|tail| Damage {
        position: report.head.next(),
        file: tail.file.clone(),
        offset: tail.offset,
        detail: "durable records are not there".to_owned(),
    });
    let damage = report.damage.filter(|damage| damage.position <= head).or(too_little);
    let head = report.head.min(head);
    Ok(CheckReport { damage, head, torn_tail: None, companions: Vec::new(), ..report })
}

fn open_all(directory: &Path) -> Result<Vec<(SegmentFile, u64)>, OpenError> {
    let mut files = Vec::new();
    for first in segments_in(directory)? {
        let path = directory.join(segment_name(first));
        let file = File::open(&path).map_err(|error| OpenError::io(&path, &error))?;
        let file = SegmentFile { first, path, file };
        let length = length_of(&file)?;
        files.push((file, length));
    }
    Ok(files)
}

struct Checking {
    report: CheckReport,
    durable: Position,
    keys: Keys,
}

/// Half of each key: sorted for each segment, merged at the end.
#[derive(Default)]
struct Keys {
    runs: Vec<Box<[u64]>>,
    run: Vec<u64>,
}

impl Keys {
    fn end_run(&mut self) {
        self.run.sort_unstable();
        self.runs.push(self.run.as_slice().into());
        self.run.clear();
    }

    /// Those that came more than once: their keys may be the same.
    fn twice(&self) -> BTreeSet<u64> {
        let mut nexts: BinaryHeap<_> = self
            .runs
            .iter()
            .enumerate()
            .filter_map(|(run, halves)| Some(Reverse((*halves.first()?, run, 0))))
            .collect();
        let (mut twice, mut last) = (BTreeSet::new(), None);
        while let Some(Reverse((half, run, at))) = nexts.pop() {
            if last.replace(half) == Some(half) {
                twice.insert(half);
            }
            nexts.extend(self.runs[run].get(at + 1).map(|next| Reverse((*next, run, at + 1))));
        }
        twice
    }
}

/// Any part of a key will do: equal halves are compared as a whole.
fn half(key: &Key) -> u64 {
    let halves = u128::from_be_bytes(*key);
    (halves >> 64) as u64 ^ halves as u64
}

/// Reads the log once more for the keys whose halves came more than once.
fn list_duplicates(
    files: &[(SegmentFile, u64)],
    suspects: &BTreeSet<u64>,
    report: &mut CheckReport,
) -> Result<(), OpenError> {
    let mut keys = BTreeSet::new();
    for (file, length) in files.iter().take(report.segments as usize) {
        let mut visit = |_: &FrameHeader, records: &[StoredRecord]| {
            for record in records.iter().filter(|record| suspects.contains(&half(&record.key))) {
                if keys.insert(record.key) {
                    continue;
                }
                report.duplicate_keys += 1;
                if report.duplicates.len() < DUPLICATES_LISTED {
                    report.duplicates.push((record.key, record.position));
                }
            }
        };
        Scan::of(file, *length, fingerprint, &mut visit).map_err(|error| OpenError::io(&file.path, &error))?;
    }
    Ok(())
}

impl Checking {
    fn new(identity: Identity) -> Self {
        let report = CheckReport {
            identity,
            segments: 0,
            bytes: 0,
            submissions: 0,
            records: 0,
            marks: 0,
            head: Position::NONE,
            damage: None,
            torn_tail: None,
            duplicate_keys: 0,
            duplicates: Vec::new(),
            companions: Vec::new(),
        };
        Self { report, durable: Position::NONE, keys: Keys::default() }
    }

    fn same_log(&self, file: &SegmentFile) -> Result<(), OpenError> {
        let (found, expected) = (header_of(file)?.identity, self.report.identity);
        if found == expected {
            return Ok(());
        }
        Err(OpenError::Foreign { file: file.path.clone(), found: Box::new(found), expected: Box::new(expected) })
    }

    /// Checks one segment, which had `length` bytes; again if it has fewer now: the writer gives prepared room back when it
    /// seals a segment or closes the log.
    fn segment_now(
        &mut self,
        file: &SegmentFile,
        length: &mut u64,
        following: Option<Position>,
    ) -> Result<Option<Position>, OpenError> {
        let (report, durable, runs) = (self.report.clone(), self.durable, self.keys.runs.len());
        loop {
            let checked = self.segment(file, *length, following);
            let now = length_of(file)?;
            if now >= *length {
                return checked;
            }
            *length = now;
            (self.report, self.durable) = (report.clone(), durable);
            self.keys.runs.truncate(runs);
            self.keys.run.clear();
        }
    }

    /// Checks one segment; the position behind it, or `None` if it is damaged.
    fn segment(
        &mut self,
        file: &SegmentFile,
        length: u64,
        following: Option<Position>,
    ) -> Result<Option<Position>, OpenError> {
        let failed = |error: std::io::Error| OpenError::io(&file.path, &error);
        let mut decreased = None;
        let mut visit = |header: &FrameHeader, records: &[StoredRecord]| {
            // Within a segment the scan itself refuses a decrease; across segments only we can see it.
            if header.durable < self.durable && decreased.is_none() {
                decreased = Some(header.first);
            }
            self.durable = self.durable.max(header.durable);
            count(&mut self.report, &mut self.keys, header, records);
        };
        let scan = Scan::of(file, length, fingerprint, &mut visit).map_err(failed)?;
        self.keys.end_run();
        self.report.segments += 1;
        self.report.bytes += length;
        self.report.head = Position(scan.next.0 - 1);
        let known = following.map_or(Position::NONE, |following| Position(following.0 - 1));
        let damaged = |position, offset, detail: &str| {
            Some(Damage { position, file: file.path.clone(), offset, detail: detail.to_owned() })
        };
        self.report.damage = match (scan.verdict(file, length, known).map_err(failed)?, decreased) {
            (Verdict::Damaged { error, .. }, _) => damaged(error.position, error.offset, &error.detail),
            (Verdict::Torn, _) if following.is_some() => {
                damaged(scan.next, scan.end, "something stands behind the last whole batch of a sealed segment")
            }
            (_, Some(position)) => damaged(position, scan.end, "durable position is below that of the segment before"),
            (Verdict::Torn, None) => {
                let (file, offset) = (file.path.clone(), scan.end);
                self.report.torn_tail = Some(TornTail { file, offset, bytes: length - offset });
                None
            }
            (Verdict::Whole, None) => None,
        };
        if following.is_some() && self.report.damage.is_none() {
            self.companion(file, length, &scan);
        }
        Ok(self.report.damage.is_none().then_some(scan.next))
    }

    /// A companion is right only if it is, byte for byte, what would be made today.
    fn companion(&mut self, file: &SegmentFile, length: u64, scan: &Scan) {
        let path = file.path.with_file_name(companion_name(file.first));
        let expected = companion::encode(file.first, length, &scan.index);
        if std::fs::read(&path).ok() != Some(expected) {
            self.report.companions.push(path);
        }
    }
}

fn count(report: &mut CheckReport, keys: &mut Keys, header: &FrameHeader, records: &[StoredRecord]) {
    match header.kind {
        Kind::Mark => report.marks += 1,
        Kind::Submission => report.submissions += 1,
    }
    report.records += records.len() as u64;
    keys.run.extend(records.iter().map(|record| half(&record.key)));
}

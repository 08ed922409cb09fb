//! Tests of backups: what is copied, what survives a break, what is found, what is restored.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::conformance::{some_batch, some_identity};
use crate::identity::Identity;
use crate::record::{Batch, StoredRecord};
use crate::segment::header::HEADER_BYTES;
use crate::{AppendOutcome, EventLog, SegmentLog, SegmentOptions, check};

const VERSION: &str = "1.2.3";
const TIME: &str = "2026-11-24T00:00:00Z";

/// A log that is open, and a place for its backup.
struct Desk {
    _home: TempDir,
    source: PathBuf,
    target: PathBuf,
    log: SegmentLog,
}

impl Desk {
    fn open() -> Self {
        Self::of(some_identity())
    }

    fn of(identity: Identity) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (source, target) = (home.path().join("source"), home.path().join("backup"));
        SegmentLog::create(&source, identity).unwrap();
        let log = Self::log(&source);
        Self { _home: home, source, target, log }
    }

    fn log(directory: &Path) -> SegmentLog {
        let options = SegmentOptions::default().segment_bytes_max(600).mark_after(Duration::from_secs(3_600));
        SegmentLog::open(directory, options).unwrap().0
    }

    /// Appends a batch with submissions of these numbers of records.
    async fn append(&self, sizes: &[usize]) -> Batch {
        let batch = some_batch(sizes);
        let outcome = self.log.append(self.log.heads().written, batch.clone()).await;
        assert!(matches!(outcome, Ok(AppendOutcome::Stored { .. })), "{outcome:?}");
        batch
    }

    async fn append_often(&self, times: usize) {
        for _ in 0..times {
            self.append(&[2, 1]).await;
        }
    }

    fn to_copy(&self) -> LogToCopy {
        let (directory, head) = (self.source.clone(), self.log.heads().durable);
        LogToCopy { plan: Some("p".to_owned()), directory, identity: self.log.identity(), head }
    }

    fn try_backup(&self, verify_all: bool, progress: Progress<'_>) -> Result<(Manifest, Copied), BackupError> {
        let mut backup = Backup::begin(&self.target)?;
        let planned = backup.plan(self.to_copy(), verify_all)?;
        let copied = backup.copy(planned, progress)?;
        Ok((backup.finish(VERSION, TIME)?, copied))
    }

    fn backup(&self) -> (Manifest, Copied) {
        self.try_backup(false, &mut |_| true).unwrap()
    }

    fn verified(&self, cut_at: CutAt) -> Result<Verified, BackupError> {
        let manifest = Manifest::read(&self.target)?.expect("a manifest");
        verify_log(&self.target, &manifest.logs[0], cut_at, &mut |_| {}, &mut |_| true)
    }

    async fn records(&self) -> Vec<StoredRecord> {
        all(&self.log).await
    }

    /// Restores the backup into a new directory and opens it.
    fn restored(&self, cut_at: CutAt, name: &str) -> (PathBuf, SegmentLog) {
        let manifest = Manifest::read(&self.target).unwrap().unwrap();
        let cut = self.verified(cut_at).unwrap().cut;
        let directory = self.target.with_file_name(name);
        restore_log(&self.target, &manifest.logs[0], &cut, 2, &directory, &mut |_| true).unwrap();
        let log = Self::log(&directory);
        (directory, log)
    }

    fn segment(&self, name: &str) -> PathBuf {
        self.target.join("plans/p/log").join(name)
    }
}

async fn all(log: &SegmentLog) -> Vec<StoredRecord> {
    log.read(Position::FIRST, usize::MAX).await.unwrap()
}

/// Every file below a directory with its bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            drop(found.insert(path.clone(), fs::read(&path).unwrap()))
        }
    }
    found
}

#[tokio::test]
async fn a_backup_holds_every_durable_record_and_the_manifest_says_so() {
    let desk = Desk::open();
    desk.append_often(12).await;
    let (manifest, copied) = desk.backup();
    let entry = &manifest.logs[0];
    assert_eq!((manifest.songhua.as_str(), manifest.time.as_str(), entry.name()), (VERSION, TIME, "p"));
    assert_eq!((entry.head, entry.identity()), (36, Some(desk.log.identity())));
    assert!(entry.segments.len() > 3, "{entry:?}");
    assert_eq!((copied.records, copied.copied_bytes, copied.kept_bytes), (36, entry.bytes(), 0));
    let verified = desk.verified(CutAt::Head).unwrap();
    assert_eq!((verified.cut.position, verified.submissions), (Position(36), 24));
    let mut tree = Tree::default();
    desk.records().await.iter().for_each(|record| tree.push(crate::leaf_hash(&record.bytes)));
    assert_eq!(verified.root, tree.root());
    for file in files(&desk.target).keys() {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o077, 0, "{}", file.display());
    }
}

#[tokio::test]
async fn a_second_backup_copies_what_came_and_nothing_else() {
    let desk = Desk::open();
    desk.append_often(7).await;
    let (first, _) = desk.backup();
    let before = first.logs[0].bytes();
    let (again, copied) = desk.backup();
    assert_eq!((copied.copied_bytes, copied.kept_bytes, again.logs.clone()), (0, before, first.logs));
    for _ in 0..9 {
        desk.append_often(1).await;
        let last = Manifest::read(&desk.target).unwrap().unwrap().logs[0].bytes();
        let (manifest, copied) = desk.backup();
        assert_eq!((copied.copied_bytes, copied.kept_bytes), (manifest.logs[0].bytes() - last, last));
        assert!(copied.copied_bytes > 0 && desk.verified(CutAt::Head).is_ok());
    }
    let (_, log) = desk.restored(CutAt::Head, "restored");
    assert_eq!(all(&log).await, desk.records().await);
}

#[tokio::test]
async fn a_backup_that_is_broken_off_anywhere_leaves_the_last_one_and_the_next_one_is_whole() {
    let desk = Desk::open();
    desk.append_often(5).await;
    let (first, _) = desk.backup();
    desk.append_often(9).await;
    let mut broken = 0;
    loop {
        let seen = Cell::new(0);
        let ended = desk.try_backup(false, &mut |_| {
            seen.set(seen.get() + 1);
            seen.get() <= broken
        });
        let Err(error) = ended else { break };
        assert_eq!(error, BackupError::BrokenOff);
        assert_eq!(Manifest::read(&desk.target).unwrap().unwrap(), first);
        assert_eq!(desk.verified(CutAt::Head).unwrap().cut.position.0, first.logs[0].head);
        broken += 1;
    }
    assert!(broken > 2, "{broken}");
    assert_eq!(desk.verified(CutAt::Head).unwrap().cut.position.0, 42);
}

#[tokio::test]
async fn what_a_crash_leaves_behind_the_manifest_does_not_count() {
    let desk = Desk::open();
    desk.append_often(5).await;
    let (manifest, _) = desk.backup();
    for segment in &manifest.logs[0].segments {
        let mut bytes = fs::read(desk.segment(&segment.name)).unwrap();
        bytes.extend_from_slice(b"half of something");
        fs::write(desk.segment(&segment.name), bytes).unwrap();
    }
    fs::write(desk.segment("00000000000000009999.seg"), b"begun").unwrap();
    fs::write(desk.target.join("MANIFEST.tmp"), b"{").unwrap();
    assert_eq!(desk.verified(CutAt::Head).unwrap().cut.position.0, 15);
    desk.append_often(5).await;
    desk.backup();
    assert_eq!(desk.verified(CutAt::Head).unwrap().cut.position.0, 30);
    let (_, log) = desk.restored(CutAt::Head, "restored");
    assert_eq!(all(&log).await, desk.records().await);
}

#[tokio::test]
async fn every_damaged_byte_of_a_backup_is_found_and_a_thorough_backup_mends_it() {
    let desk = Desk::open();
    desk.append_often(4).await;
    let (manifest, _) = desk.backup();
    for segment in &manifest.logs[0].segments {
        let path = desk.segment(&segment.name);
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(11) {
            let mut bytes = whole.clone();
            bytes[at] ^= 16;
            fs::write(&path, bytes).unwrap();
            let error = desk.verified(CutAt::Head).unwrap_err();
            assert!(error.to_string().contains(&segment.name), "{error}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(desk.verified(CutAt::Head).is_err());
        let (_, copied) = desk.try_backup(true, &mut |_| true).unwrap();
        assert_eq!(copied.mended, 1);
        assert!(desk.verified(CutAt::Head).is_ok());
    }
}

#[tokio::test]
async fn a_manifest_that_is_damaged_or_foreign_is_refused() {
    let desk = Desk::open();
    desk.append_often(4).await;
    desk.backup();
    let path = desk.target.join(MANIFEST);
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in
        [("\"plan\": \"p\"", "\"plan\": \"../p\""), ("00000000000000000001.seg", "../../../../etc/passwd"), ("{", "[")]
    {
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(matches!(desk.verified(CutAt::Head), Err(BackupError::Manifest { .. })), "{to}");
        assert!(matches!(Backup::begin(&desk.target), Err(BackupError::Manifest { .. })), "{to}");
    }
    fs::write(&path, text.replacen("\"format\": 1", "\"format\": 2", 1)).unwrap();
    assert!(matches!(Backup::begin(&desk.target), Err(BackupError::Format { found: 2, .. })));
    for (from, to) in [("\"head\": 12", "\"head\": 11"), ("\"epoch\": 1", "\"epoch\": 7")] {
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(matches!(desk.verified(CutAt::Head), Err(BackupError::Damaged { .. })), "{to}");
    }
}

#[tokio::test]
async fn another_history_is_refused_and_the_backup_stays() {
    let desk = Desk::open();
    desk.append_often(6).await;
    let (manifest, _) = desk.backup();
    let refused = |log: LogToCopy| {
        let mut backup = Backup::begin(&desk.target).unwrap();
        let planned = backup.plan(log, false);
        let error = planned.and_then(|planned| backup.copy(planned, &mut |_| true)).unwrap_err();
        assert!(matches!(error, BackupError::OtherHistory { .. }), "{error}");
        assert_eq!(Manifest::read(&desk.target).unwrap().unwrap(), manifest);
    };
    let (restored, log) = desk.restored(CutAt::Head, "restored");
    refused(LogToCopy { directory: restored, identity: log.identity(), ..desk.to_copy() });
    // The same log and epoch, but other records: a directory that was put back by hand.
    let other = Desk::of(desk.log.identity());
    other.append_often(7).await;
    refused(other.to_copy());
    let short = Desk::of(desk.log.identity());
    short.append_often(5).await;
    refused(short.to_copy());
}

#[tokio::test]
async fn two_backups_into_one_directory_at_once_are_refused_and_so_is_a_directory_of_something_else() {
    let desk = Desk::open();
    let first = Backup::begin(&desk.target).unwrap();
    let second = Backup::begin(&desk.target).unwrap_err();
    assert!(matches!(second, BackupError::Log(OpenError::Locked { .. })), "{second}");
    drop(first);
    Backup::begin(&desk.target).unwrap();
    fs::write(desk.target.join("letter.txt"), "").unwrap();
    let error = Backup::begin(&desk.target).unwrap_err();
    assert!(error.to_string().contains("letter.txt"), "{error}");
}

#[tokio::test]
async fn a_log_without_records_is_backed_up_and_restored() {
    let desk = Desk::open();
    let (manifest, _) = desk.backup();
    assert_eq!((manifest.logs[0].head, manifest.logs[0].leaf_hash.as_str()), (0, ""));
    let (_, log) = desk.restored(CutAt::Position(Position(5)), "restored");
    assert_eq!((log.heads().durable, log.identity().epoch), (Position::NONE, 2));
    desk.append_often(1).await;
    desk.backup();
    assert_eq!(desk.verified(CutAt::Head).unwrap().cut.position.0, 3);
}

#[tokio::test]
async fn a_restored_log_ends_with_a_whole_submission_and_goes_on_in_another_epoch() {
    let desk = Desk::open();
    for _ in 0..4 {
        // Batches of several submissions: a cut falls inside one.
        desk.append(&[3, 1, 2]).await;
    }
    desk.backup();
    let whole = desk.records().await;
    for position in 1..=24 {
        let ends = [3, 4, 6].map(|end| (0..4).map(move |batch| batch * 6 + end));
        let expected = ends.into_iter().flatten().filter(|end| *end <= position).max();
        let cut = desk.verified(CutAt::Position(Position(position)));
        let Some(expected) = expected else {
            assert!(matches!(cut, Err(BackupError::NothingBefore { .. })), "{cut:?}");
            continue;
        };
        let (directory, log) = desk.restored(CutAt::Position(Position(position)), &format!("to-{position}"));
        assert_eq!(all(&log).await, whole[..expected as usize], "{position}");
        assert_eq!((log.identity().epoch, log.identity().log_id), (2, desk.log.identity().log_id));
        let outcome = log.append(Position(expected), some_batch(&[1])).await.unwrap();
        assert!(matches!(outcome, AppendOutcome::Stored { .. }));
        log.close().await;
        let report = check(&directory, |_, _| {}).unwrap();
        assert!(report.is_sound() && report.torn_tail.is_none(), "{report:?}");
        assert_eq!((report.head.0, report.identity.epoch), (expected + 1, 2));
    }
}

#[tokio::test]
async fn a_log_is_cut_at_a_moment() {
    let desk = Desk::open();
    for time_us in [10, 20, 20, 30] {
        let mut batch = some_batch(&[2]);
        batch.submissions[0].recorded_time_us = time_us;
        desk.log.append(desk.log.heads().written, batch).await.unwrap();
    }
    desk.backup();
    for (time_us, position) in [(10, 2), (19, 2), (20, 6), (29, 6), (30, 8), (i64::MAX, 8)] {
        assert_eq!(desk.verified(CutAt::Time(time_us)).unwrap().cut.position.0, position, "{time_us}");
    }
    assert!(matches!(desk.verified(CutAt::Time(9)), Err(BackupError::NothingBefore { .. })));
}

/// Turns a bit of a file over, and gives what it was.
fn damaged(path: &Path, at: usize) -> Vec<u8> {
    let whole = fs::read(path).unwrap();
    let mut bytes = whole.clone();
    bytes[at] ^= 4;
    fs::write(path, bytes).unwrap();
    whole
}

#[tokio::test]
async fn damage_in_the_log_is_told_of_the_log_and_no_shorter_copy_is_made() {
    let desk = Desk::open();
    desk.append_often(12).await;
    let mut segments: Vec<PathBuf> = files(&desk.source).into_keys().collect();
    segments.retain(|path| path.extension().is_some_and(|end| end == "seg"));
    // Nothing is backed up, all is, the last one in part: headers and bodies, of the first segment, one between, the last.
    for backups in 0..3 {
        if backups == 2 {
            desk.append(&[1]).await;
        } else if backups == 1 {
            desk.backup();
        }
        for path in &segments {
            let length = fs::metadata(path).unwrap().len().min(600) as usize;
            for at in [70, length / 2, length * 3 / 4] {
                if fs::read(path).unwrap()[at..].iter().all(|byte| *byte == 0) {
                    continue;
                }
                let whole = damaged(path, at);
                let error = desk.try_backup(true, &mut |_| true).unwrap_err();
                assert!(matches!(&error, BackupError::Damaged { file, .. } if file == path), "{at} {error}");
                fs::write(path, whole).unwrap();
            }
        }
        let (manifest, _) = desk.try_backup(true, &mut |_| true).unwrap();
        assert_eq!(manifest.logs[0].head, desk.log.heads().durable.0);
    }
}

#[tokio::test]
async fn a_segment_that_ends_before_it_should_is_damage() {
    let desk = Desk::open();
    desk.append_often(6).await;
    let (manifest, _) = desk.backup();
    fs::remove_dir_all(&desk.target).unwrap();
    for segment in &manifest.logs[0].segments {
        let path = desk.source.join(&segment.name);
        let whole = fs::read(&path).unwrap();
        // Nothing but the header, and all but the end of the last frame that counts.
        for length in [HEADER_BYTES as usize, segment.bytes as usize - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let error = desk.try_backup(false, &mut |_| true).unwrap_err();
            assert!(matches!(&error, BackupError::Damaged { file, .. } if *file == path), "{length} {error}");
        }
        fs::write(&path, whole).unwrap();
    }
    fs::rename(desk.source.join("00000000000000000001.seg"), desk.source.join("away")).unwrap();
    let error = desk.try_backup(false, &mut |_| true).unwrap_err();
    assert!(matches!(error, BackupError::Log(OpenError::Gap { .. })), "{error}");
}

#[tokio::test]
async fn what_a_server_has_written_into_is_no_place_for_a_backup_and_neither_is_a_link() {
    let desk = Desk::open();
    desk.append_often(2).await;
    let refused = |what: &str| {
        let error = desk.try_backup(false, &mut |_| true).unwrap_err();
        assert!(matches!(&error, BackupError::Manifest { detail, .. } if detail.contains(what)), "{error}");
    };
    let log = desk.target.join("plans/p/log");
    for is_first in [true, false] {
        fs::create_dir_all(&log).unwrap();
        fs::write(log.join("LOCK"), "1").unwrap();
        refused("server");
        fs::remove_file(log.join("LOCK")).unwrap();
        let (plans, away) = (desk.target.join("plans"), desk.target.with_file_name("away"));
        fs::rename(&plans, &away).unwrap();
        std::os::unix::fs::symlink(&away, &plans).unwrap();
        refused("link");
        fs::remove_file(&plans).unwrap();
        fs::rename(&away, &plans).unwrap();
        if is_first {
            desk.backup();
        }
    }
    let away = desk.target.with_file_name("away.seg");
    fs::rename(desk.segment("00000000000000000001.seg"), &away).unwrap();
    std::os::unix::fs::symlink(&away, desk.segment("00000000000000000001.seg")).unwrap();
    let before = fs::read(&away).unwrap();
    desk.append_often(1).await;
    let error = desk.try_backup(false, &mut |_| true).unwrap_err();
    assert!(matches!(&error, BackupError::Io { .. }), "{error}");
    assert_eq!(fs::read(&away).unwrap(), before);
}

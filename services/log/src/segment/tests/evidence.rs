//! What others have seen of a log: nothing that they saw is cut, and a log that has lost it takes no writes.

use super::super::header::SegmentHeader;
use super::*;
use crate::{AppendError, Evidence, OpenError};

fn seen(log: &SegmentLog, position: u64) -> Evidence {
    let crate::Identity { log_id, epoch, .. } = log.identity();
    Evidence { source: "the views in /srv/views".to_owned(), log_id, epoch, position: Position(position) }
}

fn open_with(directory: &Path, evidence: Vec<Evidence>) -> (SegmentLog, OpenReport) {
    SegmentLog::open(directory, without_marks().evidence(evidence)).unwrap()
}

fn evidence_identity(evidence: &Evidence) -> crate::Identity {
    crate::Identity { log_id: evidence.log_id, epoch: evidence.epoch, hash: crate::HashAlgorithm::Sha256 }
}

fn put_header(path: &Path, identity: crate::Identity) {
    let mut bytes = fs::read(path).unwrap();
    bytes[..64].copy_from_slice(&SegmentHeader { identity, first: Position::FIRST }.encode());
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_tail_that_was_seen_whole_is_not_cut() {
    let directory = created();
    let (log, _) = open(directory.path());
    for _ in 0..3 {
        append(&log, &[1, 1]).await;
    }
    let whole = all(&log).await;
    let (beyond, within) = (seen(&log, 5), seen(&log, 4));
    drop(log);
    let path = first_segment(directory.path());
    let frames = frames_of(&path);
    // The last acknowledged batch is damaged, and no mark says that it had been synced.
    let torn = frame_offsets(&frames)[4];
    let mut damaged = frames.clone();
    damaged[torn + 60] ^= 1;
    for bytes in [damaged, frames[..frames.len() - 1].to_vec(), [&frames[..torn], &[0; 900]].concat()] {
        fs::write(&path, &bytes).unwrap();
        let (log, report) = open_with(directory.path(), vec![within.clone(), beyond.clone()]);
        let reason = report.read_only.unwrap();
        for named in
            ["the views in /srv/views", "position 5 ", "at position 4 ", path.to_str().unwrap(), "songhua restore"]
        {
            assert!(reason.contains(named), "{named}: {reason}");
        }
        assert!(reason.contains(&format!("at byte {torn};")), "{reason}");
        assert_eq!((report.cut, report.head), (None, Position(4)));
        assert_eq!(all(&log).await, whole[..4]);
        let refused = log.append(report.head, some_batch(&[1])).await;
        assert_eq!(refused, Err(AppendError::ReadOnly { reason }));
        log.close().await;
        assert_eq!(fs::read(&path).unwrap(), bytes, "the file was changed");

        fs::remove_file(directory.path().join("SEEN")).unwrap();
        let (log, report) = open_with(directory.path(), vec![within.clone()]);
        assert_eq!((report.head, report.read_only), (Position(4), None));
        append(&log, &[1]).await;
    }
}

#[tokio::test]
async fn an_older_copy_takes_no_writes_and_one_of_another_epoch_or_log_does() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[3]).await;
    let copy = copy_of(directory.path());
    append(&log, &[1]).await;
    let evidence = seen(&log, 4);
    log.close().await;
    let others = [
        Evidence { epoch: evidence.epoch + 1, ..evidence.clone() },
        Evidence { log_id: uuid::Uuid::new_v4(), ..evidence.clone() },
    ];
    let (log, report) = open_with(copy.path(), others.to_vec());
    assert_eq!((report.head, report.read_only), (Position(3), None));
    drop(log);
    let (log, report) = open_with(copy.path(), [&others[..], std::slice::from_ref(&evidence)].concat());
    assert_eq!(report.head, Position(3));
    assert!(report.read_only.is_some_and(|reason| reason.contains("older copy")));
    assert_eq!(all(&log).await.len(), 3, "reads go on");
    drop(log);
    // Who has seen more may have begun anew meanwhile: the log remembers.
    let (log, report) = open(copy.path());
    assert!(report.read_only.is_some_and(|reason| reason.contains("the views in /srv/views has seen position 4 ")));
    drop(log);
    let identity = crate::Identity { epoch: 2, ..evidence_identity(&evidence) };
    put_header(&first_segment(copy.path()), identity);
    assert_eq!(open(copy.path()).1.read_only, None, "another epoch");
    put_header(&first_segment(copy.path()), evidence_identity(&evidence));
    // The newer files beside it again.
    fs::write(copy.path().join("SEEN"), format!("{} 1 4 somebody", evidence.log_id)).unwrap();
    fs::copy(first_segment(directory.path()), first_segment(copy.path())).unwrap();
    assert_eq!(open(copy.path()).1.read_only, None);
    assert!(!copy.path().join("SEEN").exists());
    let (log, report) = open_with(directory.path(), vec![evidence]);
    assert_eq!((report.head, report.read_only), (Position(4), None));
    append(&log, &[1]).await;
}

/// What a power cut leaves when the directory was not synced, or an operator who copied too little.
#[tokio::test]
async fn a_last_segment_that_is_gone_is_missed() {
    let (whole, records) = four_segments().await;
    let last = *firsts(whole.path()).last().unwrap();
    let directory = copy_of(whole.path());
    fs::remove_file(segment(directory.path(), last)).unwrap();
    let before = companion(directory.path(), firsts(directory.path())[2]);
    let refused = SegmentLog::open(directory.path(), without_marks()).unwrap_err();
    let missing = segment(directory.path(), last);
    assert_eq!(refused, OpenError::Missing { missing, companion: before.clone() });
    // Its companion gone too, only those outside know.
    fs::remove_file(before).unwrap();
    let identity = open(whole.path()).0.identity();
    let (source, log_id, epoch) = ("snapshot".to_owned(), identity.log_id, identity.epoch);
    let evidence = Evidence { source, log_id, epoch, position: Position(records.len() as u64) };
    let (log, report) = open_with(directory.path(), vec![evidence]);
    assert_eq!(report.head, Position(last - 1));
    assert!(report.read_only.is_some_and(|reason| reason.contains("snapshot has seen")));
    assert_eq!(all(&log).await, records[..last as usize - 1]);
}

#[tokio::test]
async fn a_sealed_segment_ends_with_its_last_frame() {
    let (whole, records) = four_segments().await;
    let first = firsts(whole.path())[1];
    for tail in [&[0; 1][..], &[0; 4_096], &[7; 100]] {
        let directory = copy_of(whole.path());
        let path = segment(directory.path(), first);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, [&bytes[..], tail].concat()).unwrap();
        let (log, report) = open(directory.path());
        let reason = report.read_only.unwrap();
        let end = bytes.len();
        assert!(reason.contains(path.to_str().unwrap()) && reason.contains(&format!("at byte {end}:")), "{reason}");
        let served = all(&log).await;
        assert_eq!(served, records[..served.len()]);
        assert_eq!(served.len() as u64, firsts(whole.path())[2] - 1);
    }
}

#[tokio::test]
async fn what_was_seen_of_a_damaged_log_is_remembered_when_an_older_copy_comes() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[1, 1]).await;
    let older = frames_of(&first_segment(directory.path()));
    append(&log, &[1]).await;
    let evidence = seen(&log, 3);
    log.close().await;
    let path = first_segment(directory.path());
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[frame_offsets(&older)[1] + 60] ^= 1;
    fs::write(&path, damaged).unwrap();
    let (log, report) = open_with(directory.path(), vec![evidence]);
    assert!(report.read_only.unwrap().contains("damage at position 2"));
    log.close().await;

    // Whoever had seen it has begun anew meanwhile.
    fs::write(&path, older).unwrap();
    assert!(open(directory.path()).1.read_only.unwrap().contains("position 3 "));
    fs::write(&path, whole).unwrap();
    assert_eq!(open(directory.path()).1.read_only, None);
}

//! Bytes: what is written today must be read for ever (the expected bytes were made by another program), and no bytes at all may make a decoder panic.

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::frame::{Encoded, FrameHeader, split};
use super::super::header::SegmentHeader;
use super::super::index::{Filter, KeyIndex, Probe, fingerprint};
use super::*;
use crate::record::{Record, Submission};
use crate::{HashAlgorithm, Identity};

/// The frame of a submission, which stands alone in a batch or before another one.
fn frame(submission: Submission, first: Position, durable: Position, goes_on: bool) -> Vec<u8> {
    let mut batch = Batch { submissions: vec![submission] };
    if goes_on {
        batch.submissions.push(batch.submissions[0].clone());
    }
    let mut encoded = Encoded::of(&batch, first);
    encoded.finish(durable);
    let end = encoded.frames().get(1).map_or(encoded.bytes.len(), |(at, _)| *at);
    encoded.bytes[..end].to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn format_1_has_these_bytes() {
    let log_id = Uuid::from_bytes(*b"0123456789abcdef");
    let identity = Identity { log_id, epoch: 3, hash: HashAlgorithm::Sha256 };
    let header = SegmentHeader { identity, first: Position(18_423) };
    let expected = "534f4e4748554100010001000300000030313233343536373839616263646566\
                    f7470000000000000000000000000000000000000000000000000000c8288a21";
    assert_eq!(hex(&header.encode()), expected);
    assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));

    let record = Record { key: *b"fedcba9876543210", bytes: Bytes::from_static(b"hello") };
    let submission = Submission { recorded_time_us: -2, records: vec![record] };
    let frame = frame(submission, Position(7), Position(4), true);
    let expected = "5c5c4a5cfe2e7d0a170000000100010107000000000000000400000000000000feffffffffffffff\
                    05006665646362613938373635343332313068656c6c6f";
    assert_eq!(hex(&frame), expected);
    assert_eq!(fingerprint(b"fedcba9876543210"), 0x86aa_5b97_e6f6_6534);
}

#[test]
fn the_filter_lets_few_foreign_keys_pass() {
    let fingerprints: Vec<u64> = (0..10_000_u128).map(|key| fingerprint(&key.to_be_bytes())).collect();
    let filter = Filter::of(fingerprints.iter().copied());
    assert!(fingerprints.iter().all(|fingerprint| filter.may_contain(&Probe::of(*fingerprint))));
    let foreign = (10_000..110_000_u128).filter(|key| filter.may_contain(&Probe::of(fingerprint(&key.to_be_bytes()))));
    let passed = foreign.count();
    assert!(passed < 60, "{passed} of 100,000 foreign keys passed");
}

#[test]
fn equal_fingerprints_are_all_kept() {
    let mut index = KeyIndex::default();
    for position in [4, 9, 11] {
        index.insert(42, Position(position));
    }
    assert_eq!(index.positions(42), [Position(4), Position(9), Position(11)]);
    assert!(index.positions(43).is_empty());
    assert_eq!(index.entries().len(), 3);
}

fn submissions() -> impl Strategy<Value = Submission> {
    let record = (any::<[u8; 16]>(), proptest::collection::vec(any::<u8>(), 1..300));
    let record = record.prop_map(|(key, bytes)| Record { key, bytes: Bytes::from(bytes) });
    (any::<i64>(), proptest::collection::vec(record, 1..20))
        .prop_map(|(recorded_time_us, records)| Submission { recorded_time_us, records })
}

proptest! {
    #[test]
    fn a_frame_comes_back_as_it_was(submission in submissions(), first in 1_u64..1 << 60, goes_on: bool) {
        let frame = frame(submission.clone(), Position(first), Position(first - 1), goes_on);
        let header = FrameHeader::decode(&frame).unwrap();
        prop_assert_eq!(header.frame_bytes(), frame.len() as u64);
        prop_assert_eq!(header.batch_goes_on, goes_on);
        let records = header.records(&Bytes::from(frame).slice(40..)).unwrap();
        for ((stored, given), position) in records.iter().zip(&submission.records).zip(first..) {
            prop_assert_eq!((stored.position.0, stored.key, &stored.bytes), (position, given.key, &given.bytes));
        }
        prop_assert_eq!(records.len(), submission.records.len());
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), records in 0_u16..20) {
        prop_assert!(FrameHeader::decode(&bytes).is_none());
        prop_assert!(SegmentHeader::decode(&bytes).is_err());
        if let Some(parts) = split(&bytes, records) {
            prop_assert_eq!(parts.len(), usize::from(records));
        }
    }
}

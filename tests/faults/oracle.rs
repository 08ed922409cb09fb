//! The model: what was sent, what was acknowledged, and what the history must therefore hold.
//!
//! Place in the flow: [`crate::clients`] tells it what they send and hear, [`crate::site`] shows it the history record by record.
//! It must not know: how a fault came about.

use std::collections::{BTreeMap, HashMap};

use prost::Message;
use sha2::{Digest, Sha256};
use songhua_wire::pb;
use songhua_wire::status::refusal_from;
use tonic::Status;
use uuid::Uuid;

use crate::report::Report;

#[cfg(test)]
mod tests;

/// SHA-256.
pub(crate) type Hash = [u8; 32];

/// What is known of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// No answer, as far as is known; whole or absent.
    Unknown,
    /// The server answered that it does not know: the same, but what was sent behind it may be there without it.
    Doubtful,
    /// Acknowledged while the power went: no machine answers then, but the kernel's simulation of it lets an `fdatasync` that is
    /// under way succeed without its data. Whole or absent; where it is there, its receipt is right.
    Late,
    /// Stored for ever.
    Acknowledged,
    /// Answered that nothing was stored.
    Refused,
}

/// A submission that was sent.
struct Submission {
    client: usize,
    /// Counts what was sent: later when it is sent again and was not there.
    order: usize,
    fate: Fate,
    events: Vec<Kept>,
    /// As long as it may be sent again.
    request: Option<pb::SubmitRequest>,
}

impl Submission {
    /// Of one that was acknowledged too late, the history says whether it is there.
    fn settle(&mut self) {
        let there = self.events.iter().any(|event| event.seen > 0);
        self.fate = if there { Fate::Acknowledged } else { Fate::Unknown };
        if !there {
            self.events.iter_mut().for_each(|event| event.receipt = None);
        }
    }
}

/// An event that was sent.
struct Kept {
    id: Uuid,
    content: Hash,
    /// Position and leaf hash of its receipt.
    receipt: Option<(u64, Hash)>,
    /// Where the history has it; 0 = not seen.
    seen: u64,
}

/// Where a reading of the history stands.
#[derive(Default)]
struct Reading {
    /// Of the last record.
    position: u64,
    /// A submission that goes on, and its next event.
    open: Option<(usize, usize)>,
    /// The order of each client's last submission.
    last: HashMap<usize, usize>,
}

/// Everything that was sent to one plan.
#[derive(Default)]
pub(crate) struct Model {
    submissions: Vec<Submission>,
    by_id: HashMap<Uuid, (usize, usize)>,
    /// Records of the server itself: position and leaf hash, once seen.
    own: BTreeMap<u64, Hash>,
    reading: Reading,
    sent: usize,
    acknowledged: u64,
    /// Submissions that were answered `DISK_FULL`.
    found_no_room: u64,
    /// The highest position in a receipt.
    highest: u64,
    /// What receipts said that must not be.
    told: Vec<String>,
    /// The power goes: what was sent before this is answered too late.
    dark: Option<usize>,
}

/// SHA-256(0x00 ‖ data), as RFC 6962 hashes a leaf.
pub(crate) fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn content(event: &pb::EventInput) -> Hash {
    Sha256::digest(event.encode_to_vec()).into()
}

impl Model {
    /// A client is about to send; gives the number of the submission.
    pub(crate) fn sent(&mut self, client: usize, request: &pb::SubmitRequest) -> usize {
        let number = self.submissions.len();
        let kept = |event: &pb::EventInput| {
            let id = Uuid::parse_str(&event.event_id).expect("clients draw UUIDs");
            Kept { id, content: content(event), receipt: None, seen: 0 }
        };
        let events: Vec<Kept> = request.events.iter().map(kept).collect();
        for (index, event) in events.iter().enumerate() {
            self.by_id.insert(event.id, (number, index));
        }
        let (fate, order, request) = (Fate::Unknown, self.sent, Some(request.clone()));
        self.sent += 1;
        self.submissions.push(Submission { client, order, fate, events, request });
        number
    }

    /// A submission is sent once more, after the history was read.
    pub(crate) fn sent_again(&mut self, number: usize) {
        let submission = &mut self.submissions[number];
        if submission.fate != Fate::Acknowledged && submission.events.iter().all(|event| event.seen == 0) {
            submission.fate = Fate::Unknown;
            submission.order = self.sent;
            self.sent += 1;
        }
    }

    /// From now on the disk is being cut off; `false`: that is done.
    pub(crate) fn power_goes(&mut self, goes: bool) {
        self.dark = Some(if goes { usize::MAX } else { self.submissions.len() });
    }

    /// The disk is there again.
    pub(crate) const fn power_is_on(&mut self) {
        self.dark = None;
    }

    /// What the server said to a submission.
    pub(crate) fn answered(&mut self, number: usize, answer: Result<&[pb::Receipt], &Status>) {
        match answer {
            Ok(receipts) => self.acknowledge(number, receipts),
            Err(status) => {
                let reason = refusal_from(status).map(|refusal| refusal.reason.code());
                let fate = match reason {
                    Some("QUEUE_FULL" | "DISK_FULL" | "SHUTTING_DOWN") => Fate::Refused,
                    Some("OUTCOME_UNKNOWN" | "LOG_READ_ONLY") => Fate::Doubtful,
                    None => Fate::Unknown,
                    Some(_) => return self.told.push(format!("a valid submission was refused: {status:?}")),
                };
                self.found_no_room += u64::from(reason == Some("DISK_FULL"));
                let submission = &mut self.submissions[number];
                let known =
                    submission.fate == Fate::Acknowledged || submission.events.iter().any(|event| event.seen > 0);
                submission.fate = if known { submission.fate } else { fate };
            }
        }
    }

    fn acknowledge(&mut self, number: usize, receipts: &[pb::Receipt]) {
        let submission = &mut self.submissions[number];
        let told = &mut self.told;
        if receipts.len() != submission.events.len() {
            told.push(format!("{} receipts for {} events", receipts.len(), submission.events.len()));
            return;
        }
        for (event, receipt) in submission.events.iter_mut().zip(receipts) {
            let id = event.id;
            let now = (receipt.position, <Hash>::try_from(receipt.leaf_hash.as_slice()).unwrap_or_default());
            let before = event.receipt.map_or(event.seen, |(position, _)| position);
            if receipt.event_id != id.to_string() || receipt.recorded_time.is_none() || now.0 == 0 {
                told.push(format!("event {id} got the receipt {receipt:?}"));
            }
            if before > 0 && (before != now.0 || !receipt.duplicate) {
                told.push(format!("event {id} stands at {before}, sent again it got {receipt:?}"));
            }
            if event.receipt.is_some_and(|first| first != now) {
                told.push(format!("event {id} had the receipt {:?}, now {receipt:?}", event.receipt));
            }
            event.receipt.get_or_insert(now);
        }
        if self.dark.is_some_and(|until| number < until) && submission.fate != Fate::Acknowledged {
            submission.fate = Fate::Late;
            return;
        }
        self.highest = receipts.iter().map(|receipt| receipt.position).fold(self.highest, u64::max);
        if submission.fate != Fate::Acknowledged {
            submission.fate = Fate::Acknowledged;
            self.acknowledged += receipts.len() as u64;
        }
    }

    /// How often there was no room on the disk.
    pub(crate) const fn found_no_room(&self) -> u64 {
        self.found_no_room
    }

    /// Events that were acknowledged.
    pub(crate) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// What a restarted server must be asked again: everything that nobody knows of, and what `also` picks of the
    /// acknowledged that are still at hand.
    pub(crate) fn to_ask_again(&self, mut also: impl FnMut() -> bool) -> Vec<(usize, pb::SubmitRequest)> {
        let asked = self.submissions.iter().enumerate().filter_map(|(number, submission)| {
            let request = submission.request.as_ref()?;
            (submission.fate != Fate::Acknowledged || also()).then(|| (number, request.clone()))
        });
        asked.collect()
    }

    /// Contents of what is acknowledged are not needed any more.
    pub(crate) fn forget_requests(&mut self) {
        for submission in &mut self.submissions {
            if submission.fate == Fate::Acknowledged {
                submission.request = None;
            }
        }
    }

    /// Where the next reading begins: behind the last one, or at the beginning for a whole one.
    pub(crate) fn begin_reading(&mut self, whole: bool) -> u64 {
        if whole {
            self.reading = Reading::default();
            for event in self.submissions.iter_mut().flat_map(|submission| &mut submission.events) {
                event.seen = 0;
            }
        }
        self.reading.position + 1
    }

    /// The next record of the history.
    pub(crate) fn record(&mut self, record: &pb::ReplayRecord, report: &mut Report) {
        let position = record.position;
        let expected = self.reading.position + 1;
        report.expect(position == expected, || format!("position {position} follows, {expected} is the next"));
        self.reading.position = position;
        let Ok(event) = pb::Event::decode(record.data.as_ref()) else {
            return report.served_damaged(format!("the record at {position} is no event"));
        };
        let Some(input) = &event.input else {
            return report.served_damaged(format!("the record at {position} has no input"));
        };
        let leaf = leaf_hash(&record.data);
        let Some(&place) = Uuid::parse_str(&input.event_id).ok().and_then(|id| self.by_id.get(&id)) else {
            return self.server_own(position, leaf, &event, report);
        };
        self.in_one_piece(position, place, &event, report);
        let kept = &mut self.submissions[place.0].events[place.1];
        if kept.seen > 0 {
            return report.duplicated(format!("event {} at {} and at {position}", kept.id, kept.seen));
        }
        kept.seen = position;
        if content(input) != kept.content {
            report.served_damaged(format!("event {} at {position} is not what was sent: {input:?}", kept.id));
        }
        if kept.receipt.is_some_and(|receipt| receipt != (position, leaf)) {
            report.lost(format!("event {} at {position} with another place or leaf than {:?}", kept.id, kept.receipt));
        }
    }

    /// A record that no client sent: the plan, the days; once seen, for ever the same.
    fn server_own(&mut self, position: u64, leaf: Hash, event: &pb::Event, report: &mut Report) {
        let by_server = event.actor.as_ref().is_some_and(|actor| actor.credential_digest.iter().all(|byte| *byte == 0));
        report.expect(by_server, || format!("nobody sent what stands at {position}: {:?}", event.input));
        report.expect(self.reading.open.is_none(), || format!("{position} stands inside a submission"));
        let first = *self.own.entry(position).or_insert(leaf);
        report.expect(first == leaf, || format!("the server's own record at {position} changed"));
    }

    fn in_one_piece(&mut self, position: u64, (number, index): (usize, usize), event: &pb::Event, report: &mut Report) {
        let submission = &self.submissions[number];
        let expected = self.reading.open.unwrap_or((number, 0));
        report.expect(expected == (number, index), || {
            format!("{position}: event {index} of submission {number}, expected event {} of {}", expected.1, expected.0)
        });
        let count = submission.events.len();
        report.expect((event.submission_index as usize, event.submission_count as usize) == (index, count), || {
            format!("{position} says it is event {} of {}", event.submission_index, event.submission_count)
        });
        report.expect(submission.fate != Fate::Refused, || format!("{position}: submission {number} was refused"));
        self.reading.open = (index + 1 < count).then_some((number, index + 1));
        if index == 0 {
            let (client, order) = (submission.client, submission.order);
            let last = self.reading.last.insert(client, order);
            report.expect(last.is_none_or(|last| last < order), || {
                format!("{position}: client {client} sent {order} before {last:?}")
            });
        }
    }

    /// The reading came to the head, which the server says is `durable`: what is missing?
    pub(crate) fn end_reading(&mut self, durable: u64, report: &mut Report) {
        for told in self.told.drain(..) {
            report.wrong(told);
        }
        let Reading { position, open, .. } = &self.reading;
        report.expect(*position == durable, || format!("the replay ended at {position}, durable is {durable}"));
        report.expect(open.is_none(), || format!("the history ends inside a submission: {open:?}"));
        for (number, submission) in self.submissions.iter_mut().enumerate() {
            if submission.fate == Fate::Late {
                submission.settle();
            }
            for event in submission.events.iter_mut().filter(|event| event.seen == 0) {
                // Once counted, it is not missed again.
                if let Some(receipt) = event.receipt.take() {
                    report.lost(format!("event {} of submission {number}: {receipt:?}", event.id));
                }
            }
        }
        self.no_holes(report);
        report.expect(self.highest <= durable, || format!("acknowledged up to {}, durable is {durable}", self.highest));
    }

    /// What a client sent without an answer is there up to some submission, and nothing behind that.
    fn no_holes(&self, report: &mut Report) {
        let mut unknown: Vec<_> =
            self.submissions.iter().filter(|submission| submission.fate == Fate::Unknown).collect();
        unknown.sort_unstable_by_key(|submission| (submission.client, submission.order));
        for pair in unknown.windows(2) {
            let there = [0, 1].map(|which| pair[which].events.iter().any(|event| event.seen > 0));
            report.expect(pair[0].client != pair[1].client || there[0] || !there[1], || {
                format!("client {}: sent as {} is there, {} is not", pair[0].client, pair[1].order, pair[0].order)
            });
        }
    }
}

//! The conformance suite, run by every backend of this crate.

use std::sync::Arc;

use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::conformance::{Harness, some_identity};
use crate::hostile::{HostileLog, Hostility};
use crate::memory::MemoryLog;
use crate::{EventLog, SegmentLog, SegmentOptions};

struct Memory(Arc<MemoryLog>);

impl Harness for Memory {
    fn log(&self) -> Arc<dyn EventLog> {
        self.0.clone()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close();
        Box::pin(std::future::ready(()))
    }
}

struct Hostile(Arc<HostileLog>);

impl Hostile {
    fn new(hostility: Hostility) -> Self {
        Self(Arc::new(HostileLog::new(some_identity(), hostility)))
    }
}

impl Harness for Hostile {
    fn log(&self) -> Arc<dyn EventLog> {
        self.0.clone()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close();
        Box::pin(std::future::ready(()))
    }
}

struct Segment {
    directory: TempDir,
    options: SegmentOptions,
    log: Arc<SegmentLog>,
}

impl Segment {
    fn new(options: SegmentOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        SegmentLog::create(directory.path(), some_identity()).unwrap();
        let log = Arc::new(SegmentLog::open(directory.path(), options.clone()).unwrap().0);
        Self { directory, options, log }
    }
}

impl Harness for Segment {
    fn log(&self) -> Arc<dyn EventLog> {
        self.log.clone()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.log.close())
    }
    fn reopen(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            self.log.close().await;
            let (log, report) = SegmentLog::open(self.directory.path(), self.options.clone()).unwrap();
            assert_eq!((report.cut, report.rebuilt, report.read_only), (None, Vec::new(), None));
            self.log = Arc::new(log);
            true
        })
    }
}

mod memory {
    crate::conformance_suite!(super::Memory(std::sync::Arc::new(super::MemoryLog::new(super::some_identity()))));
}

mod segment {
    crate::conformance_suite!(super::Segment::new(super::SegmentOptions::default()));
}

mod many_small_segments {
    const OPTIONS: fn() -> super::SegmentOptions =
        || super::SegmentOptions::default().segment_bytes_max(300).recent_bytes_max(0);
    crate::conformance_suite!(super::Segment::new(OPTIONS()));
}

mod no_room_ahead {
    crate::conformance_suite!(super::Segment::new(super::SegmentOptions::default().zeros_ahead(0).recent_bytes_max(0)));
}

mod little_room_ahead {
    const OPTIONS: fn() -> super::SegmentOptions =
        || super::SegmentOptions::default().zeros_ahead(1_000).segment_bytes_max(7_000);
    crate::conformance_suite!(super::Segment::new(OPTIONS()));
}

mod small_groups {
    crate::conformance_suite!(super::Segment::new(
        super::SegmentOptions::default().group_bytes_max(1).recent_bytes_max(300)
    ));
}

mod calm {
    crate::conformance_suite!(super::Hostile::new(super::Hostility::calm(1)));
}

mod harsh {
    crate::conformance_suite!(super::Hostile::new(super::Hostility::harsh(20_261_123)));
}

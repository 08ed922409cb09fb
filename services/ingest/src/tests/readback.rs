//! What a newer node wrote stops this one; it never guesses.

use std::sync::Arc;

use prost::Message;
use songhua_domain::vocabulary::Reason;
use songhua_log::{Batch, EventLog, Record, Submission};
use songhua_wire::pb;

use super::fixture::{LEAD, OTHER, Plan, agency, figure, id, nothing};
use super::shared::SharedLog;
use crate::open::OpenError;
use crate::options::IngestOptions;

/// A record that asks for a newer reader.
async fn write_of_the_future(log: &dyn EventLog) {
    let event = pb::Event { schema_version: 9, min_reader: 9, ..Default::default() };
    let records = vec![Record { key: *id(777).as_bytes(), bytes: event.encode_to_vec().into() }];
    let batch = Batch { submissions: vec![Submission { recorded_time_us: i64::MAX / 2, records }] };
    log.append(log.heads().written, batch).await.unwrap();
}

#[tokio::test]
async fn a_node_that_meets_a_newer_record_asks_for_an_upgrade() {
    let log = Arc::new(SharedLog::new());
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    write_of_the_future(log.as_ref()).await;
    let head = log.heads();
    let refused = plan.submit(&agency(LEAD), vec![figure(2, 11, "31")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::UpgradeNeeded, "{}", refused.message);
    assert_eq!(log.heads(), head);

    let (log, directory, clock) = plan.close().await;
    let opened = Plan::open_in(log, directory, clock, IngestOptions::default()).await;
    assert!(matches!(opened.err(), Some(OpenError::Record { .. })));
}

#[tokio::test]
async fn an_id_that_a_newer_record_holds_asks_for_an_upgrade() {
    let plan = Plan::published().await;
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    write_of_the_future(plan.log.as_ref()).await;
    let refused = plan.submit(&agency(OTHER), vec![nothing(777, 10, "")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::UpgradeNeeded, "{}", refused.message);
}

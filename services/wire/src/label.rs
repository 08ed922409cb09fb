//! The word for a status by itself, in both languages.
//!
//! Place in the flow: in changes of status, which carry no components, and where `ProgressService` has nothing to add. It
//! must not know how a status was found.

use songhua_domain::vocabulary::Status;

use crate::pb;

/// The word for a status by itself, where its components are not at hand.
pub fn label_of_status(status: Status) -> pb::Name {
    let (zh, en) = word_of_status(status);
    pb::Name { zh: zh.to_owned(), en: en.to_owned() }
}

/// The word in Chinese and in English.
pub const fn word_of_status(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::NotScored => ("不计分", "not scored"),
        Status::Met => ("已达标", "met"),
        Status::Missed => ("未达标", "missed"),
        Status::MetProvisional => ("初步达标", "provisionally met"),
        Status::MissedProvisional => ("初步未达标", "provisionally missed"),
        Status::AwaitingData => ("待公布", "awaiting publication"),
        Status::Overdue => ("逾期未报", "overdue"),
        Status::NoData => ("无数据", "no data"),
        Status::AwaitingAssessment => ("待评估", "awaiting assessment"),
        Status::Stale => ("过期", "stale"),
        Status::MetSoFar => ("当前已达标", "met so far"),
        Status::OnTrack => ("正常", "on track"),
        Status::Behind => ("滞后", "behind"),
        Status::FarBehind => ("严重滞后", "far behind"),
        Status::NoPath => ("无路径", "no path"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_status_has_its_own_word_in_both_languages() {
        let (zh, en): (BTreeSet<_>, BTreeSet<_>) = Status::ALL.iter().copied().map(word_of_status).unzip();
        assert_eq!((zh.len(), en.len()), (Status::ALL.len(), Status::ALL.len()));
        assert!(!zh.contains("") && !en.contains(""));
    }
}

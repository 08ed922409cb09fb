//! Event ids made of what an event speaks of, so that the same row is the same event however often it is pushed.
//!
//! Id = UUIDv5(agency, business key); the key names subject, period and revision, which tells reports apart that speak
//! of the same thing again, as after a retraction. Never the row's number: rows move.

use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use uuid::Uuid;

use super::board::words::scope;

/// The id of `event` when `agency` reports it for the time after `revision` earlier ones; none for events that a ledger
/// does not hold.
pub(crate) fn derived_id(agency: &str, event: &pb::EventInput, revision: u32) -> Option<String> {
    let key = format!("{}/{revision}", business_key(event.payload.as_ref()?)?);
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("songhua:agency:{agency}").as_bytes());
    Some(Uuid::new_v5(&namespace, key.as_bytes()).to_string())
}

fn date(date: Option<&Date>) -> String {
    date.map_or_else(String::new, |date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}

fn period(period: Option<&pb::ReferencePeriod>) -> String {
    period.map_or_else(String::new, |period| format!("{}..{}", date(period.start.as_ref()), date(period.end.as_ref())))
}

fn business_key(payload: &Payload) -> Option<String> {
    let key = match payload {
        Payload::MeasurementReported(it) => {
            let dimension = if it.dimension.is_empty() { "_T" } else { &it.dimension };
            format!("measurement/{}/{}/{dimension}/{}/{}", it.area, it.indicator, it.basis, period(it.period.as_ref()))
        }
        Payload::MeasurementCorrected(it) => format!("measurement-corrected/{}", it.measurement),
        Payload::MeasurementRevised(it) => format!("measurement-revised/{}", it.measurement),
        Payload::MeasurementRetracted(it) => format!("measurement-retracted/{}", it.measurement),
        Payload::NothingToReport(it) => format!("nothing/{}/{}/{}", it.area, it.indicator, period(it.period.as_ref())),
        Payload::QualitativeAssessmentRecorded(it) => {
            format!("assessment/{}/{}/{}", it.area, it.indicator, date(it.as_of_date.as_ref()))
        }
        Payload::MilestonePlanned(it) => format!("planned/{}/{}", it.project, it.milestone),
        Payload::MilestoneRescheduled(it) => format!(
            "rescheduled/{}/{}/{}/{}",
            it.project,
            it.milestone,
            date(it.previous_due_date.as_ref()),
            date(it.due_date.as_ref())
        ),
        Payload::MilestoneReached(it) => {
            format!("reached/{}/{}/{}", it.project, it.milestone, date(it.reach_date.as_ref()))
        }
        Payload::MilestonePartiallyReached(it) => {
            format!("partially/{}/{}/{}/{}", it.project, it.milestone, date(it.as_of_date.as_ref()), it.percent)
        }
        Payload::MilestoneMissed(it) => {
            format!("missed/{}/{}/{}", it.project, it.milestone, date(it.as_of_date.as_ref()))
        }
        Payload::MilestoneCancelled(it) => format!("cancelled/{}/{}", it.project, it.milestone),
        Payload::MilestoneReopened(it) => format!("reopened/{}/{}", it.project, it.milestone),
        Payload::ProgressNoteRecorded(it) => {
            format!("note/{}/{}", scope(it.scope.as_ref()), date(it.as_of_date.as_ref()))
        }
        Payload::SupervisionAnswered(it) => format!("supervision-answered/{}", it.supervision),
        Payload::VerificationRequested(it) => format!("verification-requested/{}", it.event),
        Payload::VerificationReopened(it) => format!("verification-reopened/{}", it.event),
        Payload::VerificationAccepted(it) => format!("accepted/{}", it.event),
        Payload::VerificationRejected(it) => format!("rejected/{}", it.event),
        _ => return None,
    };
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancelled(milestone: &str) -> pb::EventInput {
        let payload =
            pb::MilestoneCancelled { project: "park".into(), milestone: milestone.into(), reason: "none".into() };
        pb::EventInput { payload: Some(Payload::MilestoneCancelled(payload)), ..Default::default() }
    }

    #[test]
    fn the_same_row_of_the_same_agency_is_the_same_event() {
        let id = |agency, milestone, revision| derived_id(agency, &cancelled(milestone), revision).unwrap();
        assert_eq!(id("stb", "opening", 0), id("stb", "opening", 0));
        assert_ne!(id("stb", "opening", 0), id("drc", "opening", 0));
        assert_ne!(id("stb", "opening", 0), id("stb", "closing", 0));
        assert_ne!(id("stb", "opening", 0), id("stb", "opening", 1));
    }

    #[test]
    fn ids_are_for_ever_whatever_the_release() {
        // Another id for a row that was pushed already would store it twice.
        let id = derived_id("stb", &cancelled("opening"), 0);
        assert_eq!(id.as_deref(), Some("40829953-b880-511c-bf96-c05d55ca2288"));
        let reported: pb::EventInput = serde_json::from_str(
            r#"{"measurementReported": {"area": "circle-hit", "indicator": "tech-firms", "basis": "BASIS_STOCK_AT",
                "period": {"end": {"year": 2026, "month": 9, "day": 30}}, "figure": {"value": "331"}}}"#,
        )
        .unwrap();
        assert_eq!(derived_id("hit", &reported, 0).as_deref(), Some("48486c35-263e-57f0-84d0-f93c5c7bdce7"));
    }

    #[test]
    fn an_event_without_a_business_key_gets_no_id() {
        assert_eq!(derived_id("stb", &pb::EventInput::default(), 0), None);
    }
}

//! The table against `error.proto`, and refusals there and back.

use super::*;

const ERROR_PROTO: &str = include_str!("../../../../proto/songhua/v1/error.proto");

/// What the comments of `error.proto` say of one reason.
struct Documented {
    reason: String,
    code: String,
    retry: bool,
}

fn documented() -> Vec<Documented> {
    let mut documented = Vec::new();
    let (mut code, mut retry) = (String::new(), false);
    for line in ERROR_PROTO.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("// Code: ") {
            code = rest.split('.').next().unwrap().to_owned();
            retry = rest.contains("Retry: yes");
        } else if let Some(rest) = line.strip_prefix("ERROR_REASON_") {
            let reason = rest.split(' ').next().unwrap().to_owned();
            documented.push(Documented { reason, code: std::mem::take(&mut code), retry });
        }
    }
    documented
}

fn spelled(code: Code) -> String {
    let mut spelled = String::new();
    for character in format!("{code:?}").chars() {
        if character.is_ascii_uppercase() && !spelled.is_empty() {
            spelled.push('_');
        }
        spelled.push(character.to_ascii_uppercase());
    }
    spelled
}

fn full(reason: Reason) -> Refusal {
    Refusal::new(reason, "period 2026-01 overlaps 2026-Q1".to_owned(), "期间 2026-01 与 2026-Q1 重叠".to_owned())
        .with_violation("events[3].measurement_reported.period", "overlaps 2026-01-01 to 2026-03-31")
        .with_violation("events[3].comment", "has 4001 characters, at most 4000 are allowed")
        .with_retry_after(Duration::from_millis(1_500))
        .with_metadata("limit", "1000")
        .with_metadata("size", "1001")
}

#[test]
fn error_proto_lists_the_same_reasons_in_the_same_order() {
    let documented = documented();
    assert_eq!(documented[0].reason, "UNSPECIFIED");
    let reasons: Vec<_> = documented[1..].iter().map(|item| item.reason.as_str()).collect();
    let known: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(reasons, known);
}

#[test]
fn error_proto_documents_the_code_and_the_retry_of_the_table() {
    for (item, reason) in documented()[1..].iter().zip(Reason::ALL) {
        assert_eq!(item.code, spelled(code_of(*reason)), "{reason}");
        assert_eq!(item.retry, may_retry(*reason), "{reason}");
    }
}

#[test]
fn every_reason_survives_the_way_to_a_client() {
    for reason in Reason::ALL.iter().copied() {
        let plain = Refusal::new(reason, "a message".to_owned(), "说明".to_owned());
        for refusal in [plain, full(reason)] {
            let status = tonic::Status::from(refusal.clone());
            assert_eq!(status.code(), code_of(reason));
            assert_eq!(refusal_from(&status), Some(refusal.clone()));
            let within_a_stream = from_rpc_status(&to_rpc_status(&status));
            assert_eq!(within_a_stream.code(), code_of(reason));
            assert_eq!(refusal_from(&within_a_stream), Some(refusal));
        }
    }
}

#[test]
fn every_refusal_carries_its_reason_domain_and_chinese_message() {
    let details = tonic::Status::from(full(Reason::QueueFull)).get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("QUEUE_FULL", "songhua"));
    assert_eq!(details.localized_message().unwrap().locale, "zh-CN");
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_millis(1_500)));
}

#[test]
fn a_status_of_somebody_else_is_no_refusal() {
    assert_eq!(refusal_from(&tonic::Status::unavailable("connection refused")), None);
    let foreign = ErrorDetails::with_error_info("QUEUE_FULL", "example.com", HashMap::new());
    assert_eq!(refusal_from(&tonic::Status::with_error_details(Code::Unavailable, "no", foreign)), None);
    let later = ErrorDetails::with_error_info("OF_A_LATER_VERSION", ERROR_DOMAIN, HashMap::new());
    assert_eq!(refusal_from(&tonic::Status::with_error_details(Code::Unavailable, "no", later)), None);
    let bare = to_rpc_status(&tonic::Status::internal("no details"));
    assert_eq!((bare.code, bare.message.as_str(), bare.details.len()), (13, "no details", 0));
}

#[test]
fn a_refusal_fits_the_headers_of_every_client_however_much_is_wrong() {
    let long = "环".repeat(5_000);
    let mut refusal = Refusal::new(Reason::InvalidField, long.clone(), long.clone());
    for index in 0..500 {
        refusal = refusal.with_violation(format!("events[{index}].comment"), long.clone());
        refusal = refusal.with_metadata(format!("key-{index}"), "x".repeat(50));
    }
    let status = tonic::Status::from(refusal);
    let (encoded_message, encoded_details) = (status.message().len() * 3, status.details().len() * 4 / 3);
    assert!(encoded_message + encoded_details < 7_800, "{encoded_message} + {encoded_details}");
    let received = refusal_from(&status).unwrap();
    assert!(received.message.ends_with('…'));
    assert!(!received.violations.is_empty() && !received.metadata.is_empty());
}

#[test]
fn violations_become_an_invalid_field_refusal() {
    let refusal = Refusal::from(Violations::one("event_id", "is not a UUID").under("events[0]"));
    assert_eq!(refusal.reason, Reason::InvalidField);
    assert_eq!(refusal.message, "events[0].event_id: is not a UUID");
    assert_eq!(refusal.violations.len(), 1);
}

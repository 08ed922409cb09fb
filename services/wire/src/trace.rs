//! Trace context: the W3C `traceparent` that a call brings and that its records keep.
//!
//! Place in the flow: ingest reads it from a call's metadata into the records, the relay sends it on with each message,
//! the node names its trace in log lines. What is not exactly of version 00 counts as not sent. It must not know: who
//! collects traces.

use std::fmt;
use std::sync::Arc;

use tonic::metadata::MetadataMap;

/// Name of the metadata key, header and environment variable (there in capitals).
pub const TRACE_PARENT: &str = "traceparent";

/// `00-<32 hex digits: trace>-<16 hex digits: parent>-<2 hex digits: flags>`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent(Arc<str>);

impl TraceParent {
    /// Reads a value of version 00: lower-case hex, neither trace nor parent all zeros. Anything else is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut next = |digits: usize| parts.next().filter(|part| part.len() == digits && is_hex(part));
        let (version, trace, parent, _flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        let whole = parts.next().is_none() && version == "00" && !is_zero(trace) && !is_zero(parent);
        whole.then(|| Self(text.into()))
    }

    /// What a call brought, if it brought exactly one and that can be used.
    pub fn of(metadata: &MetadataMap) -> Option<Self> {
        let mut values = metadata.get_all(TRACE_PARENT).iter();
        let only = values.next().filter(|_| values.next().is_none())?;
        Self::parse(only.to_str().ok()?)
    }

    /// The whole value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace: 32 hex digits.
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_value_of_version_00_is_taken_as_it_is() {
        let parsed = TraceParent::parse(GIVEN).unwrap();
        assert_eq!(parsed.as_str(), GIVEN);
        assert_eq!(parsed.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parsed.to_string(), GIVEN);
    }

    #[test]
    fn anything_else_counts_as_not_sent() {
        let others = [
            String::new(),
            "-".to_owned(),
            GIVEN.to_uppercase(),
            GIVEN.replace("4bf9", "4BF9"),
            GIVEN.replace("4bf9", "4bg9"),
            GIVEN.replace("00-4bf9", "01-4bf9"),
            GIVEN.replace("00-4bf9", "ff-4bf9"),
            GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GIVEN.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GIVEN.replace("-01", "-1"),
            GIVEN.replace("4bf9", "éé"),
            format!("{GIVEN}-00"),
            format!("{GIVEN}-"),
            format!("{GIVEN} "),
            format!(" {GIVEN}"),
            GIVEN[..54].to_owned(),
            GIVEN.repeat(10_000),
        ];
        for other in others {
            assert_eq!(TraceParent::parse(&other), None, "{other:.80}");
        }
    }

    #[test]
    fn of_two_values_in_a_call_neither_counts() {
        let mut metadata = MetadataMap::new();
        assert_eq!(TraceParent::of(&metadata), None);
        metadata.append(TRACE_PARENT, GIVEN.parse().unwrap());
        assert_eq!(TraceParent::of(&metadata).unwrap().as_str(), GIVEN);
        metadata.append(TRACE_PARENT, GIVEN.parse().unwrap());
        assert_eq!(TraceParent::of(&metadata), None);
    }
}

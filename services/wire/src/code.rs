//! The closed lists of codes, both ways: domain enum ↔ proto enum.
//!
//! Place in the flow: conversions read and write every enum field through [`Code`]. Each list is written out once, so
//! that the compiler refuses a code that only one side knows. It must not know: what a code means.

use songhua_domain::vocabulary as domain;

use crate::pb;

/// A number that is not a code of the list it should come from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given} is not allowed here; one of {known}")]
pub struct UnknownValue {
    /// The refused code, by name where the contract has one, else by number.
    pub given: String,
    /// The codes of the list, comma separated.
    pub known: String,
}

/// A domain enum that has a twin in the contract.
pub trait Code: Copy + 'static {
    /// The code as the contract spells it, for example `OPERATOR_AT_LEAST`.
    fn proto_name(self) -> &'static str;
    /// The number that stands for the code in messages.
    fn to_wire(self) -> i32;
    /// Reads a number of a message.
    ///
    /// # Errors
    /// [`UnknownValue`] if the number is 0 (not set) or of a later version of the contract.
    fn from_wire(value: i32) -> Result<Self, UnknownValue>;
}

macro_rules! twins {
    ($($domain:ident = $pb:ident { $($code:ident)* })*) => {$(
        impl From<domain::$domain> for pb::$pb {
            fn from(code: domain::$domain) -> Self {
                match code { $(domain::$domain::$code => Self::$code,)* }
            }
        }
        impl TryFrom<pb::$pb> for domain::$domain {
            type Error = UnknownValue;
            fn try_from(code: pb::$pb) -> Result<Self, UnknownValue> {
                match code {
                    $(pb::$pb::$code => Ok(Self::$code),)*
                    pb::$pb::Unspecified => Err(unknown::<Self>(code.as_str_name().to_owned(), Self::ALL)),
                }
            }
        }
        impl Code for domain::$domain {
            fn proto_name(self) -> &'static str {
                pb::$pb::from(self).as_str_name()
            }
            fn to_wire(self) -> i32 {
                pb::$pb::from(self).into()
            }
            fn from_wire(value: i32) -> Result<Self, UnknownValue> {
                match pb::$pb::try_from(value) {
                    Ok(code) => code.try_into(),
                    Err(_) => Err(unknown::<Self>(value.to_string(), Self::ALL)),
                }
            }
        }
    )*};
}

fn unknown<C: Code>(given: String, all: &[C]) -> UnknownValue {
    let known = all.iter().map(|code| code.proto_name()).collect::<Vec<_>>().join(", ");
    UnknownValue { given, known }
}

twins! {
    Operator = Operator { AtLeast MoreThan Between Approximately FullCoverage ExceedsSeries Qualitative }
    OperatorSource = OperatorSource { Stated Implied }
    Accumulation = Accumulation { Stock Cumulative AnnualFlow RunningTotal Ratio Paired None }
    Basis = Basis { StockAt Period YearToDate PlanToDate FullYear }
    ObsStatus = ObsStatus { Normal Break Estimated Provisional LowReliability Unvalidated }
    Frequency = Frequency { Month Quarter Year }
    PathKind = PathKind { Linear EndOnly }
    PathSource = PathSource { Baseline PlanStart Interpreted ReferenceYear }
    MeasureKind = MeasureKind { Count Money FloorArea Share Coverage PerCapita Comparison Qualitative }
    ResultType = ResultType { Output Outcome Impact }
    Aggregation = Aggregation { None Sum }
    AreaKind = AreaKind { City Zone Circle }
    AreaStage = AreaStage { Planned Designated Building Operating }
    AssignmentRole = AssignmentRole { Lead Responsible Supervising }
    ProjectKind = ProjectKind { Project Direction }
    MilestoneType = MilestoneType {
        Approval Registration Financing Groundbreaking Delivery Assessment Operation Reporting PreProcurement
        Engagement Procurement ContractClose Payment
    }
    MilestoneStatus = MilestoneStatus { Scheduled Met PartiallyMet NotMet Cancelled }
    ProjectStatus = ProjectStatus {
        Identification Preparation Implementation Completion Completed Cancelled Suspended
    }
    SupervisionStatus = SupervisionStatus { Issued Answered Closed }
    SupervisionOutcome = SupervisionOutcome { Rectified Withdrawn }
    Role = Role { Agency Auditor Reader Admin }
    Status = Status {
        NotScored Met Missed MetProvisional MissedProvisional AwaitingData Overdue NoData AwaitingAssessment Stale
        MetSoFar OnTrack Behind FarBehind NoPath
    }
    Light = Light { None Met Missed Provisional Green Yellow Red Grey }
    Reason = ErrorReason {
        InvalidField UnknownResource ServerOnly FutureDate SourceRefRequired PlanNotPublished PlanAlreadyPublished
        PlanDigestMismatch AlreadyDefined TargetRule MeasurementExists PeriodOverlap TotalDecreased BasisNotAllowed
        FigureNotAllowed UnitMismatch DerivedIndicator Superseded WrongEventType MilestoneState RoleNotAllowed
        OutOfScope SelfVerification TokenMissing TokenInvalid EventIdReused TooManyEvents RequestTooLarge EventTooLarge
        QueueFull LogReadOnly OutcomeUnknown ShuttingDown UpgradeNeeded PlanNotFound ResourceNotFound ViewsRebuilding
        PositionNotApplied PositionAhead BadFilter BadPageToken NotSupported Internal PlanClosed PeriodClosed PeriodState
        IndicatorRetired AgencySucceeded SupervisionState VerificationState BackupRefused DiskFull
    }
}

#[cfg(test)]
mod tests {
    use prost_types::{EnumDescriptorProto, FileDescriptorSet};

    use super::*;

    fn proto_enum(name: &str) -> EnumDescriptorProto {
        let set: FileDescriptorSet = prost::Message::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
        let mut enums = set.file.into_iter().flat_map(|file| file.enum_type);
        enums.find(|item| item.name() == name).unwrap_or_else(|| panic!("no enum {name}"))
    }

    /// Checks one list against its proto enum: count, order, names, and both conversions.
    fn check<C: Code + PartialEq + std::fmt::Debug>(name: &str, all: &[C], texts: &[&str]) {
        let values = proto_enum(name).value;
        assert_eq!(values.len(), all.len() + 1, "{name} differs in length");
        assert!(values[0].name().ends_with("_UNSPECIFIED"), "{name} has no unset value");
        let prefix = values[0].name().trim_end_matches("UNSPECIFIED");
        for ((value, code), text) in values[1..].iter().zip(all).zip(texts) {
            assert_eq!(value.name(), code.proto_name());
            assert_eq!(value.number(), code.to_wire());
            assert_eq!(C::from_wire(value.number()).as_ref(), Ok(code));
            // SDMX codes are single letters; every other list spells its codes as the contract does.
            assert!(text.len() == 1 || value.name() == format!("{prefix}{text}"), "{text} is not {}", value.name());
        }
    }

    macro_rules! check_all {
        ($($domain:ident = $pb:literal)*) => {$({
            let texts: Vec<_> = domain::$domain::ALL.iter().map(|code| code.code()).collect();
            check($pb, domain::$domain::ALL, &texts);
        })*};
    }

    #[test]
    fn every_list_of_the_domain_is_the_list_of_the_contract_in_the_same_order() {
        check_all! {
            Operator = "Operator" OperatorSource = "OperatorSource" Accumulation = "Accumulation" Basis = "Basis"
            ObsStatus = "ObsStatus" Frequency = "Frequency" PathKind = "PathKind" PathSource = "PathSource"
            MeasureKind = "MeasureKind" ResultType = "ResultType" Aggregation = "Aggregation" AreaKind = "AreaKind"
            AreaStage = "AreaStage" AssignmentRole = "AssignmentRole" ProjectKind = "ProjectKind"
            MilestoneType = "MilestoneType" MilestoneStatus = "MilestoneStatus" ProjectStatus = "ProjectStatus"
            SupervisionStatus = "SupervisionStatus" SupervisionOutcome = "SupervisionOutcome" Role = "Role" Status = "Status"
            Light = "Light" Reason = "ErrorReason"
        }
    }

    #[test]
    fn an_unset_or_unknown_code_is_refused_and_the_known_ones_are_named() {
        let unset = domain::OperatorSource::from_wire(0).unwrap_err();
        let known = "OPERATOR_SOURCE_STATED, OPERATOR_SOURCE_IMPLIED";
        assert_eq!(unset.to_string(), format!("OPERATOR_SOURCE_UNSPECIFIED is not allowed here; one of {known}"));
        let later = domain::OperatorSource::from_wire(77).unwrap_err();
        assert_eq!(later.to_string(), format!("77 is not allowed here; one of {known}"));
        assert!(domain::Status::from_wire(-1).is_err());
    }
}

//! The closed lists of codes: what an indicator, a target, an observation or a light can be.
//!
//! Place in the flow: shared by events, scoring, wire and catalog. Codes are the field's own (IATI, SDMX, OCDS) where
//! it has them; the text of a code is part of the public contract and of stored snapshots, so it never changes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not in the closed list it should come from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code:?} is not one of the {list} codes: {known}")]
pub struct UnknownCode {
    /// Name of the list.
    pub list: &'static str,
    /// The refused text, cut to 80 characters.
    pub code: String,
    /// The codes of the list, comma separated.
    pub known: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $code)] $variant,)*
        }
        impl $name {
            /// Every code of the list, in its order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as it is written in plans, messages and exports.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
            /// Finds the code that is written `text`.
            ///
            /// # Errors
            /// [`UnknownCode`] with the list of known codes.
            pub fn from_code(text: &str) -> Result<Self, UnknownCode> {
                Self::ALL.iter().copied().find(|item| item.code() == text).ok_or_else(|| UnknownCode {
                    list: stringify!($name),
                    code: text.chars().take(80).collect(),
                    known: Self::ALL.iter().map(|item| item.code()).collect::<Vec<_>>().join(", "),
                })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.code())
            }
        }
    )*};
}

codes! {
    /// How an actual is compared with the target (SCORING.md §4).
    Operator {
        /// Met at N or more (达到, 以上).
        AtLeast = "AT_LEAST",
        /// Met above N only (超过, 突破, 高于).
        MoreThan = "MORE_THAN",
        /// Met at the lower bound; the upper one is the stretch.
        Between = "BETWEEN",
        /// Met within a stored tolerance below N (左右).
        Approximately = "APPROXIMATELY",
        /// Met when the numerator equals the denominator (全覆盖).
        FullCoverage = "FULL_COVERAGE",
        /// Met when the own series lies above another of the same year.
        ExceedsSeries = "EXCEEDS_SERIES",
        /// Met when the assessed step reaches the stored one.
        Qualitative = "QUALITATIVE",
    }
    /// Whether the source states the operator or it is implied by a bare number.
    OperatorSource {
        /// The text has a word for it.
        Stated = "STATED",
        /// A bare number, read as AT_LEAST.
        Implied = "IMPLIED",
    }
    /// How observations of an indicator add up (SCORING.md §2).
    Accumulation {
        /// A level at a date; may fall.
        Stock = "STOCK",
        /// Additions since the plan's start.
        Cumulative = "CUMULATIVE",
        /// The flow of the reference year.
        AnnualFlow = "ANNUAL_FLOW",
        /// A total since inception (累计).
        RunningTotal = "RUNNING_TOTAL",
        /// A share, a rate, or a per-capita figure.
        Ratio = "RATIO",
        /// Compared with another series year by year.
        Paired = "PAIRED",
        /// Not a number.
        None = "NONE",
    }
    /// What an observed number covers, as Chinese ledgers name it (SCORING.md §1).
    Basis {
        /// 期末数.
        StockAt = "STOCK_AT",
        /// 本期数.
        Period = "PERIOD",
        /// 本年累计.
        YearToDate = "YEAR_TO_DATE",
        /// 规划期累计.
        PlanToDate = "PLAN_TO_DATE",
        /// 全年数.
        FullYear = "FULL_YEAR",
    }
    /// SDMX CL_OBS_STATUS, the codes an agency may send.
    ObsStatus {
        /// Normal: final.
        Normal = "A",
        /// Time series break.
        Break = "B",
        /// Estimated.
        Estimated = "E",
        /// Provisional.
        Provisional = "P",
        /// Low reliability.
        LowReliability = "U",
        /// Unvalidated: as received, nobody has checked it.
        Unvalidated = "V",
    }
    /// How often an indicator is reported.
    Frequency {
        /// By month end.
        Month = "MONTH",
        /// By quarter end.
        Quarter = "QUARTER",
        /// By year end.
        Year = "YEAR",
    }
    /// Whether a target has a path to be judged by before its deadline (SCORING.md §3).
    PathKind {
        /// Linear by days, through interim targets.
        Linear = "LINEAR",
        /// Small counts: judged at the end only.
        EndOnly = "END_ONLY",
    }
    /// Where the path's start comes from (SCORING.md §3).
    PathSource {
        /// 1: a baseline.
        Baseline = "BASELINE",
        /// 2: zero at the plan's start (CUMULATIVE).
        PlanStart = "PLAN_START",
        /// 3: the first figure, 60 days or more before the scored one; shown as 参考.
        Interpreted = "INTERPRETED",
        /// 6: zero at the start of the reference year.
        ReferenceYear = "REFERENCE_YEAR",
    }
    /// IATI IndicatorMeasure family, extended.
    MeasureKind {
        /// A number of things.
        Count = "COUNT",
        /// Money.
        Money = "MONEY",
        /// An area of floor or land.
        FloorArea = "FLOOR_AREA",
        /// A share of a whole.
        Share = "SHARE",
        /// A covered part of a whole.
        Coverage = "COVERAGE",
        /// A number for each so many people.
        PerCapita = "PER_CAPITA",
        /// A difference between two series.
        Comparison = "COMPARISON",
        /// Not a number.
        Qualitative = "QUALITATIVE",
    }
    /// IATI ResultType.
    ResultType {
        /// Built, founded, registered.
        Output = "OUTPUT",
        /// What that changed.
        Outcome = "OUTCOME",
        /// What that means for the city.
        Impact = "IMPACT",
    }
    /// Whether dimension values of an indicator add up to its headline.
    Aggregation {
        /// They do not add up.
        None = "NONE",
        /// The headline is their sum.
        Sum = "SUM",
    }
    /// What an area is.
    AreaKind {
        /// The whole city.
        City = "CITY",
        /// A zone (示范区, 试验区).
        Zone = "ZONE",
        /// A circle (生态圈).
        Circle = "CIRCLE",
    }
    /// How far an area has come; the order is the order of the codes.
    AreaStage {
        /// 规划.
        Planned = "PLANNED",
        /// 认定.
        Designated = "DESIGNATED",
        /// 建设.
        Building = "BUILDING",
        /// 运营.
        Operating = "OPERATING",
    }
    /// What an assignment makes an agency answer for.
    AssignmentRole {
        /// 牵头单位: reports the headline.
        Lead = "LEAD",
        /// 责任单位: reports dimensions and milestones.
        Responsible = "RESPONSIBLE",
        /// 督查单位: verifies and assesses.
        Supervising = "SUPERVISING",
    }
    /// What a project is.
    ProjectKind {
        /// 项目: has milestones.
        Project = "PROJECT",
        /// 方向: a research direction without milestones.
        Direction = "DIRECTION",
    }
    /// OCDS milestoneType, with the additions construction needs.
    MilestoneType {
        /// 审批.
        Approval = "APPROVAL",
        /// 登记注册.
        Registration = "REGISTRATION",
        /// 筹资.
        Financing = "FINANCING",
        /// 开工.
        Groundbreaking = "GROUNDBREAKING",
        /// 交付, 竣工.
        Delivery = "DELIVERY",
        /// 评估, 验收.
        Assessment = "ASSESSMENT",
        /// 投运.
        Operation = "OPERATION",
        /// 报告.
        Reporting = "REPORTING",
        /// 前期准备.
        PreProcurement = "PRE_PROCUREMENT",
        /// 公众参与.
        Engagement = "ENGAGEMENT",
        /// 采购.
        Procurement = "PROCUREMENT",
        /// 合同终结.
        ContractClose = "CONTRACT_CLOSE",
        /// 支付.
        Payment = "PAYMENT",
    }
    /// OC4IDS projectStatus and suspended.
    ProjectStatus {
        /// 谋划.
        Identification = "IDENTIFICATION",
        /// 前期.
        Preparation = "PREPARATION",
        /// 实施.
        Implementation = "IMPLEMENTATION",
        /// 收尾.
        Completion = "COMPLETION",
        /// 已完成.
        Completed = "COMPLETED",
        /// 已取消.
        Cancelled = "CANCELLED",
        /// 暂停.
        Suspended = "SUSPENDED",
    }
    /// Where a matter under supervision (督办) is.
    SupervisionStatus {
        /// 已督办, nothing answered since.
        Issued = "ISSUED",
        /// 已回复, to be checked.
        Answered = "ANSWERED",
        /// 已销号.
        Closed = "CLOSED",
    }
    /// How a matter under supervision ended.
    SupervisionOutcome {
        /// 已整改: put right.
        Rectified = "RECTIFIED",
        /// 撤销: should not have been issued.
        Withdrawn = "WITHDRAWN",
    }
    /// OCDS milestoneStatus and cancelled. `NotMet` is as of the last review, not the end.
    MilestoneStatus {
        /// Not yet evaluated.
        Scheduled = "SCHEDULED",
        /// 已完成.
        Met = "MET",
        /// 部分完成.
        PartiallyMet = "PARTIALLY_MET",
        /// 未完成.
        NotMet = "NOT_MET",
        /// 已取消.
        Cancelled = "CANCELLED",
    }
    /// What a person or service may do.
    Role {
        /// Pushes events for its agency's scope.
        Agency = "AGENCY",
        /// Replays all, verifies and assesses.
        Auditor = "AUDITOR",
        /// Reads progress.
        Reader = "READER",
        /// Loads plans, grants access.
        Admin = "ADMIN",
    }
    /// What a target's figures mean on a day (SCORING.md §5).
    Status {
        /// Retired, or nothing to cover.
        NotScored = "NOT_SCORED",
        /// 已达标, final.
        Met = "MET",
        /// 未达标, final.
        Missed = "MISSED",
        /// 初步达标.
        MetProvisional = "MET_PROVISIONAL",
        /// 初步未达标.
        MissedProvisional = "MISSED_PROVISIONAL",
        /// 待公布.
        AwaitingData = "AWAITING_DATA",
        /// 逾期未报.
        Overdue = "OVERDUE",
        /// 无数据.
        NoData = "NO_DATA",
        /// 待评估.
        AwaitingAssessment = "AWAITING_ASSESSMENT",
        /// 过期.
        Stale = "STALE",
        /// 当前已达标: can still fall.
        MetSoFar = "MET_SO_FAR",
        /// 正常.
        OnTrack = "ON_TRACK",
        /// 滞后.
        Behind = "BEHIND",
        /// 严重滞后.
        FarBehind = "FAR_BEHIND",
        /// 无基期, 未到期: rate and gap only.
        NoPath = "NO_PATH",
    }
    /// The colour of a light; never shown without its word.
    Light {
        /// No light.
        None = "NONE",
        /// 已达标.
        Met = "MET",
        /// 未达标.
        Missed = "MISSED",
        /// 初步.
        Provisional = "PROVISIONAL",
        /// 正常.
        Green = "GREEN",
        /// 滞后.
        Yellow = "YELLOW",
        /// 严重滞后.
        Red = "RED",
        /// Unknown, with the reason in the status.
        Grey = "GREY",
    }
    /// Why a request was refused. The closed list of `proto/songhua/v1/error.proto`; `wire` maps it to gRPC status.
    Reason {
        /// A field is malformed, too long, out of range or missing.
        InvalidField = "INVALID_FIELD",
        /// A name in the request names nothing in the plan.
        UnknownResource = "UNKNOWN_RESOURCE",
        /// Only the server writes this event type.
        ServerOnly = "SERVER_ONLY",
        /// A date lies after the recorded day.
        FutureDate = "FUTURE_DATE",
        /// A back-dated event (补录) names no source.
        SourceRefRequired = "SOURCE_REF_REQUIRED",
        /// The plan is still being loaded.
        PlanNotPublished = "PLAN_NOT_PUBLISHED",
        /// The plan is published; this definition can no longer enter it.
        PlanAlreadyPublished = "PLAN_ALREADY_PUBLISHED",
        /// The plan was loaded with other content.
        PlanDigestMismatch = "PLAN_DIGEST_MISMATCH",
        /// The id is taken by an earlier definition.
        AlreadyDefined = "ALREADY_DEFINED",
        /// A target breaks a rule of SCORING.md §1.
        TargetRule = "TARGET_RULE",
        /// A live figure of that period exists.
        MeasurementExists = "MEASUREMENT_EXISTS",
        /// The period overlaps another one.
        PeriodOverlap = "PERIOD_OVERLAP",
        /// A running total fell.
        TotalDecreased = "TOTAL_DECREASED",
        /// The indicator does not use that basis, or not for that period.
        BasisNotAllowed = "BASIS_NOT_ALLOWED",
        /// The figure does not fit the indicator.
        FigureNotAllowed = "FIGURE_NOT_ALLOWED",
        /// The multiplier is not the indicator's.
        UnitMismatch = "UNIT_MISMATCH",
        /// The indicator's figure is derived from other events.
        DerivedIndicator = "DERIVED_INDICATOR",
        /// The named event is no longer the live one.
        Superseded = "SUPERSEDED",
        /// The named event is of a type that this event cannot speak of.
        WrongEventType = "WRONG_EVENT_TYPE",
        /// The milestone's state does not allow it.
        MilestoneState = "MILESTONE_STATE",
        /// The role may not send this event or call this method.
        RoleNotAllowed = "ROLE_NOT_ALLOWED",
        /// The agency is not assigned to it.
        OutOfScope = "OUT_OF_SCOPE",
        /// Who reported cannot verify or assess.
        SelfVerification = "SELF_VERIFICATION",
        /// No credential came with the request.
        TokenMissing = "TOKEN_MISSING",
        /// The credential is unknown, revoked or expired.
        TokenInvalid = "TOKEN_INVALID",
        /// The event id is taken by other content or another agency.
        EventIdReused = "EVENT_ID_REUSED",
        /// Too many events in a request.
        TooManyEvents = "TOO_MANY_EVENTS",
        /// A request is too large.
        RequestTooLarge = "REQUEST_TOO_LARGE",
        /// An event is too large.
        EventTooLarge = "EVENT_TOO_LARGE",
        /// The queue is full; try again after the given delay.
        QueueFull = "QUEUE_FULL",
        /// The plan takes no writes until the operator acts.
        LogReadOnly = "LOG_READ_ONLY",
        /// It is not known whether the submission was stored; send the same events again.
        OutcomeUnknown = "OUTCOME_UNKNOWN",
        /// The server is stopping.
        ShuttingDown = "SHUTTING_DOWN",
        /// A record needs a newer binary.
        UpgradeNeeded = "UPGRADE_NEEDED",
        /// No such plan, or not visible yet.
        PlanNotFound = "PLAN_NOT_FOUND",
        /// No such resource.
        ResourceNotFound = "RESOURCE_NOT_FOUND",
        /// The views are being rebuilt.
        ViewsRebuilding = "VIEWS_REBUILDING",
        /// The position was not applied within the wait.
        PositionNotApplied = "POSITION_NOT_APPLIED",
        /// The position or time lies beyond what is known.
        PositionAhead = "POSITION_AHEAD",
        /// The filter cannot be read.
        BadFilter = "BAD_FILTER",
        /// The page token is not of this list.
        BadPageToken = "BAD_PAGE_TOKEN",
        /// The request is not one the method accepts now.
        NotSupported = "NOT_SUPPORTED",
        /// A fault of the server.
        Internal = "INTERNAL",
        /// The plan is closed out; it takes no further reports.
        PlanClosed = "PLAN_CLOSED",
        /// The reporting period is closed for new figures.
        PeriodClosed = "PERIOD_CLOSED",
        /// The reporting period's state does not allow it.
        PeriodState = "PERIOD_STATE",
        /// The indicator is retired.
        IndicatorRetired = "INDICATOR_RETIRED",
        /// The agency has a successor, which answers now.
        AgencySucceeded = "AGENCY_SUCCEEDED",
        /// The matter's state does not allow it.
        SupervisionState = "SUPERVISION_STATE",
        /// The event's verification is not at a state that allows it.
        VerificationState = "VERIFICATION_STATE",
        /// The log had no room for the submission; nothing was stored.
        DiskFull = "DISK_FULL",
        /// The backup cannot be made as asked.
        BackupRefused = "BACKUP_REFUSED",
    }
}

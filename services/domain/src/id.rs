//! Identifiers: lower-case ASCII slugs, one type for each kind of thing.
//!
//! Place in the flow: parsed at the edges (wire, catalog), compared everywhere. Chinese belongs in display names,
//! never in an identifier: identifiers become resource names, file names and NATS subject tokens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest identifier, in bytes (the length of a DNS label).
pub const ID_LENGTH_MAX: usize = 63;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} id {text:?} is not 1 to {ID_LENGTH_MAX} characters of a-z, 0-9 and '-', starting with a letter and not ending with '-'"
)]
pub struct IdError {
    /// What the identifier was to name, for example `indicator`.
    pub kind: &'static str,
    /// The refused text, cut to 80 characters.
    pub text: String,
}

/// Whether `text` has the form of an identifier.
pub fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts_with_letter = bytes.first().is_some_and(u8::is_ascii_lowercase);
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    starts_with_letter && bytes.len() <= ID_LENGTH_MAX && bytes.iter().all(allowed) && !text.ends_with('-')
}

macro_rules! id {
    ($(#[$doc:meta] $name:ident = $kind:literal;)*) => {$(
        #[$doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_slug(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { kind: $kind, text: text.chars().take(80).collect() })
                }
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

id! {
    /// A plan: one log, one order of events.
    PlanId = "plan";
    /// An area of a plan: the city itself, a zone or a circle (生态圈).
    AreaId = "area";
    /// An indicator (指标).
    IndicatorId = "indicator";
    /// A category (类) that groups indicators.
    CategoryId = "category";
    /// A project (项目).
    ProjectId = "project";
    /// A milestone (节点), unique within its project.
    MilestoneId = "milestone";
    /// An agency (委办局, university, zone committee).
    AgencyId = "agency";
    /// An edition of the plan's text.
    DocumentId = "document";
    /// A reporting period.
    ReportingPeriodId = "reporting period";
    /// A matter under supervision (督办).
    SupervisionId = "supervision";
}

/// Characters of a unified social credit code, in the order of their values.
const USCC_CHARACTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const USCC_LENGTH: usize = 18;

/// Whether `code` is a unified social credit code. GB 32100-2015: the 18th character is (31 − Σ Cᵢ · 3^(i−1) mod 31) mod 31 of the 17 before it.
pub fn is_uscc(code: &str) -> bool {
    let values: Option<Vec<usize>> =
        code.bytes().map(|byte| USCC_CHARACTERS.iter().position(|known| *known == byte)).collect();
    let Some(values) = values.filter(|values| values.len() == USCC_LENGTH) else { return false };
    // With the check character's own weight of 1, the sum is a multiple of 31.
    let weights = std::iter::successors(Some(1), |weight| Some(weight * 3 % 31)).take(USCC_LENGTH - 1).chain([1]);
    values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<usize>() % 31 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_an_identifier_and_chinese_or_upper_case_is_not() {
        assert!("rd-intensity".parse::<IndicatorId>().is_ok());
        for bad in ["", "环哈工大", "Circle", "a-", "-a", "1a", "a_b", "a b", "a.b", &"a".repeat(64)] {
            assert!(bad.parse::<AreaId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_credit_code_has_18_characters_and_the_right_check_character() {
        assert!(is_uscc("91350100M000100Y43"));
        for bad in ["91350100M000100Y44", "91350100M000100Y4Z", "91350100M000100Y4", "91350100m000100y43", ""] {
            assert!(!is_uscc(bad), "{bad} was accepted");
        }
    }
}

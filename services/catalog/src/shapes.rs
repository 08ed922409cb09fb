//! The types of fields: texts, numbers, dates, ids, codes, references, spans, lists.
//!
//! Place in the flow: `format` uses them to declare the records. It must not know: which records there are.

use std::str::FromStr;

use jiff::civil::Date;
use serde_json::Value;
use songhua_domain::event::{Name, Scope, SourceSpan, TEXT_LENGTH_MAX};
use songhua_domain::id::{
    AgencyId, AreaId, CategoryId, DocumentId, IdError, IndicatorId, MilestoneId, PlanId, ProjectId,
};
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::vocabulary::{
    Accumulation, Aggregation, AreaKind, AreaStage, AssignmentRole, Basis, Frequency, MeasureKind, MilestoneType,
    Operator, OperatorSource, PathKind, ProjectKind, ResultType,
};

use crate::cursor::{At, Cursor, Noted, Read, Shape, shape};
use crate::fault::Place;

impl Shape for bool {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        value.as_bool().map_or_else(|| at.expected("true or false", value), Ok)
    }
}

impl Shape for u32 {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let number = value.as_u64().and_then(|number| Self::try_from(number).ok());
        number.map_or_else(|| at.expected("a whole number from 0 on, without quotes", value), Ok)
    }
}

fn text<'a>(value: &'a Value, what: &str, at: &At<'_>) -> Read<&'a str> {
    value.as_str().map_or_else(|| at.expected(what, value), Ok)
}

impl Shape for String {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let text = text(value, "a text", at)?;
        match text.chars().count() {
            _ if text.trim().is_empty() => at.refuse("is empty"),
            length if length > TEXT_LENGTH_MAX => {
                at.refuse(format!("has {length} characters; at most {TEXT_LENGTH_MAX} are kept"))
            }
            _ => Ok(text.to_owned()),
        }
    }
}

impl Shape for Decimal {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        if let Value::Number(number) = value {
            return at.refuse(format!("is a JSON number: write \"{number}\" as a string"));
        }
        parse_decimal(text(value, "a decimal number as a string", at)?).or_else(|error| at.refuse(error.to_string()))
    }
}

impl Shape for Date {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let text = text(value, "a date", at)?;
        let date = text.parse().ok().filter(|date: &Self| date.to_string() == text);
        date.map_or_else(
            || at.refuse(format!("{text:?} is not a date of the calendar, written like \"2026-12-31\"")),
            Ok,
        )
    }
}

impl Shape for Name {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let fields = Cursor::new(value, at)?;
        let (zh, en) = (fields.read::<String>("zh"), fields.read::<String>("en"));
        fields.finish(&["zh", "en"]);
        let (zh, en) = (zh?, en?);
        // Events keep notes as one text, `zh / en`.
        let length = zh.chars().count() + en.chars().count() + " / ".len();
        if length > TEXT_LENGTH_MAX {
            return at.refuse(format!("has {length} characters in both languages; at most {TEXT_LENGTH_MAX} are kept"));
        }
        Ok(Self { zh, en })
    }
}

impl Shape for SourceSpan {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let fields = Cursor::new(value, at)?;
        let (document, text) = (fields.read::<Ref<DocumentId>>("document"), fields.read("text"));
        let (line_first, line_last) = (fields.read("line_first"), fields.read("line_last"));
        fields.finish(&["document", "line_first", "line_last", "text"]);
        let span = Self { document: document?.0, line_first: line_first?, line_last: line_last?, text: text? };
        match at.context.editions.refuse(&span) {
            None => Ok(span),
            Some((field, reason)) => at.field(field).refuse(reason),
        }
    }
}

/// 64 hexadecimal digits.
#[derive(Debug, Clone)]
pub(crate) struct Sha256Hex(pub(crate) [u8; 32]);

impl Shape for Sha256Hex {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let text = text(value, "a SHA-256 in hexadecimal", at)?;
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(lower) {
            return at.refuse(format!("{text:?} is not 64 digits of 0-9 and a-f"));
        }
        for (byte, index) in digest.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[index..index + 2], 16).map_err(|_| Noted)?;
        }
        Ok(Self(digest))
    }
}

impl<T: Shape> Shape for Option<T> {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        if value.is_null() { Ok(None) } else { T::read(value, at).map(Some) }
    }
}

fn elements<'a>(value: &'a Value, at: &At<'_>) -> Read<&'a Vec<Value>> {
    value.as_array().map_or_else(|| at.expected("a list", value), Ok)
}

/// A list whose elements stand or fall together.
impl<T: Shape> Shape for Vec<T> {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let read = |(index, element): (usize, &Value)| T::read(element, &at.element(index));
        let all: Vec<_> = elements(value, at)?.iter().enumerate().map(read).collect();
        all.into_iter().collect()
    }
}

/// An element of a [`List`] and its place.
#[derive(Debug, Clone)]
pub(crate) struct Entry<T> {
    /// Where it stands.
    pub(crate) place: Place,
    /// Its number in the list, from 0.
    pub(crate) index: usize,
    /// What it is.
    pub(crate) item: T,
}

/// A list of records. An element with a fault is left out, so that the others can still be checked.
#[derive(Debug, Clone)]
pub(crate) struct List<T> {
    entries: Vec<Entry<T>>,
    whole: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), whole: true }
    }
}

impl<T> List<T> {
    /// The elements with their places.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry<T>> {
        self.entries.iter()
    }

    /// The elements.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.item)
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no element was left out, so that the list as a whole can be judged.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }
}

impl<T: Shape> Shape for List<T> {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let elements = elements(value, at)?;
        let read = |(index, element): (usize, &Value)| {
            let at = at.element(index);
            T::read(element, &at).ok().map(|item| Entry { place: at.place, index, item })
        };
        let entries: Vec<_> = elements.iter().enumerate().filter_map(read).collect();
        let whole = entries.len() == elements.len();
        Ok(Self { entries, whole })
    }
}

/// A list that need not be written at all.
#[derive(Debug, Clone)]
pub(crate) struct Omittable<T>(pub(crate) List<T>);

impl<T: Shape> Shape for Omittable<T> {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        List::read(value, at).map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self(List::default()))
    }
}

macro_rules! local_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(String);

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let slug = AreaId::from_str(text).map_err(|error| IdError { kind: $kind, ..error })?;
                Ok(Self(slug.into()))
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

local_ids! {
    /// An organisation that the text names.
    OrganisationId = "organisation";
    /// An industry that the text names.
    IndustryId = "industry";
    /// A goal or a fact.
    RemarkId = "remark";
}

/// The code of a unit, as ledgers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitCode(pub(crate) String);

impl Shape for UnitCode {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        String::read(value, at).map(Self)
    }
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        impl Shape for $name {
            fn read(value: &Value, at: &At<'_>) -> Read<Self> {
                text(value, "an id", at)?.parse().or_else(|error: IdError| at.refuse(error.to_string()))
            }
        }
    )*};
}

ids!(
    PlanId,
    AreaId,
    IndicatorId,
    CategoryId,
    ProjectId,
    MilestoneId,
    AgencyId,
    DocumentId,
    OrganisationId,
    IndustryId,
    RemarkId
);

/// The id of an element that a list of the folder defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ref<T>(pub(crate) T);

macro_rules! references {
    ($($name:ident: $list:literal, $text:expr;)*) => {$(
        impl Shape for Ref<$name> {
            fn read(value: &Value, at: &At<'_>) -> Read<Self> {
                let id = $name::read(value, at)?;
                let text: fn(&$name) -> &str = $text;
                if at.context.known.defines($list, text(&id)) {
                    Ok(Self(id))
                } else {
                    at.refuse(format!("{:?} is not in the list \"{}\"", text(&id), $list))
                }
            }
        }
    )*};
}

references! {
    DocumentId: "documents", DocumentId::as_str;
    CategoryId: "categories", CategoryId::as_str;
    UnitCode: "units", |unit| &unit.0;
    AreaId: "areas", AreaId::as_str;
    OrganisationId: "organisations", OrganisationId::as_ref;
    IndustryId: "industries", IndustryId::as_ref;
    IndicatorId: "indicators", IndicatorId::as_str;
    ProjectId: "projects", ProjectId::as_str;
    AgencyId: "agencies", AgencyId::as_str;
}

macro_rules! codes {
    ($($name:ident),*) => {$(
        impl Shape for $name {
            fn read(value: &Value, at: &At<'_>) -> Read<Self> {
                Self::from_code(text(value, "a code", at)?).or_else(|error| at.refuse(error.to_string()))
            }
        }
    )*};
}

codes!(
    Operator,
    OperatorSource,
    Accumulation,
    Basis,
    Frequency,
    PathKind,
    MeasureKind,
    ResultType,
    Aggregation,
    AreaKind,
    AreaStage,
    AssignmentRole,
    ProjectKind,
    MilestoneType
);

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = [$($word:literal),*];)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        #[allow(dead_code, reason = "a list with one word is only checked")]
        pub(crate) struct $name(pub(crate) &'static str);

        impl Shape for $name {
            fn read(value: &Value, at: &At<'_>) -> Read<Self> {
                let text = text(value, "a code", at)?;
                let known = [$($word),*];
                let word = known.into_iter().find(|word| *word == text);
                let refuse = || at.refuse(format!("{text:?} is not one of the codes: {}", known.join(", ")));
                word.map_or_else(refuse, |word| Ok(Self(word)))
            }
        }
    )*};
}

words! {
    /// What kind of goal is not scored.
    GoalKind = ["GOAL", "TASK", "BRAND", "SCENARIO"];
    /// What kind of fact.
    FactKind = ["CONTEXT", "REFERENCE", "DATA_QUALITY"];
    /// What kind of organisation.
    OrganisationKind = ["UNIVERSITY", "INSTITUTE", "COMPANY", "AGENCY", "OTHER"];
    /// How a figure is derived.
    DerivedKind = ["AREAS_AT_STAGE"];
}

/// The target that an assignment names.
struct TargetName {
    area: Ref<AreaId>,
    indicator: Ref<IndicatorId>,
}
shape!(TargetName { area, indicator });

impl Shape for Scope {
    fn read(value: &Value, at: &At<'_>) -> Read<Self> {
        let only = value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
        let Some((field, value)) = only else {
            return at.refuse("must be an object with one field: plan, area, indicator, target or project");
        };
        let at = &at.field(field);
        match field.as_str() {
            "plan" if value == &Value::Bool(true) => Ok(Self::Plan),
            "plan" => at.expected("true", value),
            "area" => Ref::read(value, at).map(|area| Self::Area(area.0)),
            "indicator" => Ref::read(value, at).map(|indicator| Self::Indicator(indicator.0)),
            "project" => Ref::read(value, at).map(|project| Self::Project(project.0)),
            "target" => {
                let TargetName { area: Ref(area), indicator: Ref(indicator) } = TargetName::read(value, at)?;
                match at.context.known.defines("targets", &format!("{area}/{indicator}")) {
                    true => Ok(Self::Target(area, indicator)),
                    false => at.refuse(format!("area \"{area}\" has no target of indicator \"{indicator}\"")),
                }
            }
            _ => at.refuse("is not a scope; the scopes are plan, area, indicator, target, project"),
        }
    }
}

//! Filters: `field OP value` joined by AND, a part of AIP-160.
//!
//! ```text
//! filter = [ condition { "AND" condition } ]
//! condition = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//! value = bare word | "…" | '…'      inside quotes \ takes the next character as it is
//! ```
//! Place in the flow: read at the edge of a list against the list's fields, then asked for each item. It must not know
//! which list it is of.

use jiff::civil::Date;
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::vocabulary::UnknownCode;

use crate::refusal::{self, Refused};

/// Longest filter, in characters.
const LENGTH_MAX: usize = 2_000;

/// What a field's values are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// An id.
    Id,
    /// A code of a closed list.
    Code(fn(&str) -> Result<(), UnknownCode>),
    /// A decimal number.
    Number,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// `true` or `false`.
    Bool,
}

/// A field that a list can be filtered by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// As it is written.
    pub(crate) name: &'static str,
    /// What its values are.
    pub(crate) kind: Kind,
}

/// The field of this name and kind.
pub(crate) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// A value of a field: in a condition, or of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub(crate) enum Value {
    /// An id or a code.
    Text(String),
    /// A number.
    Number(Decimal),
    /// A day.
    Date(Date),
    /// Yes or no.
    Bool(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Operators as they are written; one that begins like another comes first.
const OPS: [(&str, Op); 6] =
    [("!=", Op::Unequal), ("<=", Op::AtMost), (">=", Op::AtLeast), ("=", Op::Equal), ("<", Op::Less), (">", Op::More)];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    field: &'static str,
    op: Op,
    value: Value,
}

/// Conditions that all hold for the items of a list; none = all items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter(Vec<Condition>);

impl Filter {
    /// Reads `text`, which may name `fields`.
    pub(crate) fn parse(text: &str, fields: &[Field]) -> Result<Self, Refused> {
        if text.chars().count() > LENGTH_MAX {
            return Err(refusal::bad_filter(LENGTH_MAX + 1, &format!("longer than {LENGTH_MAX} characters")));
        }
        let mut cursor = Cursor { text, at: 0 };
        let mut conditions = Vec::new();
        cursor.skip_space();
        while !cursor.rest().is_empty() {
            if !conditions.is_empty() {
                cursor.and()?;
            }
            conditions.push(cursor.condition(fields)?);
            cursor.skip_space();
        }
        Ok(Self(conditions))
    }

    /// Whether a condition speaks of `field`.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.0.iter().any(|condition| condition.field == field)
    }

    /// The conditions on `fields`, and the others.
    pub(crate) fn split(self, fields: &[&str]) -> (Self, Self) {
        let (these, others) = self.0.into_iter().partition(|condition| fields.contains(&condition.field));
        (Self(these), Self(others))
    }

    /// Whether every condition holds for an item with these values; none = the item has no value, which is unequal to
    /// every value.
    pub(crate) fn matches(&self, value_of: impl Fn(&str) -> Option<Value>) -> bool {
        self.0.iter().all(|condition| match value_of(condition.field) {
            Some(value) => condition.holds(&value),
            None => condition.op == Op::Unequal,
        })
    }

    /// Whether there is no condition.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        match self.op {
            Op::Equal => *value == self.value,
            Op::Unequal => *value != self.value,
            Op::Less => *value < self.value,
            Op::AtMost => *value <= self.value,
            Op::More => *value > self.value,
            Op::AtLeast => *value >= self.value,
        }
    }
}

/// A place in the text; always between two characters.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, at: usize, fault: &str) -> Refused {
        let before = self.text.get(..at).unwrap_or_default();
        refusal::bad_filter(before.chars().count() + 1, fault)
    }

    fn skip_space(&mut self) {
        self.take(char::is_whitespace);
    }

    /// Takes characters as long as they are `wanted`.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn and(&mut self) -> Result<(), Refused> {
        let at = self.at;
        match self.take(|character| !character.is_whitespace()) {
            "AND" => {
                self.skip_space();
                Ok(())
            }
            found => Err(self.fault(at, &format!("AND is expected, not {found:?}"))),
        }
    }

    fn condition(&mut self, fields: &[Field]) -> Result<Condition, Refused> {
        let at = self.at;
        let name = self.take(|character| character.is_ascii_alphanumeric() || character == '_');
        let field = fields.iter().find(|field| field.name == name).ok_or_else(|| {
            let known = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
            self.fault(at, &format!("{name:?} is not a field; the fields are {known}"))
        })?;
        self.skip_space();
        let op = self.op(field)?;
        self.skip_space();
        let at = self.at;
        let text = self.value()?;
        let value = field.value(&text).map_err(|fault| self.fault(at, &fault))?;
        Ok(Condition { field: field.name, op, value })
    }

    fn op(&mut self, field: &Field) -> Result<Op, Refused> {
        let at = self.at;
        let found = OPS.iter().find(|(text, _)| self.rest().starts_with(text));
        let allowed = if field.is_ordered() { "=, !=, <, <=, >, >=" } else { "=, !=" };
        match found {
            Some((text, op)) if field.is_ordered() || matches!(op, Op::Equal | Op::Unequal) => {
                self.at += text.len();
                Ok(*op)
            }
            _ => Err(self.fault(at, &format!("one of {allowed} is expected behind {}", field.name))),
        }
    }

    fn value(&mut self) -> Result<String, Refused> {
        let at = self.at;
        match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => match self.take(|character| !character.is_whitespace() && !"\"'=<>!()".contains(character)) {
                "" => Err(self.fault(at, "a value is expected")),
                bare => Ok(bare.to_owned()),
            },
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Refused> {
        let start = self.at;
        let mut value = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                _ if character == quote => {
                    self.at = start + index + quote.len_utf8();
                    return Ok(value);
                }
                _ => value.push(character),
            }
        }
        Err(self.fault(start, &format!("the quote {quote} is not closed")))
    }
}

impl Field {
    const fn is_ordered(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::Date)
    }

    fn value(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            Kind::Id => Ok(text.into()),
            Kind::Code(check) => check(text).map(|()| text.into()).map_err(|error| error.to_string()),
            Kind::Number => parse_decimal(text).map(Value::Number).map_err(|error| error.to_string()),
            Kind::Date => {
                // jiff reads other forms too; one is enough.
                let date = if text.len() == 10 { text.parse().ok() } else { None };
                date.map(Value::Date).ok_or_else(|| format!("{text:?} is not a day of the form YYYY-MM-DD"))
            }
            Kind::Bool => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(format!("{text:?} is neither true nor false")),
            },
        }
    }
}

#[cfg(test)]
mod tests;

//! From JSON to typed records, keeping the path.
//!
//! Place in the flow: `format` declares the records, `shapes` the types of their fields; both read through [`Cursor`],
//! which notes every fault and goes on. It must not know: which records there are.

use serde_json::{Map, Value};

use crate::editions::Editions;
use crate::fault::{Faults, Place};
use crate::known::Known;

/// A fault was noted; there is no value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted;

/// A value, unless a fault was noted instead.
pub(crate) type Read<T> = Result<T, Noted>;

/// What a value is judged by.
#[derive(Debug)]
pub(crate) struct Context {
    /// The ids that references may name.
    pub(crate) known: Known,
    /// The texts that spans quote.
    pub(crate) editions: Editions,
    /// Where faults go.
    pub(crate) faults: Faults,
}

/// A value's place, and what it is judged by.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    /// What it is judged by.
    pub(crate) context: &'a Context,
    /// Where it stands.
    pub(crate) place: Place,
}

impl At<'_> {
    /// The field `name` of the object here.
    pub(crate) fn field(&self, name: &str) -> Self {
        Self { context: self.context, place: self.place.field(name) }
    }

    /// The element `index` of the list here.
    pub(crate) fn element(&self, index: usize) -> Self {
        Self { context: self.context, place: self.place.element(index) }
    }

    /// Notes a fault here.
    pub(crate) fn note(&self, reason: impl Into<String>) {
        self.context.faults.add(&self.place, reason);
    }

    /// Notes a fault here, instead of a value.
    pub(crate) fn refuse<T>(&self, reason: impl Into<String>) -> Read<T> {
        self.note(reason);
        Err(Noted)
    }

    /// Notes that `value` is not `wanted`.
    pub(crate) fn expected<T>(&self, wanted: &str, value: &Value) -> Read<T> {
        match value {
            Value::Null => self.refuse(format!("must be {wanted}, not null")),
            Value::Array(_) => self.refuse(format!("must be {wanted}, is a list")),
            Value::Object(_) => self.refuse(format!("must be {wanted}, is an object")),
            leaf => self.refuse(format!("must be {wanted}, is {leaf}")),
        }
    }
}

/// A type that a field can have.
pub(crate) trait Shape: Sized {
    /// Reads `value`, which stands at `at`.
    fn read(value: &Value, at: &At<'_>) -> Read<Self>;

    /// What a field of this type is when it is not written; none = it must be.
    fn absent() -> Option<Self> {
        None
    }
}

/// The fields of an object.
pub(crate) struct Cursor<'a> {
    fields: &'a Map<String, Value>,
    at: &'a At<'a>,
}

impl<'a> Cursor<'a> {
    /// The object `value`.
    pub(crate) fn new(value: &'a Value, at: &'a At<'a>) -> Read<Self> {
        match value.as_object() {
            Some(fields) => Ok(Self { fields, at }),
            None => at.expected("an object", value),
        }
    }

    /// The field `name`.
    pub(crate) fn read<T: Shape>(&self, name: &str) -> Read<T> {
        let at = self.at.field(name);
        match self.fields.get(name) {
            Some(value) => T::read(value, &at),
            None => T::absent().map_or_else(|| at.refuse("is missing"), Ok),
        }
    }

    /// Refuses fields that are none of `known`, and readings (`interpreted`) of fields that are none of them.
    pub(crate) fn finish(&self, known: &[&str]) {
        for name in self.fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.at.field(name).note(format!("is not a field here; the fields are {}", known.join(", ")));
        }
        let interpreted = self.fields.get("interpreted").and_then(Value::as_array);
        for (index, name) in interpreted.into_iter().flatten().enumerate() {
            if name.as_str().is_some_and(|name| !known.contains(&name)) {
                self.at.field("interpreted").element(index).note(format!("{name} is not a field of this object"));
            }
        }
    }
}

/// Reads a struct field by field: all of them, so that every fault is noted, then the struct.
macro_rules! shape {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::cursor::Shape for $name {
            fn read(value: &serde_json::Value, at: &$crate::cursor::At<'_>) -> $crate::cursor::Read<Self> {
                let fields = $crate::cursor::Cursor::new(value, at)?;
                $(let $field = fields.read(stringify!($field).trim_start_matches("r#"));)*
                fields.finish(&[$(stringify!($field).trim_start_matches("r#")),*]);
                Ok(Self { $($field: $field?,)* })
            }
        }
    };
}

/// Declares a record and how it is read.
macro_rules! record {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[allow(dead_code, reason = "a record has every field of the format, also one that is only checked")]
        pub(crate) struct $name { $(pub(crate) $field: $type,)* }
        $crate::cursor::shape!($name { $($field,)* });
    )*};
}

pub(crate) use {record, shape};

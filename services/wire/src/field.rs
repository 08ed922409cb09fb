//! Reading one field: ids, numbers, codes, days, texts, lists and messages.
//!
//! Place in the flow: every payload's conversion is made of these readers; each gives a value of the domain or
//! reports what is wrong at its place and gives nothing. It must not know: which message the field is of.

use std::str::FromStr;

use jiff::civil::Date;
use songhua_domain::event::TEXT_LENGTH_MAX;
use songhua_domain::id::IdError;
use songhua_domain::quantity::{Decimal, parse_decimal};
use uuid::Uuid;

use crate::code::Code;
use crate::google;
use crate::time::date_from_pb;
use crate::violation::At;

/// Longest name, title, code or label, in characters.
pub const NAME_LENGTH_MAX: usize = 200;
/// Longest correlation id, in characters.
pub const CORRELATION_LENGTH_MAX: usize = 128;
/// Most entries of a list within an event.
pub const LIST_LENGTH_MAX: usize = 200;

/// A domain value that is a message of the contract.
pub(crate) trait FromWire: Sized {
    /// The message.
    type Wire;
    /// Reads the message that stands at `at`; what is wrong is reported there.
    fn read(at: At<'_>, wire: &Self::Wire) -> Option<Self>;
}

/// Reads a UUID in its hyphenated form.
///
/// # Errors
/// A description of the form that is expected.
pub fn uuid_from_text(text: &str) -> Result<Uuid, &'static str> {
    const EXPECTED: &str = "is not a UUID such as 0197a3c2-5b1e-7c40-9d2f-3e8a6b4c1d20, or it is all zeros";
    if text.len() != 36 {
        return Err(EXPECTED);
    }
    Uuid::try_parse(text).ok().filter(|uuid| !uuid.is_nil()).ok_or(EXPECTED)
}

/// Ids, numbers and codes.
impl At<'_> {
    pub(crate) fn id<T: FromStr<Err = IdError>>(&self, text: &str) -> Option<T> {
        self.accept(text.parse())
    }
    pub(crate) fn optional_id<T: FromStr<Err = IdError>>(&self, text: &str) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { self.id(text).map(Some) }
    }
    pub(crate) fn uuid(&self, text: &str) -> Option<Uuid> {
        self.accept(uuid_from_text(text))
    }
    pub(crate) fn optional_uuid(&self, text: &str) -> Option<Option<Uuid>> {
        if text.is_empty() { Some(None) } else { self.uuid(text).map(Some) }
    }
    pub(crate) fn uuid_bytes(&self, bytes: &[u8]) -> Option<Uuid> {
        match Uuid::from_slice(bytes) {
            Ok(uuid) if !uuid.is_nil() => Some(uuid),
            _ => self.refuse(format!("has {} bytes, 16 that are not all zero are required", bytes.len())),
        }
    }
    pub(crate) fn digest(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        let result = <[u8; 32]>::try_from(bytes);
        self.accept(result.map_err(|_| format!("has {} bytes, a SHA-256 has 32", bytes.len())))
    }
    pub(crate) fn optional_digest(&self, bytes: &[u8]) -> Option<Option<[u8; 32]>> {
        if bytes.is_empty() { Some(None) } else { self.digest(bytes).map(Some) }
    }
    pub(crate) fn decimal(&self, text: &str) -> Option<Decimal> {
        self.accept(parse_decimal(text))
    }
    pub(crate) fn optional_decimal(&self, text: &str) -> Option<Option<Decimal>> {
        if text.is_empty() { Some(None) } else { self.decimal(text).map(Some) }
    }
    pub(crate) fn code<C: Code>(&self, value: i32) -> Option<C> {
        self.accept(C::from_wire(value))
    }
    pub(crate) fn code_or<C: Code>(&self, value: i32, unset: C) -> Option<C> {
        if value == 0 { Some(unset) } else { self.code(value) }
    }
    pub(crate) fn optional_code<C: Code>(&self, value: i32) -> Option<Option<C>> {
        if value == 0 { Some(None) } else { self.code(value).map(Some) }
    }
}

/// Days.
impl At<'_> {
    pub(crate) fn date(&self, date: Option<&google::type_::Date>) -> Option<Date> {
        match date {
            Some(date) => self.accept(date_from_pb(date)),
            None => self.refuse("is required"),
        }
    }
    pub(crate) fn optional_date(&self, date: Option<&google::type_::Date>) -> Option<Option<Date>> {
        date.map_or(Some(None), |date| self.accept(date_from_pb(date)).map(Some))
    }
}

/// Texts.
impl At<'_> {
    /// One line of at most [`NAME_LENGTH_MAX`] characters; may be empty.
    pub(crate) fn name(&self, text: &str) -> Option<String> {
        self.line(text, NAME_LENGTH_MAX)
    }
    /// A name that says something.
    pub(crate) fn required_name(&self, text: &str) -> Option<String> {
        self.required(text)?;
        self.name(text)
    }
    /// A name, if there is one.
    pub(crate) fn optional_name(&self, text: &str) -> Option<Option<String>> {
        self.name(text).map(|name| Some(name).filter(|name| !name.is_empty()))
    }

    /// One line of at most `longest` characters; may be empty.
    pub(crate) fn line(&self, text: &str, longest: usize) -> Option<String> {
        self.bounded(text, longest, |character| character.is_control())
    }
    /// Lines of at most [`TEXT_LENGTH_MAX`] characters together; may be empty.
    pub(crate) fn text(&self, text: &str) -> Option<String> {
        let refused = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        self.bounded(text, TEXT_LENGTH_MAX, refused)
    }
    /// A text that says something.
    pub(crate) fn required_text(&self, text: &str) -> Option<String> {
        self.required(text)?;
        self.text(text)
    }
    fn required(&self, text: &str) -> Option<()> {
        if self.is_limited() && text.trim().is_empty() { self.refuse("is required") } else { Some(()) }
    }
    fn bounded(&self, text: &str, longest: usize, refused: fn(char) -> bool) -> Option<String> {
        if self.is_limited() && !is_plain(text, longest) {
            let length = text.chars().count();
            if length > longest {
                return self.refuse(format!("has {length} characters, at most {longest} are allowed"));
            }
            if let Some(control) = text.chars().find(|character| refused(*character)) {
                return self.refuse(format!("contains the control character U+{:04X}", u32::from(control)));
            }
        }
        Some(text.to_owned())
    }
}

/// Whether a text has no more than `longest` bytes and, for certain, no control character: most texts, told without
/// taking them apart. Control characters beyond ASCII (U+0080 to U+009F) begin with the byte C2.
fn is_plain(text: &str, longest: usize) -> bool {
    let suspect = |byte: u8| byte < 0x20 || byte == 0x7f || byte == 0xc2;
    text.len() <= longest && !text.bytes().fold(false, |found, byte| found | suspect(byte))
}

/// Lists and messages.
impl At<'_> {
    /// Every entry of a list of at most `longest`, read by `read`.
    pub(crate) fn each<W, T>(
        &self,
        list: &[W],
        longest: usize,
        read: impl Fn(At<'_>, &W) -> Option<T>,
    ) -> Option<Vec<T>> {
        if self.is_limited() && list.len() > longest {
            return self.refuse(format!("has {} entries, at most {longest} are allowed", list.len()));
        }
        // Every entry is read, also after a fault, so that all faults are found.
        let read: Vec<Option<T>> =
            list.iter().enumerate().map(|(index, entry)| read(self.item(index), entry)).collect();
        read.into_iter().collect()
    }
    pub(crate) fn list<T: FromWire>(&self, list: &[T::Wire]) -> Option<Vec<T>> {
        self.each(list, LIST_LENGTH_MAX, T::read)
    }
    pub(crate) fn required_list<T: FromWire>(&self, list: &[T::Wire]) -> Option<Vec<T>> {
        if self.is_limited() && list.is_empty() {
            return self.refuse("needs at least one entry");
        }
        self.list(list)
    }
    pub(crate) fn texts(&self, list: &[String]) -> Option<Vec<String>> {
        self.each(list, LIST_LENGTH_MAX, |at, text| at.required_text(text))
    }
    pub(crate) fn names(&self, list: &[String]) -> Option<Vec<String>> {
        self.each(list, LIST_LENGTH_MAX, |at, text| at.required_name(text))
    }
    pub(crate) fn message<T: FromWire>(&self, message: Option<&T::Wire>) -> Option<T> {
        match message {
            Some(message) => T::read(*self, message),
            None => self.refuse("is required"),
        }
    }
    pub(crate) fn optional_message<T: FromWire>(&self, message: Option<&T::Wire>) -> Option<Option<T>> {
        message.map_or(Some(None), |message| T::read(*self, message).map(Some))
    }
}

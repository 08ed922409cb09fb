//! Fields of a message, in the order in which they are written: ascending, each at most once, nothing unknown.
//!
//! Place in the flow: below [`super`]. A field that is missing reads as empty or 0, as in the contract. It must not know:
//! which message it reads.

/// What is left of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// Wire types.
const VARINT: u64 = 0;
const LENGTH: u64 = 2;

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }
    /// Nothing else may be there.
    pub(super) const fn end(&self) -> Option<()> {
        if self.rest.is_empty() { Some(()) } else { None }
    }

    /// The number of field `tag`; none where what is there cannot be read here.
    pub(super) fn number(&mut self, tag: u32) -> Option<u64> {
        if self.skip_key(tag, VARINT) { varint(&mut self.rest) } else { Some(0) }
    }
    /// The bytes of field `tag`.
    pub(super) fn bytes(&mut self, tag: u32) -> Option<&'a [u8]> {
        if self.skip_key(tag, LENGTH) { self.take() } else { Some(&[]) }
    }
    /// The text of field `tag`.
    pub(super) fn text(&mut self, tag: u32) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(tag)?).ok()
    }
    /// The message of field `tag`; a missing one reads as an empty one.
    pub(super) fn message(&mut self, tag: u32) -> Option<Self> {
        self.bytes(tag).map(Self::of)
    }
    /// The message of field `tag`, if it is there.
    pub(super) fn optional(&mut self, tag: u32) -> Option<Option<Self>> {
        if self.skip_key(tag, LENGTH) { self.take().map(|bytes| Some(Self::of(bytes))) } else { Some(None) }
    }
    /// The one field that is left, with its number.
    pub(super) fn last_bytes(&mut self) -> Option<(u32, &'a [u8])> {
        let key = varint(&mut self.rest)?;
        if key & 7 != LENGTH {
            return None;
        }
        let bytes = self.take()?;
        self.end()?;
        Some((u32::try_from(key >> 3).ok()?, bytes))
    }
    /// The one message that is left, with its number.
    pub(super) fn last_message(&mut self) -> Option<(u32, Self)> {
        self.last_bytes().map(|(tag, bytes)| (tag, Self::of(bytes)))
    }

    fn take(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(varint(&mut self.rest)?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    /// Whether the next field is this one, which is then begun. Only for tags below 16: their key is one byte.
    fn skip_key(&mut self, tag: u32, wire_type: u64) -> bool {
        match self.rest.split_first() {
            Some((key, rest)) if u64::from(*key) == u64::from(tag) << 3 | wire_type => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

/// Takes a number of at most 63 bits off the front, written as short as it can be.
fn varint(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..9 {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << (place * 7);
        if *byte < 0x80 {
            return (place == 0 || *byte > 0).then_some(number);
        }
    }
    None
}

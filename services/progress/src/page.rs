//! Pages of lists (AIP-158): sizes, and tokens that keep all pages of a list at one day and one position.
//!
//! ```text
//! token = hex( 2 ‖ from u64 ‖ total u32 ‖ position u64 ‖ year i16, month, day
//!              ‖ UUIDv5 of the list and its other arguments )
//! from = items on the pages before; in a list that is read from its end, the position of the last of them
//! ```
//! Place in the flow: read at the edge of a list, used to cut its items. Tokens guard against mistakes, not against
//! forgery: a forged one shows nothing that its bearer may not see anyway. It must not know what is listed.

use jiff::civil::Date;
use prost::Message;
use songhua_wire::pb;
use uuid::Uuid;

use crate::as_of::Pinned;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// Items of a page where the request says nothing.
const SIZE_DEFAULT: i32 = 50;
/// Most items of a page.
const SIZE_MAX: i32 = 1_000;
/// Version of the token's form.
const FORM: u8 = 2;
/// Bytes of a token.
const TOKEN_BYTES: usize = 41;

/// The arguments of a list that a token goes with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a> {
    /// Which list.
    pub(crate) list: &'static str,
    /// Of what.
    pub(crate) parent: &'a str,
    /// Which items.
    pub(crate) filter: &'a str,
    /// When.
    pub(crate) as_of: Option<&'a pb::AsOf>,
}

impl Arguments<'_> {
    fn digest(&self) -> Uuid {
        let Self { list, parent, filter, as_of } = self;
        // A name has no line break, and the filter's length tells where it ends.
        let mut bytes = format!("{list}\n{parent}\n{}\n{filter}", filter.len()).into_bytes();
        bytes.extend(as_of.map(Message::encode_to_vec).unwrap_or_default());
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &bytes)
    }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// At most so many items.
    pub(crate) size: usize,
    from: u64,
    total: u32,
    arguments: Uuid,
    /// Where the first page was read; none for the first page.
    pub(crate) pinned: Option<Pinned>,
}

/// Items of one page.
pub(crate) struct Cut<'a, T> {
    /// The items.
    pub(crate) items: &'a [T],
    /// Token of the next page; empty at the end.
    pub(crate) next_page_token: String,
    /// Items of all pages.
    pub(crate) total_size: u32,
}

impl Page {
    /// Reads `page_size` and `page_token` of a request.
    pub(crate) fn read(arguments: &Arguments<'_>, size: i32, token: &str) -> Result<Self, Refused> {
        let size = match size {
            0 => SIZE_DEFAULT,
            size => size.min(SIZE_MAX),
        };
        let size = usize::try_from(size)
            .map_err(|_| refusal::invalid_field("page_size", &format!("{size} is negative; 0 means {SIZE_DEFAULT}")))?;
        let arguments = arguments.digest();
        if token.is_empty() {
            return Ok(Self { size, from: 0, total: 0, arguments, pinned: None });
        }
        let token = Token::read(token).ok_or_else(|| refusal::bad_page_token("cannot be read"))?;
        if token.arguments != arguments {
            return Err(refusal::bad_page_token("goes with other arguments than these"));
        }
        let Token { from, total, pinned, .. } = token;
        Ok(Self { size, from, total, arguments, pinned: Some(pinned) })
    }

    /// The part of `all` that is wanted.
    pub(crate) fn cut<'a, T>(&self, all: &'a [T], reading: &Reading) -> Cut<'a, T> {
        self.cut_at(all, Pinned { valid_date: reading.valid_date, position: reading.known() })
    }

    fn cut_at<'a, T>(&self, all: &'a [T], pinned: Pinned) -> Cut<'a, T> {
        let rest = usize::try_from(self.from).ok().and_then(|from| all.get(from..)).unwrap_or_default();
        let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        self.front(rest, total, pinned, |shown| self.from.saturating_add(shown.len() as u64))
    }

    /// In a list that is read from its end: the position of the last item of the pages before, and how many items all
    /// pages have; none for the first page.
    pub(crate) fn behind(&self) -> Option<(u64, u32)> {
        self.pinned.map(|_| (self.from, self.total))
    }

    /// The page of such a list: `rest` is what comes [behind](Self::behind), at least one item more than fit if there
    /// are any; all pages have `total`.
    pub(crate) fn cut_rest<'a, T>(
        &self,
        rest: &'a [T],
        total: u32,
        reading: &Reading,
        position: impl Fn(&T) -> u64,
    ) -> Cut<'a, T> {
        let pinned = Pinned { valid_date: reading.valid_date, position: reading.known() };
        self.front(rest, total, pinned, |shown| shown.last().map(position).unwrap_or_default())
    }

    fn front<'a, T>(&self, rest: &'a [T], total: u32, pinned: Pinned, from: impl FnOnce(&[T]) -> u64) -> Cut<'a, T> {
        let items = rest.get(..self.size).unwrap_or(rest);
        let more = rest.len() > items.len();
        let token = more.then(|| Token { from: from(items), total, pinned, arguments: self.arguments }.write());
        Cut { items, next_page_token: token.unwrap_or_default(), total_size: total }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    from: u64,
    total: u32,
    pinned: Pinned,
    arguments: Uuid,
}

impl Token {
    fn write(&self) -> String {
        let date = self.pinned.valid_date;
        let mut bytes = vec![FORM];
        bytes.extend(self.from.to_be_bytes());
        bytes.extend(self.total.to_be_bytes());
        bytes.extend(self.pinned.position.to_be_bytes());
        bytes.extend(date.year().to_be_bytes());
        bytes.extend(date.month().to_be_bytes());
        bytes.extend(date.day().to_be_bytes());
        bytes.extend(self.arguments.as_bytes());
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() != 2 * TOKEN_BYTES || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let byte = |index| u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok();
        let bytes = (0..TOKEN_BYTES).map(byte).collect::<Option<Vec<u8>>>()?;
        let (form, rest) = bytes.split_first()?;
        let (from, rest) = rest.split_first_chunk::<8>()?;
        let (total, rest) = rest.split_first_chunk::<4>()?;
        let (position, rest) = rest.split_first_chunk::<8>()?;
        let ([year_high, year_low, month, day], arguments) = rest.split_first_chunk::<4>()?;
        let year = i16::from_be_bytes([*year_high, *year_low]);
        let valid_date = Date::new(year, month.cast_signed(), day.cast_signed()).ok()?;
        let pinned = Pinned { valid_date, position: u64::from_be_bytes(*position) };
        let arguments = Uuid::from_slice(arguments).ok()?;
        let (from, total) = (u64::from_be_bytes(*from), u32::from_be_bytes(*total));
        (*form == FORM).then_some(Self { from, total, pinned, arguments })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use songhua_domain::vocabulary::Reason;

    use super::*;

    const ARGUMENTS: Arguments<'_> = Arguments { list: "circles", parent: "plans/p", filter: "batch = 1", as_of: None };
    const PINNED: Pinned = Pinned { valid_date: date(2026, 11, 23), position: 420 };

    fn page(size: i32, token: &str) -> Page {
        Page::read(&ARGUMENTS, size, token).unwrap()
    }

    #[test]
    fn a_size_of_0_is_50_and_more_than_1000_is_1000() {
        assert_eq!(page(0, "").size, 50);
        assert_eq!(page(7, "").size, 7);
        assert_eq!(page(5_000, "").size, 1_000);
        let refused = Page::read(&ARGUMENTS, -1, "").unwrap_err();
        assert_eq!((refused.reason, refused.violations[0].field.as_str()), (Reason::InvalidField, "page_size"));
    }

    #[test]
    fn pages_follow_each_other_to_the_end_at_the_same_day_and_position() {
        let all: Vec<u32> = (0..7).collect();
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let page = page(3, &token);
            assert_eq!(page.pinned, (!token.is_empty()).then_some(PINNED));
            let cut = page.cut_at(&all, PINNED);
            assert_eq!(cut.total_size, 7);
            seen.extend_from_slice(cut.items);
            token = cut.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
        let exactly = page(7, "").cut_at(&all, PINNED);
        assert!(exactly.next_page_token.is_empty());
    }

    #[test]
    fn a_token_goes_with_the_arguments_it_was_given_for_but_the_size_may_change() {
        let all = [0; 10];
        let token = page(3, "").cut_at(&all, PINNED).next_page_token;
        assert_eq!(page(5, &token).cut_at(&all, PINNED).items.len(), 5);
        let as_of = pb::AsOf { min_position: 1, ..Default::default() };
        let others = [
            Arguments { list: "projects", ..ARGUMENTS },
            Arguments { parent: "plans/q", ..ARGUMENTS },
            Arguments { filter: "batch = 2", ..ARGUMENTS },
            Arguments { as_of: Some(&as_of), ..ARGUMENTS },
        ];
        for other in others {
            assert_eq!(Page::read(&other, 3, &token).unwrap_err().reason, Reason::BadPageToken);
        }
    }

    #[test]
    fn garbage_is_no_token() {
        let token = page(1, "").cut_at(&[0; 2], PINNED).next_page_token;
        let other_form = format!("01{}", &token[2..]);
        let no_such_day = format!("{}0d{}", &token[..46], &token[48..]);
        for garbage in ["x", "00", &token[1..], &token.to_uppercase(), &"é".repeat(41), &other_form, &no_such_day] {
            assert_eq!(Page::read(&ARGUMENTS, 1, garbage).unwrap_err().reason, Reason::BadPageToken, "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_of_tokens_panic(text in "\\PC{0,80}|[0-9a-f]{82}") {
            drop(Page::read(&ARGUMENTS, 1, &text));
        }
    }
}

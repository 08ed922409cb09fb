//! The 64 bytes at the start of a segment, and the names of the files of a log. Layout: `FORMAT.md`.
//!
//! Place in the flow: written when a segment is begun, read first at every open and check.
//!
//! It must not know frames.

use uuid::Uuid;

use super::bytes::{u16_at, u32_at, u64_at};
use crate::identity::{HashAlgorithm, Identity, Position};

/// Bytes of a segment header; the first frame stands behind it.
pub(crate) const HEADER_BYTES: u64 = 64;
const LENGTH: usize = 64;
const MAGIC: &[u8; 8] = b"SONGHUA\0";
const VERSION: u16 = 1;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The history that the segment belongs to.
    pub(crate) identity: Identity,
    /// First position that the segment may hold.
    pub(crate) first: Position,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10] = self.identity.hash.byte();
        bytes[12..16].copy_from_slice(&self.identity.epoch.to_le_bytes());
        bytes[16..32].copy_from_slice(self.identity.log_id.as_bytes());
        bytes[32..40].copy_from_slice(&self.first.0.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header, or says what is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < LENGTH {
            return Err(format!("{} bytes where a header has {LENGTH}", bytes.len()));
        }
        if &bytes[0..8] != MAGIC {
            return Err("not a segment: the magic bytes are missing".to_owned());
        }
        if crc32c::crc32c(&bytes[..60]) != u32_at(bytes, 60) {
            return Err("the header does not match its checksum".to_owned());
        }
        let version = u16_at(bytes, 8);
        if version != VERSION {
            return Err(format!("format version {version}, this binary reads {VERSION}: upgrade it"));
        }
        let Some(hash) = HashAlgorithm::from_byte(bytes[10]) else {
            return Err(format!("hash algorithm {}, this binary knows 1 (SHA-256): upgrade it", bytes[10]));
        };
        let mut log_id = [0; 16];
        log_id.copy_from_slice(&bytes[16..32]);
        let identity = Identity { log_id: Uuid::from_bytes(log_id), epoch: u32_at(bytes, 12), hash };
        Ok(Self { identity, first: Position(u64_at(bytes, 32)) })
    }
}

/// Name of the segment that may hold `first` and what follows.
pub(crate) fn segment_name(first: Position) -> String {
    format!("{:020}.seg", first.0)
}

/// Name of that segment's companion.
pub(crate) fn companion_name(first: Position) -> String {
    format!("{:020}.idx", first.0)
}

/// The first position in a segment's name; `None` for every other file.
pub(crate) fn position_in_name(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(".seg")?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(Position)
}

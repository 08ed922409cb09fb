//! How far views have come, in a small file beside sled's: known before they are opened, which takes its time where
//! they are large.
//!
//! Place in the flow: written behind each write to sled; read before the log is opened, which is not cut where views
//! have seen more of it. What it says stays true when sled loses its last write. It must not know rows.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};
use songhua_log::Checkpoint;

/// The file: a checkpoint, and the first bytes of its SHA-256.
const NAME: &str = "seen";
/// The same file, while it is written.
const NEXT: &str = "seen.next";
/// So many of them.
const SUM_BYTES: usize = 8;

/// Says it of the views in `dir`.
pub(crate) fn write(dir: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let mut bytes = postcard::to_stdvec(checkpoint).map_err(io::Error::other)?;
    let sum = Sha256::digest(&bytes);
    bytes.extend(sum.iter().take(SUM_BYTES));
    fs::write(dir.join(NEXT), bytes)?;
    fs::rename(dir.join(NEXT), dir.join(NAME))
}

/// What the views in `dir` say; none if they do not, or not whole.
pub(crate) fn read(dir: &Path) -> Option<Checkpoint> {
    let bytes = fs::read(dir.join(NAME)).ok()?;
    let (said, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
    let is_whole = Sha256::digest(said).get(..SUM_BYTES) == Some(sum);
    is_whole.then(|| postcard::from_bytes(said).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use songhua_log::Position;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_was_said_is_read_and_what_is_not_whole_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()), None);
        let said = Checkpoint { log_id: Uuid::from_u128(7), epoch: 2, position: Position(300), leaf_hash: [9; 32] };
        write(dir.path(), &said).unwrap();
        assert_eq!(read(dir.path()), Some(said));
        let path = dir.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 1;
            fs::write(&path, &other).unwrap();
            assert_eq!(read(dir.path()), None, "byte {at} is another");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(dir.path()), None, "cut at {at}");
        }
        fs::write(&path, vec![0; whole.len()]).unwrap();
        assert_eq!(read(dir.path()), None, "zeros");
    }
}

//! Opening: from the files of a directory to a log that can be read, and written unless damage was found. The rules
//! stand in `FORMAT.md`, "Opening".
//!
//! Place in the flow: after the lock is taken, before the writer thread is started. The only place that ever cuts.
//!
//! It must not know callers.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::companion::{self, Companion};
use super::disk::{SegmentFile, open_rw, put_file, sync_directory};
use super::error::OpenError;
use super::evidence::{self, Evidence};
use super::frames::{FrameError, Frames, SCAN_CHUNK};
use super::header::{HEADER_BYTES, SegmentHeader, companion_name, position_in_name, segment_name};
use super::options::SegmentOptions;
use super::scan::{Scan, Verdict};
use super::sealed::{Sealed, SealedIndex};
use super::state::Active;
use crate::identity::{Identity, Position};

/// What an open found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// Where the log ends.
    pub head: Position,
    /// Segments, the active one included.
    pub segments: usize,
    /// The torn tail that was cut.
    pub cut: Option<Cut>,
    /// Files that were missing or unusable and were made again: companions, and the header of a segment that had just
    /// been begun.
    pub rebuilt: Vec<PathBuf>,
    /// Why the log takes no writes: damage that was found.
    pub read_only: Option<String>,
}

/// A torn tail: bytes that were never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub file: PathBuf,
    /// Where it was cut.
    pub offset: u64,
    /// How much was cut off.
    pub bytes: u64,
}

/// What a log is opened with.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) identity: Identity,
    pub(crate) sealed: Vec<Arc<Sealed>>,
    pub(crate) active: Active,
    pub(crate) recorded_time_us: i64,
    /// Whether the last records lack a mark or a later frame that proves them.
    pub(crate) unproven: bool,
    pub(crate) report: OpenReport,
}

/// Reads, checks and where allowed mends the log in `directory`, whose lock is held.
pub(crate) fn recover(directory: &Path, options: &SegmentOptions) -> Result<Recovered, OpenError> {
    let mut report = OpenReport::default();
    let (identity, mut files) = segment_files(directory, options, &mut report)?;
    report.segments = files.len();
    let mut sealed = Vec::new();
    while files.len() > 1 {
        let file = files.remove(0);
        match seal(&file, files[0].first, options, &mut report)? {
            Ok(index) => {
                let (last, bytes) = (Position(files[0].first.0 - 1), length_of(&file)?);
                sealed.push(Arc::new(Sealed { file: Arc::new(file), last, bytes, index }));
            }
            Err((mut scan, verdict)) => {
                let known = Position(files[0].first.0 - 1);
                let (error, proven) = match verdict {
                    Verdict::Damaged { error, proven } => (error, proven),
                    _ if scan.next > known => (more_behind(&scan), known),
                    _ => return Err(gap(&files[0], scan.next)),
                };
                scan.end_at(&error);
                report.read_only = Some(damage(&file, &error, proven));
                lacking(directory, identity, options, Position(scan.next.0 - 1));
                return Ok(recovered(identity, sealed, file, scan, false, report));
            }
        }
    }
    let file = files.remove(0);
    let (scan, unproven) = recover_active(directory, &file, identity, options, &mut report)?;
    Ok(recovered(identity, sealed, file, scan, unproven, report))
}

fn recovered(
    identity: Identity,
    sealed: Vec<Arc<Sealed>>,
    file: SegmentFile,
    scan: Scan,
    unproven: bool,
    report: OpenReport,
) -> Recovered {
    let report = OpenReport { head: Position(scan.next.0 - 1), ..report };
    let recorded_time_us = scan.recorded_time_us;
    let active = Active { file: Arc::new(file), end: scan.end, index: scan.index };
    Recovered { identity, sealed, active, recorded_time_us, unproven, report }
}

/// Opens all segments in order and checks that their headers belong together.
fn segment_files(
    directory: &Path,
    options: &SegmentOptions,
    report: &mut OpenReport,
) -> Result<(Identity, Vec<SegmentFile>), OpenError> {
    let firsts = segments_in(directory)?;
    let mut identity = None;
    let mut files = Vec::new();
    for (index, first) in firsts.iter().enumerate() {
        let last = index + 1 == firsts.len();
        let path = directory.join(segment_name(*first));
        let opened = if last { open_rw(&path) } else { File::open(&path) };
        let mut file = SegmentFile { first: *first, file: opened.map_err(|error| OpenError::io(&path, &error))?, path };
        let header = match (header_of(&file), identity) {
            // The process died when it had just begun this segment: nothing can be in it.
            (Err(OpenError::Header { .. }), Some(identity)) if last && length_of(&file)? <= HEADER_BYTES => {
                file = begin_again(file, identity, options)?;
                report.rebuilt.push(file.path.clone());
                header_of(&file)?
            }
            (header, _) => header?,
        };
        let expected = *identity.get_or_insert(header.identity);
        if header.identity != expected {
            let (found, expected) = (Box::new(header.identity), Box::new(expected));
            return Err(OpenError::Foreign { file: file.path, found, expected });
        }
        files.push(file);
    }
    match (identity, files.first()) {
        (Some(_), Some(file)) if file.first != Position::FIRST => Err(gap(file, Position::FIRST)),
        (Some(identity), Some(_)) => Ok((identity, files)),
        _ => Err(OpenError::NoLog { directory: directory.to_owned() }),
    }
}

/// First positions of the segments in `directory`, in order.
pub(crate) fn segments_in(directory: &Path) -> Result<Vec<Position>, OpenError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::NoLog { directory: directory.to_owned() },
        _ => OpenError::io(directory, &error),
    };
    let mut firsts = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        firsts.extend(position_in_name(&entry.map_err(failed)?.file_name().to_string_lossy()));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Reads a segment's header, which must say the position in the file's name.
pub(crate) fn header_of(file: &SegmentFile) -> Result<SegmentHeader, OpenError> {
    let mut bytes = [0; HEADER_BYTES as usize];
    let length = length_of(file)?.min(HEADER_BYTES) as usize;
    file.file.read_exact_at(&mut bytes[..length], 0).map_err(|error| OpenError::io(&file.path, &error))?;
    let refused =
        |detail: String| OpenError::Header { file: file.path.clone(), detail: format!("{detail}; restore it") };
    let header = SegmentHeader::decode(&bytes[..length]).map_err(refused)?;
    if header.first != file.first {
        return Err(refused(format!("the header says that the segment starts at position {}", header.first)));
    }
    Ok(header)
}

/// Length of a segment now.
pub(crate) fn length_of(file: &SegmentFile) -> Result<u64, OpenError> {
    Ok(file.file.metadata().map_err(|error| OpenError::io(&file.path, &error))?.len())
}

fn begin_again(file: SegmentFile, identity: Identity, options: &SegmentOptions) -> Result<SegmentFile, OpenError> {
    let SegmentFile { first, path, .. } = file;
    let header = SegmentHeader { identity, first };
    let put = put_file(&*options.disk, &path, &header.encode()).and_then(|()| open_rw(&path));
    let file = put.map_err(|error| OpenError::io(&path, &error))?;
    Ok(SegmentFile { first, path, file })
}

/// The error for a segment that does not start where the one before ends.
pub(crate) fn gap(behind: &SegmentFile, expected: Position) -> OpenError {
    let missing = behind.path.with_file_name(segment_name(expected));
    OpenError::Gap { file: behind.path.clone(), missing, expected, found: behind.first }
}

/// Why a log with a damaged frame takes no writes.
fn damage(file: &SegmentFile, error: &FrameError, proven: Position) -> String {
    format!(
        "damage at position {} in {} at byte {}: {}; positions up to {proven} may have been acknowledged: \
         restore the file from a backup or a replica",
        error.position,
        file.path.display(),
        error.offset,
        error.detail
    )
}

/// A sealed segment ends with its last frame: no crash leaves anything behind it.
fn more_behind(scan: &Scan) -> FrameError {
    let detail = "the segment is sealed, and goes on behind its last frame".to_owned();
    FrameError { position: scan.next, offset: scan.end, detail, io: false }
}

/// Why a log that ends before a position which was seen takes no writes.
fn lost(file: &SegmentFile, scan: &Scan, seen: &Evidence) -> String {
    let Evidence { source, log_id, epoch, position } = seen;
    format!(
        "{source} has seen position {position} of log {log_id} epoch {epoch}, but the log ends at position {} in {} at \
         byte {}; nothing was cut: restore it from a newer backup, or, if it is an older copy on purpose, let \
         `songhua restore` open a new epoch",
        scan.next.0 - 1,
        file.path.display(),
        scan.end
    )
}

/// Takes a sealed segment by its companion, or makes the companion again. The inner error is a scan of a segment that
/// does not end before `following`.
fn seal(
    file: &SegmentFile,
    following: Position,
    options: &SegmentOptions,
    report: &mut OpenReport,
) -> Result<Result<SealedIndex, (Scan, Verdict)>, OpenError> {
    let failed = |error: io::Error| OpenError::io(&file.path, &error);
    let path = file.path.with_file_name(companion_name(file.first));
    let length = length_of(file)?;
    let loaded = Companion::load(&path).ok();
    let fits = |it: &Companion| (it.first, it.segment_bytes, it.last().next()) == (file.first, length, following);
    if let Some(companion) = loaded.filter(fits) {
        return Ok(Ok(SealedIndex::Disk(companion)));
    }
    let scan = Scan::of(file, length, options.fingerprint, &mut |_, _| {}).map_err(failed)?;
    let verdict = scan.verdict(file, length, Position(following.0 - 1)).map_err(failed)?;
    if !matches!(verdict, Verdict::Whole) || scan.next != following {
        return Ok(Err((scan, verdict)));
    }
    let put = put_file(&*options.disk, &path, &companion::encode(file.first, length, &scan.index));
    match put.map_err(|error| error.to_string()).and_then(|()| Companion::load(&path)) {
        Ok(companion) => {
            report.rebuilt.push(path);
            Ok(Ok(SealedIndex::Disk(companion)))
        }
        // On a full disk the log opens all the same; the next open tries again.
        Err(error) => {
            tracing::warn!(companion = %path.display(), %error, "companion not written; its index stays in memory");
            Ok(Ok(SealedIndex::Memory(scan.index)))
        }
    }
}

/// A companion is made only when the next segment is there: one beside the last segment says that there was another.
fn nothing_behind(file: &SegmentFile, next: Position) -> Result<(), OpenError> {
    let companion = file.path.with_file_name(companion_name(file.first));
    match Companion::load(&companion) {
        Ok(sealed) if sealed.first == file.first && sealed.last().next() >= next => {
            let missing = file.path.with_file_name(segment_name(sealed.last().next()));
            Err(OpenError::Missing { missing, companion })
        }
        _ => Ok(()),
    }
}

fn recover_active(
    directory: &Path,
    file: &SegmentFile,
    identity: Identity,
    options: &SegmentOptions,
    report: &mut OpenReport,
) -> Result<(Scan, bool), OpenError> {
    let failed = |error: io::Error| OpenError::io(&file.path, &error);
    let length = length_of(file)?;
    let mut scan = Scan::of(file, length, options.fingerprint, &mut |_, _| {}).map_err(failed)?;
    let verdict = scan.verdict(file, length, Position::NONE).map_err(failed)?;
    if let Verdict::Damaged { error, proven } = verdict {
        scan.end_at(&error);
        report.read_only = Some(damage(file, &error, proven));
        lacking(directory, identity, options, Position(scan.next.0 - 1));
        return Ok((scan, false));
    }
    nothing_behind(file, scan.next)?;
    if let Some(seen) = lacking(directory, identity, options, Position(scan.next.0 - 1)) {
        report.read_only = Some(lost(file, &scan, &seen));
        return Ok((scan, false));
    }
    evidence::forget(directory);
    if matches!(verdict, Verdict::Torn) {
        let offset = scan.end;
        file.file.set_len(offset).map_err(failed)?;
        report.cut = Some(Cut { file: file.path.clone(), offset, bytes: length - offset });
    }
    let unproven = scan.next > scan.durable.next() && scan.next > file.first;
    if unproven {
        write_again(file, &scan, options).map_err(failed)?;
    }
    file.file.sync_all().and_then(|()| sync_directory(directory)).map_err(failed)?;
    Ok((scan, unproven))
}

/// What was seen of the log furthest beyond `head`, where it ends now. It is kept for the next open: followers of a log
/// that is shorter than they know begin anew, and forget what they have seen.
fn lacking(directory: &Path, identity: Identity, options: &SegmentOptions, head: Position) -> Option<Evidence> {
    let known: Vec<Evidence> = evidence::load(directory).into_iter().chain(options.evidence.iter().cloned()).collect();
    let seen = evidence::beyond(&known, identity, head)?;
    if let Err(error) = evidence::keep(&*options.disk, directory, seen) {
        tracing::warn!(log = %directory.display(), %error, "not kept for the next open: {}", seen.source);
    }
    Some(seen.clone())
}

/// Writes the frames that nothing proves durable once more, byte for byte. They may be in the page cache only, and
/// after a failed sync of the process before, the kernel takes them for clean: a sync alone would not save them.
fn write_again(file: &SegmentFile, scan: &Scan, options: &SegmentOptions) -> io::Result<()> {
    let from = scan.durable.next().max(file.first);
    let Some(near) = scan.index.sparse.at_or_before(from) else { return Ok(()) };
    let mut frames = Frames::new(file, near.offset, scan.end, near.position, SCAN_CHUNK);
    while let Ok(Some(header)) = frames.peek() {
        if header.next() > from {
            break;
        }
        frames.skip(&header);
    }
    let mut at = frames.offset;
    while at < scan.end {
        let mut bytes = vec![0; (scan.end - at).min(SCAN_CHUNK as u64) as usize];
        file.file.read_exact_at(&mut bytes, at)?;
        options.disk.write_at(&file.file, &bytes, at)?;
        at += bytes.len() as u64;
    }
    Ok(())
}

//! The memory of a process, as far as it is worth a search.
//!
//! Owns which mappings and pages are read: what the process wrote itself, and only what is in memory now, so that no
//! page has to be fetched, from a disk or from a user-space handler that never answers. Must not know rules.
use std::{
    fmt,
    fs::File,
    io,
    ops::Range,
    os::unix::{ffi::OsStrExt as _, fs::FileExt as _},
};

use boreal::memory::{FragmentedMemory, MemoryParams, Region, RegionDescription};

use crate::worker::procfs::ProcDir;

/// Bytes read of /proc/PID/maps: some 10,000 mappings.
const MAPS_MAX: usize = 1 << 20;
/// Mappings looked at.
const MAPPINGS_MAX: usize = 2048;
/// Bytes of one mapping looked at, from its begin: a miner's data set has 2 GiB and none of its marks.
const MAPPING_MAX: u64 = 32 << 20;
/// Bytes read of one process.
const BYTES_MAX: u64 = 64 << 20;
/// Runs of pages read of one process.
const RUNS_MAX: usize = 8192;
/// Bytes of a piece, and those it shares with the one before.
const PIECE: u64 = 1 << 20;
const OVERLAP: u64 = 16 << 10;
/// Bit 63 of an entry of /proc/PID/pagemap: the page is in memory (Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;

/// Memory in pieces of at most [`PIECE`] bytes, in the order of addresses.
pub(super) struct Pieces {
    mem: File,
    pieces: Vec<Range<u64>>,
    next: usize,
    buffer: Vec<u8>,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("pieces", &self.pieces.len()).finish()
    }
}

impl Pieces {
    /// What of this process is to be read now.
    ///
    /// # Errors
    /// The operating system's; the agent may not read it.
    pub(super) fn of(process: &dyn ProcDir) -> io::Result<Self> {
        let exe = process.link("exe").unwrap_or_default();
        let maps = process.read("maps", MAPS_MAX)?;
        let (mem, pagemap) = (process.file("mem")?, process.file("pagemap")?);
        let mut mappings: Vec<_> = maps
            .split(|byte| *byte == b'\n')
            .filter_map(|line| Mapping::of(line, exe.as_os_str().as_bytes()))
            .collect();
        // Code first, should there be more than is read.
        mappings.sort_by_key(|mapping| !mapping.executable);
        let runs = resident(&pagemap, &mappings);
        Ok(Self { mem, pieces: runs.into_iter().flat_map(cut).collect(), next: 0, buffer: Vec::new() })
    }

    /// Bytes that will be read.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.end - piece.start).sum()
    }
}

impl FragmentedMemory for Pieces {
    fn next(&mut self, _: &MemoryParams) -> Option<RegionDescription> {
        let piece = self.pieces.get(self.next)?;
        self.next += 1;
        let start = usize::try_from(piece.start).ok()?;
        Some(RegionDescription { start, length: usize::try_from(piece.end - piece.start).ok()? })
    }

    fn fetch(&mut self, _: &MemoryParams) -> Option<Region<'_>> {
        let piece = self.pieces.get(self.next.checked_sub(1)?)?;
        self.buffer.resize(usize::try_from(piece.end - piece.start).ok()?, 0);
        // Unmapped meanwhile: this piece is left out.
        self.mem.read_exact_at(&mut self.buffer, piece.start).ok()?;
        Some(Region { start: usize::try_from(piece.start).ok()?, mem: &self.buffer })
    }

    fn reset(&mut self) {
        self.next = 0;
    }
}

/// One line of /proc/PID/maps that is worth a look.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    start: u64,
    end: u64,
    executable: bool,
}

impl Mapping {
    /// Readable and private, and not of a library: anonymous, of the executable itself, of a memfd, or of a file that
    /// has no name any more.
    fn of(line: &[u8], exe: &[u8]) -> Option<Self> {
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let range = std::str::from_utf8(fields.next()?).ok()?;
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let &[b'r', _, execute, b'p'] = fields.next()? else { return None };
        let path = fields.nth(3).unwrap_or_default().trim_ascii_start();
        let own = match path {
            [] => true,
            [b'[', name @ ..] => {
                [b"heap".as_slice(), b"stack", b"anon"].iter().any(|own| name.starts_with(own))
            }
            path => path == exe || path.starts_with(b"/memfd:") || path.ends_with(b" (deleted)"),
        };
        (own && start < end).then_some(Self { start, end, executable: execute == b'x' })
    }
}

/// The runs of pages that are in memory, in the order of addresses, up to the caps.
fn resident(pagemap: &File, mappings: &[Mapping]) -> Vec<Range<u64>> {
    let page = rustix::param::page_size();
    let mut runs = Runs { runs: Vec::new(), page: page as u64, left: BYTES_MAX };
    for mapping in mappings.iter().take(MAPPINGS_MAX) {
        let pages = (mapping.end - mapping.start).min(MAPPING_MAX) / runs.page;
        let mut entries = vec![0; usize::try_from(pages * 8).unwrap_or(0)];
        if pagemap.read_exact_at(&mut entries, mapping.start / runs.page * 8).is_err() {
            continue;
        }
        for (entry, start) in entries.chunks_exact(8).zip((mapping.start..).step_by(page)) {
            let present = entry.try_into().is_ok_and(|entry| u64::from_ne_bytes(entry) & PRESENT != 0);
            if present && !runs.add(start) {
                return sorted(runs.runs);
            }
        }
    }
    sorted(runs.runs)
}

/// Pages put together.
struct Runs {
    runs: Vec<Range<u64>>,
    page: u64,
    /// Bytes that may still be added.
    left: u64,
}

impl Runs {
    /// Adds the page at `start`; `false` when that is too much.
    fn add(&mut self, start: u64) -> bool {
        let Some(left) = self.left.checked_sub(self.page) else { return false };
        self.left = left;
        let end = start.saturating_add(self.page);
        if let Some(run) = self.runs.last_mut().filter(|run| run.end == start) {
            run.end = end;
        } else if self.runs.len() < RUNS_MAX {
            self.runs.push(start..end);
        } else {
            return false;
        }
        true
    }
}

/// In the order of addresses, neighbours joined: a program and what follows it may be mappings of their own.
fn sorted(mut runs: Vec<Range<u64>>) -> Vec<Range<u64>> {
    runs.sort_by_key(|run| run.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if last.end == run.start => last.end = run.end,
            _ => joined.push(run),
        }
    }
    joined
}

/// Pieces that overlap, so that what lies across a border is in one of them whole.
fn cut(run: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = Some(run.start);
    std::iter::from_fn(move || {
        let from = start?;
        let to = run.end.min(from.saturating_add(PIECE));
        start = (to < run.end).then(|| to - OVERLAP);
        Some(from..to)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(line: &str) -> Option<bool> {
        Mapping::of(line.as_bytes(), b"/opt/x").map(|mapping| mapping.executable)
    }

    #[test]
    fn what_a_process_wrote_is_read_and_libraries_are_not() {
        let own = [
            ("00400000-0049a000 r-xp 00000000 00:00 0 ", true),
            ("00400000-0049a000 rw-p 00000000 00:00 0                          [heap]", false),
            ("00400000-0049a000 rw-p 00000000 00:00 0     [anon:stack]", false),
            ("00400000-0049a000 rwxp 00000000 00:01 77  /memfd:upX (deleted)", true),
            ("00400000-0049a000 r--p 00000000 08:01 77  /opt/x", false),
            ("00400000-0049a000 r--p 00000000 08:01 77  /tmp/a b (deleted)", false),
        ];
        for (line, executable) in own {
            assert_eq!(mapping(line), Some(executable), "{line}");
        }
        for line in [
            "00400000-0049a000 r-xp 00000000 08:01 77  /usr/lib/libc.so.6",
            "00400000-0049a000 r--s 00000000 00:00 0 ",
            "00400000-0049a000 ---p 00000000 00:00 0 ",
            "7ffd-8000 r-xp 00000000 00:00 0    [vdso]",
            "5-4 r-xp 0 0 0",
            "x-y r-xp 0 0 0",
            "4-5",
            "",
        ] {
            assert_eq!(mapping(line), None, "{line}");
        }
    }

    #[test]
    fn runs_are_joined_and_cut_with_an_overlap() {
        assert_eq!(sorted(vec![8..9, 0..4, 4..6]), [0..6, 8..9]);
        assert_eq!(cut(0..PIECE).collect::<Vec<_>>(), vec![0..PIECE; 1]);
        let (end, next) = (2 * PIECE, PIECE - OVERLAP);
        let pieces = [0..PIECE, next..next + PIECE, next + PIECE - OVERLAP..end];
        assert_eq!(cut(0..end).collect::<Vec<_>>(), pieces);
    }
}

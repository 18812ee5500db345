//! One pass over a file: its digest and the rules that match.
//!
//! Owns how a file is read: whole where it is small, else piece by piece, never mapped, since a mapped file that is
//! cut short ends its reader. Must not know whose file it is.
use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    time::{Duration, Instant},
};

use boreal::memory::{FragmentedMemory, MemoryParams, Region, RegionDescription};
use sha2::{Digest as _, Sha256};

use super::packed::packed;
use crate::{event::RuleMatch, rules::Rules, worker::digest::hex};

/// Largest file that is read whole, where an operator's rules may ask for `filesize`, and so the most memory that one
/// pass takes. The programs of miners have 1 to 10 MB. The bundled rules need no more than pieces.
pub(super) const WHOLE: u64 = 16 << 20;
/// Bytes of a piece of a larger file.
const PIECE: usize = 4 << 20;
/// Bytes that a piece shares with the one before it: longer than what rules look for in one place.
const OVERLAP: usize = 16 << 10;

/// What a file is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Rules that matched.
    pub matches: Vec<RuleMatch>,
    /// What packed it, or why it looks packed.
    pub packed: Option<String>,
    /// Time ran out before every rule was judged.
    pub partial: bool,
}

/// Reads a regular file once, digests and searches it.
///
/// # Errors
/// The operating system's; the file changed meanwhile; `time` ran out.
pub fn search_file(rules: &Rules, file: &File, time: Duration) -> io::Result<Searched> {
    let size = file.metadata()?.len();
    let until = Instant::now() + time;
    let whole_max = if rules.own > 0 { WHOLE } else { PIECE as u64 };
    let (sha256, (matches, complete)) =
        if size <= whole_max { whole(rules, file, size, until)? } else { pieces(rules, file, size, until)? };
    Ok(Searched { sha256, size, matches, packed: packed(file, size), partial: !complete })
}

type Found = (Vec<RuleMatch>, bool);

fn whole(rules: &Rules, file: &File, size: u64, until: Instant) -> io::Result<(String, Found)> {
    let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    let digest = hex(Sha256::digest(&bytes).as_slice());
    Ok((digest, rules.search(&bytes, left(until)?)))
}

fn pieces(rules: &Rules, file: &File, size: u64, until: Instant) -> io::Result<(String, Found)> {
    let mut pieces = Pieces::new(file, size, until);
    let found = rules.search_pieces(&mut pieces, false, left(until)?);
    Ok((pieces.finish()?, found))
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A file in pieces. The search goes through them in order first, and then perhaps asks for some again.
struct Pieces<'a> {
    file: &'a File,
    size: u64,
    until: Instant,
    /// The piece listed last.
    listed: Option<u64>,
    /// The piece whose bytes `buffer` holds.
    held: Option<u64>,
    buffer: Vec<u8>,
    hasher: Sha256,
    /// Bytes that went into the digest: all before this.
    digested: u64,
    failed: Option<io::Error>,
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("size", &self.size).field("digested", &self.digested).finish()
    }
}

/// From the start of one piece to the next.
const STRIDE: u64 = (PIECE - OVERLAP) as u64;

impl<'a> Pieces<'a> {
    fn new(file: &'a File, size: u64, until: Instant) -> Self {
        Self {
            file,
            size,
            until,
            listed: None,
            held: None,
            buffer: vec![0; PIECE],
            hasher: Sha256::new(),
            digested: 0,
            failed: None,
        }
    }

    /// Start and length of a piece; `None` behind the last.
    fn piece(&self, index: u64) -> Option<(u64, usize)> {
        let start = index.checked_mul(STRIDE)?;
        // The end of the piece before is the end of the file.
        let over = index > 0 && start.checked_add(OVERLAP as u64)? >= self.size;
        let rest = self.size.checked_sub(start).filter(|rest| *rest > 0 && !over)?;
        Some((start, usize::try_from(rest).unwrap_or(PIECE).min(PIECE)))
    }

    /// Reads a piece, unless it is there already, and digests what is new in it.
    fn load(&mut self, index: u64) -> io::Result<Option<(u64, usize)>> {
        let Some((start, length)) = self.piece(index) else { return Ok(None) };
        if self.held != Some(index) {
            left(self.until)?;
            self.held = None;
            let buffer = self.buffer.get_mut(..length).ok_or(io::ErrorKind::InvalidInput)?;
            self.file.read_exact_at(buffer, start)?;
            self.held = Some(index);
            let known = self.digested.checked_sub(start).and_then(|known| usize::try_from(known).ok());
            if let Some(new) = known.and_then(|known| buffer.get(known..)) {
                self.hasher.update(new);
                self.digested += new.len() as u64;
            }
        }
        Ok(Some((start, length)))
    }

    /// The digest; reads what the search did not come to.
    fn finish(mut self) -> io::Result<String> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        while self.digested < self.size {
            let index = self.digested.saturating_sub(OVERLAP as u64) / STRIDE;
            self.load(index)?;
        }
        Ok(hex(self.hasher.finalize().as_slice()))
    }
}

impl FragmentedMemory for &mut Pieces<'_> {
    fn next(&mut self, _: &MemoryParams) -> Option<RegionDescription> {
        if self.failed.is_some() {
            return None;
        }
        let index = self.listed.map_or(0, |listed| listed + 1);
        let (start, length) = self.piece(index)?;
        self.listed = Some(index);
        Some(RegionDescription { start: usize::try_from(start).ok()?, length })
    }

    fn fetch(&mut self, _: &MemoryParams) -> Option<Region<'_>> {
        match self.load(self.listed?) {
            Ok(found) => {
                let (start, length) = found?;
                Some(Region { start: usize::try_from(start).ok()?, mem: self.buffer.get(..length)? })
            }
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    fn reset(&mut self) {
        self.listed = None;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::rules::rules_of;

    const TIME: Duration = Duration::from_secs(60);

    fn rules() -> Rules {
        let text = "rule near { strings: $a = \"needle-one\" $b = \"needle-two\" condition: all of them }\n\
            rule elf { strings: $a = \"needle-one\" condition: uint32(0) == 0x464c457f and $a }\n\
            rule small { strings: $a = \"needle-one\" condition: $a and filesize < 5MB }";
        let (rules, problems) = rules_of("test.yar", text);
        assert_eq!(problems, vec![]);
        rules
    }

    /// A file of this size with marks at these places.
    fn file(size: u64, marks: &[(u64, &[u8])]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let chunk: Vec<u8> = (0..=255).collect::<Vec<u8>>().repeat(4096);
        let mut left = size;
        while left > 0 {
            let n = usize::try_from(left).unwrap().min(chunk.len());
            file.write_all(&chunk[..n]).unwrap();
            left -= n as u64;
        }
        for (at, mark) in marks {
            file.write_all_at(mark, *at).unwrap();
        }
        file
    }

    fn names(searched: &Searched) -> Vec<&str> {
        searched.matches.iter().map(|found| found.name.as_str()).collect()
    }

    fn digest(file: &File) -> String {
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        hex(Sha256::digest(&bytes).as_slice())
    }

    #[test]
    fn small_files_are_seen_whole() {
        let file = file(100_000, &[(0, b"\x7fELF"), (50, b"needle-one"), (99_990, b"needle-two")]);
        let searched = search_file(&rules(), &file, TIME).unwrap();
        assert_eq!(names(&searched), ["near", "elf", "small"]);
        assert_eq!((searched.sha256, searched.size, searched.partial), (digest(&file), 100_000, false));
        let nothing = search_file(&rules(), &tempfile::tempfile().unwrap(), TIME).unwrap();
        assert_eq!((nothing.size, nothing.matches), (0, vec![]));
    }

    #[test]
    fn marks_across_every_border_of_a_large_file_are_found_and_the_digest_is_the_file_s() {
        let border = 2 * STRIDE + OVERLAP as u64;
        for size in [WHOLE + 1, 5 * STRIDE, 5 * STRIDE + OVERLAP as u64, 5 * STRIDE + OVERLAP as u64 + 1] {
            for shift in [0, 1, 5, 9, 10] {
                let marks: [(u64, &[u8]); 3] =
                    [(0, b"\x7fELF"), (border - shift, b"needle-one"), (size - 10, b"needle-two")];
                let file = file(size, &marks);
                let searched = search_file(&rules(), &file, TIME).unwrap();
                assert_eq!(
                    names(&searched),
                    ["near", "elf"],
                    "{size} {shift}: in pieces filesize is unknown"
                );
                assert_eq!((searched.sha256, searched.size), (digest(&file), size));
            }
        }
    }

    #[test]
    fn bundled_rules_alone_take_no_more_memory_than_a_piece() {
        let known = crate::rules::known_of(
            "rule far { strings: $a = \"needle-one\" condition: $a }\n\
             rule sized { strings: $a = \"needle-one\" condition: $a and filesize > 0 }",
        );
        let small = file(PIECE as u64, &[(0, b"needle-one")]);
        assert_eq!(names(&search_file(&known.rules, &small, TIME).unwrap()), ["far", "sized"]);
        let larger = file(PIECE as u64 + 1, &[(PIECE as u64 - 9, b"needle-one")]);
        let searched = search_file(&known.rules, &larger, TIME).unwrap();
        assert_eq!((names(&searched), &searched.sha256), (vec!["far"], &digest(&larger)));
    }

    #[test]
    fn time_that_is_up_is_an_error_and_a_file_cut_short_too() {
        let large = file(WHOLE + 1, &[]);
        let error = search_file(&rules(), &large, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let mut pieces = Pieces::new(&large, WHOLE + 1, Instant::now() + TIME);
        large.set_len(PIECE as u64).unwrap();
        let (matches, _) = rules().search_pieces(&mut pieces, false, TIME);
        assert_eq!(matches, vec![]);
        assert_eq!(pieces.finish().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

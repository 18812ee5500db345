//! Marks of a packer in an ELF file.
//!
//! Owns what makes a program look packed: then what it runs is not in the file, and its memory is worth a search.
//! A packed program is no miner by that. Must not know rules.
use std::{fs::File, os::unix::fs::FileExt as _};

/// Bytes looked at from either end: UPX puts its header behind the program headers and a copy at the end
/// (`src/p_lx_elf.cpp` and `src/packhead.cpp` of UPX).
const EDGE: usize = 4096;
/// Bytes of the executable segment whose entropy is taken.
const SAMPLE: usize = 256 * 1024;
/// A segment of fewer bytes says nothing.
const SAMPLE_MIN: usize = 4096;
/// Bits a byte: machine code has 5.5 to 6.7, compressed or encrypted bytes above 7.9 for such a sample.
const ENTROPY_MIN: f64 = 7.4;
/// Program headers looked at.
const SEGMENTS: usize = 64;
/// `PT_LOAD` and `PF_X`, elf(5).
const LOAD: u64 = 1;
const EXECUTABLE: u64 = 1;

/// What packed the file, or why it looks packed.
pub(super) fn packed(file: &File, size: u64) -> Option<String> {
    let head = bytes(file, 0, EDGE)?;
    let elf = Elf::parse(&head)?;
    let tail = bytes(file, size.saturating_sub(EDGE as u64), EDGE).unwrap_or_default();
    if [&head, &tail].iter().any(|edge| memchr::memmem::find(edge, b"UPX!").is_some()) {
        return Some("UPX".to_owned());
    }
    if elf.sections {
        return None;
    }
    let (offset, length) = elf.code?;
    let sample = bytes(file, offset, usize::try_from(length).unwrap_or(SAMPLE).min(SAMPLE))?;
    let entropy = entropy(&sample);
    (sample.len() >= SAMPLE_MIN && entropy >= ENTROPY_MIN)
        .then(|| format!("no sections, and code of {entropy:.1} bits a byte"))
}

/// At most `length` bytes from `offset`; fewer where the file ends.
fn bytes(file: &File, offset: u64, length: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.checked_add(filled as u64)?).ok()? {
            0 => break,
            n => filled += n,
        }
    }
    buffer.truncate(filled);
    Some(buffer)
}

/// Bits a byte, 0 to 8.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// What of an ELF file's head is used.
struct Elf {
    /// It has a table of sections.
    sections: bool,
    /// The first executable segment: offset and length in the file.
    code: Option<(u64, u64)>,
}

/// Where the fields lie in the two classes, elf(5).
struct Layout {
    wide: bool,
    program_offset: usize,
    section_offset: usize,
    entry_size: usize,
    /// In a program header.
    flags: usize,
    offset: usize,
    length: usize,
}

const ELF64: Layout = Layout {
    wide: true,
    program_offset: 0x20,
    section_offset: 0x28,
    entry_size: 0x36,
    flags: 4,
    offset: 8,
    length: 0x20,
};
const ELF32: Layout = Layout {
    wide: false,
    program_offset: 0x1c,
    section_offset: 0x20,
    entry_size: 0x2a,
    flags: 0x18,
    offset: 4,
    length: 0x10,
};

impl Elf {
    fn parse(head: &[u8]) -> Option<Self> {
        let &[0x7f, b'E', b'L', b'F', class, data, ..] = head else { return None };
        let layout = if class == 2 { &ELF64 } else { &ELF32 };
        let field = |at: usize, size: usize| number(head.get(at..at.checked_add(size)?)?, data == 2);
        let word = |at: usize| field(at, if layout.wide { 8 } else { 4 });
        let (size, count) = (field(layout.entry_size, 2)?, field(layout.entry_size + 2, 2)?);
        let (section_count, sections) = (field(layout.entry_size + 6, 2)?, word(layout.section_offset)?);
        let first = usize::try_from(word(layout.program_offset)?).ok()?;
        let (size, count) = (usize::try_from(size).ok()?, usize::try_from(count).ok()?.min(SEGMENTS));
        let code = (0..count).find_map(|i| {
            let header = first.checked_add(i.checked_mul(size)?)?;
            let executable =
                field(header, 4)? == LOAD && field(header.checked_add(layout.flags)?, 4)? & EXECUTABLE != 0;
            let of = |at: usize| word(header.checked_add(at)?);
            executable.then(|| Some((of(layout.offset)?, of(layout.length)?))).flatten()
        });
        Some(Self { sections: section_count != 0 && sections != 0, code })
    }
}

fn number(bytes: &[u8], big_endian: bool) -> Option<u64> {
    let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    Some(if big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// An ELF64 file of one executable segment and no sections.
    fn elf(code: &[u8], sections: u16) -> Vec<u8> {
        let mut file = vec![0_u8; 0x78];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x20] = 0x40;
        file[0x28] = u8::from(sections > 0);
        file[0x36] = 0x38;
        file[0x38] = 1;
        file[0x3c..0x3e].copy_from_slice(&sections.to_le_bytes());
        file[0x40] = 1;
        file[0x44] = 5;
        file[0x48] = 0x78;
        file[0x60..0x68].copy_from_slice(&(code.len() as u64).to_le_bytes());
        file.extend_from_slice(code);
        file
    }

    fn judge(bytes: &[u8]) -> Option<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        packed(&file, bytes.len() as u64)
    }

    fn noise(length: usize) -> Vec<u8> {
        crate::rules::veil_bytes(&vec![0; length])
    }

    #[test]
    fn upx_is_told_by_its_mark_at_either_end() {
        let mut file = elf(&[0; 20_000], 7);
        assert_eq!(judge(&file), None);
        file[0x200..0x204].copy_from_slice(b"UPX!");
        assert_eq!(judge(&file).as_deref(), Some("UPX"));
        let mut file = elf(&[0; 20_000], 0);
        let end = file.len();
        file[end - 40..end - 36].copy_from_slice(b"UPX!");
        assert_eq!(judge(&file).as_deref(), Some("UPX"));
        file[10_000..10_004].copy_from_slice(b"UPX!");
        file[end - 40..end - 36].copy_from_slice(b"none");
        assert_eq!(judge(&file), None, "a packer holds its own mark somewhere in the middle");
    }

    #[test]
    fn a_file_without_sections_is_judged_by_its_code() {
        let told = judge(&elf(&noise(20_000), 0)).unwrap();
        assert!(told.starts_with("no sections, and code of 7.9") || told.contains("8.0 bits"), "{told}");
        assert_eq!(judge(&elf(&noise(20_000), 9)), None, "sections");
        assert_eq!(judge(&elf(&noise(2_000), 0)), None, "too little");
        let text: Vec<u8> = (0..20_000_u32).map(|i| b"mov rax, rbx; call"[i as usize % 18]).collect();
        assert_eq!(judge(&elf(&text, 0)), None);
    }

    #[test]
    fn a_head_that_lies_is_no_panic() {
        let good = elf(&noise(8_000), 0);
        for at in 0..0x78 {
            let mut bad = good.clone();
            for value in [0, 0x7f, 0xff] {
                bad[at..(at + 8).min(0x78)].fill(value);
                let _ = judge(&bad);
            }
            let _ = judge(&good[..at]);
        }
        assert_eq!(judge(b"#!/bin/sh\nUPX!"), None);
    }

    #[test]
    fn programs_of_this_host_are_not_packed() {
        for path in ["/bin/sh", "/usr/bin/env", "/proc/self/exe"] {
            let file = File::open(path).unwrap();
            let size = file.metadata().unwrap().len();
            assert_eq!(packed(&file, size), None, "{path}");
        }
    }
}

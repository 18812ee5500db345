//! Small programs with chosen bytes in them, for tests that look for bytes: they run, and do nothing but wait.
//!
//! Owns the ELF layout: headers and code in one segment, the chosen bytes in another, symbols behind both where they
//! are kept. Must not know what the bytes mean.

/// Virtual address of the first segment.
const BASE: u64 = 0x40_0000;
/// Offset, and distance in memory, of the second segment.
const DATA: u32 = 0x1000;
/// Size of the file's header and of one program header.
const HEADERS: u32 = 64 + 2 * 56;
/// Zero bytes behind each mark.
const GAP: usize = 61;

/// Where a program is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64.
    X86_64,
    /// AArch64.
    Aarch64,
}

/// A program to be made.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    /// Where it runs.
    pub machine: Machine,
    /// What it holds, spread out, in this order.
    pub marks: Vec<&'a [u8]>,
    /// Keeps symbols and section headers, as a program has that was not stripped.
    pub symbols: bool,
    /// Hides the marks until it runs: they lie in the file under this key, and UPX's magic lies where UPX has it. Only
    /// for x86-64.
    pub packed: Option<u8>,
}

impl<'a> Program<'a> {
    /// A stripped program for this machine's own processor family.
    #[must_use]
    pub fn new(marks: Vec<&'a [u8]>) -> Self {
        Self { machine: Machine::X86_64, marks, symbols: false, packed: None }
    }

    /// Bytes up to the end of what is loaded: a file that is cut here still runs.
    #[must_use]
    pub fn loaded(&self) -> usize {
        DATA as usize + self.data().len()
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let (code, data) = (self.code(), self.data());
        let mut file = Vec::new();
        let sections =
            if self.symbols { u64::from(DATA) + (data.len() + SECTION_NAMES.len()) as u64 } else { 0 };
        self.header(&mut file, sections);
        segment(&mut file, 5, 0, u64::from(HEADERS) + 12 + code.len() as u64);
        segment(&mut file, if self.packed.is_some() { 6 } else { 4 }, DATA.into(), data.len() as u64);
        // What UPX keeps behind the program headers: a checksum, its magic, sizes (l_info in its source).
        file.extend(if self.packed.is_some() { *b"\0\0\0\0UPX!\0\0\x0d\x16" } else { [0; 12] });
        file.extend(code);
        file.resize(DATA as usize, 0);
        file.extend(data);
        if self.symbols {
            sections_of(&mut file);
        }
        file
    }

    fn header(&self, file: &mut Vec<u8>, sections: u64) {
        file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        let machine: u16 = if self.machine == Machine::X86_64 { 62 } else { 183 };
        let count: u16 = if sections == 0 { 0 } else { 2 };
        file.extend([2u16.to_le_bytes(), machine.to_le_bytes()].concat());
        file.extend(1u32.to_le_bytes());
        file.extend([BASE + u64::from(HEADERS) + 12, 64, sections].map(u64::to_le_bytes).concat());
        file.extend(0u32.to_le_bytes());
        file.extend([64, 56, 2, 64, count, count.saturating_sub(1)].map(u16::to_le_bytes).concat());
    }

    fn data(&self) -> Vec<u8> {
        let key = self.packed.unwrap_or(0);
        let spread = self.marks.iter().flat_map(|mark| [mark, [0; GAP].as_slice()].concat());
        spread.map(|byte| byte ^ key).collect()
    }

    fn code(&self) -> Vec<u8> {
        match (self.machine, self.packed) {
            (Machine::X86_64, None) => PAUSE_X86_64.to_vec(),
            (Machine::X86_64, Some(key)) => [&unpack_x86_64(key, self.data().len()), PAUSE_X86_64].concat(),
            (Machine::Aarch64, _) => PPOLL_AARCH64.iter().flat_map(|word| word.to_le_bytes()).collect(),
        }
    }
}

/// `for (;;) pause();`
const PAUSE_X86_64: &[u8] = b"\xb8\x22\0\0\0\x0f\x05\xeb\xf7";

/// `for (;;) ppoll(0, 0, 0, 0, 0);`
const PPOLL_AARCH64: [u32; 8] =
    [0xd280_0000, 0xd280_0001, 0xd280_0002, 0xd280_0003, 0xd280_0004, 0xd280_0928, 0xd400_0001, 0x17ff_fff9];

/// Takes the key off the second segment: `lea rdi, data; mov ecx, length; again: xor byte [rdi], key; inc rdi;
/// dec ecx; jnz again`.
fn unpack_x86_64(key: u8, length: usize) -> Vec<u8> {
    let distance = DATA - HEADERS - 12 - 7;
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    [
        b"\x48\x8d\x3d".as_slice(),
        &distance.to_le_bytes(),
        b"\xb9",
        &length.to_le_bytes(),
        &[0x80, 0x37, key, 0x48, 0xff, 0xc7, 0xff, 0xc9, 0x75, 0xf6],
    ]
    .concat()
}

/// A program header of type `PT_LOAD`.
fn segment(file: &mut Vec<u8>, flags: u32, offset: u64, size: u64) {
    file.extend([1u32, flags].map(u32::to_le_bytes).concat());
    let at = BASE + offset;
    file.extend([offset, at, at, size, size, DATA.into()].map(u64::to_le_bytes).concat());
}

/// The only section is the one with the names of sections.
const SECTION_NAMES: &[u8; 16] = b"\0.shstrtab\0\0\0\0\0\0";

fn sections_of(file: &mut Vec<u8>) {
    let names = file.len() as u64;
    file.extend(SECTION_NAMES);
    file.extend([0; 64]);
    file.extend([1u32, 3].map(u32::to_le_bytes).concat());
    file.extend([0, 0, names, SECTION_NAMES.len() as u64].map(u64::to_le_bytes).concat());
    file.extend([0; 8]);
    file.extend([1u64, 0].map(u64::to_le_bytes).concat());
}

//! Capture files, block by block.
//!
//! Owns the read buffer and the framing of pcap and pcapng. Must not know link layers, nor what is in a packet.
//! Memory is bounded by [`MAX_BLOCK`], whatever the file claims.
use std::{
    io::{self, Read},
    ops::Range,
};

use pcap_parser::{
    LegacyPcapBlock, Linktype, PcapError, PcapHeader, nom::IResult, parse_block_be, parse_block_le,
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::section::{Found, Section};
use crate::event::BootTime;

/// Largest block that is read into memory, bytes. Packets are far smaller (libpcap's largest snap length is
/// 262,144); secrets and name-resolution blocks may be long.
const MAX_BLOCK: usize = 16 << 20;
/// Bytes asked of the file at a time.
const CHUNK: usize = 256 << 10;
/// Bytes of a pcap file's header.
const PCAP_HEADER: usize = 24;
/// Shortest pcapng block: type, length, length again. A section header's byte-order magic is in the same bytes.
const NG_MIN: usize = 12;
/// Block type of a pcapng section header, the same in both byte orders.
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Byte-order magic of a little-endian section.
const LITTLE: [u8; 4] = [0x4d, 0x3c, 0x2b, 0x1a];
/// Byte-order magic of a big-endian section.
const BIG: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];

type ParseRecord = fn(&[u8]) -> IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// One captured packet, as it lies in the buffer.
pub(super) struct Packet<'a> {
    /// When it was captured, since the Unix epoch.
    pub(super) at: BootTime,
    /// How to read `data`.
    pub(super) link: Linktype,
    /// What was captured of it.
    pub(super) data: &'a [u8],
}

/// How the file is written.
#[derive(Clone, Copy)]
enum Format {
    Pcap { parse: ParseRecord, header: usize, big_endian: bool },
    Ng { big_endian: bool },
}

/// Reads packets from a capture file.
pub(super) struct Blocks<R> {
    input: R,
    buffer: Vec<u8>,
    /// The part of `buffer` that was read and not yet consumed.
    filled: Range<usize>,
    format: Format,
    section: Section,
    /// Bytes consumed so far: where in the file the block at hand begins.
    offset: u64,
    packets: u64,
    truncated: Option<String>,
}

impl<R: Read> Blocks<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When the input cannot be read, and when it is no capture.
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut blocks = Self {
            input,
            buffer: Vec::new(),
            filled: 0..0,
            format: Format::Ng { big_endian: false },
            section: Section::default(),
            offset: 0,
            packets: 0,
            truncated: None,
        };
        blocks.fill(PCAP_HEADER)?;
        let head = blocks.data();
        if !head.starts_with(&SECTION_HEADER) {
            let Ok((_, header)) = parse_pcap_header(head) else {
                return Err(invalid(not_a_capture(head).to_owned()));
            };
            blocks.format = pcap(&header);
            blocks.section = Section::of_pcap(&header);
            blocks.consume(PCAP_HEADER);
        }
        Ok(blocks)
    }

    /// Packets read so far.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets in blocks of the obsolete kind, which are skipped.
    pub(super) fn obsolete(&self) -> u64 {
        self.section.obsolete()
    }

    /// Where the file was cut off, when it was.
    pub(super) fn truncated(&self) -> Option<&str> {
        self.truncated.as_deref()
    }

    /// The next packet; `None` at the end, also where the file is cut off.
    ///
    /// # Errors
    /// When the input cannot be read, and when a block contradicts itself. What follows it is lost.
    pub(super) fn next(&mut self) -> io::Result<Option<Packet<'_>>> {
        while let Some(total) = self.frame()? {
            let found = self.parse(total).map_err(|what| self.fault(&what))?;
            let block = self.filled.start..self.filled.start + total;
            self.consume(total);
            if let Some(Found { at, link, data }) = found {
                self.packets += 1;
                let data = self.buffer.get(block).and_then(|block| block.get(data)).unwrap_or_default();
                return Ok(Some(Packet { at, link, data }));
            }
        }
        Ok(None)
    }

    /// Brings the whole of the next block into the buffer and says how long it is.
    fn frame(&mut self) -> io::Result<Option<usize>> {
        let minimum = match self.format {
            Format::Pcap { header, .. } => header,
            Format::Ng { .. } => NG_MIN,
        };
        if !self.fill(minimum)? {
            return Ok(self.cut_off());
        }
        let total = self.declared_length().map_err(|what| self.fault(&what))?;
        if total > MAX_BLOCK {
            return Err(self.fault(&format!("claims {total} bytes, more than the {MAX_BLOCK} that are read")));
        }
        Ok(if self.fill(total)? { Some(total) } else { self.cut_off() })
    }

    /// Length of the block at hand, whose first bytes are in the buffer. A section header sets the byte order.
    fn declared_length(&mut self) -> Result<usize, String> {
        let head = self.data();
        match self.format {
            Format::Pcap { header, big_endian, .. } => Ok(header.saturating_add(word(head, 8, big_endian))),
            Format::Ng { mut big_endian } => {
                if head.starts_with(&SECTION_HEADER) {
                    big_endian = match head.get(8..NG_MIN) {
                        Some(magic) if magic == LITTLE => false,
                        Some(magic) if magic == BIG => true,
                        _ => return Err("begins a section but has no byte-order magic".to_owned()),
                    };
                }
                let total = word(head, 4, big_endian);
                self.format = Format::Ng { big_endian };
                if total < NG_MIN {
                    return Err(format!("claims {total} bytes, less than any block has"));
                }
                Ok(total)
            }
        }
    }

    fn parse(&mut self, total: usize) -> Result<Option<Found>, String> {
        let block = self.buffer.get(self.filled.start..self.filled.start + total).unwrap_or_default();
        // The whole block is here, so "incomplete" too means that it contradicts itself.
        let contradiction = "has a length that contradicts its content";
        match self.format {
            Format::Pcap { parse, header, .. } => {
                let (_, record) = parse(block).map_err(|_| contradiction)?;
                self.section.record(&record, header)
            }
            Format::Ng { big_endian } => {
                let parse = if big_endian { parse_block_be } else { parse_block_le };
                let (_, block) = parse(block).map_err(|_| contradiction)?;
                self.section.block(&block, big_endian)
            }
        }
    }

    fn data(&self) -> &[u8] {
        self.buffer.get(self.filled.clone()).unwrap_or_default()
    }

    fn consume(&mut self, bytes: usize) {
        self.filled.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads until `need` bytes are there; says whether they are.
    fn fill(&mut self, need: usize) -> io::Result<bool> {
        if self.filled.len() >= need {
            return Ok(true);
        }
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        if self.buffer.len() < need.max(CHUNK) {
            self.buffer.resize(need.max(CHUNK), 0);
        }
        while self.filled.len() < need {
            let space = self.buffer.get_mut(self.filled.end..).unwrap_or_default();
            match self.input.read(space) {
                Ok(0) => return Ok(false),
                Ok(read) => self.filled.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The file ends here; remembers when that is inside a block.
    fn cut_off(&mut self) -> Option<usize> {
        if !self.filled.is_empty() {
            let (bytes, packet, offset) = (self.filled.len(), self.packets + 1, self.offset);
            self.truncated = Some(format!(
                "the file ends inside packet {packet}, {bytes} bytes into the block at byte {offset}"
            ));
            self.consume(bytes);
        }
        None
    }

    fn fault(&self, what: &str) -> io::Error {
        invalid(format!("packet {}: the block at byte {} {what}", self.packets + 1, self.offset))
    }
}

fn pcap(header: &PcapHeader) -> Format {
    let big_endian = header.is_bigendian();
    let (parse, header): (ParseRecord, usize) = match (header.is_modified_format(), big_endian) {
        (true, _) => (parse_pcap_frame_modified, 24),
        (false, true) => (parse_pcap_frame_be, 16),
        (false, false) => (parse_pcap_frame, 16),
    };
    Format::Pcap { parse, header, big_endian }
}

fn not_a_capture(head: &[u8]) -> &'static str {
    match head {
        [] => "not a capture: the file is empty",
        [0x1f, 0x8b, ..] => "not a capture: compressed with gzip, decompress it first",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "not a capture: compressed with zstd, decompress it first",
        _ => "not a capture: neither pcap nor pcapng",
    }
}

fn word(bytes: &[u8], at: usize, big_endian: bool) -> usize {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    let word = if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    usize::try_from(word).unwrap_or(usize::MAX)
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

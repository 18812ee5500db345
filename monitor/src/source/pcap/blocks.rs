//! Capture files, block by block.
//!
//! Owns the framing of pcap and pcapng. Must not know link layers, nor what is in a packet.
//! Memory is bounded by [`MAX_BLOCK`], whatever the file claims.
use std::io::{self, Read};

use pcap_parser::{Linktype, PcapHeader, parse_block_be, parse_block_le, parse_pcap_header};

use super::{
    buffer::Buffer,
    section::{Found, Section},
};
use crate::event::BootTime;

/// Largest block that is read into memory, bytes: libpcap's largest snap length is 262,144. Blocks of kinds that are
/// not needed are passed over and may be longer.
const MAX_BLOCK: usize = 1 << 20;
/// Bytes of a pcap file's header.
const PCAP_HEADER: usize = 24;
/// Shortest pcapng block: type, length, length again. A section header's byte-order magic is in the same bytes.
const NG_MIN: usize = 12;
/// Block type of a pcapng section header, the same in both byte orders.
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Block types that are read: section header, interface, simple and enhanced packet (pcapng specification,
/// section 4).
const NEEDED: [u32; 4] = [0x0a0d_0d0a, 1, 3, ENHANCED_PACKET];
/// Block type of an enhanced packet block.
const ENHANCED_PACKET: u32 = 6;
/// Where its bytes begin (pcapng specification, section 4.3).
const ENHANCED_DATA: usize = 28;
/// Block type of the packet block that enhanced ones replaced (pcapng specification, appendix A).
const OBSOLETE_PACKET: u32 = 2;
/// Byte-order magic of a little-endian section.
const LITTLE: [u8; 4] = [0x4d, 0x3c, 0x2b, 0x1a];
/// Byte-order magic of a big-endian section.
const BIG: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];

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
    Pcap { header: usize, big_endian: bool },
    Ng { big_endian: bool },
}

/// Reads packets from a capture file.
pub(super) struct Blocks<R> {
    buffer: Buffer<R>,
    format: Format,
    section: Section,
    packets: u64,
    obsolete: u64,
    truncated: Option<String>,
}

impl<R: Read> Blocks<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When the input cannot be read, and when it is no capture.
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut blocks = Self {
            buffer: Buffer::new(input),
            format: Format::Ng { big_endian: false },
            section: Section::default(),
            packets: 0,
            obsolete: 0,
            truncated: None,
        };
        blocks.buffer.fill(PCAP_HEADER)?;
        let head = blocks.buffer.data();
        if !head.starts_with(&SECTION_HEADER) {
            let Ok((_, header)) = parse_pcap_header(head) else {
                return Err(invalid(not_a_capture(head).to_owned()));
            };
            blocks.format = pcap(&header);
            blocks.section = Section::of_pcap(&header);
            blocks.buffer.take(PCAP_HEADER);
        }
        Ok(blocks)
    }

    /// Packets read so far.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets in blocks of the obsolete kind, which are skipped.
    pub(super) fn obsolete(&self) -> u64 {
        self.obsolete
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
            if let Some(Found { at, link, data }) = found {
                self.packets += 1;
                let data = self.buffer.take(total).get(data).unwrap_or_default();
                return Ok(Some(Packet { at, link, data }));
            }
            self.buffer.take(total);
        }
        Ok(None)
    }

    /// Brings the whole of the next block that is needed into the buffer and says how long it is.
    fn frame(&mut self) -> io::Result<Option<usize>> {
        loop {
            let minimum = match self.format {
                Format::Pcap { header, .. } => header,
                Format::Ng { .. } => NG_MIN,
            };
            let begin = self.buffer.offset();
            if !self.buffer.fill(minimum)? {
                self.cut_off(begin);
                return Ok(None);
            }
            let total = self.declared_length().map_err(|what| self.fault(&what))?;
            let needed = self.is_needed();
            if needed && total > MAX_BLOCK {
                let what = format!("claims {total} bytes, more than the {MAX_BLOCK} that are read");
                return Err(self.fault(&what));
            }
            if !(if needed { self.buffer.fill(total) } else { self.buffer.pass_over(total) })? {
                self.cut_off(begin);
                return Ok(None);
            }
            if needed {
                return Ok(Some(total));
            }
        }
    }

    /// Whether the block at hand is of a kind that is read.
    fn is_needed(&mut self) -> bool {
        let Format::Ng { big_endian } = self.format else { return true };
        let kind = word(self.buffer.data(), 0, big_endian);
        self.obsolete += u64::from(kind == OBSOLETE_PACKET);
        NEEDED.contains(&kind)
    }

    /// Length of the block at hand, whose first bytes are in the buffer. A section header sets the byte order.
    fn declared_length(&mut self) -> Result<usize, String> {
        let head = self.buffer.data();
        match self.format {
            Format::Pcap { header, big_endian, .. } => Ok(header.saturating_add(length(head, 8, big_endian))),
            Format::Ng { mut big_endian } => {
                if head.starts_with(&SECTION_HEADER) {
                    big_endian = match head.get(8..NG_MIN) {
                        Some(magic) if magic == LITTLE => false,
                        Some(magic) if magic == BIG => true,
                        _ => return Err("begins a section but has no byte-order magic".to_owned()),
                    };
                }
                let total = length(head, 4, big_endian);
                self.format = Format::Ng { big_endian };
                if total < NG_MIN {
                    return Err(format!("claims {total} bytes, less than any block has"));
                }
                Ok(total)
            }
        }
    }

    fn parse(&mut self, total: usize) -> Result<Option<Found>, String> {
        let block = self.buffer.data().get(..total).unwrap_or_default();
        // The whole block is here, so "incomplete" too means that it contradicts itself.
        let contradiction = "has a length that contradicts its content";
        match self.format {
            Format::Pcap { header, big_endian } => {
                let (seconds, fraction) = (word(block, 0, big_endian), word(block, 4, big_endian));
                self.section.record(seconds, fraction, header..total)
            }
            // Nearly all blocks are of this kind; its fields are read in place.
            // Nearly all blocks are of this kind: its fields are read in place.
            Format::Ng { big_endian } if word(block, 0, big_endian) == ENHANCED_PACKET => {
                let data = ENHANCED_DATA..ENHANCED_DATA.saturating_add(length(block, 20, big_endian));
                let end = total.saturating_sub(4);
                if data.end > end || length(block, end, big_endian) != total {
                    return Err(contradiction.to_owned());
                }
                let (high, low) = (word(block, 12, big_endian), word(block, 16, big_endian));
                let ticks = u64::from(high) << 32 | u64::from(low);
                self.section.enhanced(word(block, 8, big_endian), ticks, data).map(Some)
            }
            Format::Ng { big_endian } => {
                let parse = if big_endian { parse_block_be } else { parse_block_le };
                let (_, block) = parse(block).map_err(|_| contradiction)?;
                self.section.block(&block, big_endian)
            }
        }
    }

    /// The file ends here; remembers when that is inside a block, which began at `begin`.
    fn cut_off(&mut self, begin: u64) {
        let bytes = self.buffer.offset() - begin + self.buffer.data().len() as u64;
        if bytes > 0 {
            let packet = self.packets + 1;
            self.truncated = Some(format!(
                "the file ends inside packet {packet}, {bytes} bytes into the block at byte {begin}"
            ));
            self.buffer.take(usize::MAX);
        }
    }

    fn fault(&self, what: &str) -> io::Error {
        invalid(format!("packet {}: the block at byte {} {what}", self.packets + 1, self.buffer.offset()))
    }
}

fn pcap(header: &PcapHeader) -> Format {
    let length = if header.is_modified_format() { 24 } else { 16 };
    Format::Pcap { header: length, big_endian: header.is_bigendian() }
}

fn not_a_capture(head: &[u8]) -> &'static str {
    match head {
        [] => "not a capture: the file is empty",
        [0x1f, 0x8b, ..] => "not a capture: compressed with gzip, decompress it first",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "not a capture: compressed with zstd, decompress it first",
        _ => "not a capture: neither pcap nor pcapng",
    }
}

fn word(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

fn length(bytes: &[u8], at: usize, big_endian: bool) -> usize {
    usize::try_from(word(bytes, at, big_endian)).unwrap_or(usize::MAX)
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

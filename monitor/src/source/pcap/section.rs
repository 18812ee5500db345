//! What the blocks of a capture say: interfaces, time stamps, and where a packet's bytes lie.
//!
//! Owns the interface table of a section, bounded by [`MAX_INTERFACES`]. Must not know the buffer, nor what is in
//! a packet.
use std::ops::Range;

use pcap_parser::{
    Block, InterfaceDescriptionBlock, Linktype, OptionCode, PcapHeader, traits::PcapNGPacketBlock as _,
};

use crate::event::BootTime;

/// Interfaces that one section may describe.
const MAX_INTERFACES: usize = 4096;
/// Where the bytes of a simple packet block begin (pcapng specification, section 4.4).
const SIMPLE_DATA: usize = 12;
const NANOS: u64 = 1_000_000_000;

/// A packet's place in its block.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// When it was captured, since the Unix epoch.
    pub(super) at: BootTime,
    /// How to read it.
    pub(super) link: Linktype,
    /// Its bytes, counted from the block's first.
    pub(super) data: Range<usize>,
}

/// A pcapng interface, or a pcap file's only one.
struct Interface {
    link: Linktype,
    /// Time stamp units in a second.
    units: u64,
    /// Nanoseconds in a unit, where that is a whole number: then nothing is divided.
    nanos: Option<u64>,
    /// Added to every time stamp.
    offset_nanos: i128,
}

impl Interface {
    fn new(link: Linktype, units: u64, offset_nanos: i128) -> Self {
        let nanos = NANOS.is_multiple_of(units).then(|| NANOS / units);
        Self { link, units, nanos, offset_nanos }
    }

    fn time(&self, ticks: u64) -> BootTime {
        let nanos = match self.nanos {
            Some(nanos) => u128::from(ticks) * u128::from(nanos),
            None => u128::from(ticks) * u128::from(NANOS) / u128::from(self.units),
        };
        let nanos = nanos.cast_signed().saturating_add(self.offset_nanos).max(0);
        BootTime(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The state that blocks leave for later ones.
#[derive(Default)]
pub(super) struct Section {
    interfaces: Vec<Interface>,
    last: BootTime,
}

impl Section {
    /// A pcap file is one section with one interface.
    pub(super) fn of_pcap(header: &PcapHeader) -> Self {
        // The upper half of the field holds flags and the length of the frame check sequence.
        let link = Linktype(header.network.0 & 0xffff);
        let units = if header.is_nanosecond_precision() { NANOS } else { 1_000_000 };
        Self { interfaces: vec![Interface::new(link, units, 0)], ..Self::default() }
    }

    /// Takes a record of a pcap file: its time stamp, and where its bytes are.
    pub(super) fn record(
        &self,
        seconds: u32,
        fraction: u32,
        data: Range<usize>,
    ) -> Result<Option<Found>, String> {
        let interface = self.interface(0)?;
        let ticks = u64::from(seconds) * interface.units + u64::from(fraction);
        Ok(Some(Found { at: interface.time(ticks), link: interface.link, data }))
    }

    /// Takes an enhanced packet block.
    pub(super) fn enhanced(&mut self, index: u32, ticks: u64, data: Range<usize>) -> Result<Found, String> {
        let interface = self.interface(index)?;
        let found = Found { at: interface.time(ticks), link: interface.link, data };
        self.last = found.at;
        Ok(found)
    }

    /// Takes another block of a pcapng file.
    pub(super) fn block(&mut self, block: &Block<'_>, big_endian: bool) -> Result<Option<Found>, String> {
        match block {
            Block::SectionHeader(_) => self.interfaces.clear(),
            Block::InterfaceDescription(description) => self.describe(description, big_endian)?,
            Block::SimplePacket(packet) => {
                let data = SIMPLE_DATA..SIMPLE_DATA + packet.packet_data().len();
                // It has no time of its own.
                return Ok(Some(Found { at: self.last, link: self.interface(0)?.link, data }));
            }
            _ => {}
        }
        Ok(None)
    }

    fn interface(&self, index: u32) -> Result<&Interface, String> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.interfaces.get(index))
            .ok_or_else(|| format!("names interface {index}, but {} are described", self.interfaces.len()))
    }

    fn describe(&mut self, block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Result<(), String> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(format!("describes more than the {MAX_INTERFACES} interfaces that are kept"));
        }
        let units = units(block.if_tsresol)
            .ok_or_else(|| format!("has the impossible time resolution {:#x}", block.if_tsresol))?;
        let seconds = offset_seconds(block, big_endian);
        let offset_nanos = i128::from(seconds) * i128::from(NANOS);
        self.interfaces.push(Interface::new(block.linktype, units, offset_nanos));
        Ok(())
    }
}

/// Units in a second: a power of ten, or of two where the top bit is set (pcapng specification, `if_tsresol`).
fn units(resolution: u8) -> Option<u64> {
    let exponent = u32::from(resolution & 0x7f);
    if resolution & 0x80 == 0 {
        (exponent <= 19).then(|| 10u64.pow(exponent))
    } else {
        (exponent <= 63).then(|| 1 << exponent)
    }
}

/// `if_tsoffset`, read in the section's byte order (the parser's own field is always little-endian).
fn offset_seconds(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> i64 {
    let option = block.options.iter().find(|option| option.code == OptionCode::IfTsoffset);
    let bytes = option.and_then(|option| option.as_bytes().ok());
    let bytes: Option<[u8; 8]> = bytes.and_then(|bytes| bytes.try_into().ok());
    let read = if big_endian { i64::from_be_bytes } else { i64::from_le_bytes };
    bytes.map_or(0, read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_ten_or_of_two() {
        assert_eq!(units(6), Some(1_000_000));
        assert_eq!(units(9), Some(1_000_000_000));
        assert_eq!(units(0x80 | 20), Some(1 << 20));
        assert_eq!(units(20), None);
        assert_eq!(units(0xff), None);
    }

    #[test]
    fn time_never_wraps() {
        let interface = |units, offset_nanos| Interface::new(Linktype::RAW, units, offset_nanos);
        assert_eq!(interface(1_000_000, 0).time(1_500_000), BootTime(1_500_000_000));
        assert_eq!(interface(1 << 20, 2_000_000_000).time(1 << 19), BootTime(2_500_000_000));
        assert_eq!(interface(1, 0).time(u64::MAX), BootTime(u64::MAX));
        assert_eq!(interface(1, i128::MIN).time(5), BootTime(0));
    }
}

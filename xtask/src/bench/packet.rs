//! Ethernet packets with a TCP segment, and the pcap file that they go into.
//!
//! Owns the bytes of the headers. Must not know conversations. Checksums stay zero, as in a capture taken before
//! the network card filled them in.
use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
};

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// Bytes of payload in a full segment: 1500 of Ethernet without the longer headers and the time stamp option.
pub(crate) const SEGMENT: usize = 1_428;

/// A TCP segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
}

impl Segment {
    /// The packet as it was on the wire.
    pub(crate) fn ethernet(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(14 + 40 + 32 + self.payload.len());
        bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                bytes.extend([0x08, 0x00, 0x45, 0]);
                bytes.extend(short(20 + 32 + self.payload.len()).to_be_bytes());
                bytes.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
                bytes.extend(from.octets());
                bytes.extend(to.octets());
            }
            (from, to) => {
                bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                bytes.extend(short(32 + self.payload.len()).to_be_bytes());
                bytes.extend([6, 64]);
                bytes.extend(sixteen(from));
                bytes.extend(sixteen(to));
            }
        }
        self.tcp(&mut bytes);
        bytes
    }

    fn tcp(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.from.port().to_be_bytes());
        bytes.extend(self.to.port().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledged.to_be_bytes());
        // Eight words: the header and a time stamp option between two no-operations.
        bytes.extend([0x80, self.flags, 0x01, 0xf5, 0, 0, 0, 0]);
        bytes.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        bytes.extend(&self.payload);
    }
}

fn sixteen(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Segments are no longer than [`SEGMENT`].
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A pcap file with microseconds, little-endian, Ethernet.
pub(crate) struct File<W> {
    out: W,
    /// Microseconds since the Unix epoch.
    now: u64,
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl<W: Write> File<W> {
    /// 2026-01-01 00:00:00 UTC.
    const BEGIN: u64 = 1_767_225_600_000_000;
    /// Bits that pass the point of capture in a microsecond.
    const RATE: u64 = 100;

    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out, now: Self::BEGIN, bytes: 24, packets: 0 })
    }

    pub(crate) fn write(&mut self, segment: &Segment) -> io::Result<()> {
        let packet = segment.ethernet();
        let length = u32::try_from(packet.len()).map_err(io::Error::other)?;
        self.now += 1 + u64::from(length) * 8 / Self::RATE;
        let seconds = u32::try_from(self.now / 1_000_000).map_err(io::Error::other)?;
        let micros = u32::try_from(self.now % 1_000_000).map_err(io::Error::other)?;
        for word in [seconds, micros, length, length] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(&packet)?;
        self.bytes += 16 + u64::from(length);
        self.packets += 1;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<(u64, u64)> {
        self.out.flush()?;
        Ok((self.bytes, self.packets))
    }
}

//! What carries mining without an object in its first bytes.
//!
//! Owns how HTTP, WebSocket, SOCKS, Duino-Coin's plain text and Stratum V2 begin. Must not know windows and looks
//! (`policy.rs`). A head is compared in whole words: few instructions, and few ways through them.
use monitor_ebpf::limits;

use super::{
    head::Head,
    words::{HIGH, bits, equal, within},
};

/// Bytes of the client's first flight in the Noise handshake of Stratum V2: an ElligatorSwift key, random to the eye
/// (sv2-spec, 04-Protocol-Security.md).
const HANDSHAKE: u32 = 64;
/// First segments below this say nothing: whoever splits what follows is not to get by.
const TINY: u32 = 4;
/// Methods that a SOCKS 5 client offers at most; RFC 1928 allows 255 and defines three.
const METHODS: u64 = 9;
/// Bytes of the shortest SOCKS 4 request: version, command, port, address, the end of a name.
const SOCKS4: u32 = 9;
/// Bytes of a SHA-1 in hex.
const SHA1: usize = 40;
/// Duino-Coin's server begins with its version, such as `4.3`, of at most five bytes and perhaps a line end.
const VERSION: u32 = 6;

/// What a client says.
#[inline(always)]
pub(super) fn client(head: &Head, length: u32, begins: bool) -> bool {
    let word = u64::from_le(head[0]);
    let greeting = begins
        && (socks(word, length)
            || setup_connection(head, length)
            || length == HANDSHAKE && is_random(head, length));
    greeting || request(word, length, begins)
}

/// What a server says.
#[inline(always)]
pub(super) fn server(head: &Head, length: u32, begins: bool) -> bool {
    begins && length <= VERSION && is_version(u64::from_le(head[0])) || duino_job(head)
}

/// Whether the first segment of a client can be a part of what [`client`] would know as a whole.
#[inline(always)]
pub(super) fn part_of_a_handshake(head: &Head, length: u32) -> bool {
    length < TINY || length < HANDSHAKE && is_random(head, length)
}

/// Requests in text: HTTP of `getwork`, `getblocktemplate` and Monero's daemon, what opens a WebSocket or a tunnel,
/// and Duino-Coin's. Other `GET` stay closed: a WebSocket behind one is heard by its frames.
#[inline(always)]
fn request(word: u64, length: u32, begins: bool) -> bool {
    // A first segment may be cut anywhere.
    let valid = if begins && length < 8 { !(u64::MAX << (length * 8)) } else { u64::MAX };
    let starts = |text: &[u8]| (word ^ packed(text)) & mask(text) & valid == 0;
    starts(b"POST ")
        | starts(b"GET / ")
        | starts(b"GET /ws")
        | starts(b"GET /LP")
        | starts(b"GET /lon")
        | starts(b"GET /get")
        | starts(b"CONNECT ")
        | starts(b"JOB,")
}

/// At most eight bytes as a little-endian word, zeros behind them.
#[inline(always)]
fn packed(text: &[u8]) -> u64 {
    text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The bits of as many bytes.
#[inline(always)]
const fn mask(text: &[u8]) -> u64 {
    u64::MAX >> (64 - text.len() * 8)
}

/// The greeting of a SOCKS 5 client (RFC 1928: 5, a number of methods, as many bytes), or a SOCKS 4 client's
/// request to connect (4, 1, port, address).
#[inline(always)]
fn socks(word: u64, length: u32) -> bool {
    let methods = word >> 8 & 0xff;
    let greeting = word & 0xff == 5 && methods.wrapping_sub(1) < METHODS && methods + 2 == length as u64;
    let connect = word & 0xffff == 0x0104 && word >> 16 & 0xffff != 0 && length >= SOCKS4;
    greeting | connect
}

/// `SetupConnection` of Stratum V2 in the clear: no extension, type 0, a length of 24 bits, one of three protocols,
/// least and greatest version 2 (sv2-spec, 03-Protocol-Overview.md).
#[inline(always)]
fn setup_connection(head: &Head, length: u32) -> bool {
    let (first, second) = (u64::from_le(head[0]), u64::from_le(head[1]));
    let (size, protocol) = (first >> 24 & 0xff_ffff, first >> 48 & 0xff);
    first & 0xff_ffff == 0
        && (1..=0xffff).contains(&size)
        && protocol <= 2
        && first >> 56 == 2
        && second & 0xff_ffff == 0x00_0200
        && length >= 11
}

/// Whether the head, or the segment when it is shorter, looks like random bytes: a quarter of them or more are not
/// ASCII, and there are no two zeros in a row, as lengths and flags have. `length`: 1 to [`limits::HEAD`].
#[inline(always)]
fn is_random(head: &Head, length: u32) -> bool {
    let (mut high, mut zeros) = (0, 0);
    for (index, word) in head.iter().enumerate() {
        let (word, shift) = (u64::from_le(*word), index * 8);
        high |= bits(word & HIGH) << shift;
        zeros |= bits(equal(word, 0)) << shift;
    }
    let zeros = zeros & (u64::MAX >> ((limits::HEAD as u32 - length) & 63));
    zeros & zeros >> 1 == 0 && high.count_ones() * 4 >= length
}

/// Digits and dots, a digit first; `word` has zeros behind them.
#[inline(always)]
fn is_version(word: u64) -> bool {
    let digits = within(word, b'0', b'9');
    let others = equal(word, b'.') | equal(word, b'\n') | equal(word, b'\r') | equal(word, 0);
    digits & 0x80 != 0 && digits | others == HIGH
}

/// A job of Duino-Coin: two hashes of 40 hex digits and a difficulty, with commas between them.
#[inline(always)]
fn duino_job(head: &Head) -> bool {
    let mut hex = HIGH;
    for word in head.iter().take(SHA1 / 8) {
        let word = u64::from_le(*word);
        hex &= within(word, b'0', b'9') | within(word, b'a', b'f');
    }
    hex == HIGH && u64::from_le(head[SHA1 / 8]) & 0xff == u64::from(b',')
}

/// A WebSocket frame of text or bytes, masked as clients do, in which an object opens (RFC 6455, 5.2). What a server
/// sends is not masked, and found as any other object.
#[inline(always)]
pub(super) fn masked_object(head: &Head) -> bool {
    let (first, second) = (u64::from_le(head[0]), u64::from_le(head[1]));
    let opcode = first & 0x7f;
    // The mask, and behind it two bytes of payload, behind a length of 7, 16 or 64 bits.
    let (mask, payload) = match first >> 8 & 0xff {
        0x80..=0xfd => (first >> 16, first >> 48),
        0xfe => (first >> 32, second),
        0xff => (second >> 16, second >> 48),
        _ => return false,
    };
    let clear = (mask ^ payload) & 0xffff;
    let next = clear >> 8;
    let opens = clear & 0xff == u64::from(b'{')
        && (next == u64::from(b'"')
            || next == u64::from(b' ')
            || next == u64::from(b'\n')
            || next == u64::from(b'\r'));
    (opcode == 1 || opcode == 2) && (opens || clear == packed(b"[{"))
}

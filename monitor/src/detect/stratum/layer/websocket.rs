//! WebSocket frames: what they carry becomes lines.
//!
//! Owns [`WebSocket`], one direction. Must not know JSON or mining. A text message becomes one line, its own
//! line ends blanks; a binary one goes on as the bytes it has, since tunnels carry streams so. Compressed messages
//! are counted and not read. Nothing is held but a header. Sources: RFC 6455 section 5, RFC 7692 section 6.

/// The longest header: two bytes, a length of eight, a mask of four.
const HEADER_MAX: usize = 14;
/// Control frames are short (RFC 6455 section 5.5).
const CONTROL_MAX: u64 = 125;
/// Bytes unmasked at a time.
const SCRATCH: usize = 256;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
    Control,
    Compressed,
}

/// A frame's header.
#[derive(Clone, Copy, Debug)]
struct Header {
    last: bool,
    compressed: bool,
    code: u8,
    length: u64,
    mask: [u8; 4],
    size: usize,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct WebSocket {
    header: [u8; HEADER_MAX],
    have: usize,
    /// The frame whose payload is going by, and how much of that is to come.
    frame: Option<(Kind, Header)>,
    left: u64,
    /// The message that is not complete.
    message: Option<Kind>,
    unreadable: u64,
}

/// These are no frames.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Bytes that were taken before it showed.
    pub(super) used: usize,
}

impl WebSocket {
    /// Messages that were compressed.
    pub(super) const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// The header that is not complete, or broke.
    pub(super) fn pending(&self) -> &[u8] {
        self.header.get(..self.have).unwrap_or_default()
    }

    /// Takes bytes and hands on what they carry.
    pub(super) fn take(&mut self, bytes: &[u8], pass: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.frame.is_some() {
                rest = self.payload(rest, pass);
                continue;
            }
            let Some((byte, later)) = rest.split_first() else { break };
            if let Some(place) = self.header.get_mut(self.have) {
                *place = *byte;
                self.have += 1;
            }
            rest = later;
            match Header::of(self.pending()) {
                None => {}
                Some(Ok(header)) if self.begin(header, pass) => self.have = 0,
                Some(_) => return Err(Broken { used: bytes.len() - rest.len() }),
            }
        }
        Ok(())
    }

    /// False when no such frame may come here.
    fn begin(&mut self, header: Header, pass: &mut dyn FnMut(&[u8])) -> bool {
        let kind = match (header.code, self.message) {
            (8..=10, _) => Kind::Control,
            (0, Some(kind)) => kind,
            (1 | 2, None) if header.compressed => Kind::Compressed,
            (1, None) => Kind::Text,
            (2, None) => Kind::Binary,
            _ => return false,
        };
        if kind != Kind::Control {
            self.message = Some(kind);
        }
        self.left = header.length;
        self.frame = Some((kind, header));
        if header.length == 0 {
            self.end(pass);
        }
        true
    }

    fn payload<'a>(&mut self, bytes: &'a [u8], pass: &mut dyn FnMut(&[u8])) -> &'a [u8] {
        let Some((kind, header)) = self.frame else { return bytes };
        let count = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let (part, rest) = bytes.split_at(count);
        if matches!(kind, Kind::Text | Kind::Binary) {
            self.unmask(part, kind, header, pass);
        }
        self.left -= count as u64;
        if self.left == 0 {
            self.end(pass);
        }
        rest
    }

    fn unmask(&self, part: &[u8], kind: Kind, header: Header, pass: &mut dyn FnMut(&[u8])) {
        let [a, b, c, d] = header.mask;
        let done = usize::try_from((header.length - self.left) % 4).unwrap_or_default();
        let mut mask = [a, b, c, d].into_iter().cycle().skip(done);
        let mut scratch = [0; SCRATCH];
        for chunk in part.chunks(SCRATCH) {
            for ((to, from), key) in scratch.iter_mut().zip(chunk).zip(&mut mask) {
                *to = match from ^ key {
                    b'\n' if kind == Kind::Text => b' ',
                    byte => byte,
                };
            }
            pass(scratch.get(..chunk.len()).unwrap_or_default());
        }
    }

    fn end(&mut self, pass: &mut dyn FnMut(&[u8])) {
        let Some((kind, header)) = self.frame.take() else { return };
        if kind == Kind::Control || !header.last {
            return;
        }
        self.message = None;
        match kind {
            Kind::Text => pass(b"\n"),
            Kind::Compressed => self.unreadable += 1,
            Kind::Binary | Kind::Control => {}
        }
    }
}

impl Header {
    /// `None` when it is not complete, an error when no frame begins so.
    fn of(bytes: &[u8]) -> Option<Result<Self, ()>> {
        let (first, second) = match bytes {
            [first] => (*first, 0),
            [first, second, ..] => (*first, *second),
            [] => return None,
        };
        let code = first & 0x0f;
        let (last, compressed, control) = (first & 0x80 != 0, first & 0x40 != 0, code >= 8);
        let odd = first & 0x30 != 0 || !matches!(code, 0..=2 | 8..=10);
        if odd || (control && (!last || compressed)) || (compressed && code == 0) {
            return Some(Err(()));
        }
        let short = u64::from(second & 0x7f);
        let wide = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = second & 0x80 != 0;
        let size = 2 + wide + if masked { 4 } else { 0 };
        if control && short > CONTROL_MAX {
            return Some(Err(()));
        }
        let (Some(wide), Some(mask)) = (bytes.get(2..2 + wide), bytes.get(2 + wide..size)) else {
            return None;
        };
        let length = match wide {
            [] => short,
            digits => digits.iter().fold(0, |length, digit| length << 8 | u64::from(*digit)),
        };
        if length >> 63 != 0 {
            return Some(Err(()));
        }
        let mask = <[u8; 4]>::try_from(mask).unwrap_or_default();
        (bytes.len() >= size.max(2)).then_some(Ok(Self { last, compressed, code, length, mask, size }))
    }
}

/// Whether `bytes` begin with a frame that carries a JSON object, or with a control frame; `None` when they are
/// too few to tell. For a conversation whose upgrade was not seen.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    let Ok(header) = Header::of(bytes)? else { return Some(false) };
    match header.code {
        8..=10 => Some(true),
        1 if !header.compressed && header.length > 1 => {
            let first = bytes.get(header.size)?;
            let [key, ..] = header.mask;
            Some(first ^ key == b'{')
        }
        _ => Some(false),
    }
}

#[cfg(test)]
pub(in crate::detect::stratum) mod tests {
    use super::*;

    /// One frame; masked when a mask is given.
    pub(in crate::detect::stratum) fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let flag = if mask.is_some() { 0x80 } else { 0 };
        let mut out = vec![first];
        match payload.len() {
            short @ 0..=125 => out.push(flag | u8::try_from(short).unwrap()),
            middle @ 126..=0xffff => {
                out.push(flag | 126);
                out.extend(u16::try_from(middle).unwrap().to_be_bytes());
            }
            long => {
                out.push(flag | 127);
                out.extend((long as u64).to_be_bytes());
            }
        }
        out.extend(mask.unwrap_or_default().iter().take(if mask.is_some() { 4 } else { 0 }));
        out.extend(payload.iter().zip(mask.unwrap_or_default().iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }

    /// What the frames carry, the same for every split.
    fn carried(bytes: &[u8]) -> (String, Result<(), Broken>, u64) {
        let run = |pieces: &[&[u8]]| {
            let mut socket = WebSocket::default();
            let mut out = Vec::new();
            let mut end = Ok(());
            for piece in pieces {
                end = end.and_then(|()| socket.take(piece, &mut |part| out.extend_from_slice(part)));
            }
            (String::from_utf8_lossy(&out).into_owned(), end.is_ok(), socket.unreadable())
        };
        let whole = run(&[bytes]);
        for at in 0..bytes.len().min(2000) {
            let (left, right) = bytes.split_at(at);
            assert_eq!(run(&[left, right]), whole, "split at {at}");
        }
        let mut socket = WebSocket::default();
        let end = socket.take(bytes, &mut |_| ());
        (whole.0, end, whole.2)
    }

    const KEY: Option<[u8; 4]> = Some([0x12, 0x8a, 0x00, 0xff]);

    #[test]
    fn a_text_message_is_a_line() {
        for key in [None, KEY] {
            let frames = [frame(0x81, b"{\"a\":1}", key), frame(0x81, b"{\n\"b\":\n2}", key)].concat();
            assert_eq!(carried(&frames), ("{\"a\":1}\n{ \"b\": 2}\n".to_owned(), Ok(()), 0), "{key:?}");
        }
    }

    #[test]
    fn fragments_are_put_together_around_control_frames() {
        let frames = [
            frame(0x01, b"{\"a\"", KEY),
            frame(0x89, b"ping", KEY),
            frame(0x00, b":", KEY),
            frame(0x8a, b"", KEY),
            frame(0x80, b"1}", KEY),
            frame(0x88, b"\x03\xe8", KEY),
        ];
        assert_eq!(carried(&frames.concat()), ("{\"a\":1}\n".to_owned(), Ok(()), 0));
    }

    #[test]
    fn lengths_of_16_and_64_bits() {
        for length in [125, 126, 65_535, 65_536] {
            let (text, end, _) = carried(&frame(0x81, &vec![b'x'; length], KEY));
            assert_eq!((text.len(), end), (length + 1, Ok(())));
        }
    }

    #[test]
    fn binary_is_a_stream_and_compressed_is_not_read() {
        let frames = [frame(0x82, b"{\"a\"", KEY), frame(0x82, b":1}\n", KEY), frame(0xc1, b"\xaa\x56", KEY)];
        assert_eq!(carried(&frames.concat()), ("{\"a\":1}\n".to_owned(), Ok(()), 1));
    }

    #[test]
    fn what_is_no_frame_breaks() {
        for bytes in [
            b"GET / HTTP/1.1".as_slice(),
            b"\x80\x00",
            b"\x83\x00",
            b"\xa1\x00",
            b"\x09\x00",
            b"\x89\x7e",
            b"\x81\x7f\xff\0\0\0\0\0\0\0",
            b"\x01\x01a\x81\x01b",
        ] {
            assert!(carried(bytes).1.is_err(), "{}", bytes.escape_ascii());
        }
        let mut socket = WebSocket::default();
        assert_eq!(socket.take(b"\x81\x01a\xffz", &mut |_| ()), Err(Broken { used: 4 }));
        assert_eq!(socket.pending(), b"\xff");
    }

    #[test]
    fn frames_are_told_without_their_upgrade() {
        for key in [None, KEY] {
            let message = frame(0x81, b"{\"a\":1}", key);
            let need = message.len() - 6;
            assert_eq!((begins(&message), begins(&message[..need])), (Some(true), Some(true)));
            assert!((1..need).all(|at| begins(&message[..at]).is_none()));
            assert_eq!(begins(&frame(0x89, b"", key)), Some(true));
            assert_eq!(begins(&frame(0x81, b"hello", key)), Some(false));
        }
        for other in [b"\x16\x03\x01".as_slice(), b"{\"a\":1}", b"\x82\x02{}", b"\xc1\x02{}"] {
            assert_eq!(begins(other), Some(false), "{}", other.escape_ascii());
        }
    }
}

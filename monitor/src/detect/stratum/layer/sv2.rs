//! The frames of Stratum V2 in clear.
//!
//! Owns [`Frames`], one direction. Must not know what a message says. Only messages that the dialect reads are held,
//! at most [`BODY_MAX`] bytes; the others are counted past. Source: sv2-spec 03, section 3.2.
use super::super::dialect::stratum_v2::{Said, read};

/// Extension type, message type, length.
const HEADER: usize = 6;
/// The longest message that is read: `SetupConnection` with five strings of 255 bytes.
const BODY_MAX: usize = 16 + 5 * 255;
/// The bit of the extension type that says that the message is a channel's.
const CHANNEL: u16 = 0x8000;
/// Message types end with those of template distribution.
const TYPE_MAX: u8 = 0x7f;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; HEADER],
    have: usize,
    body: Vec<u8>,
    left: usize,
}

/// These are no frames.
#[derive(Debug)]
pub(super) struct Broken;

impl Frames {
    /// Bytes held.
    pub(super) const fn held(&self) -> usize {
        self.body.len()
    }

    /// Takes bytes and says what whole messages among them say.
    pub(super) fn take(&mut self, bytes: &[u8], say: &mut dyn FnMut(Said)) -> Result<(), Broken> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some(place) = self.header.get_mut(self.have) {
                if let Some((byte, later)) = rest.split_first() {
                    *place = *byte;
                    self.have += 1;
                    rest = later;
                }
                if self.have == HEADER {
                    self.begin(say)?;
                }
                continue;
            }
            let (part, later) = rest.split_at(rest.len().min(self.left));
            let room = BODY_MAX.saturating_sub(self.body.len());
            self.body.extend(part.iter().take(if self.is_read() { room } else { 0 }));
            self.left -= part.len();
            rest = later;
            if self.left == 0 {
                self.end(say);
            }
        }
        Ok(())
    }

    fn begin(&mut self, say: &mut dyn FnMut(Said)) -> Result<(), Broken> {
        let [low, high, kind, a, b, c] = self.header;
        if u16::from_le_bytes([low, high]) & !CHANNEL != 0 || kind > TYPE_MAX {
            return Err(Broken);
        }
        self.left = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(usize::MAX);
        if self.left == 0 {
            self.end(say);
        }
        Ok(())
    }

    /// Long ones are jobs: their type and length say enough.
    const fn is_read(&self) -> bool {
        let [_, _, kind, _, high, top] = self.header;
        top == 0 && high < 8 && kind != 0x1f
    }

    fn end(&mut self, say: &mut dyn FnMut(Said)) {
        let [_, _, kind, low, high, top] = self.header;
        let length = usize::try_from(u32::from_le_bytes([low, high, top, 0])).unwrap_or_default();
        let body = std::mem::take(&mut self.body);
        self.have = 0;
        if body.len() == length {
            read(kind, &body).map(say);
        }
    }
}

/// Whether `bytes` begin with `SetupConnection`, or with the answer that accepts it; `None` when they are too few to
/// tell.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    let setup = |at: usize, byte: u8| match at {
        4 => byte < 6,
        3 => true,
        6 => byte <= 2,
        7 | 9 => (2..=9).contains(&byte),
        _ => byte == 0,
    };
    let success = |at: usize, byte: u8| match at {
        2 => byte == 1,
        3 => byte == 6,
        6 => (2..=9).contains(&byte),
        _ => byte == 0,
    };
    let fits = |shape: &dyn Fn(usize, u8) -> bool, length: usize| {
        let fits = bytes.iter().take(length).enumerate().all(|(at, byte)| shape(at, *byte));
        fits.then_some(bytes.len() >= length)
    };
    match (fits(&setup, 11), fits(&success, 8)) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, None) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
pub(in crate::detect::stratum) mod tests {
    use super::*;

    /// One frame.
    pub(in crate::detect::stratum) fn frame(extension: u16, kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [extension.to_le_bytes().as_slice(), &[kind], &length[..3], body].concat()
    }

    fn count(pieces: &[&[u8]]) -> (usize, bool) {
        let mut frames = Frames::default();
        let mut said = 0;
        let fine = pieces.iter().all(|piece| frames.take(piece, &mut |_| said += 1).is_ok());
        (said, fine)
    }

    #[test]
    fn messages_are_read_in_any_split() {
        let all = [
            frame(0, 1, &[2, 0, 0, 0, 0, 0]),
            frame(CHANNEL, 0x20, &[0; 48]),
            frame(0, 0x71, &[0; 70_000]),
            frame(CHANNEL, 0x1a, &[0; 24]),
        ]
        .concat();
        assert_eq!(count(&[&all]), (2, true));
        let bytes: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(count(&bytes), (2, true));
        for at in 0..60 {
            let (left, right) = all.split_at(at);
            assert_eq!(count(&[left, right]), (2, true), "split at {at}");
        }
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut frames = Frames::default();
        for chunk in frame(0, 0x10, &[0; 2047]).chunks(7).chain(frame(0, 0x1f, &[0; 200_000]).chunks(997)) {
            frames.take(chunk, &mut |_| ()).unwrap();
            assert!(frames.held() <= BODY_MAX);
        }
    }

    #[test]
    fn what_is_no_frame_breaks() {
        assert!(!count(&[b"GET / HTTP"]).1);
        assert!(!count(&[&frame(0, 0x80, &[])]).1);
    }

    #[test]
    fn beginnings_are_told() {
        let setup = frame(0, 0, &[0, 2, 0, 2, 0, 0, 0, 0, 0, 1, b'a', 1, 1, 0, 0, 0, 0]);
        let success = frame(0, 1, &[2, 0, 0, 0, 0, 0]);
        assert!((0..11).all(|at| begins(&setup[..at]).is_none()));
        assert_eq!((begins(&setup), begins(&success)), (Some(true), Some(true)));
        for other in [
            b"\0\0\0\x2f\xffSMB".as_slice(),
            b"\0\0\0\x9c\0\0\0\x01\0\0\0",
            b"\0\0\0\0\0\0\0\0\0\0\0",
            b"{",
            b"\x05\0\x0b",
        ] {
            assert_eq!(begins(other), Some(false), "{}", other.escape_ascii());
        }
    }
}

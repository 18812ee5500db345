//! Which segments of a direction are worth judging.
//!
//! Owns the policy, which is wider than the kernel's for live traffic, so that what the agent sees live is seen here:
//! - the first bytes are judged whatever they are: [`FIRST_TEXT`] of a stream that begins as text, [`FIRST_BINARY`]
//!   of another, and in any case up to its first line feed, so that it is known whether lines came before;
//! - later segments are judged if they can begin a message (`opening.rs`), those in which one surely begins with
//!   [`FOLLOWING`] bytes behind them.
//!
//! Everything else is passed over: the bulk of downloads, of encrypted streams and of shells. Must not know
//! addresses or what an object says. Pure.
use memchr::memchr;

use super::opening::{Opening, opening};

/// Bytes judged of a stream that begins as text: every dialect's first exchange fits many times over.
const FIRST_TEXT: u64 = 8 << 10;
/// Bytes judged of another stream: the longest handshake that is known by its bytes is below 300.
const FIRST_BINARY: u64 = 1 << 10;
/// The wait for a first line feed ends here.
const FIRST_MAX: u64 = 16 << 10;
/// Bytes judged behind a message that begins: the longest are below 8 KiB.
const FOLLOWING: u64 = 8 << 10;
/// As many first bytes say whether a stream begins as text.
const HEAD: usize = 16;

/// What becomes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// It is judged. True: bytes right before it were passed over.
    Judge(bool),
    Over,
}

/// One direction of a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    /// Bytes before this offset are judged.
    window: u64,
    /// The first segment was seen.
    begun: bool,
    /// A line feed was seen, or waited for long enough.
    line_ended: bool,
    /// The last segment was passed over.
    passed_over: bool,
}

impl Gate {
    /// A segment at `offset`, with `length` bytes of which `bytes` were captured.
    pub(super) fn ask(&mut self, offset: u64, length: u32, bytes: &[u8]) -> Pass {
        if !self.begun {
            self.begun = true;
            let first = if begins_as_text(bytes) { FIRST_TEXT } else { FIRST_BINARY };
            self.window = offset.saturating_add(first);
        }
        let end = offset.saturating_add(u64::from(length));
        if offset >= self.window && !self.wants(end, bytes) {
            self.passed_over = true;
            return Pass::Over;
        }
        if !self.line_ended {
            self.line_ended = end > FIRST_MAX || memchr(b'\n', bytes).is_some();
        }
        Pass::Judge(std::mem::take(&mut self.passed_over))
    }

    /// Whether a segment outside of the window is judged.
    fn wants(&mut self, end: u64, bytes: &[u8]) -> bool {
        match opening(bytes) {
            Opening::Message => {
                self.window = end.saturating_add(FOLLOWING);
                true
            }
            Opening::Object => true,
            Opening::None => !self.line_ended,
        }
    }
}

fn begins_as_text(bytes: &[u8]) -> bool {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of segments that follow each other: `J` judged, `R` judged behind a hole, `.` passed over.
    fn passes<T: AsRef<[u8]>>(segments: &[T]) -> String {
        let (mut gate, mut offset) = (Gate::default(), 0);
        let mut shown = String::new();
        for bytes in segments.iter().map(AsRef::as_ref) {
            let length = u32::try_from(bytes.len()).unwrap();
            shown.push(match gate.ask(offset, length, bytes) {
                Pass::Judge(false) => 'J',
                Pass::Judge(true) => 'R',
                Pass::Over => '.',
            });
            offset += u64::from(length);
        }
        shown
    }

    const LOGIN: &[u8] = b"{\"id\":1,\"method\":\"login\"}\n";

    #[test]
    fn the_beginning_is_judged_and_text_for_longer() {
        let binary = [&[0x16, 3, 1][..], &[0x80; 508], b"\n"].concat();
        assert_eq!(passes(&[&binary; 5]), "JJ...");
        let text = [b'x'; 4_095];
        let text = [&text[..], b"\n"].concat();
        assert_eq!(passes(&[&text; 4]), "JJ..");
    }

    #[test]
    fn without_a_line_feed_the_beginning_is_longer() {
        assert_eq!(passes(&[[0x80; 4_096]; 6]), "JJJJJ.");
        let mut segments = vec![&[0x80; 1_024][..]; 3];
        segments.push(b"\n");
        segments.extend([&[0x80; 1_024][..]; 2]);
        assert_eq!(passes(&segments), "JJJJ..");
    }

    #[test]
    fn a_message_anywhere_in_a_segment_is_judged_with_what_follows() {
        let junk = [&[0x80; 2_000][..], b"\n"].concat();
        let hidden = [&[0x80; 700][..], LOGIN, &[0x80; 700]].concat();
        let filler = [0x80; 4_096];
        assert_eq!(passes(&[&junk[..], &junk, LOGIN, LOGIN, &filler, &filler, &filler, &hidden]), "J.RJJJ.R");
    }

    #[test]
    fn offsets_at_the_end_of_the_range_do_not_overflow() {
        let mut gate = Gate::default();
        assert_eq!(gate.ask(u64::MAX, u32::MAX, LOGIN), Pass::Judge(false));
        assert_eq!(gate.ask(u64::MAX, 1, b"x"), Pass::Over);
    }
}

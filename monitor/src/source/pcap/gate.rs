//! Which segments of a direction are worth judging.
//!
//! Owns the policy, which is wider than the kernel's for live traffic, so that what the agent sees live is seen here:
//! - the first bytes of a direction are judged: [`FIRST`] whatever they are, [`FIRST_TEXT`] of segments that begin as
//!   text, and in any case all up to the first line feed, so that it is known whether lines came before;
//! - later segments are judged if a message or an object can begin in them (`opening.rs`), and [`FOLLOWING`] bytes
//!   behind one that does not end in its segment.
//!
//! Everything else is passed over: the bulk of downloads, of encrypted streams and of shells. Must not know
//! addresses or what an object says. Pure.
use memchr::memchr;
use monitor_ebpf::limits;

use super::opening::{Opening, opening};

/// Bytes judged whatever they are: the longest handshake that is known by its bytes is below 300.
const FIRST: u64 = 1 << 10;
/// Bytes judged of what is text: as many as the kernel captures at first, and the first exchange of every dialect
/// fits many times over.
const FIRST_TEXT: u64 = limits::PAYLOAD as u64;
/// The wait for a first line feed ends here.
const FIRST_MAX: u64 = 16 << 10;
/// Bytes judged behind the beginning of a message: the longest are below 8 KiB.
const FOLLOWING: u64 = 8 << 10;
/// As many bytes say whether a segment begins, or ends, as text.
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
    /// Bytes before this offset are judged: a message goes on there.
    window: u64,
    /// A line feed was seen, or waited for long enough.
    line_ended: bool,
    /// The last segment was passed over.
    passed_over: bool,
}

impl Gate {
    /// A segment at `offset`, with `length` bytes of which `bytes` were captured.
    pub(super) fn ask(&mut self, offset: u64, length: u32, bytes: &[u8]) -> Pass {
        let end = offset.saturating_add(u64::from(length));
        let first = offset < FIRST || offset < self.window || !self.line_ended;
        // The order matters: a message may begin in what is judged as text, and go on behind it.
        if !(first || self.begins(end, bytes) || offset < FIRST_TEXT && begins_as_text(bytes)) {
            self.passed_over = true;
            return Pass::Over;
        }
        if !self.line_ended {
            self.line_ended = end > FIRST_MAX || memchr(b'\n', bytes).is_some();
        }
        Pass::Judge(std::mem::take(&mut self.passed_over))
    }

    /// Whether a message or an object can begin in a segment that ends at `end`.
    fn begins(&mut self, end: u64, bytes: &[u8]) -> bool {
        let opening = opening(bytes);
        if opening == Opening::Message && goes_on(bytes) {
            self.window = end.saturating_add(FOLLOWING);
        }
        opening != Opening::None
    }
}

fn begins_as_text(bytes: &[u8]) -> bool {
    is_text(bytes.get(..HEAD).unwrap_or(bytes))
}

/// A message that does not end with its segment: the last bytes are text, or masked as the first are, and there is no
/// closing brace behind which nothing follows.
fn goes_on(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(HEAD)..).unwrap_or_default();
    is_text(tail) && !tail.trim_ascii_end().ends_with(b"}")
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
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
        let banner = [&[b'x'; 400][..], b"\n"].concat();
        assert_eq!(passes(&[&banner, &binary, &binary, &binary, &banner]), "JJJ.R");
        let text = [b'x'; 4_095];
        let text = [&text[..], b"\n"].concat();
        assert_eq!(passes(&[&text; 3]), "J..");
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
    fn a_message_anywhere_in_a_segment_is_judged() {
        let junk = [&[0x80; 2_000][..], b"\n"].concat();
        let hidden = [&[0x80; 700][..], LOGIN, &[0x80; 700]].concat();
        assert_eq!(passes(&[&junk[..], &junk, LOGIN, LOGIN, &junk, &hidden, &junk]), "J.RJ.R.");
    }

    #[test]
    fn what_follows_is_judged_where_a_message_goes_on() {
        let junk = [&[0x80; 2_000][..], b"\n"].concat();
        let (begun, more, last) =
            (&b"{\"id\":1,\"params\":[\"abcdef"[..], &[b'f'; 1_400][..], &b"f\"]}\n"[..]);
        let noise = &[0x80; 9_000][..];
        assert_eq!(passes(&[&junk[..], &junk, begun, more, more, last, noise, noise]), "J.RJJJJ.");
    }

    #[test]
    fn offsets_at_the_end_of_the_range_do_not_overflow() {
        let mut gate = Gate::default();
        assert_eq!(gate.ask(u64::MAX, u32::MAX, LOGIN), Pass::Judge(false));
        assert_eq!(gate.ask(u64::MAX, 1, b"x"), Pass::Over);
        assert_eq!(gate.ask(u64::MAX, 1, b"{"), Pass::Judge(true));
    }
}

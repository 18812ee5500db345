//! Whether a message can begin in a segment.
//!
//! Owns what the beginning of a message looks like before it is parsed. Must not know streams, nor what a message
//! says. Each byte is looked at once.
//!
//! Text is full of braces: in pages and scripts an object stands in the middle of a line. So one that opens where a
//! message can begin is told from one that is merely among the first bytes, which the kernel looks at as well.
use memchr::memchr_iter;

/// An object among as many first bytes is of interest whatever stands before it, as in the kernel's policy.
const HEAD: usize = 64;
/// Bytes before an object of which one that is no text says that a message can begin: the headers of frames, such
/// as WebSocket's, end in them.
const BEFORE: usize = 3;

/// What begins in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// A message: an object opens at the start of the segment or of a line, behind another object or behind bytes
    /// that are no text; or a masked WebSocket frame does with an object in it.
    Message,
    /// An object, which may be a part of a text.
    Object,
    None,
}

pub(super) fn opening(bytes: &[u8]) -> Opening {
    if masked_object(bytes) {
        return Opening::Message;
    }
    let mut found = Opening::None;
    for brace in memchr_iter(b'{', bytes) {
        let (before, from) = bytes.split_at(brace);
        if !is_object(from) {
            continue;
        }
        if begins_message(before) {
            return Opening::Message;
        }
        if brace < HEAD {
            found = Opening::Object;
        }
    }
    found
}

/// A brace, blanks, and then a quote, the backslash of a quoted quote, or nothing more. Two bytes of a name follow, as
/// far as the segment goes: bytes of every value have the first two by chance.
fn is_object(from: &[u8]) -> bool {
    let mut rest = from.iter().skip(1).skip_while(|byte| is_blank(**byte));
    matches!(rest.next(), None | Some(b'"' | b'\\')) && rest.take(2).all(|byte| matches!(byte, b' '..=b'~'))
}

fn begins_message(before: &[u8]) -> bool {
    let end = before.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'['));
    let before = end.map_or(&[][..], |end| before.get(..=end).unwrap_or_default());
    let near = before.get(before.len().saturating_sub(BEFORE)..).unwrap_or_default();
    before.is_empty()
        || before.ends_with(b"}")
        || near.iter().any(|byte| !matches!(byte, b' '..=b'~' | b'\t'))
}

/// A frame of text or bytes, masked as clients do, whose payload begins with an object (RFC 6455, section 5.2).
fn masked_object(bytes: &[u8]) -> bool {
    let [0x81 | 0x82 | 0x01 | 0x02, length @ (0x80..=0xff), rest @ ..] = bytes else { return false };
    let skipped = match length {
        0xfe => 2,
        0xff => 8,
        _ => 0,
    };
    let Some([a, b, _, _, first, second]) = rest.get(skipped..).and_then(|rest| rest.first_chunk()) else {
        return false;
    };
    matches!((a ^ first, b ^ second), (b'{', b'"' | b' ' | b'\t' | b'\r' | b'\n') | (b'[', b'{'))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Opening {
        opening(text.as_bytes())
    }

    #[test]
    fn a_message_begins_behind_lines_objects_and_frames() {
        for text in [
            "{\"a\"",
            "{ \r\n\t\"a",
            "{\\\"a",
            "{",
            "{ ",
            " \t{\"a\"",
            "[{\"a\"",
            "x\n{\"a\"",
            "x\r\n\r\n [ {\"a\"",
            "{a} {\"c",
            "x}{\"",
            "x\0{\"",
            "\u{1}ab{\"",
            "\u{1}~ab{ \u{1}ab{\"",
            "junk\n{",
        ] {
            assert_eq!(of(text), Opening::Message, "{text:?}");
        }
        assert_eq!(opening(b"\x81\x5b{\"id\""), Opening::Message);
        assert_eq!(opening(b"\x81\x7e\x01\x5b{\"id\""), Opening::Message);
        assert_eq!(opening(&[&[0x80; 900][..], b"{\"id\"", &[0x80; 900]].concat()), Opening::Message);
    }

    #[test]
    fn in_the_middle_of_a_text_it_is_an_object_near_the_start_only() {
        assert_eq!(of("var x={\"a\":1}"), Opening::Object);
        let far = format!("{}={{\"a\":1}}", "x".repeat(HEAD));
        assert_eq!(of(&far), Opening::None);
        assert_eq!(of(&format!("{far}\n{{\"a\"")), Opening::Message);
    }

    #[test]
    fn other_braces_are_nothing() {
        for none in ["", "\"a\"", "{a", "{{1", "a}", "{ 1 }", "\n{}"] {
            assert_eq!(of(none), Opening::None, "{none:?}");
        }
    }

    #[test]
    fn masked_frames() {
        let masked = |head: &[u8], clear: &[u8; 8]| {
            let mask = [0x37, 0xfa, 0x21, 0x3d];
            let hidden = clear.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
            [head, &mask, &hidden.collect::<Vec<_>>()].concat()
        };
        for head in
            [&[0x81, 0x88][..], &[0x82, 0x88], &[0x81, 0xfe, 0, 200], &[1, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]]
        {
            assert_eq!(opening(&masked(head, b"{\"id\":1,")), Opening::Message, "{head:?}");
            assert_eq!(opening(&masked(head, b"hello wo")), Opening::None, "{head:?}");
        }
        assert_eq!(opening(&masked(&[0x88, 0x88], b"{\"id\":1,")), Opening::None, "no frame of data");
        for cut in 0..8 {
            assert_eq!(opening(&masked(&[0x81, 0x88], b"{\"id\":1,")[..cut]), Opening::None);
        }
    }
}

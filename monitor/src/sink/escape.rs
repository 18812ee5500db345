//! One escaping for every sink.
//!
//! Owns what may not reach a terminal, a journal or a log reader as it is: a watched process chose the text.
//! Must not know fields or sinks.

/// Longest value in bytes. `journalctl -o json` shows null for a field of 4,096 bytes or more, its name and `=`
/// included (systemd `src/shared/logs-show.c`, `JSON_THRESHOLD`), and our longest name leaves 4,060.
pub const VALUE_MAX: usize = 4_000;

/// Last character of a value that was cut.
pub const CUT: char = '…';

/// `text` fit to be shown: at most [`VALUE_MAX`] bytes, without control characters.
///
/// Newline, tab and carriage return become `\n`, `\t`, `\r`; other ASCII control characters `\x1b`; the C1 ones
/// and the invisible formatting characters (bidirectional overrides, zero-width, tags) `\u{202e}`. A backslash
/// stays as it is, because systemd unit names hold them; so the escaping is for reading, not for undoing. A
/// longer text ends in [`CUT`], never inside an escape.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(VALUE_MAX));
    let mut fits = 0;
    for c in text.chars() {
        push(&mut out, c);
        if out.len() > VALUE_MAX {
            out.truncate(fits);
            out.push(CUT);
            break;
        }
        if out.len() + CUT.len_utf8() <= VALUE_MAX {
            fits = out.len();
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    match u8::try_from(c) {
        Ok(byte) if byte.is_ascii_control() => out.extend(std::ascii::escape_default(byte).map(char::from)),
        _ if c.is_control() || is_invisible(c) => out.extend(c.escape_unicode()),
        _ => out.push(c),
    }
}

/// Characters that change how their neighbours look without being seen: Unicode's format characters (Cf) and
/// its line and paragraph separators.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{CUT, VALUE_MAX, escape};

    #[test]
    fn terminal_sequences_line_breaks_and_overrides_are_spelled_out() {
        let cases = [
            ("plain ünï 中文 \\x2d", "plain ünï 中文 \\x2d"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\x1b[2J\x07\x7f\0", "\\x1b[2J\\x07\\x7f\\x00"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("gpj\u{202e}exe\u{200b}\u{feff}\u{2028}", "gpj\\u{202e}exe\\u{200b}\\u{feff}\\u{2028}"),
        ];
        for (raw, shown) in cases {
            assert_eq!(escape(raw), shown);
        }
    }

    #[test]
    fn no_control_character_of_any_plane_survives() {
        let all: String = ('\0'..=char::MAX).filter(|c| c.is_control()).collect();
        assert_eq!(all.chars().count(), 65);
        assert!(!escape(&all).chars().any(char::is_control));
    }

    #[test]
    fn the_cap_is_exact_and_keeps_whole_escapes() {
        let fits = "x".repeat(VALUE_MAX);
        assert_eq!(escape(&fits), fits);
        for unit in ["x", "é", "中", "\x1b", "\u{202e}"] {
            let cut = escape(&unit.repeat(VALUE_MAX + 1));
            assert!(cut.len() <= VALUE_MAX && cut.len() > VALUE_MAX - 16, "{unit:?}: {}", cut.len());
            let body = cut.strip_suffix(CUT).unwrap();
            let piece = escape(unit);
            assert_eq!(body.replace(&piece, ""), "", "{unit:?} was cut inside an escape");
        }
    }
}

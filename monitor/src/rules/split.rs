//! Cuts a YARA file into its statements, so that a broken rule costs only itself.
//!
//! Owns as much of YARA's lexical grammar as tells where a rule ends: strings, regular expressions, comments, braces.
//! Everything it leaves is compiled by the real parser, which has the last word. Must not know rules.

/// One `import`, `include` or rule, and where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// Line of its first byte, from 1.
    pub(super) line: usize,
    /// Its text, blanks and comments before it included.
    pub(super) text: &'a str,
}

/// What a place in the text is.
enum Token {
    /// Nothing that matters here.
    Other,
    /// A quoted string.
    Quoted,
    Open,
    Close,
    /// The keyword `rule`.
    Rule,
}

/// The statements in their order; they are the whole text but for blanks at its end.
pub(super) fn statements(text: &str) -> Vec<Statement<'_>> {
    let mut out = Vec::new();
    let (mut begin, mut at, mut depth) = (0, 0, 0_u32);
    let mut cut = |begin: &mut usize, end: usize| {
        if let Some(part) = text.get(*begin..end)
            && !part.trim().is_empty()
        {
            out.push(Statement { line: 0, text: part });
        }
        *begin = end;
    };
    while let Some(rest) = text.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
        let before = at.checked_sub(1).and_then(|i| text.as_bytes().get(i)).copied();
        let (token, length) = token(rest, before);
        match token {
            Token::Other => {}
            Token::Quoted if depth == 0 => cut(&mut begin, at + length),
            Token::Quoted => {}
            Token::Open => depth += 1,
            Token::Close if depth == 1 => {
                depth = 0;
                cut(&mut begin, at + 1);
            }
            Token::Close => depth = depth.saturating_sub(1),
            // The word is reserved, so the rule before it was never closed.
            Token::Rule if depth > 0 => {
                depth = 0;
                cut(&mut begin, at);
            }
            Token::Rule => {}
        }
        at += length;
    }
    cut(&mut begin, text.len());
    number(&mut out);
    out
}

fn number(statements: &mut [Statement<'_>]) {
    let mut line = 1;
    for statement in statements {
        statement.line = line;
        line += lines(statement.text);
    }
}

/// Line breaks in `text`.
pub(super) fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// What `rest` begins with, and its length in bytes, at least 1.
fn token(rest: &[u8], before: Option<u8>) -> (Token, usize) {
    match rest {
        [b'/', b'/', ..] => (Token::Other, until(rest, b"\n")),
        [b'/', b'*', tail @ ..] => (Token::Other, 2 + until(tail, b"*/")),
        // YARA divides with a backslash: a slash begins a regular expression.
        [b'/', tail @ ..] => (Token::Other, 1 + quoted(tail, b'/')),
        [b'"', tail @ ..] => (Token::Quoted, 1 + quoted(tail, b'"')),
        [b'{', ..] => (Token::Open, 1),
        [b'}', ..] => (Token::Close, 1),
        [b'r', b'u', b'l', b'e', tail @ ..] => {
            let within = |byte: u8| byte.is_ascii_alphanumeric() || b"_$#@!".contains(&byte);
            let whole = !before.is_some_and(within) && !tail.first().copied().is_some_and(within);
            (if whole { Token::Rule } else { Token::Other }, 4)
        }
        _ => (Token::Other, 1),
    }
}

/// Length up to and with `end`, or of everything.
fn until(text: &[u8], end: &[u8]) -> usize {
    text.windows(end.len()).position(|window| window == end).map_or(text.len(), |found| found + end.len())
}

/// Length up to and with the delimiter that no backslash precedes; a line's end closes what was not closed.
fn quoted(text: &[u8], delimiter: u8) -> usize {
    let mut escaped = false;
    for (i, byte) in text.iter().enumerate() {
        match byte {
            b'\n' => return i,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if *byte == delimiter => return i + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(usize, &str)> {
        let statements = statements(text);
        statements.iter().map(|statement| (statement.line, statement.text.trim())).collect()
    }

    #[test]
    fn rules_and_imports_are_cut_where_they_end() {
        let text = "import \"elf\"\n// rule } {\nprivate rule a : x { strings: $r = /}\\/\"/ $h = { 41 [2-4] (42|43) }\n\
            $s = \"}\\\"{\" condition: $r\n}\n/* rule\n} */ rule b { condition: true }\n";
        let parts = cut(text);
        assert_eq!(parts.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 1, 5]);
        assert!(parts[1].1.starts_with("// rule") && parts[1].1.ends_with("$r\n}"));
        assert!(parts[2].1.ends_with("rule b { condition: true }"));
        assert_eq!(statements(text).iter().map(|part| part.text.len()).sum::<usize>(), text.len() - 1);
    }

    #[test]
    fn a_rule_that_is_never_closed_ends_where_the_next_begins() {
        let parts = cut("rule a { condition: $rule\nrule b { condition: rule_x }\nrule c {}");
        assert_eq!(
            parts,
            [(1, "rule a { condition: $rule"), (2, "rule b { condition: rule_x }"), (2, "rule c {}")]
        );
    }

    #[test]
    fn what_is_cut_anywhere_stays_whole() {
        let text = "rule a { strings: $a = \"\u{e9}\" /*\u{e9} condition: /x";
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let joined: String = statements(&text[..end]).iter().map(|part| part.text).collect();
            let rest = text[..end].strip_prefix(&joined).expect("the same text");
            assert_eq!(rest.trim(), "", "{end}");
        }
    }
}

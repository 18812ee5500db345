//! Goes through arguments, and through the words of an argument that is itself a command (`sh -c`, or a process
//! that wrote its title).
//!
//! Owns the state between an option and its value. Must not know names of options or the form of URLs.
use super::{
    MASK,
    option::{self, Kind},
    url::{self, Ends},
};

/// How deep a command may stand in a command (`sh -c "sh -c '...'"`).
const DEPTH_MAX: u8 = 4;

/// One list of arguments on its way through.
#[derive(Default)]
pub(super) struct Words {
    next: Kind,
    replaced: bool,
    depth: u8,
}

impl Words {
    /// At least one secret was replaced.
    pub(super) const fn replaced(&self) -> bool {
        self.replaced
    }

    /// One argument without its secrets. `cut`: its end may be missing.
    pub(super) fn argument(&mut self, word: &str, cut: bool) -> String {
        let pending = std::mem::take(&mut self.next);
        let shape = option::shape(word);
        if let Some(shape) = &shape {
            // Also when this word is itself a secret: what follows `-p -p` is hidden either way.
            self.next = shape.next;
        }
        match (pending, shape) {
            (Kind::Secret, _) => self.value(word, Kind::Secret, cut),
            (Kind::UserPass, Some(shape)) if shape.tells_nothing() => self.value(word, Kind::UserPass, cut),
            (_, Some(shape)) => match shape.value {
                Some((value, kind)) => shape.head.to_owned() + &self.value(value, kind, cut),
                None => shape.head.to_owned(),
            },
            (kind, None) => self.value(word, kind, cut),
        }
    }

    fn value(&mut self, value: &str, kind: Kind, cut: bool) -> String {
        match kind {
            Kind::Secret if value.is_empty() => String::new(),
            Kind::Secret => self.replace(MASK.to_owned()),
            Kind::UserPass if !value.contains("://") => match url::mask_pair(value) {
                Some(masked) => self.replace(masked),
                None => self.plain(value, cut),
            },
            Kind::UserPass | Kind::Plain => self.plain(value, cut),
        }
    }

    fn replace(&mut self, masked: String) -> String {
        self.replaced = true;
        masked
    }

    /// Neither an option nor an option's value that tells what it is.
    fn plain(&mut self, value: &str, cut: bool) -> String {
        let mut value = self.assignments(value);
        let many = value.contains(char::is_whitespace);
        if !many || starts_with_url(&value) {
            let masked = url::mask(&value, Ends::AtEnd, cut).or_else(|| url::mask_bare(&value, cut));
            value = masked.map_or(value, |masked| self.replace(masked));
        }
        if many && self.depth < DEPTH_MAX { self.command(&value, cut) } else { value }
    }

    /// The words of a command inside an argument.
    fn command(&mut self, text: &str, cut: bool) -> String {
        let mut inner = Self { next: Kind::Plain, replaced: false, depth: self.depth + 1 };
        let mut out = String::with_capacity(text.len());
        let mut splitter = Splitter::new(text);
        while let Some((gap, word)) = splitter.next_word() {
            out.push_str(gap);
            let cut = cut && splitter.rest.is_empty();
            match unquote(word) {
                Some((quote, body)) => {
                    out.push(quote);
                    out.push_str(&inner.argument(body, cut));
                    out.push(quote);
                }
                None => out.push_str(&inner.argument(word, cut)),
            }
        }
        out.push_str(splitter.rest);
        self.replaced |= inner.replaced;
        out
    }

    /// `NAME=secret`, alone, in a list of options or in the query of a URL.
    fn assignments(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('=') {
            let lead = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_.-".contains(c));
            let name = before.strip_prefix(lead).unwrap_or(before);
            out.push_str(before);
            out.push('=');
            rest = after;
            if option::is_secret_name(name) && !after.is_empty() {
                let length = if lead.ends_with(['?', '&']) { after.find(['&', '#']) } else { None };
                rest = length.and_then(|length| after.get(length..)).unwrap_or_default();
                out.push_str(&self.replace(MASK.to_owned()));
            }
        }
        out.push_str(rest);
        out
    }
}

fn starts_with_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    })
}

/// Splits at white space as a shell would, as far as quotes and backslashes go.
struct Splitter<'a> {
    rest: &'a str,
}

impl<'a> Splitter<'a> {
    const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The white space before the next word, and the word with its quotes.
    fn next_word(&mut self) -> Option<(&'a str, &'a str)> {
        let begin = self.rest.find(|c: char| !c.is_whitespace())?;
        let (gap, rest) = self.rest.split_at_checked(begin)?;
        let (word, rest) = rest.split_at_checked(word_length(rest))?;
        self.rest = rest;
        Some((gap, word))
    }
}

fn word_length(text: &str) -> usize {
    let mut chars = text.char_indices();
    let mut before = '=';
    while let Some((i, c)) = chars.next() {
        match c {
            _ if c.is_whitespace() => return i,
            '\\' => {
                chars.next();
            }
            // A quote opens at the begin of a word or of a value: an apostrophe does not.
            '\'' | '"' if before == '=' => {
                let tail = chars.as_str();
                if let Some((quoted, _)) = tail.split_once(c) {
                    chars.by_ref().take(quoted.chars().count() + 1).for_each(drop);
                }
            }
            _ => {}
        }
        before = c;
    }
    text.len()
}

fn unquote(word: &str) -> Option<(char, &str)> {
    let quote = word.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let body = word.strip_prefix(quote)?.strip_suffix(quote)?;
    Some((quote, body))
}

//! What is known of miners beforehand: YARA rules, digests of files, names and addresses of pools.
//!
//! Owns the bundled rules, the folder of the operator's own, and what is wrong in it: everything that is right is
//! loaded all the same. Read at start-up. Must not know what is searched, nor what a match is worth.
use std::{fmt, path::Path, sync::Arc};

mod bundled;
mod compile;
mod digests;
mod folder;
mod list;
mod pools;
mod split;
mod veil;

pub use bundled::bundled;
pub use compile::{Rules, STATEMENTS_MAX};
pub use digests::Digests;
pub use pools::{Listed, Pools};

/// Something wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the folder.
    pub file: String,
    /// Line, from 1; `None` when it is about the whole.
    pub line: Option<usize>,
    /// One line for a person.
    pub message: String,
}

impl Problem {
    fn at(file: &str, line: usize, message: String) -> Self {
        Self { file: file.to_owned(), line: Some(line), message }
    }

    fn of(file: &str, message: String) -> Self {
        Self { file: file.to_owned(), line: None, message }
    }
}

impl fmt::Display for Problem {
    /// `FILE:LINE: why` or `FILE: why`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Everything that is known beforehand.
#[derive(Clone, Debug)]
pub struct Known {
    /// The agent's rules and the operator's.
    pub rules: Rules,
    /// Digests of files.
    pub digests: Arc<Digests>,
    /// Pools.
    pub pools: Arc<Pools>,
}

impl Default for Known {
    /// Nothing at all, not even the bundled rules.
    fn default() -> Self {
        let rules = compile::Builder::new().finish();
        Self { rules, digests: Arc::default(), pools: Arc::default() }
    }
}

/// Compiles the bundled rules and what lies in `directory`, and says what is wrong there. A directory that is not
/// there is an empty one.
#[must_use]
pub fn load(directory: &Path) -> (Known, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut builder = with_bundled(&mut problems);
    for (name, text) in folder::texts(directory, "yar", &mut problems) {
        builder.add(&name, &text, &mut problems);
    }
    let mut digests = Digests::default();
    for (name, text) in folder::texts(&directory.join("digests.d"), "txt", &mut problems) {
        digests.add(&name, &text, &mut problems);
    }
    digests.sort();
    let mut pools = Pools::default();
    for (name, text) in folder::texts(&directory.join("pools.d"), "txt", &mut problems) {
        pools.add(&name, &text, &mut problems);
    }
    let known = Known { rules: builder.finish(), digests: Arc::new(digests), pools: Arc::new(pools) };
    (known, problems)
}

/// The bundled rules alone, and what is wrong with them: a mistake of this program.
#[must_use]
pub fn bundled_rules() -> (Rules, Vec<Problem>) {
    let mut problems = Vec::new();
    (with_bundled(&mut problems).finish(), problems)
}

/// Rules of one text, as an operator's file called `name`, without the bundled ones.
#[must_use]
pub fn rules_of(name: &str, text: &str) -> (Rules, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut builder = compile::Builder::new();
    builder.add(name, text, &mut problems);
    (builder.finish(), problems)
}

/// What is known when `text` is bundled and nothing else.
#[cfg(test)]
pub(crate) fn known_of(text: &str) -> Known {
    let mut problems = Vec::new();
    let mut builder = compile::Builder::new();
    builder.add_bundled("test", text, &mut problems);
    assert_eq!(problems, vec![]);
    Known { rules: builder.finish(), ..Known::default() }
}

fn with_bundled(problems: &mut Vec<Problem>) -> compile::Builder {
    let mut builder = compile::Builder::new();
    for (name, text) in bundled() {
        builder.add_bundled(&name, &text, problems);
    }
    builder
}

#[cfg(test)]
pub(crate) use veil::veil as veil_bytes;

#[cfg(test)]
mod tests;

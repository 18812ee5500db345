//! From a file to a [`Config`], with the line of everything that is wrong.
//!
//! Owns reading and the search for unknown keys. A wrong value is an error; an unknown key is told to the
//! caller, who refuses it (`config --check`) or warns and goes on (a start after a rollback).
use std::{fmt, fs::File, io, io::Read as _, path::Path};

use anyhow::{Context as _, bail};
use serde_ignored::Path as KeyPath;
use toml::de::{DeTable, DeValue};

use super::Config;

/// Where the configuration lies unless `--config` names another file.
pub const DEFAULT_PATH: &str = "/etc/minewarden/minewarden.toml";
/// A configuration is a few lines; more is a mistake such as `--config /dev/zero`.
const SIZE_MAX: u64 = 1 << 20;

/// What a file said.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration, defaults filled in.
    pub config: Config,
    /// Keys that mean nothing to this version, in the order of the file.
    pub unknown: Vec<Problem>,
}

/// Something wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// One line for a person.
    pub message: String,
}

impl fmt::Display for Problem {
    /// `LINE: MESSAGE`; the caller puts the file's name in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

impl std::error::Error for Problem {}

/// Reads `path`, or [`DEFAULT_PATH`] when `None`; the latter may be absent, which means the defaults.
///
/// # Errors
/// `FILE: why` when it cannot be read, `FILE:LINE: why` when it is not TOML or a value is wrong.
pub fn load(path: Option<&Path>) -> anyhow::Result<Loaded> {
    let file = path.unwrap_or(Path::new(DEFAULT_PATH));
    let text = match read(file) {
        Ok(text) => text,
        Err(error) if path.is_none() && is_absent(&error) => String::new(),
        Err(error) => return Err(error.context(file.display().to_string())),
    };
    parse(&text).map_err(|problem| anyhow::anyhow!("{}:{problem}", file.display()))
}

/// Reads the text of a configuration.
///
/// # Errors
/// The first thing that is not TOML, or the first value of a wrong type or outside its range.
pub fn parse(text: &str) -> Result<Loaded, Problem> {
    let problem = |error: toml::de::Error| Problem {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', ", "),
    };
    let table = DeTable::parse(text).map_err(problem)?;
    let mut unknown = Vec::new();
    let reader = toml::Deserializer::parse(text).map_err(problem)?;
    let config = serde_ignored::deserialize(reader, |path| {
        let keys = keys_of(&path);
        let line = line_of(text, position(table.get_ref(), &keys));
        unknown.push(Problem { line, message: unknown_key(&keys) });
    })
    .map_err(problem)?;
    unknown.sort_by_key(|problem| problem.line);
    Ok(Loaded { config, unknown })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SIZE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_MAX {
        bail!("larger than {SIZE_MAX} bytes, so not a configuration");
    }
    String::from_utf8(bytes).context("not UTF-8 text")
}

fn is_absent(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn keys_of(path: &KeyPath<'_>) -> Vec<String> {
    match path {
        KeyPath::Root => Vec::new(),
        KeyPath::Map { parent, key } => [keys_of(parent), vec![key.clone()]].concat(),
        KeyPath::Seq { parent, .. }
        | KeyPath::Some { parent }
        | KeyPath::NewtypeStruct { parent }
        | KeyPath::NewtypeVariant { parent } => keys_of(parent),
    }
}

/// Byte offset of the last of `keys` that the file spells out.
fn position(mut table: &DeTable<'_>, keys: &[String]) -> usize {
    let mut offset = 0;
    for name in keys {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { break };
        offset = key.span().start;
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    offset
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

/// The keys that belong where the unknown one stands are named, so that a slip of the pen is found at once.
fn unknown_key(keys: &[String]) -> String {
    let mut known = toml::Table::try_from(Config::default()).unwrap_or_default();
    let sections = keys.split_last().map_or(&[][..], |(_, sections)| sections);
    for section in sections {
        known = match known.remove(section) {
            Some(toml::Value::Table(table)) => table,
            _ => toml::Table::new(),
        };
    }
    let names = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("unknown key `{}`; known here: {names}", keys.join(".").escape_debug())
}

#[cfg(test)]
mod tests {
    use super::{Loaded, Problem, parse};

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        let Loaded { config, unknown } = parse("").unwrap();
        assert_eq!((config, unknown), (super::Config::default(), vec![]));
    }

    #[test]
    fn unknown_keys_are_told_with_their_lines_and_the_rest_still_counts() {
        let text =
            "[journal]\nobject_pid = false\n# a comment\nobject_pib = 1\n\n[incidents]\nend_after = \"1s\"\n";
        let Loaded { config, unknown } = parse(text).unwrap();
        assert!(!config.journal.object_pid);
        let expected = [
            (4, "unknown key `journal.object_pib`; known here: object_pid, record, record_namespace, socket"),
            (6, "unknown key `incidents`; known here: agent, incident, journal, metrics, rules, watch"),
        ];
        assert_eq!(unknown, expected.map(|(line, text)| Problem { line, message: text.to_owned() }));
    }

    #[test]
    fn a_dotted_and_an_inline_unknown_key_have_the_right_line() {
        let unknown = parse("\nagent.pulse = 3\njournal = { sock = \"/x\" }\n").unwrap().unknown;
        assert_eq!(unknown.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn an_unknown_key_cannot_break_the_line() {
        let unknown = parse("\"a\\nb\\u001b[31m\" = 1\n").unwrap().unknown;
        assert!(unknown[0].message.starts_with("unknown key `a\\nb\\u{1b}[31m`"), "{}", unknown[0].message);
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_line() {
        assert_eq!(
            refused("[journal]\n\nobject_pid = \"yes\"\n"),
            "3: invalid type: string \"yes\", expected a boolean"
        );
        assert!(refused("journal = 3\n").starts_with("1: invalid type: integer `3`"));
    }

    #[test]
    fn a_value_outside_its_range_is_refused_with_its_line() {
        let wanted = "a time from \"1s\" to \"365d\" is wanted";
        assert_eq!(refused("[agent]\nheartbeat = \"0s\"\n"), format!("2: {wanted}"));
        assert_eq!(refused("[incident]\nend_after = \"2years\"\n"), format!("2: {wanted}"));
        assert!(refused("[incident]\nend_after = \"soon\"\n").starts_with("2: "));
        assert_eq!(refused("[journal]\nsocket = \"run/socket\"\n"), "2: an absolute path is wanted");
        assert_eq!(refused("[rules]\ndirectory = \"rules.d\"\n"), "2: an absolute path is wanted");
        for name in ["../x", "a b", "a.b", &"x".repeat(65)] {
            let error = refused(&format!("[journal]\nrecord_namespace = \"{name}\"\n"));
            assert!(error.starts_with("2: a name of at most 64 letters"), "{error}");
        }
        let loopback =
            "2: a loopback address with a port is wanted, such as \"127.0.0.1:9256\" or \"[::1]:9256\"";
        for address in
            ["0.0.0.0:9256", "192.0.2.1:9256", "[::]:9256", "localhost:9256", "127.0.0.1", "127.0.0.1:0"]
        {
            assert_eq!(refused(&format!("[metrics]\nlisten = \"{address}\"\n")), loopback, "{address}");
        }
        assert_eq!(refused("[metrics]\ntextfile = \"a.prom\"\n"), "2: an absolute path is wanted");
        assert!(refused("[metrics]\ntextfile = \"/run/a.txt\"\n").contains("ends in \".prom\""));
        let metrics = parse("[metrics]\nlisten = \"\"\ntextfile = \"\"\n").unwrap().config.metrics;
        assert_eq!(metrics, super::super::Metrics::default());
        let long = format!("[journal]\nsocket = \"/{}\"\n", "x".repeat(107));
        assert_eq!(refused(&long), "2: a socket's path has at most 107 bytes");
    }

    #[test]
    fn a_record_of_what_there_is_none_of_is_refused_with_its_line() {
        let known = "expected `exec` or `connect`";
        let error = refused("[journal]\nrecord = [\n  \"exec\",\n  \"dns\",\n]\n");
        assert_eq!(error, format!("4: unknown variant `dns`, {known}"));
        assert!(refused("[journal]\nrecord = \"exec\"\n").starts_with("2: invalid type: string \"exec\""));
    }

    #[test]
    fn what_is_not_toml_is_refused_with_its_line_in_one_line() {
        for text in ["[journal]\nobject_pid = \n", "[journal]\nobject_pid true\n", "\n[agent\n"] {
            let message = refused(text);
            assert!(message.starts_with("2: ") && !message.contains('\n'), "{message}");
        }
    }
}

//! What a search showed, and the words for it.
//!
//! Owns which rule stands for which kind of match. Must not know who asked.
use crate::{
    detect::{
        BINARY_CONTENT, BINARY_DIGEST, BINARY_MEMORY, BINARY_YARA, Claim, Finding, Role, Rule, Shares,
        Subject,
    },
    enrich::Tables,
    event::{ProcessKey, RuleMatch, Scanned},
};

/// Longest path in a text, in bytes.
const PATH_MAX: usize = 256;
/// Rules named in a text.
const NAMED: usize = 3;

/// What is worth telling or watching of a content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Rules that the file matched.
    pub(super) matches: Vec<RuleMatch>,
    /// The digest list that names it.
    pub(super) listed: Option<String>,
    /// What packed it.
    pub(super) packed: Option<String>,
    /// Rules that the memory of a process matched.
    pub(super) memory: Vec<RuleMatch>,
    /// That was an earlier process of the same file.
    pub(super) earlier: bool,
}

impl Verdict {
    /// `None` when there is nothing to tell or to watch.
    pub(super) fn of(scanned: &Scanned) -> Option<Self> {
        let Scanned { matches, listed, packed, .. } = scanned;
        let nothing = matches.is_empty() && listed.is_none() && packed.is_none();
        (!nothing).then(|| Self {
            matches: matches.clone(),
            listed: listed.clone(),
            packed: packed.clone(),
            ..Self::default()
        })
    }

    /// Whether a look into memory would add nothing.
    pub(super) fn known(&self) -> bool {
        self.packed.is_none() || !self.memory.is_empty() || self.matches.iter().any(|found| found.bundled)
    }

    /// What it shows of a process.
    pub(super) fn findings(&self, key: ProcessKey, tables: &Tables) -> Vec<Finding> {
        let process = tables.processes.get(key);
        let path = process.and_then(|process| process.image.path()).unwrap_or("its executable");
        let path = path.get(..path.floor_char_boundary(PATH_MAX)).unwrap_or_default();
        let finding = |rule: &'static Rule, text: String| Finding {
            rule,
            subject: Subject::Process(key),
            role: Role::Miner,
            text,
            claim: Claim::default(),
            shares: Shares::default(),
            repeats: false,
        };
        let of = |bundled: bool| self.matches.iter().filter(move |found| found.bundled == bundled);
        let unpacked = match (&self.packed, self.earlier) {
            (_, true) => " in an earlier run".to_owned(),
            (Some(packed), false) => format!(" (packed: {packed})"),
            (None, false) => String::new(),
        };
        let content =
            names(of(true)).map(|names| finding(&BINARY_CONTENT, format!("{path} matches {names}")));
        let memory = names(self.memory.iter())
            .map(|names| finding(&BINARY_MEMORY, format!("the memory of {path}{unpacked} matches {names}")));
        let yara =
            names(of(false)).map(|names| finding(&BINARY_YARA, format!("{path} matches own rule {names}")));
        let listed = self.listed.as_ref();
        let digest =
            listed.map(|place| finding(&BINARY_DIGEST, format!("the digest of {path} is listed in {place}")));
        [content, memory, yara, digest].into_iter().flatten().collect()
    }
}

/// `name (description), name and 2 more`; `None` without any.
fn names<'a>(matches: impl Iterator<Item = &'a RuleMatch>) -> Option<String> {
    let all: Vec<_> = matches
        .map(|found| match &found.description {
            Some(description) => format!("{} ({description})", found.name),
            None => found.name.clone(),
        })
        .collect();
    let named = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => None,
        n if n > NAMED => Some(format!("{named} and {} more", n - NAMED)),
        _ => Some(named),
    }
}

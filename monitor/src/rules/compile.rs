//! YARA rules, compiled and ready to search.
//!
//! Owns the compiler's settings and what a match is told as. Each statement is compiled by itself, so that a broken
//! rule costs only itself. Must not know where a text comes from or what is searched.
use std::time::Duration;

use boreal::{
    Compiler, MetadataValue, Scanner,
    compiler::{AddRuleError, CompilerParams},
    memory::FragmentedMemory,
    scanner::{EvaluatedRule, FragmentedScanMode, ScanParams, ScanResult},
};

use super::{
    Problem,
    split::{Statement, lines, statements},
};
use crate::event::RuleMatch;

/// Name spaces of bundled files begin so; an operator's begin with the path of a file.
const BUNDLED: &str = "bundled:";
/// Statements of operators' files that are compiled.
pub const STATEMENTS_MAX: usize = 20_000;
/// Matches told of one search.
const MATCHES_MAX: usize = 16;
/// Longest description that is told, in bytes.
const DESCRIPTION_MAX: usize = 200;
/// Places remembered of one string: what `#a` counts up to.
const PLACES_MAX: u32 = 1_000;

/// Collects rules.
pub(super) struct Builder {
    compiler: Compiler,
    own: usize,
}

impl Builder {
    pub(super) fn new() -> Self {
        let mut compiler = Compiler::new();
        // A rule may not read files of the agent's choosing, nor of anybody's.
        compiler.set_params(CompilerParams::default().disable_includes(true));
        Self { compiler, own: 0 }
    }

    /// Adds the agent's own file.
    pub(super) fn add_bundled(&mut self, name: &str, text: &str, problems: &mut Vec<Problem>) {
        let space = format!("{BUNDLED}{name}");
        for statement in statements(text) {
            self.add_statement(&space, name, &statement, problems);
        }
    }

    /// Adds an operator's file.
    pub(super) fn add(&mut self, file: &str, text: &str, problems: &mut Vec<Problem>) {
        for statement in statements(text) {
            if self.own >= STATEMENTS_MAX {
                let message = format!("more than {STATEMENTS_MAX} rules; the rest is not loaded");
                problems.push(Problem::at(file, statement.line, message));
                return;
            }
            self.own += 1;
            self.add_statement(file, file, &statement, problems);
        }
    }

    fn add_statement(
        &mut self,
        space: &str,
        file: &str,
        statement: &Statement<'_>,
        problems: &mut Vec<Problem>,
    ) {
        if let Err(error) = self.compiler.add_rules_str_in_namespace(statement.text, space) {
            problems.push(problem(file, statement, &error));
        }
    }

    pub(super) fn finish(self) -> Rules {
        let scanner = self.compiler.finalize();
        let visible = || scanner.rules().filter(|rule| !rule.is_private);
        let bundled = visible().filter(|rule| rule.namespace.starts_with(BUNDLED)).count();
        let own = visible().count() - bundled;
        Rules { scanner, bundled, own }
    }
}

fn problem(file: &str, statement: &Statement<'_>, error: &AddRuleError) -> Problem {
    let diagnostic = error.to_diagnostic();
    let start = diagnostic.labels.first().map_or(0, |label| label.range.start);
    let before = statement.text.get(..start).unwrap_or_default();
    // Without a label it is said of the statement: of its first line that is not blank.
    let blank = statement.text.len() - statement.text.trim_start().len();
    let before = if start == 0 { statement.text.get(..blank).unwrap_or_default() } else { before };
    let hint = diagnostic.labels.first().map(|label| label.message.as_str()).filter(|hint| !hint.is_empty());
    let message = match hint {
        Some(hint) => format!("{}: {hint}", diagnostic.message),
        None => diagnostic.message,
    };
    Problem::at(file, statement.line + lines(before), message)
}

/// Compiled rules; a clone is cheap.
#[derive(Clone, Debug)]
pub struct Rules {
    scanner: Scanner,
    /// The agent's own rules, private ones not counted.
    pub bundled: usize,
    /// The operators'.
    pub own: usize,
}

impl Rules {
    /// Searches all of `bytes`: the rules that matched, and whether that is all: time may have run out.
    #[must_use]
    pub fn search(&self, bytes: &[u8], time: Duration) -> (Vec<RuleMatch>, bool) {
        let scanner = self.timed(time, false);
        match scanner.scan_mem(bytes) {
            Ok(result) => (told(&scanner, &result), true),
            Err((_, result)) => (told(&scanner, &result), false),
        }
    }

    /// Searches pieces. `memory` are the addresses of a process; else pieces of a file by their place in it. In
    /// pieces `filesize` is undefined.
    #[must_use]
    pub fn search_pieces(
        &self,
        pieces: impl FragmentedMemory,
        memory: bool,
        time: Duration,
    ) -> (Vec<RuleMatch>, bool) {
        let scanner = self.timed(time, memory);
        match scanner.scan_fragmented(pieces) {
            Ok(result) => (told(&scanner, &result), true),
            Err((_, result)) => (told(&scanner, &result), false),
        }
    }

    fn timed(&self, time: Duration, memory: bool) -> Scanner {
        let mut scanner = self.scanner.clone();
        let mode = if memory { FragmentedScanMode::fast() } else { FragmentedScanMode::legacy() };
        scanner.set_scan_params(
            ScanParams::default()
                .timeout_duration(Some(time))
                .string_max_nb_matches(PLACES_MAX)
                // Matched bytes are of no use here, and would be kept for every place.
                .match_max_length(0)
                .process_memory(memory)
                .fragmented_scan_mode(mode),
        );
        scanner
    }
}

/// The matches as events tell them.
fn told(scanner: &Scanner, result: &ScanResult<'_>) -> Vec<RuleMatch> {
    // The agent's own first, so that the cap never hides one behind an operator's.
    let (bundled, own): (Vec<_>, Vec<_>) =
        result.rules.iter().partition(|rule| rule.namespace.starts_with(BUNDLED));
    bundled.into_iter().chain(own).take(MATCHES_MAX).map(|rule| one(scanner, rule)).collect()
}

fn one(scanner: &Scanner, rule: &EvaluatedRule<'_>) -> RuleMatch {
    let described = rule.metadatas.iter().find(|data| scanner.get_string_symbol(data.name) == "description");
    let description = described.and_then(|data| match data.value {
        MetadataValue::Bytes(text) => {
            let text = scanner.get_bytes_symbol(text);
            Some(String::from_utf8_lossy(text.get(..DESCRIPTION_MAX).unwrap_or(text)).into_owned())
        }
        MetadataValue::Integer(_) | MetadataValue::Boolean(_) => None,
    });
    RuleMatch { name: rule.name.to_owned(), description, bundled: rule.namespace.starts_with(BUNDLED) }
}

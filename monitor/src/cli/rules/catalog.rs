//! The YARA rules that judge content: the bundled ones and those of files named on the command line.
//!
//! Owns what the rules say of themselves and one search. Must not know where bytes come from.
use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, anyhow};
use boreal::{
    Compiler, Metadata, MetadataValue, Scanner,
    compiler::{AddRuleError, CompilerParams},
    scanner::ScanParams,
};
use serde::Serialize;

use crate::rules::bundled;

/// Name spaces of bundled files begin so; those of others are their paths.
const BUNDLED: &str = "bundled:";
/// Largest file of rules.
const FILE_MAX: u64 = 16 << 20;
/// Longest that one file is searched.
const TIME: Duration = Duration::from_secs(60);

/// One rule, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentRule {
    /// Its identifier.
    pub name: String,
    /// The file it is in.
    pub file: String,
    /// What it finds.
    pub description: String,
    /// How many of which marks it demands.
    pub marks: String,
    /// Where the marks are known from.
    pub source: String,
    /// What is known to match without being a miner.
    pub false_alarms: String,
}

/// Compiled rules.
pub struct Catalog {
    scanner: Scanner,
}

impl Catalog {
    /// The bundled rules, and those of `files`.
    ///
    /// # Errors
    /// `FILE:LINE: why` of the first rule that does not compile, or why a file cannot be read.
    pub fn new(files: &[impl AsRef<Path>]) -> anyhow::Result<Self> {
        let mut compiler = Compiler::new();
        compiler.set_params(CompilerParams::default().disable_includes(true));
        for (name, text) in bundled() {
            add(&mut compiler, &format!("{BUNDLED}{name}"), &name, &text)?;
        }
        for file in files {
            let name = file.as_ref().display().to_string();
            add(&mut compiler, &name, &name, &read(file.as_ref()).with_context(|| name.clone())?)?;
        }
        let mut scanner = compiler.finalize();
        // Matched bytes are of no use here.
        scanner.set_scan_params(ScanParams::default().timeout_duration(Some(TIME)).match_max_length(0));
        Ok(Self { scanner })
    }

    /// Every rule that can match by itself, in the order of files.
    #[must_use]
    pub fn rules(&self) -> Vec<ContentRule> {
        let visible = self.scanner.rules().filter(|rule| !rule.is_private);
        visible
            .map(|rule| {
                let told = |key| self.metadata(rule.metadatas, key);
                ContentRule {
                    name: rule.name.to_owned(),
                    file: rule.namespace.strip_prefix(BUNDLED).unwrap_or(rule.namespace).to_owned(),
                    description: told("description"),
                    marks: told("marks"),
                    source: told("source"),
                    false_alarms: told("false_alarms"),
                }
            })
            .collect()
    }

    /// The names of the rules that match `bytes`, and whether every rule was judged before time ran out.
    #[must_use]
    pub fn search(&self, bytes: &[u8]) -> (Vec<&str>, bool) {
        let (result, whole) = match self.scanner.scan_mem(bytes) {
            Ok(result) => (result, true),
            Err((_, result)) => (result, false),
        };
        (result.rules.into_iter().map(|rule| rule.name).collect(), whole)
    }

    fn metadata(&self, metadatas: &[Metadata], key: &str) -> String {
        let found = metadatas.iter().find(|data| self.scanner.get_string_symbol(data.name) == key);
        match found.map(|data| &data.value) {
            Some(MetadataValue::Bytes(text)) => {
                String::from_utf8_lossy(self.scanner.get_bytes_symbol(*text)).into_owned()
            }
            Some(MetadataValue::Integer(_) | MetadataValue::Boolean(_)) | None => String::new(),
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let size = fs::metadata(file)?.len();
    if size > FILE_MAX {
        return Err(anyhow!("larger than {FILE_MAX} bytes"));
    }
    Ok(fs::read_to_string(file)?)
}

fn add(compiler: &mut Compiler, space: &str, name: &str, text: &str) -> anyhow::Result<()> {
    compiler.add_rules_str_in_namespace(text, space).map_err(|error| told(name, text, &error)).map(|_| ())
}

/// `FILE:LINE: why`.
fn told(name: &str, text: &str, error: &AddRuleError) -> anyhow::Error {
    let diagnostic = error.to_diagnostic();
    let start = diagnostic.labels.first().map_or(0, |label| label.range.start);
    let line = 1 + text.get(..start).unwrap_or_default().matches('\n').count();
    let hint = diagnostic.labels.first().map(|label| label.message.as_str()).filter(|hint| !hint.is_empty());
    let why = hint.map_or(diagnostic.message.clone(), |hint| format!("{}: {hint}", diagnostic.message));
    anyhow!("{name}:{line}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::new(&[] as &[&Path]).unwrap()
    }

    #[test]
    fn every_bundled_rule_tells_what_it_is_and_demands_what_it_says() {
        let rules = catalog().rules();
        let texts: Vec<_> = bundled().into_iter().map(|(_, text)| text).collect();
        assert!(rules.len() >= 30, "{}", rules.len());
        for rule in &rules {
            for told in [&rule.description, &rule.marks, &rule.source, &rule.false_alarms] {
                assert!(!told.is_empty(), "{}", rule.name);
            }
            let body = texts.iter().find_map(|text| text.split_once(&format!("\nrule {}\n", rule.name)));
            let body = body.unwrap().1.split("\nrule ").next().unwrap();
            let condition = body.rsplit_once("condition:").unwrap().1;
            let demanded = numbers_before_of(condition);
            assert!(demanded.len() >= 2 && demanded.iter().sum::<usize>() >= 4, "{}: {condition}", rule.name);
            assert_eq!(numbers_before_of(&rule.marks), demanded, "{}", rule.name);
            for (group, of) in ('a'..).zip(numbers_after_of(&rule.marks)) {
                let strings = (1..100).take_while(|n| body.contains(&format!(" ${group}{n} = "))).count();
                assert_eq!(strings, of, "{} ${group}", rule.name);
            }
        }
    }

    fn numbers_before_of(text: &str) -> Vec<usize> {
        let words: Vec<_> = text.split_whitespace().collect();
        words.windows(2).filter(|pair| pair[1] == "of").filter_map(|pair| pair[0].parse().ok()).collect()
    }

    fn numbers_after_of(text: &str) -> Vec<usize> {
        let words: Vec<_> = text.split_whitespace().collect();
        words.windows(2).filter(|pair| pair[0] == "of").filter_map(|pair| pair[1].parse().ok()).collect()
    }

    #[test]
    fn the_documentation_has_every_bundled_rule_in_its_words() {
        let doc = include_str!("../../../../docs/detection.md");
        let (_, section) = doc.split_once("\n## Known miners by content\n").unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let told: Vec<_> = rows.take_while(|row| row.ends_with(" |")).collect();
        let rules = catalog().rules();
        let row = |rule: &ContentRule| {
            let ContentRule { name, description, marks, source, .. } = rule;
            format!("| `{name}` | {description} | {marks} | {source} |")
        };
        assert_eq!(told[..rules.len()], rules.iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn names_are_their_own() {
        let mut names: Vec<_> = catalog().rules().into_iter().map(|rule| rule.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_file_of_one_s_own_is_searched_for_too_and_a_mistake_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let good = directory.path().join("good.yar");
        fs::write(&good, "rule own { strings: $a = \"needle\" condition: $a }").unwrap();
        let catalog = Catalog::new(&[&good]).unwrap();
        assert_eq!(catalog.search(b"hay needle hay"), (vec!["own"], true));
        assert_eq!(catalog.search(b"hay hay"), (vec![], true));
        let bad = directory.path().join("bad.yar");
        fs::write(&bad, "rule a { condition: true }\n\nrule b { condition: $x }").unwrap();
        let error = Catalog::new(&[&bad]).err().unwrap().to_string();
        assert!(error.starts_with(&format!("{}:3: ", bad.display())), "{error}");
        let none = Catalog::new(&[directory.path().join("none.yar")]).err().unwrap();
        assert!(
            format!("{none:#}").ends_with("none.yar: No such file or directory (os error 2)"),
            "{none:#}"
        );
    }
}

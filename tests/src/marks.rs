//! The marks of every bundled rule, for programs that are to match or to miss by one.
//!
//! Owns `rules/marks.txt` and its form. It is read when it is needed and in no test's executable: the agent would
//! find that. Must not know how rules are judged.
use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

/// What one rule looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The rule's identifier.
    pub rule: String,
    /// All of these must be there.
    pub groups: Vec<Group>,
}

/// Marks that count together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many of them it takes.
    pub need: usize,
    /// Each one.
    pub marks: Vec<Vec<u8>>,
}

impl Marked {
    /// As many marks as it takes and no more, from each group those that begin at `turn`.
    #[must_use]
    pub fn enough(&self, turn: usize) -> Vec<&[u8]> {
        self.groups.iter().flat_map(|group| group.some(turn, group.need)).collect()
    }

    /// For every group, the same without one of its marks.
    #[must_use]
    pub fn one_short(&self, turn: usize) -> Vec<Vec<&[u8]>> {
        let short = |missing: usize| {
            let groups = self.groups.iter().enumerate();
            groups.flat_map(|(at, group)| group.some(turn, group.need - usize::from(at == missing))).collect()
        };
        (0..self.groups.len()).map(short).collect()
    }

    /// Turns after which every mark was in use.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.groups.iter().map(|group| group.marks.len()).max().unwrap_or(0)
    }
}

impl Group {
    fn some(&self, turn: usize, count: usize) -> impl Iterator<Item = &[u8]> {
        self.marks.iter().cycle().skip(turn % self.marks.len()).take(count).map(Vec::as_slice)
    }
}

/// Every rule of the table.
///
/// # Errors
/// The table cannot be read, or a line of it has not the form that its head describes.
pub fn marks() -> Result<Vec<Marked>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/marks.txt");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut rules: Vec<Marked> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            read(&mut rules, line).with_context(|| format!("{}:{}", path.display(), number + 1))?;
        }
    }
    Ok(rules)
}

fn read(rules: &mut Vec<Marked>, line: &str) -> Result<()> {
    if let Some(rule) = line.strip_prefix("rule ") {
        rules.push(Marked { rule: rule.to_owned(), groups: Vec::new() });
        return Ok(());
    }
    let groups = &mut rules.last_mut().context("a line before the first rule")?.groups;
    if let Some(need) = line.strip_prefix("need ") {
        groups.push(Group { need: need.parse()?, marks: Vec::new() });
        return Ok(());
    }
    let mark = match (line.strip_prefix('{'), line.strip_prefix('"')) {
        (Some(digits), _) => bytes(digits.strip_suffix('}').context("no }")?)?,
        (_, Some(text)) => unescaped(text.strip_suffix('"').context("no closing quote")?)?,
        _ => bail!("neither text nor bytes: {line}"),
    };
    groups.last_mut().context("a mark before the first need")?.marks.push(mark);
    Ok(())
}

fn bytes(digits: &str) -> Result<Vec<u8>> {
    digits.split_whitespace().map(|pair| Ok(u8::from_str_radix(pair, 16)?)).collect()
}

fn unescaped(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, c == '\\') {
            (_, true) => match rest.next() {
                Some('x') => {
                    let digits: String = rest.by_ref().take(2).collect();
                    out.push(u8::from_str_radix(&digits, 16)?);
                }
                Some(c @ ('\\' | '"')) => out.push(c as u8),
                other => bail!("unknown escape {other:?}"),
            },
            _ => out.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Ok(out)
}

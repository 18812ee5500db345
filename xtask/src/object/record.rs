//! The record beside the committed object: which sources, which tools, which bytes.
use std::fmt;

use anyhow::{Result, bail};

/// Five values, each non-empty. Written by `cargo xtask ebpf`, read by the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Digest of the sources, see `digest::sources`.
    pub(crate) sources: String,
    /// SHA-256 of the object.
    pub(crate) object: String,
    /// Commit hash of the compiler: a toolchain called `nightly` floats.
    pub(crate) compiler: String,
    /// Digest of the library source that the compiler compiled in, see `digest::library`.
    pub(crate) library: String,
    /// Version of bpf-linker.
    pub(crate) linker: String,
}

impl Record {
    /// Reads what `Display` writes: TOML, but only comments and `name = "value"` lines.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let value = |name: &str| {
            for (number, line) in text.lines().enumerate() {
                let Some((key, value)) = line.split_once('=') else { continue };
                if key.trim() != name {
                    continue;
                }
                let value = value.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                match value {
                    Some(value) if !value.is_empty() => return Ok(value.to_owned()),
                    _ => bail!("line {}: {name} is not a quoted value", number + 1),
                }
            }
            bail!("{name} is missing")
        };
        Ok(Self {
            sources: value("sources")?,
            object: value("object")?,
            compiler: value("compiler")?,
            library: value("library")?,
            linker: value("linker")?,
        })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Written by `cargo xtask ebpf` for minewarden.bpf.o; never edited by hand.")?;
        writeln!(f, "sources = \"{}\"", self.sources)?;
        writeln!(f, "object = \"{}\"", self.object)?;
        writeln!(f, "compiler = \"{}\"", self.compiler)?;
        writeln!(f, "library = \"{}\"", self.library)?;
        writeln!(f, "linker = \"{}\"", self.linker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let [sources, object, compiler, library, linker] =
            ["a1", "b2", "c3", "d4", "0.1.2"].map(str::to_owned);
        let record = Record { sources, object, compiler, library, linker };
        assert_eq!(Record::parse(&record.to_string()).unwrap(), record);
    }

    #[test]
    fn a_missing_or_unquoted_value_is_named() {
        let error = Record::parse("sources = \"a\"\nobject = b\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2: object is not a quoted value");
        let error = Record::parse("").unwrap_err();
        assert_eq!(error.to_string(), "sources is missing");
    }
}

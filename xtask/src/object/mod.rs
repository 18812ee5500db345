//! The eBPF object: what it is made of, the record kept beside it, and how it is built.
//!
//! Shared by `xtask` and `monitor/build.rs` (which includes this file by path), so that both always mean the
//! same bytes. Knows std, anyhow and sha2 only, prints nothing, and reads no file outside the workspace and
//! the toolchain.
pub(crate) mod compile;
pub(crate) mod digest;
pub(crate) mod record;
pub(crate) mod toolchain;

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context as _, Result};

use self::record::Record;

/// The committed object, relative to the workspace root.
pub(crate) const OBJECT: &str = "monitor/assets/minewarden.bpf.o";
/// What is known of it: one `name = "value"` a line.
pub(crate) const RECORD: &str = "monitor/assets/minewarden.bpf.toml";

/// Whether the committed object may be used.
pub(crate) enum Committed {
    /// It was built from these sources.
    Current {
        /// The object.
        bytes: Vec<u8>,
        /// Its record.
        record: Record,
    },
    /// It may not; the reason in one line.
    Unusable(String),
}

/// Compares the committed object and its record with the sources under `root`.
pub(crate) fn committed(root: &Path) -> Result<Committed> {
    let (Some(bytes), Some(text)) = (read(&root.join(OBJECT))?, read(&root.join(RECORD))?) else {
        return Ok(Committed::Unusable(format!("{OBJECT} and {RECORD} are not both there")));
    };
    let record = Record::parse(&String::from_utf8_lossy(&text)).with_context(|| RECORD.to_owned())?;
    let sources = digest::sources(root)?;
    if record.sources != sources {
        return Ok(Committed::Unusable(format!(
            "{RECORD} names source digest {}, the sources have {}",
            short(&record.sources),
            short(&sources)
        )));
    }
    if record.object != digest::sha256(&bytes) {
        return Ok(Committed::Unusable(format!("{OBJECT} is not the file that {RECORD} describes")));
    }
    Ok(Committed::Current { bytes, record })
}

/// Enough of a digest for a person to compare.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

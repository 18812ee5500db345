//! `minewarden rules --scan`: which files match.
//!
//! Owns the search of files and what is printed of it. Must not know the rules.
use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Serialize;

use super::{
    super::one_line,
    catalog::Catalog,
    walk::{Step, Walk},
};

/// One file that matches.
#[derive(Serialize)]
struct Hit<'a> {
    file: String,
    rules: Vec<&'a str>,
}

/// What was searched, all together.
#[derive(Debug, Default, Serialize)]
struct Sum {
    rules: usize,
    files: u64,
    bytes: u64,
    seconds: f64,
    hits: u64,
    /// Files that could not be read, or not be searched to the end.
    failed: u64,
}

/// Searches every regular file that `walk` finds. Status 0 when nothing matched, 1 when something did, 2 when
/// nothing matched and something could not be searched.
pub(super) fn scan(catalog: &Catalog, walk: Walk, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let mut sum = Sum { rules: catalog.rules().len(), ..Sum::default() };
    let begin = Instant::now();
    for step in walk {
        match step {
            Step::Failed(path, error) => sum.fail(&path, &error),
            Step::Read(path, bytes) => {
                sum.files += 1;
                sum.bytes += bytes.len() as u64;
                let (rules, whole) = catalog.search(&bytes);
                if !rules.is_empty() {
                    sum.hits += 1;
                    tell(&mut out, &Hit { file: path.display().to_string(), rules }, json)
                        .context("stdout")?;
                } else if !whole {
                    sum.fail(&path, &io::Error::from(io::ErrorKind::TimedOut));
                }
            }
        }
    }
    let time = begin.elapsed();
    sum.seconds = time.as_secs_f64();
    let text = if json { serde_json::to_string(&sum)? } else { sum.line(time) };
    writeln!(out, "{text}").context("stdout")?;
    Ok(ExitCode::from(match (sum.hits, sum.failed) {
        (0, 0) => 0,
        (0, _) => 2,
        _ => 1,
    }))
}

fn tell(out: &mut impl Write, hit: &Hit<'_>, json: bool) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", serde_json::to_string(hit)?);
    }
    writeln!(out, "{}: {}", one_line(&hit.file), hit.rules.join(", "))
}

impl Sum {
    fn fail(&mut self, path: &Path, error: &io::Error) {
        self.failed += 1;
        log::warn!("{}: {error}", path.display());
    }

    fn line(&self, time: Duration) -> String {
        let mebibytes = self.bytes as f64 / f64::from(1 << 20);
        format!(
            "{} rules, {} files, {} bytes in {:.1} s ({:.0} MiB/s): {} {}, {} not searched",
            self.rules,
            self.files,
            self.bytes,
            self.seconds,
            mebibytes / time.as_secs_f64().max(f64::EPSILON),
            self.hits,
            if self.hits == 1 { "file matches" } else { "files match" },
            self.failed,
        )
    }
}

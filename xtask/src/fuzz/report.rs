//! What libFuzzer prints, in a line.
use std::{fmt, fs, path::Path};

use anyhow::Result;

/// The figures of one run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// Inputs tried.
    pub(crate) runs: u64,
    per_second: u64,
    /// Highest resident memory, MiB.
    peak: u64,
    /// The longest that one input took, seconds.
    slowest: u64,
    /// Inputs that took longer than is reported as slow.
    pub(crate) slow: u64,
    /// Inputs kept because they reach something new, and their bytes.
    kept: (u64, u64),
}

impl Report {
    /// Takes a line; what a person should see of it at once is given back.
    pub(crate) fn read(&mut self, line: &str) -> Option<String> {
        let figure = |name: &str| line.strip_prefix(name)?.trim().parse::<u64>().ok();
        for (name, place) in [
            ("stat::number_of_executed_units:", &mut self.runs),
            ("stat::average_exec_per_sec:", &mut self.per_second),
            ("stat::peak_rss_mb:", &mut self.peak),
            ("stat::slowest_unit_time_sec:", &mut self.slowest),
        ] {
            if let Some(figure) = figure(name) {
                *place = figure;
            }
        }
        if line.starts_with("Slowest unit:") {
            self.slow += 1;
        }
        let told = ["panicked at", "ERROR:", "SUMMARY:", "Test unit written to", "Slowest unit:"];
        told.iter().any(|word| line.contains(word)).then(|| line.to_owned())
    }

    /// Counts what the corpus has come to.
    pub(crate) fn count(&mut self, corpus: &Path) -> Result<()> {
        for entry in fs::read_dir(corpus)? {
            self.kept.0 += 1;
            self.kept.1 += entry?.metadata()?.len();
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, per_second, peak, slowest, slow, kept: (inputs, bytes) } = self;
        write!(
            f,
            "{runs} runs, {per_second}/s, corpus {inputs} inputs of {} KiB, peak RSS {peak} MiB, slowest {slowest} s, \
             slow units {slow}",
            bytes / 1024
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_failures_are_read() {
        let mut report = Report::default();
        assert_eq!(report.read("#1024 pulse cov: 7 exec/s: 512 rss: 60Mb"), None);
        assert_eq!(report.read("stat::number_of_executed_units: 123456"), None);
        assert_eq!(report.read("stat::average_exec_per_sec:     2024"), None);
        assert_eq!(report.read("stat::new_units_added:          9"), None);
        assert_eq!(report.read("stat::slowest_unit_time_sec:    1"), None);
        assert_eq!(report.read("stat::peak_rss_mb:              88"), None);
        assert!(report.read("Slowest unit: 3 s:").is_some());
        assert!(report.read("==1== ERROR: libFuzzer: timeout after 10 seconds").is_some());
        let want = Report { runs: 123_456, per_second: 2024, peak: 88, slowest: 1, slow: 1, kept: (0, 0) };
        assert_eq!(report, want);
        assert!(report.to_string().starts_with("123456 runs, 2024/s, corpus 0 inputs"), "{report}");
    }
}

//! Counts what test programs print, and distrusts a silence.
use std::{
    io::{BufRead as _, BufReader, Write},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result};

/// Tests so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Tally {
    /// Adds libtest's closing line of a test program, `test result: ok. 5 passed; 0 failed; 1 ignored; ...`;
    /// other lines count nothing.
    pub(super) fn read(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.1.split(';') {
            let Some((number, what)) = count.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Runs `command`, passes its standard output on to `out` and reads it.
    pub(super) fn watch(&mut self, command: &mut Command, out: &mut impl Write) -> Result<ExitStatus> {
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot run {command:?}"))?;
        let mut stdout = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut line = Vec::new();
        while stdout.read_until(b'\n', &mut line)? > 0 {
            out.write_all(&line)?;
            self.read(&String::from_utf8_lossy(&line));
            line.clear();
        }
        Ok(child.wait()?)
    }

    /// A command that failed without a failed test (it did not compile, or died) is one failure. Says whether.
    pub(super) fn close(&mut self, success: bool) -> bool {
        let silent = !success && self.failed == 0;
        self.failed += u64::from(silent);
        silent
    }

    /// A suite that tested nothing is one failure. Says whether.
    pub(super) fn expect_some(&mut self) -> bool {
        let nothing = self.passed == 0 && self.failed == 0;
        self.failed += u64::from(nothing);
        nothing
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Tally {
        let mut tally = Tally::default();
        lines.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn sums_the_closing_lines_of_every_program() {
        let tally = read(
            "running 3 tests\ntest a ... ok\n\
             test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.00s\n\
             test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n",
        );
        assert_eq!(tally, Tally { passed: 5, failed: 1, ignored: 1 });
    }

    #[test]
    fn a_failed_command_without_a_failed_test_is_a_failure() {
        let mut tally = read("error: could not compile `monitor`");
        assert!(tally.close(false));
        assert_eq!(tally.failed, 1);
        let mut tally = read("test result: FAILED. 2 passed; 1 failed; 0 ignored");
        assert!(!tally.close(false));
        assert_eq!(tally.failed, 1);
    }

    #[test]
    fn a_suite_that_tested_nothing_is_a_failure() {
        let mut tally = read("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        assert!(tally.expect_some());
        assert_eq!(tally.failed, 1);
        assert!(!read("test result: ok. 1 passed; 0 failed; 0 ignored").expect_some());
    }

    #[test]
    fn a_command_is_watched_to_its_end() {
        let mut tally = Tally::default();
        let script = "echo 'test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured'; exit 3";
        let mut shown = Vec::new();
        let status = tally.watch(Command::new("sh").args(["-c", script]), &mut shown).unwrap();
        assert!(shown.starts_with(b"test result: FAILED. 4 passed"));
        assert_eq!((status.code(), tally.passed, tally.failed), (Some(3), 4, 2));
    }
}

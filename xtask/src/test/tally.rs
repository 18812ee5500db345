//! Counts what test programs print, and distrusts a silence.

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

    /// A run that failed without a failed test (it did not compile, or died), and a run of everything that
    /// tested nothing, are one failure each. Says which.
    pub(super) fn close(&mut self, success: bool, everything: bool) -> Option<&'static str> {
        let why = if !success && self.failed == 0 {
            "failed before or after its tests; counted as a failure"
        } else if success && everything && self.passed == 0 {
            "ran no test; counted as a failure"
        } else {
            return None;
        };
        self.failed += 1;
        Some(why)
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
    fn a_failed_run_without_a_failed_test_is_a_failure() {
        let mut tally = read("error: could not compile `monitor`");
        assert!(tally.close(false, true).is_some());
        assert_eq!(tally.failed, 1);
        let mut tally = read("test result: FAILED. 2 passed; 1 failed; 0 ignored");
        assert!(tally.close(false, true).is_none());
        assert_eq!(tally.failed, 1);
    }

    #[test]
    fn a_run_of_everything_that_tested_nothing_is_a_failure() {
        let nothing = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out";
        assert!(read(nothing).close(true, true).is_some());
        assert!(read(nothing).close(true, false).is_none(), "a filter may match nothing in one suite");
    }
}

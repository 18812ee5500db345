//! A check has a name, an outcome and the line that shows it.
use anyhow::Result;
use minewarden_tests::serial::Serial;

/// Bytes of evidence that are told.
const EVIDENCE: usize = 600;

pub(crate) struct Checks {
    serial: Serial,
}

impl Checks {
    pub(crate) const fn new(serial: Serial) -> Self {
        Self { serial }
    }

    /// Runs a check. Its value is the evidence; its error says what is wrong. True when it passed.
    pub(crate) fn check(&mut self, name: &str, run: impl FnOnce() -> Result<String>) -> bool {
        self.serial.tell(&["begin", name]);
        let (outcome, evidence) = match run() {
            Ok(evidence) => ("PASS", evidence),
            Err(error) => ("FAIL", format!("{error:#}")),
        };
        let evidence: String = evidence.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = evidence.chars().take(EVIDENCE).collect();
        self.serial.tell(&["check", name, outcome, &shown]);
        outcome == "PASS"
    }

    /// The last line of a boot.
    pub(crate) fn end(&mut self, next: &str) {
        self.serial.tell(&["end", next]);
    }
}

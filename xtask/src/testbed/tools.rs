//! Which programs of the system the test-bed starts, and which Debian package brings each.
use anyhow::{Result, ensure};

use crate::exec;

/// A program and the Debian package that has it.
pub(crate) type Tool = (&'static str, &'static str);

/// Refuses, in one line, to go on without one of `tools`.
pub(crate) fn require(what: &str, tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|(program, _)| exec::find(program).is_none()).collect();
    let programs: Vec<&str> = missing.iter().map(|(program, _)| *program).collect();
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    ensure!(
        missing.is_empty(),
        "{what} needs {}, which this system lacks: apt-get install {}",
        programs.join(", "),
        packages.join(" ")
    );
    Ok(())
}

/// Refuses, in one line, to go on as anybody but root.
pub(crate) fn require_root(what: &str) -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "{what} needs root");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_packages() {
        require("a test", &[("sh", "dash"), ("env", "coreutils")]).unwrap();
        let error = require("a test", &[("sh", "dash"), ("no-such-a", "second"), ("no-such-b", "second")])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a test needs no-such-a, no-such-b, which this system lacks: apt-get install second"
        );
    }
}

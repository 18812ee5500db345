//! The one moment that packages carry, so that the same commit gives the same bytes.
use std::{env, fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::object::toolchain::text;

/// What reproducible-builds.org's specification names it.
pub(crate) const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// [`VARIABLE`], else the time of the last commit, else the day of the newest release in CHANGELOG.md.
    pub(crate) fn of(workspace: &Path) -> Result<Self> {
        if let Ok(given) = env::var(VARIABLE) {
            return given.parse().map(Self).with_context(|| format!("{VARIABLE}={given} is no number"));
        }
        let mut git = Command::new("git");
        if let Ok(time) = text(git.current_dir(workspace).args(["log", "-1", "--format=%ct"])) {
            return time.trim().parse().map(Self).with_context(|| format!("git printed {time}"));
        }
        let changelog = fs::read_to_string(workspace.join("CHANGELOG.md")).context("CHANGELOG.md")?;
        let day = released(&changelog)
            .with_context(|| format!("no commit and no release in CHANGELOG.md: set {VARIABLE}"))?;
        let seconds = text(Command::new("date").args(["-u", "+%s", "-d", day]))?;
        seconds.trim().parse().map(Self).with_context(|| format!("date printed {seconds}"))
    }

    pub(crate) fn seconds(self) -> u64 {
        self.0
    }

    /// Written by date(1), in UTC and without a language: `+%F`, `-R` and the like.
    pub(crate) fn format(self, format: &str) -> Result<String> {
        let mut date = Command::new("date");
        date.env("LC_ALL", "C").args(["-u", format, "-d", &format!("@{}", self.0)]);
        Ok(text(&mut date)?.trim().to_owned())
    }
}

/// The day in the first heading like `## [0.1.0] - 2026-11-24`.
fn released(changelog: &str) -> Option<&str> {
    let mut headings = changelog.lines().filter(|line| line.starts_with("## ["));
    headings.find_map(|line| Some(line.split_once("] - ")?.1.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_is_found() {
        let changelog =
            "# Changelog\n## [Unreleased]\n- a [0.0] - b\n## [0.2.0] - 2026-12-01\n## [0.1.0] - 2026-11-24\n";
        assert_eq!(released(changelog), Some("2026-12-01"));
        assert_eq!(released("## [Unreleased]\n"), None);
    }

    #[test]
    fn a_moment_is_written_without_zone_or_language() {
        let epoch = Epoch(86_400);
        assert_eq!(epoch.format("+%F").unwrap(), "1970-01-02");
        assert_eq!(epoch.format("-R").unwrap(), "Fri, 02 Jan 1970 00:00:00 +0000");
    }
}

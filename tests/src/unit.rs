//! The unit file that is shipped: its text, its settings, and systemd's own word on it.
//!
//! Owns reading `monitor/assets/systemd/`. Must not know what the settings are for.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// Where the program is installed, as the unit has it.
pub const INSTALLED: &str = "/usr/bin/minewarden";

/// The folder of the unit and its drop-ins.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor/assets/systemd")
}

/// The unit's text.
///
/// # Errors
/// When it cannot be read.
pub fn text() -> Result<String> {
    let path = folder().join("minewarden.service");
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Every word that `key` is set to, over all of its lines, in order.
#[must_use]
pub fn words(unit: &str, key: &str) -> Vec<String> {
    let values = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// Puts the unit, for an agent at `binary`, with these drop-ins into `folder`; its path.
///
/// # Errors
/// When a file is missing or cannot be written.
pub fn install(into: &Path, binary: &Path, drop_ins: &[&str]) -> Result<PathBuf> {
    let text = text()?;
    ensure!(text.contains(INSTALLED), "the unit does not start {INSTALLED}");
    let unit = into.join("minewarden.service");
    fs::write(&unit, text.replace(INSTALLED, &binary.display().to_string()))?;
    let drop_in_folder = into.join("minewarden.service.d");
    fs::create_dir_all(&drop_in_folder)?;
    for name in drop_ins {
        fs::copy(folder().join(name), drop_in_folder.join(name)).with_context(|| (*name).to_owned())?;
    }
    Ok(unit)
}

/// What `systemd-analyze` says, standard output and error together, and whether it is content.
///
/// # Errors
/// When it cannot be run.
pub fn analyze(arguments: &[&str], unit: &Path) -> Result<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn the_words_of_a_key_are_those_of_all_its_lines() {
        let unit = "[Service]\nCall=a b\n# Call=x\nCallers=y\nCall=c\n";
        assert_eq!(words(unit, "Call"), ["a", "b", "c"]);
    }
}

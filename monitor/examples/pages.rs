//! Man pages and shell completions of the command line, for the packages: `pages FOLDER DATE`.
//!
//! Owns their form and their names. Everything said in them comes from the command line's definitions and from the
//! sample configuration. An example, because the agent that is shipped shall not carry the generators.
use std::{env, error::Error, fs, io, path::Path};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};
use monitor::cli::Cli;

/// What man shows in the middle of a page's first line.
const MANUAL: &str = "minewarden manual";
/// The sample configuration is a page of its own.
const CONFIGURATION: &str = include_str!("../assets/minewarden.toml");
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [folder, date] = arguments.as_slice() else {
        return Err("usage: pages FOLDER DATE: writes FOLDER/man and FOLDER/completions".into());
    };
    write(Path::new(folder), date).map_err(|error| format!("{folder}: {error}").into())
}

/// `folder/man/*.1` and `*.5`, `folder/completions/*`, as of `date` (`2026-11-24`).
fn write(folder: &Path, date: &str) -> io::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    for command in commands() {
        let page = Man::new(command).source(source()).manual(MANUAL).date(date);
        page.generate_to(&man)?;
    }
    configuration(&mut fs::File::create(man.join("minewarden.toml.5"))?, date)?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut root(), "minewarden", &completions)?;
    }
    Ok(())
}

/// The command line; its long version names a digest, which is no version of a page.
fn root() -> Command {
    Cli::command().version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true)
}

/// The program and each of its subcommands, at any depth, each with its full name.
fn commands() -> Vec<Command> {
    let mut root = root();
    root.build();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(command) = found.get(next) {
        let deeper: Vec<_> =
            command.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
        found.extend(deeper);
        next += 1;
    }
    found
}

fn source() -> String {
    format!("minewarden {}", env!("CARGO_PKG_VERSION"))
}

/// minewarden.toml(5): the sample, which explains itself.
fn configuration(out: &mut dyn io::Write, date: &str) -> io::Result<()> {
    let mut page = Roff::default();
    page.control("TH", ["minewarden.toml", "5", date, &source(), MANUAL]);
    page.control("SH", ["NAME"]);
    page.text([roman("minewarden.toml - configuration of minewarden")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman("The file as it is installed, /etc/minewarden/minewarden.toml:")]);
    page.control("PP", []);
    page.control("nf", []);
    for line in CONFIGURATION.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman("minewarden-config(1), minewarden-run(1)")]);
    page.to_writer(out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "2026-11-24").unwrap();
        folder
    }

    /// `--name` of each option that is not hidden; `minewarden` alone has but the general ones.
    fn options(command: &Command) -> Vec<String> {
        let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
        shown.filter_map(|argument| argument.get_long().map(|long| format!("--{long}"))).collect()
    }

    #[test]
    fn each_subcommand_has_its_page_and_each_option_its_line() {
        let folder = written();
        let commands = commands();
        assert!(commands.len() > 5 && commands.iter().any(|command| options(command).len() > 3));
        for command in commands {
            let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
            let page = fs::read_to_string(folder.path().join(format!("man/{name}.1"))).unwrap();
            let shown = page.replace("\\-", "-");
            for option in options(&command) {
                assert!(shown.contains(&option), "{name}.1 says nothing of {option}");
            }
            assert!(page.contains("2026\\-11\\-24") || page.contains("2026-11-24"), "{name}.1 has no date");
        }
    }

    #[test]
    fn each_shell_completes_each_subcommand_and_option() {
        let folder = written();
        for (file, before) in [("minewarden.bash", "--"), ("_minewarden", "--"), ("minewarden.fish", "-l ")] {
            let script = fs::read_to_string(folder.path().join("completions").join(file)).unwrap();
            for command in commands() {
                assert!(script.contains(command.get_name()), "{file}: {}", command.get_name());
                for option in options(&command) {
                    let offered = format!("{before}{}", option.trim_start_matches('-'));
                    assert!(script.contains(&offered), "{file}: {} {option}", command.get_name());
                }
            }
        }
    }

    #[test]
    fn every_key_of_the_sample_is_in_its_page() {
        let folder = written();
        let page = fs::read_to_string(folder.path().join("man/minewarden.toml.5")).unwrap();
        let keys = CONFIGURATION.lines().filter_map(|line| line.strip_prefix('#')?.split_once(" = "));
        let keys: Vec<_> = keys.map(|(key, _)| key).filter(|key| !key.contains(' ')).collect();
        assert!(keys.len() > 4);
        for key in keys {
            assert!(page.contains(&format!("#{key} = ")), "{key}");
        }
    }
}

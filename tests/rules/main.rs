//! The bundled rules on programs of our own: one for each rule and each mark, disguised in every way that leaves it
//! able to run, and one mark short. No miner is needed, and none is here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy.toml excepts test functions, and all of this file's helpers are part of them"
)]
mod engine;
mod memory;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use minewarden_tests::{
    elf::{Machine, Program},
    marks::{Marked, marks},
};
use monitor::cli::rules::catalog::Catalog;
use tempfile::TempDir;

fn bundled() -> Catalog {
    Catalog::new(&[] as &[&Path]).unwrap()
}

fn found(catalog: &Catalog, bytes: &[u8]) -> Vec<String> {
    let (rules, whole) = catalog.search(bytes);
    assert!(whole, "time ran out");
    rules.into_iter().map(str::to_owned).collect()
}

/// Calls `check` for each rule and turn, so that every mark of the table has been in use.
fn each(mut check: impl FnMut(&Marked, usize)) {
    for marked in marks().unwrap() {
        for turn in 0..marked.turns() {
            check(&marked, turn);
        }
    }
}

/// A program in a file, ready to run.
fn program(bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    // A name that says nothing.
    let path = directory.path().join("a.out");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (directory, path)
}

/// `MINEWARDEN_AGENT`, else `minewarden` in the target directory that this test was built into.
fn agent() -> PathBuf {
    let built = || env::current_exe().unwrap().ancestors().nth(2).unwrap().join("minewarden");
    let path = env::var_os("MINEWARDEN_AGENT").map_or_else(built, PathBuf::from);
    assert!(path.is_file(), "no agent at {}: cargo build -p monitor", path.display());
    path
}

fn scan(paths: &[&Path]) -> Output {
    Command::new(agent()).args(["rules", "--scan"]).args(paths).output().unwrap()
}

#[test]
fn the_table_has_every_rule_and_the_numbers_that_it_tells() {
    let rules = bundled().rules();
    let table = marks().unwrap();
    let names = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(
        names(table.iter().map(|marked| marked.rule.clone()).collect()),
        names(rules.iter().map(|rule| rule.name.clone()).collect())
    );
    for marked in table {
        let told = &rules.iter().find(|rule| rule.name == marked.rule).unwrap().marks;
        for group in &marked.groups {
            let numbers = format!("{} of {} ", group.need, group.marks.len());
            assert!(told.contains(&numbers), "{}: {told} without {numbers}", marked.rule);
        }
    }
}

#[test]
fn each_rule_finds_its_program_and_no_other_rule_does() {
    let catalog = bundled();
    each(|marked, turn| {
        for (machine, symbols) in
            [(Machine::X86_64, false), (Machine::X86_64, true), (Machine::Aarch64, true)]
        {
            let program = Program { machine, symbols, ..Program::new(marked.enough(turn)) };
            assert_eq!(found(&catalog, &program.bytes()), [marked.rule.as_str()], "turn {turn}, {program:?}");
        }
    });
}

#[test]
fn cut_to_what_is_loaded_or_grown_behind_it_is_found_all_the_same() {
    let catalog = bundled();
    each(|marked, turn| {
        let program = Program { symbols: true, ..Program::new(marked.enough(turn)) };
        let whole = program.bytes();
        assert!(program.loaded() < whole.len());
        let cut = &whole[..program.loaded()];
        let grown = [whole.as_slice(), &[0xff; 100_000]].concat();
        for bytes in [cut, &grown] {
            assert_eq!(found(&catalog, bytes), [marked.rule.as_str()], "turn {turn}");
        }
    });
}

#[test]
fn one_mark_short_in_any_group_is_nothing() {
    let catalog = bundled();
    each(|marked, turn| {
        for short in marked.one_short(turn) {
            let program = Program::new(short);
            assert_eq!(
                found(&catalog, &program.bytes()),
                [""; 0],
                "{} turn {turn}, {program:?}",
                marked.rule
            );
        }
    });
}

#[test]
fn what_is_no_program_is_nothing_though_it_holds_every_mark() {
    let catalog = bundled();
    for marked in marks().unwrap() {
        let all: Vec<&[u8]> =
            marked.groups.iter().flat_map(|group| &group.marks).map(Vec::as_slice).collect();
        let script = [b"#!/usr/bin/env python3\n".as_slice(), &all.join(b"\n".as_slice())].concat();
        assert_eq!(found(&catalog, &script), [""; 0], "{}", marked.rule);
        assert_eq!(found(&catalog, &all.join([0].as_slice())), [""; 0], "{}", marked.rule);
        // With ELF's magic in front the same bytes match, by this rule among others.
        let program = [b"\x7fELF".as_slice(), &all.join([0].as_slice())].concat();
        assert!(found(&catalog, &program).contains(&marked.rule), "{}", marked.rule);
    }
}

#[test]
fn the_agent_does_not_find_itself() {
    let bytes = fs::read(agent()).unwrap();
    assert_eq!(found(&bundled(), &bytes), [""; 0]);
    // Not by chance: the rules are in it, and not in clear.
    for (file, clear) in
        [("randomx.yar", "AES_HASH_1R_XKEY0"), ("xmrig.yar", "| AFFINITY | 10s H/s | 60s H/s")]
    {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor/assets/rules").join(file);
        assert!(fs::read_to_string(rules).unwrap().contains(clear), "{file}");
        let here = bytes.windows(clear.len()).any(|window| window == clear.as_bytes());
        assert!(!here, "the agent's executable holds {clear:?}");
    }
}

#[test]
fn the_command_names_files_that_match_and_its_status_says_so() {
    let marked = marks().unwrap();
    let (miner, path) = program(&Program::new(marked[0].enough(0)).bytes());
    fs::copy(&path, miner.path().join("[kworker]")).unwrap();
    let (clean, _) = program(&Program::new(marked[0].one_short(0)[0].clone()).bytes());
    let output = scan(&[miner.path(), clean.path()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let line = |name: &str| format!("{}: {}", miner.path().join(name).display(), marked[0].rule);
    assert_eq!(lines[..2], [line("[kworker]"), line("a.out")]);
    assert!(
        lines[2].contains(" 3 files, ") && lines[2].contains(": 2 files match, 0 not searched"),
        "{text}"
    );
    assert_eq!(scan(&[clean.path()]).status.code(), Some(0));
    assert_eq!(scan(&[&clean.path().join("none")]).status.code(), Some(2));
}

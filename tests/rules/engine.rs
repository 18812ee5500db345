//! The same programs by the agent's own engine: whole, in pieces, and above the size that is read whole.
use std::{
    fs::{self, File},
    time::Duration,
};

use minewarden_tests::{elf::Program, marks::marks};
use monitor::{rules::bundled_rules, worker::scan::search_file};

use super::{each, program};

const TIME: Duration = Duration::from_secs(60);

#[test]
fn the_agent_s_engine_finds_each_program_and_nothing_one_mark_short() {
    let (rules, problems) = bundled_rules();
    assert_eq!(problems, vec![]);
    let names = |bytes: &[u8]| -> Vec<String> {
        let (matches, whole) = rules.search(bytes, TIME);
        assert!(whole && matches.iter().all(|found| found.bundled && found.description.is_some()));
        matches.into_iter().map(|found| found.name).collect()
    };
    each(|marked, turn| {
        assert_eq!(names(&Program::new(marked.enough(turn)).bytes()), [marked.rule.as_str()]);
        for short in marked.one_short(turn) {
            assert_eq!(names(&Program::new(short).bytes()), [""; 0]);
        }
    });
}

#[test]
fn a_large_file_is_judged_in_pieces_and_only_when_it_is_a_program() {
    let (rules, _) = bundled_rules();
    for marked in marks().unwrap() {
        let bytes = Program::new(marked.enough(0)).bytes();
        let (_directory, path) = program(&bytes);
        let large = File::options().write(true).open(&path).unwrap();
        large.set_len(20 << 20).unwrap();
        let found = search_file(&rules, &File::open(&path).unwrap(), TIME).unwrap();
        let names: Vec<_> = found.matches.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, [marked.rule.as_str()]);
        let mut text = fs::read(&path).unwrap();
        text[0] = b'#';
        fs::write(&path, text).unwrap();
        assert_eq!(search_file(&rules, &File::open(&path).unwrap(), TIME).unwrap().matches, vec![]);
    }
}

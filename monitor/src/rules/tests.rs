//! Loading: what is right is loaded, what is wrong is told with its place.
use std::{fs, path::Path, time::Duration};

use super::*;

const SOON: Duration = Duration::from_secs(10);

fn names(rules: &Rules, bytes: &[u8]) -> Vec<String> {
    let (matches, whole) = rules.search(bytes, SOON);
    assert!(whole);
    matches.into_iter().map(|found| found.name).collect()
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn told(folder: &Path, problems: &[Problem]) -> Vec<String> {
    let prefix = format!("{}/", folder.display());
    problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

#[test]
fn the_bundled_rules_compile() {
    let (rules, problems) = bundled_rules();
    assert_eq!((problems, rules.own), (vec![], 0));
    assert_eq!(rules.bundled == 0, bundled().is_empty());
}

#[test]
fn what_is_veiled_reads_back_as_itself() {
    let text = b"stratum+tcp://\0\xff".repeat(100);
    let veiled = veil::veil(&text);
    assert_eq!(veil::veil(&veiled), text);
    assert!(!veiled.windows(7).any(|window| window == b"stratum"));
}

#[test]
fn a_broken_rule_is_told_with_file_and_line_and_the_others_load() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yar",
        "rule one { strings: $a = \"one\" condition: $a }\n\nrule bad {\n  strings: $a = \"x\"\n  condition: $b\n}\n\
         rule two { meta: description = \"the second\" strings: $a = \"two\" condition: $a }\n",
    );
    write(folder.path(), "b.yar", "rule worse {\n condition: and\n}\n");
    write(
        folder.path(),
        "c.yar",
        "import \"nothing\"\ninclude \"/etc/passwd\"\nrule one { condition: false }\n",
    );
    write(
        folder.path(),
        "d.yar",
        "rule open { condition: true\nrule three { strings: $a = \"one\" condition: $a }",
    );
    write(folder.path(), ".hidden.yar", "nonsense");
    write(folder.path(), "readme.txt", "nonsense");
    let (known, problems) = load(folder.path());
    let told = told(folder.path(), &problems);
    assert_eq!(told.len(), 5, "{told:#?}");
    assert!(told[0].starts_with("a.yar:5: "), "{}", told[0]);
    assert!(told[1].starts_with("b.yar:2: "), "{}", told[1]);
    assert!(told[2].starts_with("c.yar:1: "), "{}", told[2]);
    assert!(told[3].starts_with("c.yar:2: includes are not allowed"), "{}", told[3]);
    assert!(told[4].starts_with("d.yar:"), "{}", told[4]);
    assert!(told.iter().all(|line| !line.contains('\n')));
    assert_eq!(known.rules.own, 4);
    assert_eq!(names(&known.rules, b"xx one two"), ["one", "two", "three"]);
    let (matches, _) = known.rules.search(b"two", SOON);
    assert_eq!(matches[0].description.as_deref(), Some("the second"));
    assert!(!matches[0].bundled);
}

#[test]
fn what_is_no_readable_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo.yar");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    fs::write(folder.path().join("bytes.yar"), b"\xff\xfe").unwrap();
    fs::create_dir(folder.path().join("folder.yar")).unwrap();
    fs::File::create(folder.path().join("huge.yar")).unwrap().set_len(1 << 40).unwrap();
    write(folder.path(), "z.yar", "rule good { condition: true }");
    let (known, problems) = load(folder.path());
    assert_eq!(
        told(folder.path(), &problems),
        [
            "bytes.yar: not UTF-8 text",
            "fifo.yar: not a regular file",
            "folder.yar: not a regular file",
            "huge.yar: larger than 16777216 bytes",
        ]
    );
    assert_eq!(known.rules.own, 1);
}

#[test]
fn a_folder_that_is_not_there_is_empty_and_one_of_too_many_files_is_told() {
    let (known, problems) = load(Path::new("/nonexistent/rules.d"));
    assert_eq!((known.rules.own, known.digests.len(), known.pools.len(), problems), (0, 0, 0, vec![]));
    let folder = tempfile::tempdir().unwrap();
    for i in 0..300 {
        write(folder.path(), &format!("{i:03}.yar"), &format!("rule r{i} {{ condition: true }}"));
    }
    let (known, problems) = load(folder.path());
    assert_eq!(known.rules.own, 256);
    assert!(problems[0].message.starts_with("more than 256 *.yar files; 44 are"), "{}", problems[0]);
}

#[test]
fn digests_are_found_by_list_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = ("ab".repeat(32), "CD".repeat(32));
    write(folder.path(), "digests.d/one.txt", &format!("# known\n\n{a} *xmrig # seen\nabc\n{b}\n{a}g\n"));
    write(folder.path(), "digests.d/two.txt", &format!("{a}\n{}", "x\n".repeat(12)));
    let (known, problems) = load(folder.path());
    let place = folder.path().join("digests.d/one.txt").display().to_string();
    assert_eq!(known.digests.find(&a), Some(format!("{place}:3 xmrig")));
    assert_eq!(known.digests.find(&b.to_lowercase()), Some(format!("{place}:5")));
    assert_eq!(known.digests.find(&"00".repeat(32)), None);
    assert_eq!(known.digests.find("short"), None);
    let told = told(folder.path(), &problems);
    assert_eq!(told.len(), 2 + 10 + 1);
    assert_eq!(told[0], "digests.d/one.txt:4: 64 hexadecimal digits are wanted");
    assert_eq!(told[12], "digests.d/two.txt: 12 wrong lines in all");
}

#[test]
fn pools_are_found_by_name_address_and_port() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        "pool.example  # a comment",
        "*.Mine.example:3333",
        "192.0.2.7",
        "198.51.100.0/24",
        "[2001:db8::1]:4444",
        "2001:db8:1::/48",
        "203.0.113.9:5555",
        "word",
        "0.0.0.0/0",
        "a b.example",
        "pool.example:99999",
        "http://pool.example/",
    ];
    write(folder.path(), "pools.d/p.txt", &lines.join("\n"));
    let (known, problems) = load(folder.path());
    let bad: Vec<_> = problems.iter().filter_map(|problem| problem.line).collect();
    assert_eq!((bad, known.pools.len()), (vec![8, 9, 10, 11, 12], 7));
    let line = |found: Option<Listed>| {
        found.map(|listed| listed.place.rsplit(':').next().unwrap().parse::<usize>().unwrap())
    };
    let name = |name: &str, port| line(known.pools.name(name, port));
    assert_eq!(name("POOL.example.", None), Some(1));
    assert_eq!(name("eu.pool.example", None), None, "only a star stands for what is below");
    assert_eq!(name("eu.mine.example", Some(3333)), Some(2));
    assert_eq!(name("a.eu.mine.example", Some(3333)), Some(2));
    assert_eq!((name("mine.example", Some(3333)), name("eu.mine.example", Some(1))), (None, None));
    assert_eq!(name("192.0.2.7", None), Some(3));
    let address = |text: &str, port| line(known.pools.address(text.parse().unwrap(), port));
    assert_eq!(address("192.0.2.7", 1), Some(3));
    assert_eq!(address("::ffff:192.0.2.7", 1), Some(3));
    assert_eq!((address("198.51.100.255", 1), address("198.51.101.0", 1)), (Some(4), None));
    assert_eq!((address("2001:db8::1", 4444), address("2001:db8::1", 1)), (Some(5), None));
    assert_eq!(address("2001:db8:1:2::3", 1), Some(6));
    assert_eq!((address("203.0.113.9", 5555), address("203.0.113.9", 5556)), (Some(7), None));
}

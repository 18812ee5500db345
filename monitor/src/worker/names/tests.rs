//! Users from files, from a user database on a real socket, and from programs that stand for `getent`.
use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixListener,
    path::Path,
};

use super::*;

const PASSWD: &str = "# a comment\nroot:x:0:0:root:/root:/bin/sh\n+@nis:x:7::::\n:x:8:8\nbad:x\nbad:x:-1:1\n\
    alice:x:1000:1000:A,,,:/home/alice:/bin/sh\nalias:x:1000:1000::/:/bin/sh";

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Names of a passwd file and a `getent` with these contents.
fn names(folder: &Path, passwd: &str, getent: &str) -> Names {
    let (file, program) = (folder.join("passwd"), folder.join("getent"));
    std::fs::write(&file, passwd).unwrap();
    // Written by another process: a file that this one has open for writing, also by a fork of another test,
    // cannot be run (ETXTBSY).
    let script = format!("printf '%s\\n' '#!/bin/sh' '{getent}' > $0 && chmod 755 $0");
    assert!(Command::new("sh").arg("-c").arg(script).arg(&program).status().unwrap().success());
    Names::from(file, UserDb::at(folder.join("userdb")), vec![folder.join("absent"), program])
}

#[test]
fn the_first_line_with_the_id_names_it() {
    for (uid, name) in [(0, Some("root")), (1000, Some("alice")), (7, None), (8, None), (u32::MAX, None)] {
        assert_eq!(find(PASSWD.as_bytes(), uid).map(|user| user.name).as_deref(), name, "{uid}");
    }
}

#[test]
fn getent_is_asked_for_what_passwd_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let names = names(folder.path(), PASSWD, "echo \"$1-$2:x:$2:1::/:/bin/sh\"");
    assert_eq!(names.of(0, later()).as_deref(), Some("root"));
    assert_eq!(names.of(4711, later()).as_deref(), Some("passwd-4711"));
    assert_eq!(names.timeouts(), 0);
}

#[test]
fn an_answer_is_kept_and_refreshed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("asked");
    let names = names(folder.path(), PASSWD, &format!("echo asked >> {}; exit 2", log.display()));
    let now = Instant::now();
    let asked = || std::fs::read_to_string(&log).unwrap().lines().count();
    assert_eq!(names.at(5, now, later()), None);
    assert_eq!(names.at(5, now + FRESH - Duration::from_secs(1), later()), None);
    assert_eq!(asked(), 1, "that nobody knows it is kept too");
    std::fs::write(&names.passwd, "eve:x:5:5::/:/bin/sh").unwrap();
    assert_eq!(name(&names, now + FRESH).as_deref(), Some("eve"));
    assert_eq!(name(&names, now + FRESH).as_deref(), Some("eve"));
    assert_eq!(asked(), 1);
}

#[test]
fn a_getent_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let names = names(folder.path(), PASSWD, "exec sleep 600");
    let begin = Instant::now();
    assert_eq!(names.of(5, begin + Duration::from_millis(100)), None);
    assert_eq!(names.timeouts(), 1);
    assert!(begin.elapsed() < Duration::from_secs(60), "waited for it: {:?}", begin.elapsed());
}

#[test]
fn endless_output_ends_at_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let names = names(folder.path(), PASSWD, "exec yes x:x:6:");
    assert_eq!(names.of(5, later()), None);
    assert_eq!(names.timeouts(), 0);
}

#[test]
fn no_file_and_no_program_is_no_name() {
    assert_eq!(
        Names::from("/absent".into(), UserDb::at("/absent".into()), vec!["/absent".into()]).of(0, later()),
        None
    );
    assert_eq!(Names::of_host(std::path::Path::new("/")).of(0, later()).as_deref(), Some("root"));
}

fn name(names: &Names, now: Instant) -> Option<String> {
    names.at(5, now, later()).map(|user| user.name)
}

/// A service of the user database: answers every connection with what `answer` makes of the question.
fn serve(folder: &Path, service: &str, answer: impl Fn(serde_json::Value) -> Vec<u8> + Send + 'static) {
    std::fs::create_dir_all(folder.join("userdb")).unwrap();
    let listener = UnixListener::bind(folder.join("userdb").join(service)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut question = Vec::new();
            BufReader::new(&stream).read_until(0, &mut question).unwrap();
            let question = serde_json::from_slice(question.strip_suffix(&[0]).unwrap()).unwrap();
            // The other end may have had enough.
            let _ = stream.write_all(&answer(question));
        }
    });
}

fn record(question: &serde_json::Value, name: &str) -> Vec<u8> {
    let uid = question.pointer("/parameters/uid").unwrap();
    let record = serde_json::json!({"userName": name, "uid": uid, "gid": 7, "homeDirectory": "/srv/home",
        "status": {"0123": {"service": "x"}}});
    let mut answer = serde_json::json!({"parameters": {"record": record, "incomplete": false}}).to_string();
    answer.push('\0');
    answer.into_bytes()
}

const NO_RECORD: &[u8] = b"{\"error\":\"io.systemd.UserDatabase.NoRecordFound\",\"parameters\":{}}\0";

#[test]
fn the_user_database_is_asked_before_getent_and_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let names = names(folder.path(), PASSWD, "echo \"getent:x:$2:1::/:/bin/sh\"");
    assert_eq!(names.of(61_184, later()).as_deref(), Some("getent"), "no database, as in a container");
    serve(folder.path(), "io.systemd.Multiplexer", |question| {
        let expected = serde_json::json!({"method": "io.systemd.UserDatabase.GetUserRecord",
            "parameters": {"uid": 61_185, "service": "io.systemd.Multiplexer"}});
        if question == expected { record(&question, "homed") } else { NO_RECORD.to_vec() }
    });
    assert_eq!(names.of(61_185, later()).as_deref(), Some("homed"));
    assert_eq!(names.home(61_185, later()), Some("/srv/home".into()));
    assert_eq!(names.of(1000, later()).as_deref(), Some("alice"), "in the file: nobody is asked");
    assert_eq!(names.of(5, later()).as_deref(), Some("getent"), "not in the database");
    assert_eq!(names.timeouts(), 0);
}

#[test]
fn a_dynamic_user_is_known_to_pid_1_alone() {
    let folder = tempfile::tempdir().unwrap();
    let names = names(folder.path(), PASSWD, "exit 2");
    serve(folder.path(), "io.systemd.DynamicUser", |question| {
        assert_eq!(question.pointer("/parameters/service").unwrap(), "io.systemd.DynamicUser");
        record(&question, "dyn")
    });
    assert_eq!(names.of(61_200, later()).as_deref(), Some("dyn"));
}

#[test]
fn a_database_that_hangs_is_left_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let names = names(folder.path(), PASSWD, "exec sleep 600");
    // Takes connections and never answers.
    std::fs::create_dir_all(folder.path().join("userdb")).unwrap();
    let _silent = UnixListener::bind(folder.path().join("userdb/io.systemd.Multiplexer")).unwrap();
    let begin = Instant::now();
    assert_eq!(names.of(5, begin + Duration::from_millis(100)), None);
    assert!(names.timeouts() >= 1);
    assert!(begin.elapsed() < Duration::from_secs(60), "waited for it: {:?}", begin.elapsed());
}

#[test]
fn what_is_no_answer_is_no_name() {
    for (case, answer) in [
        ("another user", b"{\"parameters\":{\"record\":{\"userName\":\"root\",\"uid\":0}}}\0".to_vec()),
        ("no name", b"{\"parameters\":{\"record\":{\"userName\":\"\",\"uid\":5}}}\0".to_vec()),
        ("no uid", b"{\"parameters\":{\"record\":{\"userName\":\"x\"}}}\0".to_vec()),
        ("garbage", b"\xff\xfe\0".to_vec()),
        ("nothing", b"\0".to_vec()),
        ("cut", b"{\"parameters\":{\"record\"".to_vec()),
        ("deep", [vec![b'['; 100_000], vec![0]].concat()),
        ("endless", vec![b' '; 1024 * 1024]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let names = names(folder.path(), PASSWD, "exit 2");
        serve(folder.path(), "io.systemd.Multiplexer", move |_| answer.clone());
        assert_eq!(names.of(5, later()), None, "{case}");
        assert_eq!(names.timeouts(), 0, "{case}");
    }
}

//! What the framer finds, in whatever pieces the bytes come.
use memchr::memchr;

use super::*;

/// Objects as text: `~` behind one that is cut, `?` before one that is guarded, `''` quoted.
fn run(framer: &mut Framer, pieces: &[&[u8]]) -> Vec<String> {
    let mut out = Vec::new();
    for piece in pieces {
        framer.push(piece, &mut |line| {
            let text = String::from_utf8_lossy(line.bytes);
            let before = if line.quoted {
                "''"
            } else if line.guarded {
                "?"
            } else {
                ""
            };
            let behind = if line.cut { "~" } else { "" };
            out.push(format!("{before}{text}{behind}"));
        });
    }
    out
}

/// In one piece, in two at every place, and byte by byte: always the same.
fn lines(text: &[u8]) -> (Vec<String>, bool) {
    let mut framer = Framer::default();
    let whole = run(&mut framer, &[text]);
    for at in 0..=text.len() {
        let (left, right) = text.split_at(at);
        assert_eq!(run(&mut Framer::default(), &[left, right]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(run(&mut Framer::default(), &bytes), whole, "byte by byte");
    (whole, framer.foreign())
}

#[test]
fn an_object_is_handed_on_when_its_last_brace_arrives() {
    for (text, want) in [
        (r#"{"a":1}"#, vec![r#"{"a":1}"#]),
        ("{\"a\":1}\r\n \t\n{ \"b\" : {} }\n", vec![r#"{"a":1}"#, r#"{ "b" : {} }"#]),
        (r#"{"a":1}{"b":2} {"c":3}"#, vec![r#"{"a":1}"#, r#"{"b":2}"#, r#"{"c":3}"#]),
        ("{\"a\":1}\0{\"b\":2}\0", vec![r#"{"a":1}"#, r#"{"b":2}"#]),
        (r#"{"a":"}\"{[","b":[{"c":"\\"}]}"#, vec![r#"{"a":"}\"{[","b":[{"c":"\\"}]}"#]),
        ("{}", vec!["{}"]),
    ] {
        assert_eq!(lines(text.as_bytes()), (want.iter().map(ToString::to_string).collect(), false), "{text}");
    }
}

#[test]
fn junk_guards_what_follows_and_hides_nothing() {
    for (text, want) in [
        ("GET / HTTP/1.1\r\n\r\n{\"a\":1}\n", vec![r#"?{"a":1}"#]),
        ("payload={\"a\":1} end\n{\"b\":2}\n", vec![r#"?{"a":1}"#, r#"?{"b":2}"#]),
        ("[{\"a\":1},{\"b\":2}]\n", vec![r#"?{"a":1}"#, r#"?{"b":2}"#]),
        ("text\nand a quotation: {\"a\":1}\n{\"b\":2}\n", vec![r#"''{"a":1}"#, r#"?{"b":2}"#]),
        ("\u{1}\n\u{2}{\"a\":1}\n{\"b\":2}\n", vec![r#"?{"a":1}"#, r#"?{"b":2}"#]),
        ("{{\"a\":1}}\n", vec![r#"?{"a":1}"#]),
        ("a{color:red}\n{\"a\":1}\n", vec![r#"?{"a":1}"#]),
        ("{\"a\":1}, or\n{\"b\":2}\n", vec![r#"{"a":1}"#, r#"?{"b":2}"#]),
        ("\x16\x03\x01\x02{\"\x01\n{\"a\":1}\n", vec![r#"?{"a":1}"#]),
    ] {
        assert_eq!(lines(text.as_bytes()), (want.iter().map(ToString::to_string).collect(), true), "{text}");
    }
    assert_eq!(lines(b"\x01\x02junk{\"a\":1}").0, [r#"?{"a":1}"#]);
}

#[test]
fn what_follows_an_http_body_begins_a_line() {
    for (head, body) in [
        ("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "b=c&d=}\"e"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\nab\r\n3\r\n}\"c\r\n0\r\n\r\n"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
    ] {
        let (seen, foreign) = lines(format!("{head}{body}{{\"a\":1}}\n{{\"b\":2}}\n").as_bytes());
        assert!(foreign && seen.ends_with(&[r#"?{"a":1}"#.to_owned(), r#"?{"b":2}"#.to_owned()]), "{seen:?}");
    }
    let lie = b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n{\"a\":1}\n";
    assert_eq!(lines(lie).0, [r#"?{"a":1}"#]);
}

#[test]
fn the_end_of_an_unseen_object_is_no_junk() {
    assert_eq!(lines(b"ff\",\"id\":1}}\n{\"a\":1}\n"), (vec![r#"{"a":1}"#.to_owned()], false));
    for twice in ["f\"}}\nf\"}}\n", "x={\"a\":1}\n", "f\"}} x\n", "\x01f\"}}\n"] {
        assert!(lines(twice.as_bytes()).1, "{twice}");
    }
}

#[test]
fn a_line_that_ends_early_is_cut() {
    assert_eq!(lines(b"{\"a\":[1,\n{\"b\":2}").0, [r#"{"a":[1,~"#, r#"{"b":2}"#]);
}

#[test]
fn behind_a_gap_the_next_line_start_counts() {
    let mut framer = Framer::default();
    assert!(run(&mut framer, &[b"{\"a\":\"b"]).is_empty());
    let mut cut = Vec::new();
    framer.gap(&mut |line| cut.push((line.bytes.to_vec(), line.cut)));
    assert_eq!(cut, [(b"{\"a\":\"b".to_vec(), true)]);
    assert_eq!(run(&mut framer, &[b"ccc, 3]}\n{\"d\":1}\n"]), [r#"{"d":1}"#]);
    framer.gap(&mut |_| panic!("nothing was open"));
    assert_eq!(run(&mut framer, &[b"{\"e\":1}\n"]), [r#"{"e":1}"#]);
    assert!(!framer.foreign());
    for text in ["Subject: mining\r\n\r\n", "* 1 FETCH (BODY[] {9}\r\n"] {
        framer.gap(&mut |_| panic!("nothing was open"));
        let text = format!("{text}{{\"f\":1}}\n");
        assert_eq!(run(&mut framer, &[text.as_bytes()]), [r#"?{"f":1}"#], "{text}");
    }
}

#[test]
fn long_objects_are_looked_at_early_and_then_dropped() {
    let text = [b"{\"a\":\"".as_slice(), &[b'x'; 20_000], b"\"}\n{\"b\":2}\n"].concat();
    let mut framer = Framer::default();
    let mut seen = Vec::new();
    for byte in text.chunks(1) {
        framer.push(byte, &mut |line| seen.push((line.bytes.len(), line.cut)));
        assert!(framer.held() <= LINE_MAX);
    }
    assert_eq!(seen, [(1024, true), (2048, true), (4096, true), (8192, true), (7, false)]);
    assert_eq!((framer.overlong_count(), framer.foreign(), framer.held()), (1, false, 0));
}

#[test]
fn deep_nesting_is_junk() {
    let deep = [b"{\"a\":".as_slice(), &[b'['; 100_000], b"\n{\"b\":2}\n"].concat();
    let mut framer = Framer::default();
    assert_eq!(run(&mut framer, &[&deep]), [r#"?{"b":2}"#]);
}

/// What is carried by HTTP: the object, whether it is cut, and whether the head says that a miner sent it.
fn carried(pieces: &[&[u8]]) -> Vec<(String, bool, bool)> {
    let mut framer = Framer::default();
    let mut out = Vec::new();
    for piece in pieces {
        framer.push(piece, &mut |line| {
            let text = String::from_utf8_lossy(line.bytes).into_owned();
            out.extend(line.carrier.http().map(|facts| (text, line.cut, facts.is_miners())));
        });
    }
    out
}

#[test]
fn the_object_that_a_body_begins_with_is_carried_by_its_message() {
    let long = format!("POST /{} HTTP/1.1\r\nX-Mining-Extensions: a\r\n\r\n{{}}", "x".repeat(900));
    let body = |text: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    for (text, want) in [
        (body("{\"a\":1}{\"b\":2}"), vec![("{\"a\":1}", false, false)]),
        (body("\n {\n \"a\": 1\n}\n"), vec![("{\n \"a\": 1\n}", false, false)]),
        (body("{\"a\":\n{\"b\":2}\n"), vec![("{\"a\":\n", true, false)]),
        (body("<p>{\"a\":1}"), vec![]),
        (
            "POST / HTTP/1.1\r\nUser-Agent: cgminer 4\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n{}"
                .to_owned(),
            vec![("{}", false, true)],
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Long-Polling: /\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n"
                .to_owned(),
            vec![("{\"a\":1}", false, true)],
        ),
        ("HTTP/1.0 200 OK\r\nx-stratum: a.b:1\r\n\r\n{}{}".to_owned(), vec![("{}", false, true)]),
        (long, vec![]),
    ] {
        let want: Vec<_> = want.into_iter().map(|(text, cut, miner)| (text.to_owned(), cut, miner)).collect();
        let bytes = text.as_bytes();
        assert_eq!(carried(&[bytes]), want, "{text}");
        for at in 0..=bytes.len() {
            assert_eq!(carried(&[&bytes[..at], &bytes[at..]]), want, "split at {at} of {text}");
        }
        assert_eq!(carried(&bytes.chunks(1).collect::<Vec<_>>()), want, "byte by byte {text}");
    }
}

#[test]
fn nothing_is_kept_of_messages_that_tell_nothing() {
    let mut framer = Framer::default();
    let page = "GET / HTTP/1.1\r\nUser-Agent: Mozilla/5.0\r\nCookie: a=b\r\n\r\n";
    for byte in page.repeat(2).as_bytes().chunks(1) {
        framer.push(byte, &mut |_| panic!("no object"));
    }
    assert!(framer.http.held() == 0 && framer.http.is_bare());
    let post = "POST / HTTP/1.1\r\nAuthorization: Basic YTpi\r\nContent-Length: 9\r\n\r\n";
    framer.push(post.as_bytes(), &mut |_| panic!("no object"));
    assert!(!framer.http.is_bare(), "who asks is known until the body is seen");
    framer.push(b"{}", &mut |_| ());
    assert!(framer.http.is_bare());
}

/// Lines that say nothing are passed over: the framer is then as if it had looked into each.
#[test]
fn passing_over_lines_changes_nothing() {
    let texts = [
        "{\"a\":1}\n{\"b\":2}\r\n{\"X\":3}\n",
        "{\"a\":1}}\n{\"X\":3}\n",
        "{\"a\":1}, or\n{\"X\":3}\n",
        "{\"a\":1} {\"b\":\u{1}2}\n{\"X\":3}\n",
        "{\"a\":{}\n{\"b\":\"}\n{\"X\":3}\n",
        "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1}\n{\"X\":3}\n",
        "{\"a\":1}\n{b}\n{\"X\":3}\n",
        "{a}{\"b\":1}\n{\"X\":3}\n",
        "{\"a\" 1}\0\n{\"X\":3}\n",
        "{\"a\":1} x {\"b\":1}\n{\"X\":3} {\"b\":1}\n{\"X\":4}",
        "HTTP/1.1 200 OK\r\n\r\n{\"a\":1}\n{\"X\":3}\n",
        "f\"}}\n{\"a\":1}\ntext}\n{\"X\":3}\n",
    ];
    for text in texts {
        let seen = |pieces: &[&[u8]], find: &mut dyn FnMut(&[u8]) -> Option<usize>| {
            let mut framer = Framer::default();
            let mut out = Vec::new();
            for piece in pieces {
                framer.push_where(piece, find, &mut |line| {
                    if memchr(b'X', line.bytes).is_some() {
                        out.push((
                            line.bytes.to_vec(),
                            line.cut,
                            line.guarded,
                            line.quoted,
                            line.carrier != Carrier::Line,
                        ));
                    }
                });
            }
            (out, framer.foreign(), framer.held(), framer.state)
        };
        let bytes = text.as_bytes();
        let all = seen(&[bytes], &mut |_| Some(0));
        assert_eq!(seen(&[bytes], &mut |bytes| memchr(b'X', bytes)), all, "{text}");
        for at in 0..=bytes.len() {
            let split = seen(&[&bytes[..at], &bytes[at..]], &mut |bytes| memchr(b'X', bytes));
            assert_eq!(split, all, "{text} split at {at}");
        }
    }
}

/// Many lines at a time are passed over in another protocol; what matters among them is not.
#[test]
fn objects_and_heads_are_found_among_lines_that_are_passed_over() {
    let text =
        "a line of text, and {no} object, that is long enough to be worth a search\r\n\n \t\nX Y\n".repeat(3);
    let head = "POST /a HTTP/1.1\r\nContent-Length: 13\r\n\r\n";
    for (middle, want) in [
        ("{\"a\":1}\n", vec![r#"?{"a":1}"#]),
        ("  {}\nx {\"b\":2} y\n", vec!["?{}", r#"''?{"b":2}"#]),
        ("{\"a\":\n", vec![r#"?{"a":~"#]),
        ("{a\n{\"b\":2}\n", vec![r#"?{"b":2}"#]),
        (&format!("{head}{{\n\"a\":\n1\n}}\n{{\"b\":2}}\n"), vec!["?{\n\"a\":\n1\n}", r#"?{"b":2}"#]),
    ] {
        let want: Vec<String> = want.into_iter().map(|line| line.replace("''?", "''")).collect();
        assert_eq!(lines(format!("{text}{middle}{text}").as_bytes()), (want, true), "{middle}");
    }
    assert_eq!(lines(text.as_bytes()), (vec![], true));
}

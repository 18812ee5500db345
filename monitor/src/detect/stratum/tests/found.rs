//! Conversations that are mining, however the bytes come.
use super::{
    fixture::{FLOW, Talk, piece},
    samples::{BLOB, Sample, WALLET, cryptonote, samples, stratum_v1, talk},
};
use crate::{
    detect::{Detector as _, Role, Subject},
    event::{
        BootTime,
        Direction::{self, Egress as E, Ingress as I},
        Payload,
    },
};

#[test]
fn each_dialect_is_found_whole() {
    for Sample { turns, claim } in samples() {
        let talk = talk(&turns, usize::MAX);
        let name = claim.dialect.clone().unwrap();
        let mut rules = talk.rules();
        rules.dedup();
        assert_eq!(rules, ["stratum.client", "stratum.session", "stratum.share"], "{name}");
        assert_eq!(talk.last().claim, claim);
        assert!(
            talk.found.iter().all(|found| found.role == Role::Miner && found.subject == Subject::Flow(FLOW))
        );
    }
}

#[test]
fn segments_do_not_matter() {
    for Sample { turns, claim } in samples() {
        let bytewise = talk(&turns, 1);
        assert_eq!((bytewise.last().rule.name, &bytewise.last().claim), ("stratum.share", &claim));
        for (turn, (direction, text)) in turns.iter().enumerate() {
            for at in 1..text.len() {
                let (left, right) = text.split_at(at);
                let mut split = turns.clone();
                split.splice(turn..=turn, [(*direction, left.to_owned()), (*direction, right.to_owned())]);
                let talk = talk(&split, usize::MAX);
                assert_eq!(
                    (talk.last().rule.name, &talk.last().claim),
                    ("stratum.share", &claim),
                    "{turn} at {at}"
                );
            }
        }
    }
}

#[test]
fn a_rule_is_said_again_only_with_news() {
    for Sample { turns, .. } in samples() {
        let mut talk = talk(&turns, 1);
        for pair in talk.found.windows(2) {
            assert!(pair[0].rule != pair[1].rule || pair[0].claim != pair[1].claim, "{pair:?}");
        }
        let news = |talk: &Talk| talk.found.iter().filter(|found| !found.repeats).count();
        let before = news(&talk);
        assert!(before <= 8 && before == talk.found.len(), "{:?}", talk.rules());
        turns.iter().skip(4).for_each(|(direction, text)| talk.say(*direction, text.as_bytes()));
        assert_eq!(news(&talk), before);
    }
}

#[test]
fn the_local_end_is_the_pool_when_it_receives_what_miners_send() {
    for Sample { turns, claim } in samples() {
        let turned: Vec<_> =
            turns.into_iter().map(|(way, text)| (if way == E { I } else { E }, text)).collect();
        let talk = talk(&turned, usize::MAX);
        assert_eq!((talk.last().rule.name, &talk.last().claim), ("stratum.share", &claim));
        assert!(talk.found.iter().all(|found| found.role == Role::Pool));
    }
}

#[test]
fn one_side_alone_is_one_sided() {
    for Sample { turns, claim } in samples() {
        let side = |way| turns.iter().filter(|turn| turn.0 == way).cloned().collect::<Vec<_>>();
        let client = talk(&side(E), usize::MAX);
        assert!(client.rules().iter().all(|rule| *rule == "stratum.client"));
        assert_eq!((client.last().role, &client.last().claim.wallet), (Role::Miner, &claim.wallet));
        let server = talk(&side(I), usize::MAX);
        assert!(server.rules().iter().all(|rule| *rule == "stratum.server"));
        assert_eq!((server.last().role, &server.last().claim.dialect), (Role::Miner, &claim.dialect));
        assert_eq!(server.last().claim.wallet, None);
    }
}

/// Every order of the members of an object.
fn orders(members: &[&str]) -> Vec<String> {
    let Some((first, rest)) = members.split_first() else { return vec![String::new()] };
    let mut all = Vec::new();
    for order in orders(rest) {
        let order: Vec<&str> = order.split('\u{1}').filter(|member| !member.is_empty()).collect();
        for at in 0..=order.len() {
            let mut with = order.clone();
            with.insert(at, first);
            all.push(with.join("\u{1}"));
        }
    }
    all
}

#[test]
fn order_spacing_and_escapes_do_not_matter() {
    let login = format!(r#""params":{{"login":"{WALLET}","pass":"x"}}"#);
    let submit = r#""params":["u","1","c7080000","64b3f3ec"]"#;
    for members in [
        vec![r#""id":1"#, r#""jsonrpc":"2.0""#, r#""method":"login""#, &login],
        vec![r#""id" : 1"#, r#""m\u0065thod":"\u006cogin""#, &login, r#""method":"login""#],
        vec![r#""id":1"#, r#""method":"mining.s\u0075bmit""#, submit],
        vec![r#""id":"a""#, r#""method":"eth_submitLogin""#, r#""params":["0xb85150eb"]"#, r#""worker":"w""#],
    ] {
        for order in orders(&members) {
            for (between, around) in [(",", ""), (" ,\t", "  ")] {
                let line =
                    format!("{around}{{{around}{}{around}}}{around}\n", order.replace('\u{1}', between));
                assert_eq!(Talk::of(&[(E, &line)]).rules(), ["stratum.client"], "{line}");
            }
        }
    }
}

#[test]
fn a_client_without_newlines_is_found_at_once() {
    for Sample { turns, .. } in samples() {
        let line = turns[0].1.trim_end();
        assert!(Talk::of(&[(E, &line[..line.len() - 1])]).found.is_empty());
        assert_eq!(Talk::of(&[(E, line)]).rules(), ["stratum.client"]);
    }
}

/// Feeds one direction from pieces `(offset, bytes, length)`, the answer in between.
fn feed(pieces: &[(u64, &[u8], usize)]) -> Talk {
    let mut talk = Talk::new();
    for (offset, bytes, length) in pieces {
        let payload = Payload { length: u32::try_from(*length).unwrap(), ..piece(*offset, bytes) };
        talk.stratum.payload(BootTime(0), &payload, &mut talk.found);
    }
    talk
}

#[test]
fn repeated_overlapping_and_early_pieces() {
    for Sample { turns, claim } in samples() {
        let client: String = turns.iter().filter(|turn| turn.0 == E).map(|turn| turn.1.as_str()).collect();
        let all = client.as_bytes();
        let pieces: Vec<(u64, &[u8], usize)> =
            (0..all.len()).step_by(20).map(|at| (at as u64, &all[at..all.len().min(at + 30)], 0)).collect();
        let mut swapped = pieces.clone();
        swapped.chunks_mut(4).for_each(<[_]>::reverse);
        let doubled: Vec<_> = pieces.iter().flat_map(|piece| [*piece, *piece]).collect();
        for order in [pieces, swapped, doubled] {
            let talk = feed(&order);
            assert_eq!((talk.last().rule.name, &talk.last().claim.wallet), ("stratum.client", &claim.wallet));
            assert_eq!(talk.stratum.cut(), 0);
        }
    }
}

#[test]
fn a_cut_message_is_judged_and_its_torn_value_is_not_learned() {
    let line = &cryptonote().turns[0].1;
    let to = |mark: &str, more: usize| line.find(mark).unwrap() + mark.len() + more;
    let cut = |end: usize| feed(&[(0, &line.as_bytes()[..end], 2000)]);
    assert!(cut(to("\"login\":\"", 10)).found.is_empty(), "too little of an address");
    let talk = cut(to("\"login\":\"", 80));
    assert_eq!((talk.rules(), talk.last().claim.wallet.clone()), (vec!["stratum.client"], None));
    let talk = cut(to("\"pass\":\"hun", 0));
    assert_eq!(talk.last().claim.wallet.as_deref(), Some(WALLET));
    assert!(!format!("{:?}", talk.found).contains("hun"));
    assert_eq!(talk.stratum.cut(), 1);
    let job = format!(r#"{{"jsonrpc":"2.0","method":"job","params":{{"blob":"{BLOB}07"#);
    assert_eq!(feed(&[(0, job.as_bytes(), 2000)]).rules(), ["stratum.server"]);
}

#[test]
fn every_prefix_of_a_session_is_judged_at_its_end() {
    for Sample { turns, claim } in samples() {
        for size in 1..turns[0].1.len() {
            let mut talk = Talk::of(&[(E, &turns[0].1[..size])]);
            talk.stratum.close(FLOW, &mut talk.found);
            for found in &talk.found {
                assert!(found.claim.wallet.is_none() || found.claim.wallet == claim.wallet, "{found:?}");
                assert!(found.claim.agent.is_none() || found.claim.agent == claim.agent, "{found:?}");
            }
            assert_eq!((talk.stratum.held(), talk.stratum.held_bytes), (0, 0));
        }
    }
}

#[test]
fn lost_bytes_are_stepped_over() {
    let login = cryptonote().turns[0].1.clone();
    let text = format!("{{\"lost\":1}}\n{{\"half\":\"{}\"}}\n{login}", "x".repeat(20));
    let mut talk = feed(&[(20, &text.as_bytes()[20..], 0)]);
    assert!(talk.found.is_empty(), "the first bytes may still come");
    let late = piece(text.len() as u64, b"\n");
    talk.stratum.payload(BootTime(3_000_000_000), &late, &mut talk.found);
    assert_eq!((talk.rules(), talk.stratum.cut()), (vec!["stratum.client"], 1));
}

#[test]
fn a_restart_in_the_middle_of_a_line() {
    let mut talk = Talk::of(&[(E, r#"{"id":1,"method":"lo"#)]);
    let login = cryptonote().turns[0].1.clone();
    let again =
        Payload { restart: true, ..piece(90_000, format!("ff\",\"x\":{{\"y\":1}}}}\n{login}").as_bytes()) };
    talk.stratum.payload(BootTime(0), &again, &mut talk.found);
    assert_eq!(talk.rules(), ["stratum.client"]);
}

/// What other programs say first, each side, and then a session on the same socket.
#[test]
fn junk_first_then_a_session() {
    let page =
        format!("HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n<html>{}</html>\r\n", "{a:b}\n".repeat(1300));
    let post = format!("POST / HTTP/1.1\r\nContent-Length: 8000\r\n\r\n{}", "x".repeat(8000));
    let openings: [&[(Direction, &str)]; 9] = [
        &[(E, &post), (I, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")],
        &[(E, "junk\njunk without a newline")],
        &[(E, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (I, &page)],
        &[(E, "\x01\x02\x03junk without a newline")],
        &[(E, "\x01\n\x02\x7f\n\u{3b1}\x10(")],
        &[(E, "junk\njunk\n"), (I, "banner\r\n")],
        &[(E, "{\"hello\":1}\n{\"hello\":\n")],
        &[(E, "{[}]\n\n{{{\"\n")],
        &[(I, "220 ready\r\n")],
    ];
    for opening in openings {
        for Sample { turns, claim } in samples() {
            let mut talk = Talk::of(opening);
            assert!(talk.found.is_empty());
            turns.iter().for_each(|(direction, text)| talk.say(*direction, text.as_bytes()));
            assert_eq!(talk.found.last().map(|found| found.rule.weight), Some(100), "{opening:?}");
            assert_eq!(talk.last().claim.dialect, claim.dialect);
            assert_eq!(talk.last().claim.wallet, claim.wallet, "{opening:?}");
        }
    }
}

#[test]
fn a_feint_does_not_hide_a_session() {
    let feint = (E, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1]}\n".to_owned());
    for Sample { turns, claim } in samples() {
        let turns: Vec<_> = std::iter::once(feint.clone()).chain(turns).collect();
        let talk = talk(&turns, usize::MAX);
        assert_eq!((talk.last().rule.name, talk.last().role), ("stratum.share", Role::Miner));
        assert_eq!(talk.last().claim.wallet, claim.wallet);
    }
}

#[test]
fn a_refused_share_is_a_session_and_no_share() {
    let mut turns = cryptonote().turns;
    turns[5].1 =
        r#"{"id":3,"jsonrpc":"2.0","error":{"code":-1,"message":"Low difficulty share"}}"#.to_owned();
    assert_eq!(talk(&turns, usize::MAX).last().rule.name, "stratum.session");
    turns[5].1 = r#"{"id":9,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#.to_owned();
    assert_eq!(talk(&turns, usize::MAX).last().rule.name, "stratum.session", "another id");
}

#[test]
fn a_server_that_is_no_pool_does_not_complete_a_session() {
    for answer in [
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        "HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        let talk = Talk::of(&[(E, &stratum_v1().turns[0].1), (I, answer), (I, "\n")]);
        assert_eq!(talk.rules(), ["stratum.client"], "{answer}");
    }
}

#[test]
fn a_login_that_anyone_could_send_counts_once_a_job_answers_it() {
    let login =
        (E, r#"{"id":1,"method":"login","params":{"login":"me@example.org","pass":"x","agent":"a/1"}}"#);
    assert!(Talk::of(&[login, (I, r#"{"id":1,"result":{"id":"7","status":"OK"}}"#)]).found.is_empty());
    let talk = Talk::of(&[login, (I, &cryptonote().turns[1].1)]);
    assert_eq!(
        (talk.rules(), talk.last().claim.wallet.as_deref()),
        (vec!["stratum.session"], Some("me@example.org"))
    );
}

#[test]
fn what_lies_behind_a_hole_is_judged_when_the_conversation_ends() {
    let Sample { turns, claim } = cryptonote();
    for lost in [1, 40] {
        let mut talk = Talk::new();
        talk.say(E, b"{\"id\":0}\n");
        for (direction, text) in &turns {
            let offset = if *direction == E { 9 + lost } else { lost };
            let payload = Payload { direction: *direction, ..piece(offset, text.as_bytes()) };
            let before = talk.stratum.held_bytes;
            talk.stratum.payload(BootTime(1), &payload, &mut talk.found);
            assert!(talk.stratum.held_bytes > before);
            if *direction == I {
                break;
            }
        }
        assert_eq!(talk.rules(), [""; 0]);
        talk.stratum.close(FLOW, &mut talk.found);
        assert_eq!(talk.rules(), ["stratum.session"], "the login, then the job that answers it");
        assert_eq!(talk.last().claim.wallet, claim.wallet);
        assert_eq!((talk.stratum.held_bytes, talk.stratum.cut()), (0, 2));
    }
}

#[test]
fn the_end_of_everything_is_the_end_of_every_conversation() {
    let mut talk = Talk::new();
    let login = format!(r#"{{"id":1,"method":"login","params":{{"login":"{WALLET}","pass":"x","#);
    talk.say(E, login.as_bytes());
    assert_eq!(talk.rules(), [""; 0]);
    talk.stratum.finish(&mut talk.found);
    assert_eq!((talk.rules(), talk.stratum.held()), (vec!["stratum.client"], 0));
}

#[test]
fn behind_a_recording_of_the_client_a_pools_answer_still_counts() {
    let Sample { turns, .. } = cryptonote();
    let both: String = turns.iter().map(|turn| turn.1.as_str()).collect();
    let mut talk = Talk::of(&[(E, &both)]);
    assert_eq!(talk.rules(), [""; 0]);
    talk.say(I, turns[1].1.as_bytes());
    assert_eq!(talk.rules(), ["stratum.session"]);
}

#[test]
fn a_pool_that_only_consents_is_told_while_nothing_else_is_seen() {
    const CONSENT: &str = r#"{"id":7,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#;
    let rules = |turns: &[(Direction, &str)]| {
        let mut talk = Talk::new();
        turns.iter().for_each(|(way, text)| talk.say(*way, format!("{text}\n").as_bytes()));
        talk.rules()
    };
    assert_eq!(rules(&[(I, CONSENT)]), ["stratum.server"]);
    for asked in [r#"{"id":7,"jsonrpc":"2.0","method":"save","params":{}}"#, "SAVE 7"] {
        assert!(rules(&[(E, asked), (I, CONSENT)]).is_empty(), "{asked}");
    }
    for other in [
        r#"{"id":7,"jsonrpc":"2.0","result":{"status":"OK"}}"#,
        r#"{"id":7,"error":null,"result":{"status":"OK"}}"#,
        r#"{"id":7,"jsonrpc":"2.0","error":null,"result":{"status":"OK","height":3}}"#,
        r#"{"id":7,"jsonrpc":"2.0","error":null,"result":{"status":"ok"}}"#,
        r#"{"id":7,"jsonrpc":"2.0","error":null,"result":true}"#,
        r#"{"id":7,"jsonrpc":"2.0","error":null,"result":{"status":"OK"},"ts":1}"#,
        r#"HTTP/1.1 200 OK

{"id":7,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#,
    ] {
        assert!(rules(&[(I, other)]).is_empty(), "{other}");
    }
}

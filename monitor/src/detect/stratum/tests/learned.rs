//! What is counted and learned beside the verdict: shares, difficulty, and the coin of a wallet.
use super::{
    fixture::{FLOW, Talk},
    samples::{BLOB, HASH, WALLET},
};
use crate::{
    detect::Shares,
    event::Direction::{self, Egress as E, Ingress as I},
};

fn login(talk: &mut Talk, wallet: &str, job: &str) {
    let request =
        format!(r#"{{"id":1,"method":"login","params":{{"login":"{wallet}","pass":"x","agent":"a"}}}}"#);
    talk.say(E, (request + "\n").as_bytes());
    let answer = format!(
        r#"{{"id":1,"error":null,"result":{{"id":"9","job":{{"blob":"{BLOB}","job_id":"q","target":"b88d0600"{job}}},"status":"OK"}}}}"#
    );
    talk.say(I, (answer + "\n").as_bytes());
}

fn submit(talk: &mut Talk, id: u32) {
    let request = format!(
        r#"{{"id":{id},"method":"submit","params":{{"id":"9","job_id":"q","nonce":"d0030040","result":"{HASH}"}}}}"#
    );
    talk.say(E, (request + "\n").as_bytes());
}

fn answer(talk: &mut Talk, id: u32, rest: &str) {
    talk.say(I, format!("{{\"id\":{id},{rest}}}\n").as_bytes());
}

const TAKEN: &str = r#""error":null,"result":{"status":"OK"}"#;

fn total(talk: &Talk) -> Shares {
    let mut sum = Shares::default();
    talk.found.iter().for_each(|found| sum.add(found.shares));
    sum
}

fn close(talk: &mut Talk) {
    talk.stratum.close(FLOW, &mut talk.found);
}

#[test]
fn shares_are_told_when_they_double_and_at_the_end() {
    let mut talk = Talk::new();
    login(&mut talk, WALLET, "");
    let logged_in = talk.found.len();
    let mut told = Vec::new();
    for share in 1..=100 {
        submit(&mut talk, share + 1);
        answer(&mut talk, share + 1, TAKEN);
        told.extend((talk.found.len() > logged_in + told.len()).then_some(share));
    }
    assert_eq!(told, [1, 2, 4, 8, 16, 32, 64]);
    close(&mut talk);
    assert_eq!(talk.found.len(), logged_in + 8);
    assert_eq!(total(&talk), Shares { accepted: 100, rejected: 0 });
    let repeats: Vec<_> = talk.found.iter().skip(logged_in).map(|found| found.repeats).collect();
    assert_eq!(repeats, [false, true, true, true, true, true, true, true], "the first proves a share");
}

#[test]
fn every_form_of_no_is_a_rejected_share() {
    for no in [
        r#""error":{"code":-1,"message":"Low difficulty share"},"result":null"#,
        r#""error":{"code":-1,"message":"Block expired"},"result":null"#,
        r#""error":[23,"Above target",null],"result":null"#,
        r#""error":"anything","result":null"#,
        r#""error":null,"result":false"#,
        r#""result":false"#,
    ] {
        let mut talk = Talk::new();
        login(&mut talk, WALLET, "");
        submit(&mut talk, 2);
        answer(&mut talk, 2, no);
        answer(&mut talk, 2, no);
        close(&mut talk);
        assert_eq!(total(&talk), Shares { accepted: 0, rejected: 1 }, "{no}");
        assert_eq!(talk.last().rule.name, "stratum.session", "{no}");
    }
}

#[test]
fn a_server_that_is_no_pool_rejects_no_shares() {
    let mut talk = Talk::new();
    submit(&mut talk, 2);
    answer(&mut talk, 2, r#""error":{"code":-32601,"message":"Method not found"}"#);
    close(&mut talk);
    assert_eq!((total(&talk), talk.last().rule.name), (Shares::default(), "stratum.client"));
}

#[test]
fn an_answer_to_nothing_and_one_to_another_id_count_nothing() {
    let mut talk = Talk::new();
    login(&mut talk, WALLET, "");
    answer(&mut talk, 2, TAKEN);
    submit(&mut talk, 3);
    answer(&mut talk, 4, TAKEN);
    answer(&mut talk, 4, r#""error":"x""#);
    close(&mut talk);
    assert_eq!(total(&talk), Shares::default());
}

#[test]
fn more_shares_under_way_than_are_kept_count_low() {
    let mut talk = Talk::new();
    login(&mut talk, WALLET, "");
    (2..=21).for_each(|id| submit(&mut talk, id));
    (2..=21).for_each(|id| answer(&mut talk, id, TAKEN));
    close(&mut talk);
    assert_eq!(total(&talk), Shares { accepted: 16, rejected: 0 });
}

fn set(talk: &mut Talk, difficulty: &str) {
    let method = if difficulty.len() == 66 { "mining.set_target" } else { "mining.set_difficulty" };
    talk.say(I, format!("{{\"id\":null,\"method\":\"{method}\",\"params\":[{difficulty}]}}\n").as_bytes());
}

#[test]
fn a_new_difficulty_is_no_news_but_the_last_is_told_at_the_end() {
    let mut talk = Talk::new();
    talk.say(E, b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cpuminer/2.5.1\"]}\n");
    set(&mut talk, "8192");
    assert_eq!(talk.last().claim.difficulty.as_deref(), Some("8192"));
    let before = talk.found.len();
    (1..=100).for_each(|difficulty| set(&mut talk, &difficulty.to_string()));
    assert_eq!(talk.found.len(), before);
    close(&mut talk);
    assert_eq!((talk.found.len(), talk.last().repeats), (before + 1, true));
    assert_eq!(talk.last().claim.difficulty.as_deref(), Some("100"));
}

#[test]
fn a_target_is_told_as_it_is_given() {
    let mut talk = Talk::new();
    let target = format!("0004{}", "0".repeat(60));
    set(&mut talk, &format!("\"{target}\""));
    assert_eq!(talk.last().claim.difficulty, Some(target));
}

#[test]
fn a_difficulty_that_the_cut_may_have_gone_through_is_not_told() {
    for text in [
        format!(r#"{{"id":null,"method":"job","params":{{"blob":"{BLOB}","job_id":"q","target":"b88d0600"#),
        r#"{"id":null,"method":"mining.set_difficulty","params":[8192"#.to_owned(),
    ] {
        let mut talk = Talk::new();
        talk.say(I, text.as_bytes());
        close(&mut talk);
        assert!(talk.found.iter().all(|found| found.claim.difficulty.is_none()), "{:?}", talk.found);
    }
}

#[test]
fn the_conversations_own_word_for_the_coin_wins() {
    let coins = |talk: &Talk| talk.found.iter().map(|found| found.claim.coin.clone()).collect::<Vec<_>>();
    let mut talk = Talk::new();
    login(&mut talk, WALLET, "");
    let monero = Some("monero".to_owned());
    assert_eq!(coins(&talk), [monero.clone(), monero.clone()]);
    let mut talk = Talk::new();
    login(&mut talk, WALLET, r#","coin":"XTM""#);
    assert_eq!(coins(&talk), [monero, Some("XTM".to_owned())]);
    assert!(!talk.last().claim.coin_inferred);
}

#[test]
fn a_wallet_without_a_right_checksum_names_no_coin() {
    let wrong = WALLET.replacen("48ed", "48ee", 1);
    for wallet in ["alice", &wrong, "0xb85150eb365e7df0941f0cf08235f987ba91506a"] {
        let mut talk = Talk::new();
        login(&mut talk, wallet, "");
        assert_eq!((talk.last().claim.wallet.as_deref(), &talk.last().claim.coin), (Some(wallet), &None));
    }
}

#[test]
fn what_comes_back_from_an_echo_counts_nothing() {
    let mut talk = Talk::new();
    login(&mut talk, WALLET, "");
    let said: [(Direction, &str); 2] = [
        (I, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cpuminer/2.5.1\"]}\n"),
        (I, "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"a.b\",\"x\"]}\n"),
    ];
    said.iter().for_each(|(direction, text)| talk.say(*direction, text.as_bytes()));
    submit(&mut talk, 7);
    answer(&mut talk, 7, TAKEN);
    close(&mut talk);
    assert_eq!(total(&talk), Shares::default());
}

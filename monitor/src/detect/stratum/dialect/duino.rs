//! `duino`: Duino-Coin's lines of plain text. The server speaks first, with its version.
//!
//! Sources: duino-coin `PC_Miner.py`, `AVR_Miner.py` and third-party clients. Not one of these lines alone is a
//! proof: words such as `JOB` and `GOOD` are everyday ones, so the layer that reads the lines says which follow
//! which. The fourth field of `JOB` is the account's mining key: it is not looked at.
use super::{Dialect, Purpose, Reply, Request};
use crate::detect::{
    Claim,
    stratum::shape::{claim, is_hex},
};

/// SHA-1 in hexadecimal digits.
const HASH_DIGITS: usize = 40;
/// The longest account and rig name.
const NAME_MAX: usize = 64;
/// The longest version, `10.25`.
const VERSION_MAX: usize = 5;

/// A line of this protocol.
#[derive(Debug)]
pub(in crate::detect::stratum) enum Word {
    /// The server's version, its first line.
    Version,
    /// `MOTD`, a client's question.
    Greeting,
    /// `JOB,account,difficulty,key`.
    Ask(Request),
    /// Two hashes and a difficulty.
    Work(Reply),
    /// Nonce, hash rate, software, rig.
    Share(Request),
    /// `GOOD`, `BLOCK` or `BAD`.
    Verdict(Reply),
}

/// What `line` is, without its line end.
pub(in crate::detect::stratum) fn read(line: &str) -> Option<Word> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    match fields.as_slice() {
        ["MOTD"] => Some(Word::Greeting),
        ["JOB", account, ..] if is_name(account) => Some(Word::Ask(ask(account))),
        ["GOOD" | "BLOCK", ..] => Some(Word::Verdict(Reply::fitting("an accepted share"))),
        ["BAD" | "INVU", ..] => {
            Some(Word::Verdict(Reply { accepts: false, ..Reply::fitting("a refused share") }))
        }
        [version] if is_version(version) => Some(Word::Version),
        [last, expected, difficulty] if [last, expected].iter().all(|hash| is_sha1(hash)) => {
            is_number(difficulty)
                .then(|| Word::Work(Reply { sure: false, ..Reply::certain(Dialect::Duino, "a job") }))
        }
        [nonce, rate, software @ ..] if is_number(nonce) && is_rate(rate) && is_software(software) => {
            share(software).map(Word::Share)
        }
        _ => None,
    }
}

fn ask(account: &str) -> Request {
    let claim = Claim { wallet: claim(account), ..Claim::default() };
    request("JOB", Purpose::Work, claim)
}

/// `software,rig[,chip],id`; the software may be missing.
fn share(rest: &[&str]) -> Option<Request> {
    let field = |index: usize| rest.get(index).filter(|text| text.len() <= NAME_MAX).copied().and_then(claim);
    let claim = Claim {
        agent: field(0),
        worker: field(1).filter(|rig| rig != "None"),
        algorithm: Some("duco-s1".to_owned()),
        ..Claim::default()
    };
    (rest.len() <= 8).then(|| request("a share", Purpose::Submit, claim))
}

const fn request(method: &'static str, purpose: Purpose, claim: Claim) -> Request {
    Request { dialect: Dialect::Duino, method, purpose, sure: false, claim, offer: None }
}

/// Its name has a letter, and is no rest of a list of numbers in another protocol.
fn is_software(fields: &[&str]) -> bool {
    let named = |name: &&str| name.is_empty() || name.bytes().any(|byte| byte.is_ascii_alphabetic());
    fields.first().is_none_or(named) && !fields.iter().any(|field| field.contains(['{', '}', '[', ']', '"']))
}

fn is_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= VERSION_MAX
        && text.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn is_name(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(known)
}

fn is_sha1(text: &str) -> bool {
    text.len() == HASH_DIGITS && is_hex(text, HASH_DIGITS)
}

fn is_number(text: &str) -> bool {
    (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A decimal number, as programming languages print it; some clients leave it out.
fn is_rate(text: &str) -> bool {
    text.len() <= 24 && text.bytes().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b,2b0b822cd15d6c15b0f00a08ab0c5a9dd2f7f1b9";

    fn name(line: &str) -> &'static str {
        match read(line) {
            None => "nothing",
            Some(Word::Version) => "version",
            Some(Word::Greeting) => "greeting",
            Some(Word::Ask(_)) => "ask",
            Some(Word::Work(_)) => "work",
            Some(Word::Share(_)) => "share",
            Some(Word::Verdict(reply)) => {
                if reply.accepts {
                    "accepted"
                } else {
                    "refused"
                }
            }
        }
    }

    #[test]
    fn lines_are_told_by_their_shapes() {
        for (line, want) in [
            ("4.3", "version"),
            ("MOTD", "greeting"),
            ("JOB,alice,LOW,hunter2", "ask"),
            ("JOB,alice", "ask"),
            (&format!("{HASHES},95"), "work"),
            ("183,4520.51,Official PC Miner 4.3,attic,,2811", "share"),
            ("183,,Custom,None,,1", "share"),
            ("183,1.2e6,cpp", "share"),
            ("5,455432150,463525105,471880136", "nothing"),
            ("5,455432150,x]}", "nothing"),
            ("GOOD", "accepted"),
            ("BLOCK", "accepted"),
            ("BAD,Incorrect result", "refused"),
            ("JOB,", "nothing"),
            ("JOB,a b c", "nothing"),
            ("JOBS,alice", "nothing"),
            ("220 ready", "nothing"),
            ("1.2.3.4", "nothing"),
            (&format!("{HASHES},x"), "nothing"),
            (HASHES, "nothing"),
            ("name,rate", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(name(line), want, "{line}");
        }
    }

    #[test]
    fn the_key_is_not_told() {
        let Some(Word::Ask(asked)) = read("JOB,alice,LOW,hunter2") else { panic!("asks for a job") };
        assert_eq!(asked.claim.wallet.as_deref(), Some("alice"));
        assert!(!format!("{asked:?}").contains("hunter2") && !asked.sure);
    }

    #[test]
    fn a_share_tells_software_and_rig() {
        let Some(Word::Share(share)) = read("183,4520.51,Official PC Miner 4.3,attic,,2811") else {
            panic!("a share")
        };
        let told = (share.claim.agent.as_deref(), share.claim.worker.as_deref());
        assert_eq!(told, (Some("Official PC Miner 4.3"), Some("attic")));
    }
}

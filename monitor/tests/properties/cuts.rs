//! Messages that were not captured whole: still found, and no value is learned that a cut went through.
use monitor::{detect::Claim, event::Direction};

use crate::{
    cases::{self, Case},
    choice::{one, up_to},
    delivery::{Segment, plain},
    disguise::disguise,
    json::Style,
    long, try_often,
    verdict::{claims, host, of_turns, show, verdict},
};

/// What is captured at a time: of a flow under suspicion, half an early look, and the most of any.
const LIMITS: [usize; 3] = [512, 1024, 4096];
/// Cases of lines that may have no ends.
const ENDLESS: &str = "duino-";
/// The weight from which an incident is likely.
const LIKELY: u32 = 70;

fn mining() -> Vec<Case> {
    let golden = cases::all().into_iter().filter(|case| !case.is_benign());
    golden.chain([long::equihash(), long::branches()]).collect()
}

fn cut(mut segment: Segment, limit: usize) -> Segment {
    segment.bytes.truncate(limit);
    segment
}

#[test]
fn long_sessions_are_found_whole() {
    for case in [long::equihash(), long::branches()] {
        let verdict = of_turns(&case.turns).expect(&case.name);
        assert_eq!(verdict.rule.0, "stratum.share", "{}", case.name);
        let longest = case.turns.iter().map(|(_, bytes)| bytes.len()).max().unwrap();
        assert!(longest > 2_700, "{}: {longest}", case.name);
    }
}

#[test]
fn messages_cut_at_the_limit_are_still_found() {
    for case in mining() {
        for limit in LIMITS {
            let segments: Vec<_> =
                plain(&case.turns).into_iter().map(|segment| cut(segment, limit)).collect();
            let weight = verdict(&segments).map(|verdict| verdict.rule.1);
            assert!(weight >= Some(LIKELY), "{} at {limit}: {weight:?}", case.name);
        }
    }
}

#[test]
fn a_cut_share_or_job_alone_is_likely() {
    for (case, way) in [(long::equihash(), Direction::Egress), (long::branches(), Direction::Ingress)] {
        let longest = plain(&case.turns).into_iter().max_by_key(|segment| segment.length).unwrap();
        assert_eq!(longest.direction, way);
        for limit in LIMITS {
            let alone = Segment { offset: 0, ..cut(longest.clone(), limit) };
            let weight = verdict(&[alone]).map(|verdict| verdict.rule.1);
            assert!(weight >= Some(LIKELY), "{} at {limit}: {weight:?}", case.name);
        }
    }
}

/// It stands in the conversation as a word.
fn is_said(word: &str, case: &Case) -> bool {
    let bounded = |text: &str| {
        text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let behind = text[at + word.len()..].chars().next();
            !before.into_iter().chain(behind).any(char::is_alphanumeric)
        })
    };
    case.turns.iter().any(|(_, bytes)| bounded(&String::from_utf8_lossy(bytes)))
}

/// Every value in `found` is one that a whole message tells. Which one, depends on what was lost: behind the login's
/// loss an account may be what the shares name, a difficulty an earlier one, and an algorithm what the client offers.
fn is_told(found: &Claim, whole: &[Claim], case: &Case) -> bool {
    // A pool's name and its port are two values: the name alone is whole.
    let name = |pool: &Option<String>| pool.as_deref().map(|pool| host(pool).to_owned());
    let told = |field: fn(&Claim) -> &Option<String>| {
        field(found).is_none() || whole.iter().any(|whole| field(whole) == field(found))
    };
    // A worker may have two names, a member and a part of the account, and Nimiq's devices a number: where the one is
    // lost, the other is told.
    let numbered = found.worker.iter().all(|worker| worker.bytes().all(|byte| byte.is_ascii_digit()));
    let offered = |name: &str| is_said(&format!("\"{name}\""), case);
    told(|claim| &claim.wallet)
        && (told(|claim| &claim.worker) || numbered || found.worker.iter().all(|name| is_said(name, case)))
        && told(|claim| &claim.agent)
        && (told(|claim| &claim.algorithm)
            || found.algorithm.iter().flat_map(|all| all.split(',')).all(offered))
        && told(|claim| &claim.coin)
        && told(|claim| &claim.difficulty)
        && (told(|claim| &claim.pool) || whole.iter().any(|whole| found.pool == name(&whole.pool)))
}

#[test]
fn what_a_cut_went_through_is_not_learned() {
    let cases: Vec<_> = mining().into_iter().map(|case| (claims(&case.turns), case)).collect();
    try_often(|u| {
        let (whole, case) = one(u, &cases);
        let style = Style { escapes: true, order: true, ..Style::default() };
        let mut segments = plain(&disguise(&case.turns, style, u));
        for _ in 0..=up_to(u, 3) {
            let at = up_to(u, segments.len() - 1);
            let length = segments[at].bytes.len();
            segments[at].bytes.truncate(up_to(u, length));
        }
        let Some(found) = verdict(&segments) else { return };
        assert!(is_told(&found.claim, whole, case), "{}: {found:?}\n{}", case.name, show(&segments));
    });
}

/// Bytes that are lost for good tear messages, too: what is left of them may not be put together. A line without an
/// end is over when the other side speaks; that its end was lost shows only later, so such cases are not asked.
#[test]
fn what_a_loss_went_through_is_not_learned() {
    let cases: Vec<_> = mining()
        .into_iter()
        .filter(|case| !case.name.starts_with(ENDLESS))
        .map(|case| (claims(&case.turns), case))
        .collect();
    try_often(|u| {
        let (whole, case) = one(u, &cases);
        let mut segments = Vec::new();
        for segment in plain(&case.turns) {
            let from = up_to(u, segment.bytes.len());
            let to = from + up_to(u, segment.bytes.len() - from);
            let part = |from: usize, to: usize| Segment {
                offset: segment.offset + from,
                bytes: segment.bytes[from..to].to_vec(),
                length: to - from,
                ..segment
            };
            segments.extend([part(0, from), part(to, segment.bytes.len())]);
        }
        segments.retain(|segment| !segment.bytes.is_empty());
        let Some(found) = verdict(&segments) else { return };
        assert!(is_told(&found.claim, whole, case), "{}: {found:?}\n{}", case.name, show(&segments));
    });
}

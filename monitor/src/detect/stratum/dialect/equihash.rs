//! `equihash`: what ZIP 301 made of `stratum_v1`'s words, for Zcash, Verus and kin.
//!
//! Sources: ZIP 301, nicehash/Specifications `Zhash_NiceHash_v1.0.txt`. `KawPow` and others subscribe in the same
//! four parameters, are answered in the same form and are set targets too; so only the job and the share, which
//! mirror Zcash's block header, tell this dialect. Everything else of a session is `stratum_v1`'s.
use serde_json::Value;

use super::{Dialect, Reply, Request, Words, stratum_v1};
use crate::detect::{
    Claim,
    stratum::{message::Message, shape::is_hex},
};

/// The smallest solution in use is 36 bytes (Equihash 150,5 without its size) behind a size byte.
const SOLUTION_DIGITS: usize = 2 * 37;
/// A number that long is a solution even without its size in front, as Aion's 1,408 bytes.
const UNSIZED_DIGITS: usize = 2 * 400;

/// See [`Words::marks`].
const MARKS: &[&str] = &["mining."];

/// This dialect.
pub(super) static WORDS: Words = Words { dialect: Dialect::Equihash, marks: MARKS, request, answer, push };

/// `mining.submit` with `[worker, job, time, nonce2, solution]`.
fn request(message: &Message<'_>) -> Option<Request> {
    let list = message.list()?;
    let [_, _, time, nonce, solution] = list else { return None };
    let is_share = message.method? == "mining.submit"
        && is_digits(time, 8)
        && nonce.as_str().is_some_and(|nonce| is_hex(nonce, 2))
        && solution.as_str().is_some_and(|solution| is_solution(solution, message.cut));
    if !is_share {
        return None;
    }
    let request = stratum_v1::request(message)?;
    Some(Request { dialect: Dialect::Equihash, ..request })
}

/// The parent's answers are this dialect's too.
fn answer(_: &Request, _: &Message<'_>) -> Option<Reply> {
    None
}

/// A solution with its own size in front, as block headers have it (`CompactSize`).
fn is_solution(text: &str, cut: bool) -> bool {
    if !is_hex(text, 8) {
        return false;
    }
    let number =
        |from: usize, to: usize| text.get(from..to).and_then(|part| usize::from_str_radix(part, 16).ok());
    let size = match number(0, 2) {
        Some(0xfd) => number(2, 6).map(|size| (6, size >> 8 | (size & 0xff) << 8)),
        other => other.map(|size| (2, size)),
    };
    let whole = size.map_or(0, |(head, size)| head + 2 * size);
    let sized = whole >= SOLUTION_DIGITS && (text.len() == whole || cut && text.len() < whole);
    sized || text.len() >= UNSIZED_DIGITS
}

/// `[job, version, previous hash, merkle root, reserved, time, bits, clean, ...]`: `Zhash` adds the parameters of
/// the algorithm and a personalization, Verus a template of the solution.
fn push(message: &Message<'_>) -> Option<Reply> {
    if message.method? != "mining.notify" {
        return None;
    }
    let list = message.list()?;
    let digits = |index: usize, count| list.get(index).is_some_and(|value| is_digits(value, count));
    let header = list.first().is_some_and(Value::is_string)
        && digits(1, 8)
        && (2..=4).all(|index| digits(index, 64))
        && (5..=6).all(|index| digits(index, 8))
        && list.get(7).is_some_and(Value::is_boolean);
    let begun = message.cut && digits(1, 8) && digits(2, 64) && digits(3, 64);
    if !header && !begun {
        return None;
    }
    let parameters = list.get(8).and_then(Value::as_str).filter(|name| is_parameters(name));
    let algorithm = parameters.map(|name| format!("equihash/{name}"));
    Some(Reply {
        claim: Claim { algorithm, ..Claim::default() },
        ..Reply::certain(Dialect::Equihash, "a job")
    })
}

/// `144_5`
fn is_parameters(name: &str) -> bool {
    let is_number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('_').is_some_and(|(n, k)| is_number(n) && is_number(k))
}

fn is_digits(value: &Value, count: usize) -> bool {
    value.as_str().is_some_and(|text| text.len() == count && is_hex(text, count))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HASH: &str = "35d341a8b19a38cd584cb5494185b4dbf1a7eaa91a9ff6541e851de50cbc88a2";

    fn share(solution: &str, cut: bool) -> Option<bool> {
        let params = json!(["t1.rig", "8c6f", "a9cc405a", "3e27000000", solution]);
        let value = json!({"id":4,"method":"mining.submit","params":params});
        request(&Message::of(&value, cut).unwrap()).map(|request| request.sure)
    }

    #[test]
    fn a_solution_states_its_size() {
        for (size, bytes) in
            [("fd4005", 1344), ("fd9001", 400), ("64", 100), ("44", 68), ("34", 52), ("24", 36)]
        {
            let whole = format!("{size}{}", "5a".repeat(bytes));
            assert_eq!(share(&whole, false), Some(true), "{bytes}");
            assert_eq!(share(&whole[..60], true), Some(true), "{bytes}, cut");
            assert_eq!(share(&whole[..60], false), None, "{bytes}, too short");
        }
        assert_eq!(share(&"5a".repeat(1408), false), Some(true), "without its size");
    }

    #[test]
    fn shares_of_the_relatives_are_theirs() {
        for params in [
            json!(["u.rig", "2", "00000000", "538448e7", "f4ec1300"]),
            json!([
                "u.rig",
                "bf04",
                format!("0x{}", "ab".repeat(8)),
                format!("0x{HASH}"),
                format!("0x{HASH}")
            ]),
            json!(["u.rig", "bf04", "a9cc405a", "00", HASH]),
            json!(["u.rig", "bf04", "a9cc405a"]),
        ] {
            let value = json!({"id":4,"method":"mining.submit","params":params});
            assert!(request(&Message::of(&value, false).unwrap()).is_none(), "{params}");
        }
    }

    #[test]
    fn a_job_mirrors_the_header() {
        let zero = "0".repeat(64);
        let job = |params: Value, cut| {
            let value = json!({"id":null,"method":"mining.notify","params":params});
            push(&Message::of(&value, cut).unwrap()).map(|reply| reply.claim.algorithm)
        };
        let zcash = json!(["8c6f", "04000000", HASH, HASH, zero, "a9cc405a", "09d8151c", true]);
        assert_eq!(job(zcash, false), Some(None));
        let zhash =
            json!(["8c6f", "04000000", HASH, HASH, zero, "a9cc405a", "09d8151c", true, "144_5", "BgoldPoW"]);
        assert_eq!(job(zhash, false), Some(Some("equihash/144_5".to_owned())));
        let verus =
            json!(["8c6f", "04000100", HASH, HASH, zero, "a9cc405a", "09d8151c", false, "0700".repeat(60)]);
        assert_eq!(job(verus, false), Some(None));
        let torn = json!(["8c6f", "04000000", HASH, HASH, "00"]);
        assert_eq!((job(torn.clone(), true), job(torn, false)), (Some(None), None));
        for kin in [
            json!(["2", HASH, "01", "0d", [], "00000002", "1d017064", "538448e7", true]),
            json!(["2", HASH, HASH, HASH, true, 1_219_736, "1b00c4ef"]),
            json!(["2", HASH, true]),
        ] {
            assert_eq!(job(kin.clone(), true), None, "{kin}");
        }
    }
}

//! Passwords in URLs and in `user:secret` pairs.
//!
//! Owns where userinfo begins and ends, also when a password holds `/`, `@` or `,` that should have been
//! escaped. Linear in the text's length.
use super::MASK;

/// Where a URL ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// At white space, a quote or an angle bracket.
    AtSpace,
    /// At the end of the text, or where the next URL of a list begins.
    AtEnd,
}

/// Address forms and coin names that stand before a wallet with a colon (`kaspa:qz...`, `DOGE:D6...`): CashAddr
/// prefixes, and the tickers of pools that pay out in another coin.
const BEFORE_WALLET: [&str; 34] = [
    "ada",
    "bch",
    "bchtest",
    "bitcoincash",
    "bnb",
    "btc",
    "bugna",
    "dash",
    "doge",
    "ecash",
    "erg",
    "etc",
    "eth",
    "hoosat",
    "karlsen",
    "kas",
    "kaspa",
    "kaspatest",
    "ltc",
    "matic",
    "nano",
    "nexa",
    "nexatest",
    "pyrin",
    "rvn",
    "shib",
    "sol",
    "spectre",
    "ton",
    "trx",
    "usdt",
    "xmr",
    "xrp",
    "zec",
];

/// The shortest wallet taken for one: Bitcoin addresses have at least 26 characters (base58check of 21 bytes).
const WALLET_MIN: usize = 26;

/// Replaces every URL's password; `None` when there was none. `cut`: the text was cut at its end, so the `@`
/// that would tell a password from a port may be missing.
pub(super) fn mask(text: &str, ends: Ends, cut: bool) -> Option<String> {
    let mut out = String::new();
    let mut done = 0; // text before this is in `out`
    let mut from = 0;
    let mut token = Token { end: 0, last_at: None };
    while let Some(mark) = text.get(from..).and_then(|rest| rest.find("://")).map(|i| from + i) {
        let start = mark + 3;
        from = start;
        if !text.get(..mark).is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric())) {
            continue;
        }
        if start > token.end || token.end == 0 {
            token = Token::at(text, start, ends);
        }
        let (secret, next) = userinfo(text, start, token, cut && token.end == text.len());
        if let Some((begin, end)) = secret {
            out.push_str(text.get(done..begin).unwrap_or_default());
            out.push_str(MASK);
            done = end;
        }
        from = next.max(start);
    }
    if done == 0 {
        return None;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Some(out)
}

/// `user:secret@host` without a scheme, as miners take it: the same text with the secret masked.
pub(super) fn mask_bare(word: &str, cut: bool) -> Option<String> {
    let (end, tail) = match word.rfind('@') {
        Some(at) => (at, word.get(at + 1..).unwrap_or_default()),
        None if cut => (word.len(), ""),
        None => return None,
    };
    let pair = word.get(..end)?;
    let begin = secret_in(pair)?;
    // A path, or an image digest.
    let path = pair.get(..begin)?.contains('/') || pair.get(begin..)?.starts_with('/');
    if path || word.contains("://") || tail.starts_with("sha256:") {
        return None;
    }
    Some([pair.get(..begin)?, MASK, word.get(end..)?].concat())
}

/// `user:secret` with the secret masked; `None` when there is no secret.
pub(super) fn mask_pair(pair: &str) -> Option<String> {
    let begin = secret_in(pair)?;
    Some([pair.get(..begin)?, MASK].concat())
}

/// Where the secret of `user:secret` begins. A wallet with its coin's name before a colon is one user.
fn secret_in(pair: &str) -> Option<usize> {
    let first = colon(pair, 0)?;
    let name = pair.get(..first.0).unwrap_or_default().to_ascii_lowercase();
    let begin = if BEFORE_WALLET.contains(&name.as_str()) {
        let second = colon(pair, first.1);
        let wallet_ends = second.map_or(pair.len(), |colon| colon.0);
        if wallet_ends - first.1 < WALLET_MIN { first.1 } else { second?.1 }
    } else {
        first.1
    };
    (begin < pair.len()).then_some(begin)
}

/// Begin and end of the first `:` or `%3A` at or after `from`.
fn colon(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.as_bytes().get(from..)?;
    let plain = rest.iter().position(|byte| *byte == b':').map(|i| (from + i, from + i + 1));
    let escaped = rest
        .windows(3)
        .position(|three| three.eq_ignore_ascii_case(b"%3A"))
        .map(|i| (from + i, from + i + 3));
    [plain, escaped].into_iter().flatten().min()
}

/// The stretch of text that one URL may fill.
#[derive(Clone, Copy)]
struct Token {
    end: usize,
    last_at: Option<usize>,
}

impl Token {
    fn at(text: &str, start: usize, ends: Ends) -> Self {
        let rest = text.get(start..).unwrap_or_default();
        let length = match ends {
            Ends::AtSpace => rest.find(|c: char| c.is_whitespace() || "\"'<>`".contains(c)),
            Ends::AtEnd => next_in_list(rest),
        };
        let rest = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        Self { end: start + rest.len(), last_at: rest.rfind('@').map(|i| start + i) }
    }
}

/// Where, in a list such as `a://b,c://d`, the separator before the next URL stands.
fn next_in_list(rest: &str) -> Option<usize> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    rest.match_indices("://").find_map(|(mark, _)| {
        let before = rest.get(..mark)?.trim_end_matches(is_scheme);
        before.ends_with(|c: char| ",;|".contains(c) || c.is_whitespace()).then(|| before.len() - 1)
    })
}

/// The secret's begin and end in the URL whose authority begins at `start`, and where to go on.
fn userinfo(text: &str, start: usize, token: Token, cut: bool) -> (Option<(usize, usize)>, usize) {
    let rest = text.get(start..token.end).unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let authority_end = start + authority.len();
    let at = authority.rfind('@').map(|i| start + i);
    let host = text.get(at.map_or(start, |at| at + 1)..authority_end).unwrap_or_default();
    let open = cut && authority_end == token.end;
    // Without a port before the first slash, the slash may belong to a password.
    let settled = has_port(host) && (!open || host.starts_with('['));
    let end = match (at, token.last_at.filter(|at| *at >= start)) {
        (None, _) if settled => return (None, authority_end),
        (Some(at), _) if settled => at,
        _ if cut => token.end,
        (Some(at), Some(_)) if secret_at(text, start, at).is_none() => at,
        (_, Some(last)) if !image_digest(text, last) => last,
        _ => return (None, authority_end),
    };
    match secret_at(text, start, end) {
        Some(begin) => (Some((begin, end)), end),
        None => (None, authority_end),
    }
}

fn secret_at(text: &str, start: usize, end: usize) -> Option<usize> {
    text.get(start..end).and_then(secret_in).map(|i| start + i)
}

fn image_digest(text: &str, at: usize) -> bool {
    text.get(at + 1..).is_some_and(|tail| tail.starts_with("sha256:"))
}

/// `host:port` or `[address]...`.
fn has_port(host: &str) -> bool {
    let digits = |port: &str| matches!(port.len(), 1..=5) && port.bytes().all(|byte| byte.is_ascii_digit());
    host.starts_with('[') || host.split_once(':').is_some_and(|(_, port)| digits(port))
}

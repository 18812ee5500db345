//! Which options take a secret.
//!
//! Owns the names. The tables follow the options of cpuminer, ccminer, cgminer, XMRig, SRBMiner, NBMiner and
//! PhoenixMiner as their own help texts list them, and common daemons and clients.

/// What a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing special.
    #[default]
    Plain,
    /// A secret as a whole.
    Secret,
    /// `user:secret`; the user stays.
    UserPass,
}

/// An option, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape<'a> {
    /// Stays as it is: the option with its separator.
    pub(super) head: &'a str,
    /// The value in the same argument.
    pub(super) value: Option<(&'a str, Kind)>,
    /// What the next argument is.
    pub(super) next: Kind,
}

impl Shape<'_> {
    /// Neither its value nor the next argument is a secret.
    pub(super) fn tells_nothing(&self) -> bool {
        self.next == Kind::Plain && self.value.is_none_or(|(_, kind)| kind == Kind::Plain)
    }
}

/// Spelled with one dash and a leading `p`, and yet not `-p` with a value attached.
const WORDS_IN_P: [&str; 44] = [
    "page",
    "pages",
    "parallel",
    "parameters",
    "patch",
    "path",
    "pci",
    "pe",
    "pedantic",
    "period",
    "perm",
    "pg",
    "pi",
    "pid",
    "pidfile",
    "pie",
    "pipe",
    "pl",
    "platform",
    "plugin",
    "pool",
    "pools",
    "port",
    "ports",
    "power",
    "powlim",
    "ppool",
    "prefix",
    "preset",
    "print",
    "printf",
    "prio",
    "priority",
    "process",
    "profile",
    "progress",
    "project",
    "proto",
    "protocol",
    "proxy",
    "prune",
    "pstate",
    "pthread",
    "pubkey",
];

/// Spelled with one dash and a leading `p`, and takes a secret as the next argument.
const SECRETS_IN_P: [&str; 7] = ["pass", "passin", "passout", "passphrase", "passwd", "password", "pwd"];

/// Parts of a name that tell a secret, after `-`, `_` and `.` were taken out.
const SECRET_PARTS: [&str; 8] =
    ["pass", "pwd", "psw", "secret", "token", "apikey", "accesskey", "credential"];

/// Words that hold one of [`SECRET_PARTS`] and tell nothing.
const HARMLESS_PARTS: [&str; 5] = ["passive", "passthr", "bypass", "compass", "tokeniz"];

/// Flags without a value that miners let stand before `p` in one argument (`-qDp secret`).
const FLAGS_BEFORE_P: &str = "qDPSBkhV";

/// Takes `word` apart; `None` when it is no option, or one that tells nothing.
pub(super) fn shape(word: &str) -> Option<Shape<'_>> {
    if let Some(body) = word.strip_prefix("--") {
        return named(word, body, true);
    }
    let body = word.strip_prefix('-')?;
    short(word, body).or_else(|| named(word, body, false))
}

/// Whether a variable or long option of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let mut name = squeeze(name);
    for part in HARMLESS_PARTS {
        if name.contains(part) {
            name = name.replace(part, " ");
        }
    }
    SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// `-p`, `-u`, `-O`, `-U` with the value attached or next, and flags joined before `p`.
fn short<'a>(word: &'a str, body: &'a str) -> Option<Shape<'a>> {
    let first = body.chars().next()?;
    let (head, rest) = word.split_at_checked(1 + first.len_utf8())?;
    match first {
        'p' => short_p(word, head, body, rest),
        'u' | 'U' | 'O' if rest.is_empty() => Some(next(word, Kind::UserPass)),
        // `-user:x` is read as `-u ser:x`, which hides the same.
        'u' | 'U' | 'O' if separator(body) == Some(':') && !rest.contains("://") => {
            Some(Shape { head, value: Some((rest, Kind::UserPass)), next: Kind::Plain })
        }
        _ => {
            let flags = body.strip_suffix('p')?;
            flags.chars().all(|flag| FLAGS_BEFORE_P.contains(flag)).then(|| next(word, Kind::Secret))
        }
    }
}

fn short_p<'a>(word: &'a str, head: &'a str, body: &'a str, rest: &'a str) -> Option<Shape<'a>> {
    if rest.is_empty() {
        return Some(next(word, Kind::Secret));
    }
    let name = body.split(['=', ':']).next().unwrap_or(body).trim_end_matches(|c: char| c.is_ascii_digit());
    if WORDS_IN_P.contains(&name) || SECRETS_IN_P.contains(&name) {
        return None;
    }
    // `-passkey x` and `-passw0rd` look alike: both readings are hidden.
    let next = if is_secret_name(name) { Kind::Secret } else { Kind::Plain };
    let (head, rest) = match rest.strip_prefix('=') {
        Some(value) => (word.strip_suffix(value).unwrap_or(head), value),
        None => (head, rest),
    };
    Some(Shape { head, value: Some((rest, Kind::Secret)), next })
}

/// `--name`, `--name=value`, `--name:value`, and the same with one dash.
fn named<'a>(word: &'a str, body: &'a str, long: bool) -> Option<Shape<'a>> {
    let name = body.split(['=', ':']).next().unwrap_or(body);
    let tail = body.strip_prefix(name).unwrap_or_default();
    if name.contains(char::is_whitespace) || tail.starts_with("://") {
        return None;
    }
    let kind = kind_of(name, long);
    let value = tail.strip_prefix(['=', ':']);
    match value {
        Some(value) => {
            let head = word.strip_suffix(value).unwrap_or(word);
            Some(Shape { head, value: Some((value, kind)), next: Kind::Plain })
        }
        None => (kind != Kind::Plain).then(|| next(word, kind)),
    }
}

fn kind_of(name: &str, long: bool) -> Kind {
    let squeezed = squeeze(name);
    match squeezed.as_str() {
        _ if name == "O" => Kind::UserPass,
        "u" | "user" | "username" | "login" | "wal" | "wallet" => Kind::UserPass,
        // getopt_long takes any unambiguous beginning of `userpass` and `pass`.
        "userp" | "userpa" | "userpas" | "userpass" => Kind::UserPass,
        "p" | "pa" | "pas" if long => Kind::Secret,
        _ if name.starts_with("no-") => Kind::Plain,
        _ if squeezed.ends_with("user") => Kind::UserPass,
        _ if is_secret_name(name) => Kind::Secret,
        _ => Kind::Plain,
    }
}

/// Lower case without `-`, `_` and `.`.
fn squeeze(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}

fn separator(body: &str) -> Option<char> {
    body.chars().find(|c| matches!(c, '=' | ':'))
}

const fn next(word: &str, next: Kind) -> Shape<'_> {
    Shape { head: word, value: None, next }
}

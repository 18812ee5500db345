//! What the first bytes of a direction are taken for.
//!
//! Owns [`decide`]. Must not hold bytes.
use super::{duino, head, socks, sv2, websocket};

/// As many bytes decide at most.
pub(super) const SNIFF_MAX: usize = 16;

/// Where the bytes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// They are the first of the conversation.
    First,
    /// They are the first in answer to the other side, which asked for these.
    Answer { four: bool, five: bool, http: bool },
    /// What was before them is not known.
    Late,
}

/// What they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    SocksClient,
    SocksServer { four: bool },
    Head,
    Frames,
    Lines,
    Clear,
    Plain,
}

/// What `bytes` begin; `None` when they are too few to tell.
pub(super) fn decide(bytes: &[u8], place: Place) -> Option<Kind> {
    let mut open = false;
    for (kind, test) in tests(place) {
        match test(bytes) {
            Some(true) => return Some(kind),
            Some(false) => {}
            None => open = true,
        }
    }
    (!open || bytes.len() >= SNIFF_MAX).then_some(Kind::Plain)
}

type Test = fn(&[u8]) -> Option<bool>;

fn tests(place: Place) -> impl Iterator<Item = (Kind, Test)> {
    let late: [(Kind, Test); 2] = [(Kind::Frames, websocket::begins), (Kind::Lines, duino::begins)];
    let clear: (Kind, Test) = (Kind::Clear, sv2::begins);
    let (four, five) = (Kind::SocksServer { four: true }, Kind::SocksServer { four: false });
    let special: [Option<(Kind, Test)>; 3] = match place {
        Place::First => [
            Some((Kind::SocksClient, socks::begins)),
            Some((five, socks::answers)),
            Some((Kind::Head, is_head)),
        ],
        Place::Answer { four: asked_4, five: asked_5, http } => [
            asked_4.then_some((four, is_four)),
            asked_5.then_some((five, is_five)),
            http.then_some((Kind::Head, is_answer)),
        ],
        Place::Late => [None, None, None],
    };
    let clear = (place != Place::Late).then_some(clear);
    special.into_iter().flatten().chain(clear).chain(late)
}

fn is_head(bytes: &[u8]) -> Option<bool> {
    head::begins(bytes, &["CONNECT ", "GET /", "HTTP/1."])
}

fn is_answer(bytes: &[u8]) -> Option<bool> {
    head::begins(bytes, &["HTTP/1."])
}

fn is_four(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [] | [0] => None,
        [0, 0x5a, ..] => Some(true),
        _ => Some(false),
    }
}

fn is_five(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [] | [5] => None,
        [5, 0 | 2, ..] => Some(true),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        let answer = Place::Answer { four: false, five: true, http: false };
        for (bytes, place, want) in [
            (b"{".as_slice(), Place::First, Some(Kind::Plain)),
            (b"\x16\x03", Place::First, Some(Kind::Plain)),
            (b"POST / HTTP/1.1", Place::First, Some(Kind::Plain)),
            (b"CONN", Place::First, None),
            (b"CONNECT a", Place::First, Some(Kind::Head)),
            (b"GET /ws", Place::First, Some(Kind::Head)),
            (b"\x05\x01\x00", Place::First, Some(Kind::SocksClient)),
            (b"\x05\x00\x05\x00\x00\x01", Place::First, Some(Kind::SocksServer { four: false })),
            (b"\x05\x00\x05\x00\x00\x01", answer, Some(Kind::SocksServer { four: false })),
            (b"\x05\x01\x00", Place::Late, Some(Kind::Plain)),
            (b"\x81\x07{\"a\":1}", Place::Late, Some(Kind::Frames)),
            (b"4.3\n", Place::First, Some(Kind::Lines)),
            (b"12345678901234567890", Place::First, Some(Kind::Lines)),
            (b"\0\0\0\x11\0\0\0\x02\0\x02\0", Place::First, Some(Kind::Clear)),
            (
                b"\0\x5a\0\0\0\0\0\0",
                Place::Answer { four: true, five: false, http: false },
                Some(Kind::SocksServer { four: true }),
            ),
            (b"HTTP/1.1 200", Place::Answer { four: false, five: false, http: false }, Some(Kind::Plain)),
        ] {
            assert_eq!(decide(bytes, place), want, "{} {place:?}", bytes.escape_ascii());
        }
    }
}

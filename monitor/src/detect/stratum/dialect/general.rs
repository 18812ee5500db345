//! `stratum`: a dialect that nobody listed.
//!
//! Owns the general rule: words of mining in the method's name, together with values that have the shape of
//! mining's, wherever in the object they stand. Must not know any dialect, and no dialect knows it: so it stands
//! when one of them is missing. It comes last, and only what suffices by itself counts.
use super::{Dialect, Words};
use crate::detect::stratum::message::Message;

mod client;
mod http;
mod pool;
mod values;
mod wallet;
mod words;

use values::Group;
use words::Topics;

/// Members that may say what a message is for where none is called `method`.
const METHOD_MEMBERS: [&str; 5] = ["command", "cmd", "message", "type", "op"];

/// Each message that is read has one of these: the ends of words, as they may begin with a capital.
const MARKS: &[&str] = &[
    "0x0000",
    "JOB",
    "Job",
    "Stratum/",
    "\"result\":[\"",
    "andidate",
    "auth\"",
    "ello\"",
    "egister",
    "emplate",
    "hare",
    "ining",
    "job",
    "ogIn",
    "ogin",
    "olution",
    "ork\"",
    "otif",
    "tratum",
    "ubmi",
    "ubscri",
    "uthenti",
    "uthori",
];

/// This dialect.
pub(super) static WORDS: Words = Words {
    dialect: Dialect::Stratum,
    marks: MARKS,
    request: client::request,
    answer: pool::answer,
    push: pool::push,
};

/// What the method speaks of, if of anything known.
fn topics(message: &Message<'_>) -> Option<Topics> {
    let name = message.method.or_else(|| METHOD_MEMBERS.iter().find_map(|name| message.member(name)))?;
    let topics = Topics::of(name);
    (topics != Topics::default()).then_some(topics)
}

/// The parameters; the object itself where there are none.
fn body<'a>(message: &Message<'a>) -> Group<'a> {
    message.params.and_then(Group::of).unwrap_or(Group::Object(message.members))
}

#[cfg(test)]
mod tests;

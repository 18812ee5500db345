//! Words of mining in the name of a method.
//!
//! Owns the vocabulary and how a name is taken apart: `mining.subscribe`, `eth_submitLogin`, `getJobTemplate`,
//! `getjobtemplate`. Must not know values. A word never suffices: each is used elsewhere too.

/// Names longer than that are none of a protocol.
const NAME_MAX: usize = 64;
/// Runs of letters longer than that are not taken apart.
const RUN_MAX: usize = 24;

/// What a name speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    /// Mining itself, as a name space.
    Mining,
    /// To log in.
    Enter,
    /// To make oneself known.
    Greet,
    /// To be told of what comes.
    Subscribe,
    /// To hand something in.
    Submit,
    /// What miners find.
    Share,
    /// What there is to do.
    Work,
    /// How hard it is, and from where to count.
    Setting,
    /// To ask.
    Get,
    /// Nothing by itself: it joins others.
    Filler,
}

/// Longer words before those that they begin with.
static VOCABULARY: [(&str, Topic); 39] = [
    ("authenticate", Topic::Enter),
    ("authorize", Topic::Enter),
    ("authorise", Topic::Enter),
    ("auth", Topic::Enter),
    ("block", Topic::Filler),
    ("candidate", Topic::Work),
    ("difficulty", Topic::Setting),
    ("diff", Topic::Setting),
    ("extranonce", Topic::Setting),
    ("eth", Topic::Filler),
    ("ed", Topic::Filler),
    ("d", Topic::Filler),
    ("get", Topic::Get),
    ("hello", Topic::Greet),
    ("jobs", Topic::Work),
    ("job", Topic::Work),
    ("login", Topic::Enter),
    ("miner", Topic::Filler),
    ("mining", Topic::Mining),
    ("new", Topic::Filler),
    ("notify", Topic::Work),
    ("pool", Topic::Filler),
    ("register", Topic::Greet),
    ("request", Topic::Filler),
    ("result", Topic::Filler),
    ("send", Topic::Filler),
    ("set", Topic::Filler),
    ("shares", Topic::Share),
    ("share", Topic::Share),
    ("solution", Topic::Share),
    ("stratum", Topic::Mining),
    ("submitted", Topic::Submit),
    ("submit", Topic::Submit),
    ("subscribe", Topic::Subscribe),
    ("target", Topic::Setting),
    ("template", Topic::Work),
    ("work", Topic::Work),
    ("worker", Topic::Filler),
    ("s", Topic::Filler),
];

/// What a method's name speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Topics {
    pub(super) mining: bool,
    pub(super) enter: bool,
    pub(super) greet: bool,
    pub(super) subscribe: bool,
    pub(super) submit: bool,
    pub(super) share: bool,
    pub(super) work: bool,
    pub(super) setting: bool,
    pub(super) get: bool,
}

impl Topics {
    /// Of `name`, split at dots and the like and where capitals begin, and runs of known words taken apart.
    pub(super) fn of(name: &str) -> Self {
        let mut topics = Self::default();
        if name.len() > NAME_MAX {
            return topics;
        }
        // `data.mining` and `processMining` are about something else: before mining stand only words of it.
        let mut known = true;
        for run in name.split(|next: char| !next.is_ascii_alphabetic()) {
            if known && topics.add(run) {
                continue;
            }
            let mut rest = run;
            while !rest.is_empty() {
                let (word, behind) = rest.split_at(word_end(rest));
                let was = topics.mining;
                let is_known = topics.add(word);
                topics.mining &= known || was;
                known &= is_known;
                rest = behind;
            }
        }
        topics
    }

    /// Whether `run` consists of known words, in capitals or not.
    fn add(&mut self, run: &str) -> bool {
        let mut small = [0; RUN_MAX];
        let Some(small) = small.get_mut(..run.len()) else { return false };
        small.copy_from_slice(run.as_bytes());
        small.make_ascii_lowercase();
        let all = take_apart(small, *self);
        *self = all.unwrap_or(*self);
        all.is_some()
    }

    const fn set(&mut self, topic: Topic) {
        match topic {
            Topic::Mining => self.mining = true,
            Topic::Enter => self.enter = true,
            Topic::Greet => self.greet = true,
            Topic::Subscribe => self.subscribe = true,
            Topic::Submit => self.submit = true,
            Topic::Share => self.share = true,
            Topic::Work => self.work = true,
            Topic::Setting => self.setting = true,
            Topic::Get => self.get = true,
            Topic::Filler => {}
        }
    }
}

/// Where the first word of `run`, which is not empty, ends: before a capital that follows a small letter.
fn word_end(run: &str) -> usize {
    let pairs = run.bytes().zip(run.bytes().skip(1));
    let capital =
        pairs.take_while(|(left, right)| !(left.is_ascii_lowercase() && right.is_ascii_uppercase()));
    capital.count() + 1
}

/// What `run` speaks of besides, when it consists of known words.
fn take_apart(run: &[u8], besides: Topics) -> Option<Topics> {
    if run.is_empty() {
        return Some(besides);
    }
    VOCABULARY.iter().find_map(|(word, topic)| {
        let mut topics = besides;
        let rest = run.strip_prefix(word.as_bytes())?;
        topics.set(*topic);
        take_apart(rest, topics)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let topics = |name| {
            let Topics { mining, enter, greet, subscribe, submit, share, work, setting, get } =
                Topics::of(name);
            let all = [
                (mining, 'm'),
                (enter, 'e'),
                (greet, 'h'),
                (subscribe, 's'),
                (submit, 'u'),
                (share, 'f'),
                (work, 'w'),
                (setting, 't'),
                (get, 'g'),
            ];
            all.iter().filter(|(told, _)| *told).map(|(_, letter)| *letter).collect::<String>()
        };
        for (name, want) in [
            ("mining.subscribe", "ms"),
            ("mining.subscribed", "ms"),
            ("mining.set_difficulty", "mt"),
            ("mining.extranonce.subscribe", "mst"),
            ("eth_submitLogin", "eu"),
            ("eth_submitWork", "uw"),
            ("getjobtemplate", "wg"),
            ("getJobTemplate", "wg"),
            ("fooNewJob", "w"),
            ("logIn", "e"),
            ("auth_request", "e"),
            ("MINING.SUBMIT", "mu"),
            ("new-block", ""),
            ("SubmitShare", "uf"),
            ("solution", "f"),
            ("determining", ""),
            ("workspace/didChange", ""),
            ("textDocument/willSave", ""),
            ("networkjob", ""),
            ("\u{fc}mining\u{fc}", "m"),
            ("", ""),
        ] {
            assert_eq!(topics(name), want, "{name}");
        }
        assert_eq!(Topics::of(&"mining.".repeat(20)), Topics::default());
    }

    /// Runs that can be taken apart in many ways, and then not at their end.
    #[test]
    fn ambiguous_runs_are_no_words() {
        for run in ["jobsjobsjobsjobsjobsjobq", "sharessharessharessharex", "edededededededededededeq"] {
            assert_eq!((run.len(), Topics::of(run)), (RUN_MAX, Topics::default()), "{run}");
        }
    }
}

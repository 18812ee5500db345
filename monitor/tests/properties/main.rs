//! Properties of Stratum detection: any split, escape, order of members and interleaving of a valid conversation
//! gives the same verdict, and what is not mining gives none.
//!
//! The conversations are the golden cases of `tests/replay/cases`: a dialect that gets a case is held to this, too.
//! A failure says the seed that repeats it: `ARBTEST_SEED=0x...` with the test's name. `ARBTEST_BUDGET_MS` tries others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "clippy.toml excepts test functions, and all helpers here are part of them"
)]
mod cases;
mod choice;
mod cuts;
mod delivery;
mod disguise;
mod harmless;
mod json;
mod long;
mod verdict;

use arbtest::{arbitrary::Unstructured, arbtest};

use crate::{
    cases::Case,
    choice::one,
    disguise::Turns,
    json::{Doubled, Style},
    verdict::{Doubt, of_turns, show},
};

/// Inputs that each property is tried on.
const ROUNDS: u64 = 120;
/// The longest input, in bytes.
const SIZE_MAX: u32 = 1 << 14;
/// A recording of a session that goes by as a file. Cut after its first message it is that message, and nobody can
/// say then what will follow; in one piece it is known for what it is.
const RECORDING: &str = "benign-recorded-session";

/// A conversation as it is now, and what cannot be said of it any more.
type Changed = (Turns, Doubt);

/// How a conversation comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Messages,
    Segments,
}

/// Tries `change` on conversations picked at random: the verdict on what it gives is the plain one's.
fn same_verdict(how: As, change: impl Fn(&Turns, &mut Unstructured<'_>) -> Changed) {
    let cases = cases::all().into_iter().filter(|case| how == As::Messages || case.name != RECORDING);
    let cases: Vec<_> = cases.map(|case| (of_turns(&case.turns), case)).collect();
    try_often(|u| {
        let (plain, case) = one(u, &cases);
        let (turns, doubt) = change(&case.turns, u);
        let segments = match how {
            As::Messages => delivery::plain(&turns),
            As::Segments => delivery::segments(&turns, u),
        };
        let verdict = verdict::verdict(&segments);
        let same = verdict::agree(doubt, &verdict, plain);
        assert!(same, "{}:\n{}\n{verdict:?}\nplain: {plain:?}", case.name, show(&segments));
    });
}

fn styled(turns: &Turns, style: Style, u: &mut Unstructured<'_>) -> Changed {
    let turns = disguise::disguise(turns, style, u);
    let doubt = Doubt::of(style, &turns);
    (turns, doubt)
}

/// The same inputs each time, so that a change is judged by what it changes; `ARBTEST_BUDGET_MS` explores others for
/// that long, and `ARBTEST_SEED` repeats one.
fn try_often(mut property: impl FnMut(&mut Unstructured<'_>)) {
    let explores = ["ARBTEST_BUDGET_MS", "ARBTEST_SEED"].iter().any(|name| std::env::var_os(name).is_some());
    let mut property = |u: &mut Unstructured<'_>| {
        property(u);
        Ok(())
    };
    if explores {
        arbtest(&mut property).size_max(SIZE_MAX);
        return;
    }
    for round in 1..=ROUNDS {
        // The upper half is where the random bytes begin, the lower how many there are.
        let size = u64::from(SIZE_MAX) * round / ROUNDS;
        arbtest(&mut property).seed(round << 32 | size).run();
    }
}

fn mining() -> impl Iterator<Item = Case> {
    cases::all().into_iter().filter(|case| !case.is_benign())
}

#[test]
fn the_cases_are_what_their_names_say() {
    for case in cases::all() {
        let weight = of_turns(&case.turns).map(|verdict| verdict.rule.1);
        assert_eq!(weight.is_some_and(|weight| weight >= 70), !case.is_benign(), "{}: {weight:?}", case.name);
    }
}

#[test]
fn segments_do_not_matter() {
    same_verdict(As::Segments, |turns, _| (turns.clone(), Doubt::default()));
}

#[test]
fn every_single_split() {
    for case in mining() {
        let plain = of_turns(&case.turns);
        for turn in 0..case.turns.len() {
            let (direction, bytes) = &case.turns[turn];
            for at in 1..bytes.len() {
                let (left, right) = bytes.split_at(at);
                let mut turns = case.turns.clone();
                turns.splice(turn..=turn, [(*direction, left.to_vec()), (*direction, right.to_vec())]);
                assert_eq!(of_turns(&turns), plain, "{}: message {turn} at {at}", case.name);
            }
        }
    }
}

#[test]
fn blanks_and_line_ends_do_not_matter() {
    let style = Style { blanks: true, ..Style::default() };
    same_verdict(As::Messages, |turns, u| styled(turns, style, u));
}

#[test]
fn escapes_do_not_matter() {
    let style = Style { escapes: true, ..Style::default() };
    same_verdict(As::Messages, |turns, u| styled(turns, style, u));
}

#[test]
fn the_order_of_members_does_not_matter() {
    let style = Style { order: true, ..Style::default() };
    same_verdict(As::Messages, |turns, u| styled(turns, style, u));
}

#[test]
fn unknown_members_do_not_matter() {
    let style = Style { unknown: true, ..Style::default() };
    same_verdict(As::Messages, |turns, u| styled(turns, style, u));
}

#[test]
fn doubled_members_do_not_matter() {
    for doubled in [Doubled::Alike, Doubled::LastCounts, Doubled::FirstCounts] {
        let style = Style { doubled, ..Style::default() };
        same_verdict(As::Messages, |turns, u| styled(turns, style, u));
    }
}

#[test]
fn who_speaks_first_does_not_matter() {
    let doubt = Doubt { order: true, ..Doubt::default() };
    same_verdict(As::Messages, |turns, u| (disguise::interleave(turns, u), doubt));
}

#[test]
fn all_at_once_does_not_matter() {
    same_verdict(As::Segments, |turns, u| {
        let style = Style::any(u);
        let turns = disguise::interleave(turns, u);
        let (turns, doubt) = styled(&turns, style, u);
        (turns, Doubt { order: true, ..doubt })
    });
}

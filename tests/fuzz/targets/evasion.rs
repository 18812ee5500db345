//! A valid conversation in any disguise gets the plain one's verdict, as in the property tests.
#![no_main]
#[path = "../../../monitor/tests/properties/cases.rs"]
mod cases;
#[path = "../../../monitor/tests/properties/choice.rs"]
mod choice;
#[path = "../../../monitor/tests/properties/delivery.rs"]
mod delivery;
#[path = "../../../monitor/tests/properties/disguise.rs"]
mod disguise;
#[path = "../../../monitor/tests/properties/json.rs"]
mod json;
#[path = "../../../monitor/tests/properties/verdict.rs"]
mod verdict;

use std::sync::LazyLock;

use arbtest::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

use crate::{
    cases::Case,
    choice::one,
    json::Style,
    verdict::{Doubt, Verdict, agree, of_turns, show},
};

/// Mining in full: what is no mining may be cut so that it looks like a part of one.
static CASES: LazyLock<Vec<(Option<Verdict>, Case)>> = LazyLock::new(|| {
    let mining = cases::all().into_iter().filter(|case| !case.is_benign());
    mining.map(|case| (of_turns(&case.turns), case)).collect()
});

fuzz_target!(|data: &[u8]| {
    let u = &mut Unstructured::new(data);
    let (plain, case) = one(u, &CASES);
    let style = Style::any(u);
    let turns = disguise::disguise(&disguise::interleave(&case.turns, u), style, u);
    let segments = delivery::segments(&turns, u);
    let verdict = verdict::verdict(&segments);
    // The sides were interleaved anew.
    let doubt = Doubt { order: true, ..Doubt::of(style, &turns) };
    assert!(agree(doubt, &verdict, plain), "{}:\n{}\n{verdict:?}\n{plain:?}", case.name, show(&segments));
});

//! The golden cases with a dialect's own module switched off: the general rule alone has to find what nobody listed,
//! and nothing of what is harmless.
use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use monitor::{
    detect::stratum::{Dialect, Dialects, Stratum},
    event::Host,
    notice::Level,
    pipeline::{Pipeline, Settings},
    source::{Source as _, pcap::Capture},
};

use crate::{cases, session, wire::Format};

/// Of each dialect's cases, at least this many in a hundred.
const LEAST: usize = 80;
/// Told by bytes, by what nodes are asked for too, or (Nimiq, from the middle) by whole blocks in base64.
const NOT_ASKED: [&str; 5] = ["duino", "getblocktemplate", "getwork", "nimiq", "stratum-v2"];

fn name(case: &Path) -> String {
    case.file_name().expect("a case has a name").to_string_lossy().into_owned()
}

/// The highest level of a case's conversations.
fn judge(case: &Path, dialects: Dialects) -> Level {
    let text = fs::read_to_string(case.join("session.txt")).expect("a case has a session");
    let session = session::parse(&text).expect("a good case");
    let bytes = Format::ALL[0].write(&session.link, &session.frames);
    let mut capture = Capture::new(case, Box::new(Cursor::new(bytes))).expect("a capture");
    let host = Host { boot_id: "test".to_owned(), unix_offset_nanos: 0, ..Host::default() };
    let settings = Settings { report_flows: true, ..Settings::default() };
    let stratum = Stratum::new(NonZeroUsize::MIN).only(dialects);
    let mut pipeline = Pipeline::new(host, settings, vec![Box::new(stratum)]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut level = Level::None;
    let mut last = None;
    while let Some(event) = runtime.block_on(capture.next()).expect("a whole capture") {
        last = Some(event.at);
        pipeline.step(&event).flows.iter().for_each(|flow| level = level.max(flow.level));
    }
    let rest = pipeline.finish(last.expect("an event"));
    rest.flows.iter().fold(level, |level, flow| level.max(flow.level))
}

/// The dialect that a case is named after: the longest name that fits.
fn dialect(case: &str) -> Option<Dialect> {
    let fitting =
        Dialect::ALL.into_iter().filter(|dialect| case.starts_with(&format!("{}-", dialect.name())));
    fitting.max_by_key(|dialect| dialect.name().len())
}

fn mining() -> BTreeMap<&'static str, (Dialect, Vec<PathBuf>)> {
    let mut mining: BTreeMap<_, (Dialect, Vec<PathBuf>)> = BTreeMap::new();
    for case in cases().into_iter().filter(|case| !name(case).starts_with("benign-")) {
        let dialect = dialect(&name(&case)).expect("a case is named after a dialect");
        mining.entry(dialect.name()).or_insert((dialect, Vec::new())).1.push(case);
    }
    mining
}

#[test]
fn a_dialect_that_nobody_listed_is_found() {
    for (dialect_name, (dialect, cases)) in mining() {
        if dialect == Dialect::Stratum || NOT_ASKED.contains(&dialect_name) {
            continue;
        }
        let others = Dialects::default().without(dialect);
        let missed: Vec<_> = cases.iter().filter(|case| judge(case, others) < Level::Likely).collect();
        let found = cases.len() - missed.len();
        assert!(found * 100 >= cases.len() * LEAST, "{dialect_name}: {found}/{}: {missed:?}", cases.len());
    }
}

#[test]
fn nothing_harmless_is_found() {
    let others = Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Stratum);
    let alone = others.fold(Dialects::default(), Dialects::without);
    for case in cases().iter().filter(|case| name(case).starts_with("benign-")) {
        assert_eq!(judge(case, alone), Level::None, "{}", case.display());
    }
}

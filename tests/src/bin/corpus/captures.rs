//! The cross-check: the raw captures beside the conversations, through the capture source.
//!
//! Owns the reading of `pcaps/` and the comparison by address and port. The captures hold more conversations than
//! the corpus labels, and all of their bytes.
use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use monitor::{
    cli::live::detectors,
    event::Ends,
    notice::{FlowView, Level},
    source::{Source as _, pcap::Capture},
};

use crate::{
    count::Share,
    flow::{Flow, Kind},
    judge::pipeline,
    measure::Said,
};

/// Folders of captures, and of which kinds the labelled conversations in them are.
const FOLDERS: [(&str, &[Kind]); 6] = [
    ("positive", &[Kind::Captured]),
    ("documented", &[Kind::Documented]),
    ("mining_http", &[Kind::Http]),
    ("benign", &[Kind::Benign]),
    ("hard_negative", &[Kind::HardCaptured]),
    ("synthetic_negative", &[Kind::HardConstructed, Kind::Adversarial]),
];

/// What came of one folder.
pub(crate) struct Folder {
    pub(crate) name: &'static str,
    pub(crate) files: usize,
    /// Conversations found, of all in it.
    pub(crate) found: Share,
    /// Labelled ones that got the same verdict, of those in it.
    pub(crate) same: Share,
    /// Those that did not, and harmless ones that were found.
    pub(crate) odd: Vec<String>,
}

/// What came of all.
pub(crate) struct Captures {
    pub(crate) folders: Vec<Folder>,
    pub(crate) same: Share,
    /// Files that could not be read to their end, and why.
    pub(crate) broken: Vec<String>,
}

/// Judges every capture below `root`; `None` when there is no such folder.
pub(crate) fn check(root: &Path, said: &Said<'_>) -> Result<Option<Captures>> {
    if !root.is_dir() {
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut all = Captures { folders: Vec::new(), same: Share::default(), broken: Vec::new() };
    for (name, kinds) in FOLDERS.into_iter().filter(|(name, _)| root.join(name).is_dir()) {
        let files = files(&root.join(name))?;
        let mut views = Vec::new();
        for file in &files {
            let broken =
                runtime.block_on(play(file, &mut views)).with_context(|| file.display().to_string())?;
            all.broken.extend(broken.map(|error| error.to_string()));
        }
        let folder = compare(name, files.len(), kinds, &views, said);
        all.same =
            Share { part: all.same.part + folder.same.part, whole: all.same.whole + folder.same.whole };
        all.folders.push(folder);
    }
    Ok(Some(all))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// Adds the conversations of `file`; returns what ended it early.
async fn play(file: &Path, views: &mut Vec<FlowView>) -> Result<Option<io::Error>> {
    let mut capture = Capture::new(file, Box::new(BufReader::new(File::open(file)?)))?;
    let mut pipeline = pipeline(detectors(Arc::default()));
    let mut last = None;
    let error = loop {
        match capture.next().await {
            Ok(Some(event)) => {
                if last.is_none() {
                    pipeline.start(event.at);
                }
                last = last.max(Some(event.at));
                views.extend(pipeline.step(&event).flows);
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    if let Some(last) = last {
        views.extend(pipeline.finish(last).flows);
    }
    Ok(error)
}

fn compare(name: &'static str, files: usize, kinds: &[Kind], views: &[FlowView], said: &Said<'_>) -> Folder {
    let is_found = |view: &FlowView| view.level >= Level::Likely;
    // A pair of ends may have had several conversations; the corpus has at least one of them.
    let mut judged: HashMap<Ends, bool> = HashMap::new();
    for view in views {
        *judged.entry(view.ends).or_default() |= is_found(view);
    }
    let mut odd = Vec::new();
    let mut same = Share::default();
    let mut labelled = HashSet::new();
    for (flow, verdict) in said.verdicts.iter().filter(|(flow, _)| kinds.contains(&flow.kind)) {
        let ends = ends(flow);
        let Some(found) = judged.get(&ends) else { continue };
        labelled.insert(ends);
        let agrees = *found == verdict.is_found();
        same.part += usize::from(agrees);
        same.whole += 1;
        odd.extend((!agrees).then(|| format!("{} {}: found {found} in its capture", flow.id, flow.label)));
    }
    let harmless = !kinds.iter().any(|kind| kind.is_mining());
    let alarms = judged.iter().filter(|(ends, found)| harmless && **found && !labelled.contains(*ends));
    odd.extend(alarms.map(|(ends, _)| format!("{} -> {}: found, not labelled", ends.local, ends.remote)));
    odd.sort();
    Folder { name, files, found: Share::of(views, is_found), same, odd }
}

fn ends(flow: &Flow) -> Ends {
    Ends { local: flow.client, remote: flow.server }
}

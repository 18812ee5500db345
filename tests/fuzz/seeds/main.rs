//! `seeds FOLDER`: writes what each target starts from, a folder for each, out of the golden conversations.
#[path = "../../../monitor/tests/properties/cases.rs"]
mod cases;
mod records;
#[path = "../../replay/session.rs"]
mod session;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../../replay/wire.rs"]
mod wire;

use std::{env, fs, path::Path};

use anyhow::{Context as _, Result};
use monitor::event::{Body, Direction, Event, Host};

use crate::{
    cases::Case,
    shared::pieces::{CLOSE, CUT, INGRESS, LATER, MOVED, Steps},
    wire::Format,
};

fn main() -> Result<()> {
    let folder = env::args_os().nth(1).context("seeds FOLDER")?;
    let folder = Path::new(&folder);
    let put = |target: &str, name: &str, bytes: &[u8]| -> Result<()> {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes).with_context(|| folder.display().to_string())
    };
    for (index, case) in (0..).zip(cases::all()) {
        let name = &case.name;
        put("stratum", name, &pieces(&case, usize::MAX, 0))?;
        put("stratum", &format!("{name}-cut"), &pieces(&case, 100, CUT))?;
        put("stratum", &format!("{name}-moved"), &pieces(&case, 60, MOVED | LATER))?;
        put("recording", name, &recording(&case)?)?;
        // The first byte chooses the conversation; the rest is entropy, which the fuzzer is to find.
        if !case.is_benign() {
            put("evasion", name, &[&[index][..], name.repeat(8).as_bytes()].concat())?;
        }
        let text = fs::read_to_string(cases::folder().join(name).join("session.txt"))?;
        let session = session::parse(&text)?;
        let format = &Format::ALL[usize::from(index) % Format::ALL.len()];
        put("pcap", name, &format.write(&session.link, &session.frames))?;
    }
    for (name, record) in records::all() {
        put("decode", name, &record)?;
    }
    Ok(())
}

/// A conversation in pieces of `size` bytes; `flags` go to every third one.
fn pieces(case: &Case, size: usize, flags: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let whole = case.turns.iter().flat_map(|(direction, bytes)| {
        bytes.chunks(size.min(bytes.len().max(1))).map(move |piece| (*direction, piece))
    });
    for (at, (direction, piece)) in whole.enumerate() {
        let flags = if at % 3 == 2 { flags } else { 0 };
        let way = if direction == Direction::Ingress { INGRESS } else { 0 };
        out.push(way | flags);
        out.extend(u16::try_from(piece.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend(if flags & MOVED == 0 { &[][..] } else { &[0xf6, 0xff] });
        out.extend(if flags & CUT == 0 { &[][..] } else { &[0x10, 0x00] });
        out.extend(if flags & LATER == 0 { &[][..] } else { &[0x04] });
        out.extend(piece);
    }
    out.extend([CLOSE, 0, 0]);
    out
}

fn recording(case: &Case) -> Result<Vec<u8>> {
    let header =
        serde_json::json!({ "minewarden_recording": 1, "version": "0.1.0", "host": Host::default() });
    let mut lines = vec![header.to_string()];
    for step in Steps::of(&pieces(case, usize::MAX, 0)) {
        let flow = step.payload.flow;
        let event = |body| Event { at: step.at, owner: None, body };
        lines.push(serde_json::to_string(&event(Body::Payload(step.payload.clone())))?);
        if step.close {
            lines.push(serde_json::to_string(&event(Body::Close { flow }))?);
        }
    }
    lines.push(serde_json::to_string(&Event { at: Default::default(), owner: None, body: Body::Tick })?);
    Ok((lines.join("\n") + "\n").into_bytes())
}

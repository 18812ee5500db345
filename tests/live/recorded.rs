//! What a recording holds of a conversation.
//!
//! Owns reading the payload of one process out of recorded events. Must not know who talked or why.
use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// What a recording has of one direction of a process's conversation, up to where bytes were skipped.
pub(crate) fn recorded(file: &Path, pid: u32, direction: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in fs::read_to_string(file)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let Some(payload) = event.pointer("/body/payload") else { continue };
        let own = event.pointer("/owner/pid").and_then(Value::as_u64) == Some(pid.into());
        if !own || payload.get("direction").and_then(Value::as_str) != Some(direction) {
            continue;
        }
        if payload.get("restart") != Some(&Value::Bool(false)) {
            break;
        }
        let offset = payload.get("offset").and_then(Value::as_u64).context("a piece without an offset")?;
        let piece = STANDARD
            .decode(payload.get("bytes").and_then(Value::as_str).context("a piece without bytes")?)?;
        ensure!(offset == bytes.len() as u64, "a piece at {offset}, after {} bytes", bytes.len());
        bytes.extend(piece);
    }
    Ok(bytes)
}

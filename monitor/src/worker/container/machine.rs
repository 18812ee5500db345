//! machined's own record of a machine.
//!
//! Owns the parts of `/run/systemd/machines/NAME` (systemd, src/machine/machine.c) that are used. Must not know how
//! files are opened.
use std::path::Path;

use super::state::State;
use crate::event::Container;

/// What systemd says of a machine of nspawn's, whose root folder or image stands for the image.
pub(super) fn read(state: &State<'_>, name: &str) -> Option<Container> {
    let path = valid(name).then(|| Path::new("/run/systemd/machines").join(name))?;
    let content = state.read(&path)?;
    let text = String::from_utf8_lossy(&content);
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
    };
    let engine = match value("SERVICE").as_deref() {
        Some("systemd-nspawn") | None => "nspawn".to_owned(),
        Some(other) => other.to_owned(),
    };
    Some(Container { engine, name: Some(name.to_owned()), image: value("ROOT"), ..Container::default() })
}

/// A machine's name is a host name; only such a one may become part of a path.
fn valid(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('.')
}

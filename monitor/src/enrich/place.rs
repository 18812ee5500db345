//! Where a process runs, from the text of /proc/PID/cgroup.
//!
//! Owns how lines become a [`Place`] and what wins when hierarchies differ. Pure: must not know where the text came
//! from. A user to whom a cgroup was delegated chooses the names below it, so a place says where, never who.
use self::container::Named;
pub(crate) use self::container::{Engine, Lead};
use crate::event::Place;

mod container;
mod job;
mod pod;
#[cfg(test)]
mod tests;

/// Reads all lines (cgroup v1, hybrid or v2). Each fact is the innermost of the first hierarchy that has one: v2,
/// then systemd's own, then the others in the kernel's order.
#[must_use]
pub fn place(cgroup_lines: &str) -> Place {
    read(cgroup_lines).0
}

/// The place, and where the container that it names may be described on disk.
pub(crate) fn read(cgroup_lines: &str) -> (Place, Option<Lead>) {
    let mut paths: Vec<(u8, &str)> = cgroup_lines.lines().filter_map(hierarchy).collect();
    paths.sort_by_key(|(rank, _)| *rank);
    let paths: Vec<Path<'_>> = paths.into_iter().map(|(rank, text)| Path::new(rank, text)).collect();
    let (unit, slice) = unit_and_slice(&paths);
    let lead = paths.iter().find_map(|path| container::lead(&path.parts));
    let place = Place {
        cgroup: most_specific(&paths).to_owned(),
        unit,
        slice,
        session: paths.iter().find_map(|path| path.parts.iter().rev().find_map(|part| session(part))),
        container: lead.as_ref().map(|lead| lead.named.text().to_owned()),
        pod: paths.iter().find_map(|path| pod::uid(&path.parts)),
        job: paths.iter().find_map(|path| job::job(&path.parts)),
    };
    (place, lead)
}

/// One line.
struct Path<'a> {
    rank: u8,
    text: &'a str,
    /// Without empty ones.
    parts: Vec<&'a str>,
}

impl<'a> Path<'a> {
    fn new(rank: u8, text: &'a str) -> Self {
        Self { rank, text, parts: text.split('/').filter(|part| !part.is_empty()).collect() }
    }
}

/// `number:controllers:path` as rank and path; a colon in the path is part of it.
fn hierarchy(line: &str) -> Option<(u8, &str)> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let rank = match (number, controllers) {
        ("0", "") => 0,
        (_, "name=systemd") => 1,
        _ => 2,
    };
    Some((rank, path.strip_suffix(" (deleted)").unwrap_or(path)))
}

/// The cgroup2 path; where that is the root (a hybrid host), the deepest of the others.
fn most_specific<'a>(paths: &[Path<'a>]) -> &'a str {
    let mut best = ("", None);
    for path in paths {
        let depth = Some(path.parts.len());
        if depth > best.1 {
            best = (path.text, depth);
        }
        if path.rank == 0 && depth > Some(0) {
            break;
        }
    }
    best.0
}

/// The unit, and the innermost slice above it; without a unit, the innermost slice of the first path that has one.
fn unit_and_slice(paths: &[Path<'_>]) -> (Option<String>, Option<String>) {
    let innermost = |parts: &[&str]| parts.iter().rev().find_map(|part| slice(part));
    for path in paths {
        let Some(at) = path.parts.iter().rposition(|part| unit(part).is_some()) else { continue };
        let (above, below) = path.parts.split_at_checked(at).unwrap_or_default();
        return (below.first().and_then(|part| unit(part)), innermost(above));
    }
    (None, paths.iter().find_map(|path| innermost(&path.parts)))
}

fn unit(part: &str) -> Option<String> {
    let stem = part.strip_suffix(".service").or_else(|| part.strip_suffix(".scope"))?;
    (!stem.is_empty()).then(|| unescaped(part).to_owned())
}

fn slice(part: &str) -> Option<String> {
    let stem = part.strip_suffix(".slice")?;
    (!stem.is_empty()).then(|| unescaped(part).to_owned())
}

/// systemd puts `_` before a name that the kernel's own files could be taken for.
fn unescaped(part: &str) -> &str {
    part.strip_prefix('_').unwrap_or(part)
}

fn session(part: &str) -> Option<String> {
    let id = part.strip_prefix("session-")?.strip_suffix(".scope")?;
    let fits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| id.to_owned())
}

impl Lead {
    /// The container's 64 hexadecimal digits, where it has them: nothing else may become part of a path in an
    /// engine's state.
    pub(crate) fn id(&self) -> Option<&str> {
        match &self.named {
            Named::Id(id) => Some(id),
            Named::Name(_) => None,
        }
    }

    /// The name of a machine (nspawn, LXC), which is what the cgroup path shows of it.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.named {
            Named::Id(_) => None,
            Named::Name(name) => Some(name),
        }
    }
}

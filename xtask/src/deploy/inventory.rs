//! Lists of hosts: one host a line, `[user@]name[:port]`, then `user=`, `port=` and `group=`; `#` begins a comment.
//!
//! Owns the format and its errors, each with file and line. Must not know how a host is reached.
use std::{collections::HashMap, fs, path::Path};

use super::host::{self, Address};

/// A list longer than this is read by mistake.
const BYTES_MAX: u64 = 8 << 20;

/// A host and the groups that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// How it is reached.
    pub(crate) address: Address,
    /// Its groups, as written.
    pub(crate) groups: Vec<String>,
}

/// The hosts of `file`; with `group` only those in it.
pub(crate) fn read(file: &Path, group: Option<&str>) -> Result<Vec<Address>, String> {
    let shown = file.display();
    let size = fs::metadata(file).map_err(|error| format!("{shown}: {error}"))?.len();
    if size > BYTES_MAX {
        return Err(format!("{shown}: {size} bytes is too long for a list of hosts"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    let entries = parse(&text).map_err(|(line, what)| format!("{shown}:{line}: {what}"))?;
    let of_group = |entry: &Entry| group.is_none_or(|group| entry.groups.iter().any(|own| own == group));
    let hosts: Vec<_> = entries.into_iter().filter(of_group).map(|entry| entry.address).collect();
    match (hosts.is_empty(), group) {
        (false, _) => Ok(hosts),
        (true, Some(group)) => Err(format!("{shown}: no host is in group {group}")),
        (true, None) => Err(format!("{shown}: names no host")),
    }
}

/// Every entry, or the number of the first wrong line and what is wrong there.
fn parse(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries = Vec::new();
    let mut seen = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let Some(entry) = self::line(line).map_err(|what| (number, what))? else { continue };
        if let Some(earlier) = seen.insert(entry.address.to_string(), number) {
            return Err((number, format!("{} is already in line {earlier}", entry.address)));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn line(line: &str) -> Result<Option<Entry>, String> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let Some(first) = words.next() else { return Ok(None) };
    let mut entry = Entry { address: first.parse()?, groups: Vec::new() };
    for word in words {
        match word.split_once('=') {
            Some(("user", user)) => once(&mut entry.address.user, host::user(user)?, "user")?,
            Some(("port", port)) => once(&mut entry.address.port, host::port(port)?, "port")?,
            Some(("group", names)) => entry.groups.extend(names.split(',').map(str::to_owned)),
            _ => return Err(format!("{word:?} is none of user=, port=, group=")),
        }
    }
    Ok(Some(entry))
}

fn once<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{what} is given twice")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LIST: &str = "\
# the web farm
ops@web1:2222 group=web
web2   port=2200 user=ops group=web,canary   # the first to get it

db1
";

    fn names(hosts: &[Address]) -> Vec<String> {
        hosts.iter().map(ToString::to_string).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_list_is_read_and_a_group_chooses_of_it() {
        let file = file(LIST);
        let of = |group| read(file.path(), group).map(|hosts| names(&hosts));
        assert_eq!(of(None).unwrap(), ["web1:2222", "web2:2200", "db1"]);
        assert_eq!(of(Some("canary")).unwrap(), ["web2:2200"]);
        assert!(of(Some("none")).unwrap_err().ends_with("no host is in group none"));
        let web2 = read(file.path(), Some("canary")).unwrap();
        assert_eq!(web2[0].user.as_deref(), Some("ops"));
    }

    #[test]
    fn a_mistake_is_told_with_file_and_line() {
        for (text, expected) in [
            ("web1\nweb1\n", ":2: web1 is already in line 1"),
            ("\nweb1 prot=22\n", ":2: \"prot=22\" is none of user=, port=, group="),
            ("web1:22 port=23\n", ":1: port is given twice"),
            ("web1 port=99999\n", ":1: \"99999\" is not a port (1 to 65535)"),
            ("-oProxyCommand=x\n", ":1: \"-oProxyCommand=x\" is not the name of a host"),
            ("# nothing\n", ": names no host"),
        ] {
            let file = file(text);
            let error = read(file.path(), None).unwrap_err();
            assert_eq!(error, format!("{}{expected}", file.path().display()));
        }
        assert!(
            read(Path::new("/nonexistent/list"), None).unwrap_err().starts_with("/nonexistent/list: No such")
        );
    }
}

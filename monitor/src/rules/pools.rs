//! Lists of pools: names and addresses that the operator knows to be mined at.
//!
//! Owns the form of a line, the cap, and the look-up of a name or an address. Must not know who connects.
use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use super::{Problem, list};

/// Entries of all lists together.
const ENTRIES_MAX: usize = 100_000;
/// Longest name, RFC 1035 section 2.3.4.
const NAME_MAX: usize = 253;

/// What is listed, without its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    /// A name in lower case.
    Name(String),
    /// Every name below this one.
    Below(String),
    /// A network: its first address and the length of its prefix.
    Net(IpAddr, u8),
}

/// Where an entry was read, and the port that it is for.
#[derive(Clone, Debug)]
struct Entry {
    port: Option<u16>,
    file: u16,
    line: u32,
}

/// An entry that names a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The list and the line, `FILE:LINE`.
    pub place: String,
}

/// Names and addresses with the place where each was read.
#[derive(Debug, Default)]
pub struct Pools {
    files: Vec<Arc<str>>,
    entries: HashMap<Target, Vec<Entry>>,
    /// Lengths of prefixes in use, so that an address is looked up once for each.
    prefixes: BTreeSet<(bool, u8)>,
    count: usize,
}

impl Pools {
    /// Adds a list: on each line a name (`pool.example`, `*.pool.example` for every name below it), an address or a
    /// network (`192.0.2.0/24`), perhaps with `:PORT` (`[2001:db8::1]:3333`); `#` begins a comment.
    pub(super) fn add(&mut self, file: &str, text: &str, problems: &mut Vec<Problem>) {
        let Ok(index) = u16::try_from(self.files.len()) else { return };
        self.files.push(file.into());
        list::read(file, text, problems, |content, line| {
            if self.count >= ENTRIES_MAX {
                return list::Entry::Full(ENTRIES_MAX, "pools");
            }
            let Some((target, port)) = parse(content) else {
                return list::Entry::Wrong("a name, an address or a network, perhaps with :PORT, is");
            };
            self.insert(target, Entry { port, file: index, line });
            list::Entry::Taken
        });
    }

    fn insert(&mut self, target: Target, entry: Entry) {
        if let Target::Net(address, length) = &target {
            self.prefixes.insert((address.is_ipv4(), *length));
        }
        let places = self.entries.entry(target).or_default();
        // The same entry in two lists is told once.
        if !places.iter().any(|known| known.port == entry.port) {
            places.push(entry);
            self.count += 1;
        }
    }

    /// The entry that has this address, if any.
    #[must_use]
    pub fn address(&self, address: IpAddr, port: u16) -> Option<Listed> {
        let address = address.to_canonical();
        self.prefixes
            .iter()
            .rev()
            .filter(|(v4, _)| *v4 == address.is_ipv4())
            .find_map(|(_, length)| self.find(&Target::Net(network(address, *length), *length), Some(port)))
    }

    /// The entry that has this name, if any; a name may also be an address. Without a port an entry for one port
    /// does not count.
    #[must_use]
    pub fn name(&self, name: &str, port: Option<u16>) -> Option<Listed> {
        if self.is_empty() || name.len() > NAME_MAX + 2 {
            return None;
        }
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return self.address(address, port.unwrap_or_default());
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let below = || name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
        self.find(&Target::Name(name.clone()), port)
            .or_else(|| below().find_map(|parent| self.find(&Target::Below(parent.to_owned()), port)))
    }

    fn find(&self, target: &Target, port: Option<u16>) -> Option<Listed> {
        let fits = |entry: &&Entry| entry.port.is_none() || entry.port == port;
        let entry = self.entries.get(target)?.iter().find(fits)?;
        let place = format!("{}:{}", self.files.get(usize::from(entry.file))?, entry.line);
        Some(Listed { place })
    }

    /// Entries held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn parse(text: &str) -> Option<(Target, Option<u16>)> {
    if let Some(target) = net(text) {
        return Some((target, None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
        None => (text, None),
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if let Some(inner) = bracketed {
        return Some((net(inner).filter(|_| inner.contains(':'))?, port));
    }
    if let Some(target) = net(host) {
        return Some((target, port));
    }
    let name = |text: &str| valid(text).then(|| text.trim_end_matches('.').to_ascii_lowercase());
    Some(match host.strip_prefix("*.") {
        Some(parent) => (Target::Below(name(parent)?), port),
        None => (Target::Name(name(host)?), port),
    })
}

/// An address or a network. One of length 0 is no list of pools but a mistake.
fn net(text: &str) -> Option<Target> {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let full = if address.is_ipv4() { 32 } else { 128 };
    let length =
        length.map_or(Some(full), |length| length.parse().ok().filter(|n| (1..=full).contains(n)))?;
    Some(Target::Net(network(address, length), length))
}

fn network(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or_default();
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

/// A name of letters, digits, `-` and `_` with at least one dot and one letter: a list of bare words is another list.
fn valid(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.len() <= NAME_MAX
        && name.contains('.')
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

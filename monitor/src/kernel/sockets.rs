//! Which processes hold a socket: passes of the socket iterators.
//!
//! Owns the passes. Must not know why someone asks.
use std::{
    collections::{BTreeMap, HashMap as StdHashMap, btree_map::Entry},
    fs::File,
    io::{self, BufReader, Read as _},
    sync::{Arc, Mutex, PoisonError},
};

use aya::{
    Ebpf,
    maps::{HashMap, MapData, MapError},
    programs::Iter,
};
use monitor_ebpf::{
    event::{Established, Holder},
    limits,
};
use zerocopy::{FromBytes as _, FromZeros as _, IntoBytes as _};

use crate::{
    decode,
    event::{FlowId, Owner, OwnerSource},
    worker::{Census, Connected, Sockets},
};

/// Processes told of one socket.
const HOLDERS: usize = 64;

/// The iterator program and the map that tells it what to look for.
pub struct SocketTable {
    ebpf: Arc<Mutex<Ebpf>>,
    wanted: HashMap<MapData, u64, u8>,
}

impl SocketTable {
    pub(super) const fn new(ebpf: Arc<Mutex<Ebpf>>, wanted: HashMap<MapData, u64, u8>) -> Self {
        Self { ebpf, wanted }
    }

    fn pass(&mut self, cookies: &[FlowId]) -> io::Result<Vec<Holder>> {
        let asked = cookies.iter().try_for_each(|cookie| self.wanted.insert(cookie.0, 1, 0));
        let found = asked.map_err(io::Error::other).and_then(|()| self.read());
        // In any case, or the map would fill up for good.
        for cookie in cookies {
            match self.wanted.remove(&cookie.0) {
                Ok(()) | Err(MapError::KeyNotFound) => {}
                // Asked for twice.
                Err(MapError::SyscallError(error)) if error.io_error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        found
    }

    fn read(&mut self) -> io::Result<Vec<Holder>> {
        let mut bytes = Vec::new();
        open(&self.ebpf, "sockets")?.read_to_end(&mut bytes)?;
        bytes
            .chunks(size_of::<Holder>())
            .map(|chunk| {
                Holder::read_from_bytes(chunk)
                    .map_err(|_| io::Error::other("the socket iterator's record is cut"))
            })
            .collect()
    }
}

/// The iterator over every connected TCP socket; a pass also tells each socket's own state whose it is.
pub struct EstablishedTable {
    ebpf: Arc<Mutex<Ebpf>>,
}

impl EstablishedTable {
    pub(super) const fn new(ebpf: Arc<Mutex<Ebpf>>) -> Self {
        Self { ebpf }
    }
}

impl Census for EstablishedTable {
    fn connected(&mut self, most: usize) -> io::Result<Connected> {
        let mut found = Connected::default();
        let mut known = BTreeMap::new();
        let mut records = BufReader::new(open(&self.ebpf, "established")?);
        while let Some(record) = next(&mut records)? {
            let flow = FlowId(record.holder.cookie);
            let Ok(ends) = decode::ends(&record.ends) else { continue };
            let full = known.len() >= most;
            let socket = match known.entry(flow) {
                Entry::Occupied(socket) => socket.into_mut(),
                Entry::Vacant(_) if full => {
                    found.dropped += 1;
                    continue;
                }
                Entry::Vacant(place) => place.insert((ends, Vec::new())),
            };
            found.dropped += u64::from(!add(&mut socket.1, owner(&record.holder)));
        }
        found.sockets = known.into_iter().map(|(flow, (ends, holders))| (flow, ends, holders)).collect();
        Ok(found)
    }
}

/// The next record; `None` at the end.
fn next(records: &mut impl io::Read) -> io::Result<Option<Established>> {
    let mut record = Established::new_zeroed();
    let bytes = record.as_mut_bytes();
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match records.read(rest)? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(io::Error::other("the socket iterator's record is cut")),
            more => filled += more,
        }
    }
    Ok(Some(record))
}

/// A second descriptor of the same socket is no second holder. `false`: no room.
fn add(holders: &mut Vec<Owner>, owner: Owner) -> bool {
    if holders.contains(&owner) {
        return true;
    }
    let room = holders.len() < HOLDERS;
    if room {
        holders.push(owner);
    }
    room
}

/// A new pass: every read of the file runs the program on.
pub(super) fn open(ebpf: &Mutex<Ebpf>, name: &str) -> io::Result<File> {
    let mut ebpf = ebpf.lock().unwrap_or_else(PoisonError::into_inner);
    let program = ebpf.program_mut(name).ok_or_else(|| io::Error::other("no such iterator"))?;
    let program = <&mut Iter>::try_from(program).map_err(io::Error::other)?;
    let link = program.attach().map_err(io::Error::other)?;
    program.take_link(link).map_err(io::Error::other)?.into_file().map_err(io::Error::other)
}

impl Sockets for SocketTable {
    fn holders(&mut self, cookies: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>> {
        let mut found: StdHashMap<u64, Vec<Owner>> = StdHashMap::new();
        for batch in cookies.chunks(limits::WANTED as usize) {
            for holder in self.pass(batch)? {
                let owner = owner(&holder);
                add(found.entry(holder.cookie).or_default(), owner);
            }
        }
        Ok(cookies.iter().map(|&id| (id, found.remove(&id.0).unwrap_or_default())).collect())
    }
}

fn owner(holder: &Holder) -> Owner {
    decode::owner(&holder.who, OwnerSource::FdTable)
}

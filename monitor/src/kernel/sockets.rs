//! Which processes hold a socket: one pass of the socket iterator.
//!
//! Owns the pass. Must not know why someone asks.
use std::{
    collections::HashMap as StdHashMap,
    fs::File,
    io::{self, Read as _},
    sync::{Arc, Mutex, PoisonError},
};

use aya::{
    Ebpf,
    maps::{HashMap, MapData, MapError},
    programs::Iter,
};
use monitor_ebpf::{event::Holder, limits};
use zerocopy::FromBytes as _;

use crate::{
    event::{FlowId, Owner, OwnerSource, ProcessKey, Ticks},
    worker::Sockets,
};

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
        self.open()?.read_to_end(&mut bytes)?;
        bytes
            .chunks(size_of::<Holder>())
            .map(|chunk| {
                Holder::read_from_bytes(chunk)
                    .map_err(|_| io::Error::other("the socket iterator's record is cut"))
            })
            .collect()
    }

    /// A new pass: every read of the file runs the program on.
    fn open(&mut self) -> io::Result<File> {
        let mut ebpf = self.ebpf.lock().unwrap_or_else(PoisonError::into_inner);
        let program = ebpf.program_mut("sockets").ok_or_else(|| io::Error::other("no socket iterator"))?;
        let program = <&mut Iter>::try_from(program).map_err(io::Error::other)?;
        let link = program.attach().map_err(io::Error::other)?;
        program.take_link(link).map_err(io::Error::other)?.into_file().map_err(io::Error::other)
    }
}

impl Sockets for SocketTable {
    fn holders(&mut self, cookies: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>> {
        let mut found: StdHashMap<u64, Vec<Owner>> = StdHashMap::new();
        for batch in cookies.chunks(limits::WANTED as usize) {
            for holder in self.pass(batch)? {
                let owner = owner(&holder);
                let owners = found.entry(holder.cookie).or_default();
                // A second descriptor of the same socket is no second holder.
                if !owners.contains(&owner) {
                    owners.push(owner);
                }
            }
        }
        Ok(cookies.iter().map(|&id| (id, found.remove(&id.0).unwrap_or_default())).collect())
    }
}

/// On a kernel without the iterator nobody is found.
impl Sockets for Option<SocketTable> {
    fn holders(&mut self, cookies: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>> {
        self.as_mut().map_or(Ok(Vec::new()), |table| table.holders(cookies))
    }
}

fn owner(holder: &Holder) -> Owner {
    Owner {
        key: ProcessKey { tgid: holder.who.tgid, start: Ticks::from_nanos(holder.who.start) },
        pid: holder.who.pid,
        generation: Some(holder.who.generation),
        source: OwnerSource::FdTable,
    }
}

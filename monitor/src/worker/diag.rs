//! Sockets by sock_diag(7) and /proc/PID/fd, for kernels without the socket iterator.
//!
//! Owns the dump of every network namespace that a process is in, and the join of sockets with processes by inode.
//! Namespaces are entered by a thread of its own, which ends afterwards. A socket that lives in a namespace without
//! a process, or whose holder cannot be looked at, is not found. Must not know why someone asks.
use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, read_dir, read_link},
    io,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP},
    inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags},
};
use netlink_sys::{Socket, SocketAddr as Address, protocols::NETLINK_SOCK_DIAG};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{
    Census, Connected, Sockets,
    procfs::{Identity, LiveProcFs, Numbers, ProcFs},
};
use crate::event::{Ends, FlowId, Owner, OwnerSource, ProcessKey};

/// Network namespaces that are dumped.
const NAMESPACES: usize = 4_096;
/// Descriptors looked at in one pass.
const DESCRIPTORS: usize = 1 << 20;
/// Processes told of one socket.
const HOLDERS: usize = 64;
/// Sockets taken in from one pass.
const SOCKETS: usize = 1 << 17;
/// Bytes of one answer: the kernel fills at most this much at a time (`NLMSG_GOODSIZE`, 8 KiB, and growing).
const ANSWER: usize = 64 * 1024;
/// No namespace and no process is begun after this time.
const LONGEST: Duration = Duration::from_secs(20);

/// The connected sockets as sock_diag has them.
pub struct SockDiag {
    procfs: Arc<dyn ProcFs>,
}

impl SockDiag {
    /// Of the processes that `procfs` lists.
    #[must_use]
    pub const fn new(procfs: Arc<dyn ProcFs>) -> Self {
        Self { procfs }
    }
}

impl Default for SockDiag {
    /// Of every process of the host.
    fn default() -> Self {
        Self::new(Arc::new(LiveProcFs))
    }
}

/// Who holds which socket, by the socket's inode; and a process of each network namespace.
#[derive(Default)]
struct Tables {
    holders: HashMap<u64, Vec<Owner>>,
    namespaces: BTreeMap<u64, u32>,
    dropped: u64,
}

impl Census for SockDiag {
    fn connected(&mut self, most: usize) -> io::Result<Connected> {
        let until = Instant::now() + LONGEST;
        let mut tables = Tables::read(&*self.procfs, until)?;
        let namespaces = std::mem::take(&mut tables.namespaces).into_values().collect::<Vec<_>>();
        // A thread of its own: it is in another namespace when it ends.
        let dumps = thread::Builder::new()
            .name("sock-diag".into())
            .spawn(move || dump_all(&namespaces, until))?
            .join()
            .map_err(|_| io::Error::other("the dump of sockets panicked"))?;
        let mut found = Connected { sockets: Vec::new(), dropped: tables.dropped + dumps.dropped };
        for socket in dumps.sockets {
            // Nobody's: a connection that waits to be accepted, or lingers.
            let Some(holders) = tables.holders.remove(&u64::from(socket.inode)) else { continue };
            if found.sockets.len() >= most {
                found.dropped += 1;
                continue;
            }
            found.sockets.push((flow(&socket), ends(&socket), holders));
        }
        Ok(found)
    }
}

impl Sockets for SockDiag {
    fn holders(&mut self, cookies: &[FlowId]) -> io::Result<Vec<(FlowId, Vec<Owner>)>> {
        let all = self.connected(SOCKETS)?.sockets;
        Ok(all
            .into_iter()
            .map(|(flow, _, holders)| (flow, holders))
            .filter(|(flow, _)| cookies.contains(flow))
            .collect())
    }
}

impl Tables {
    fn read(procfs: &dyn ProcFs, until: Instant) -> io::Result<Self> {
        let mut tables = Self::default();
        let mut looked = 0;
        for numbers in procfs.pids()? {
            let pid = numbers.pid;
            if looked >= DESCRIPTORS || Instant::now() > until {
                tables.dropped += 1;
                continue;
            }
            // Gone, or a kernel thread.
            let Ok(sockets) = sockets_of(pid, DESCRIPTORS - looked) else { continue };
            looked += sockets.len();
            tables.note_namespace(pid);
            tables.note(numbers, sockets);
        }
        Ok(tables)
    }

    fn note_namespace(&mut self, pid: u32) {
        let Some(inode) =
            read_link(format!("/proc/{pid}/ns/net")).ok().and_then(|link| number(link.to_str()?))
        else {
            return;
        };
        if self.namespaces.len() < NAMESPACES {
            self.namespaces.entry(inode).or_insert(pid);
        } else if !self.namespaces.contains_key(&inode) {
            self.dropped += 1;
        }
    }

    fn note(&mut self, numbers: Numbers, sockets: Vec<u64>) {
        let Numbers { pid, tgid, start } = numbers;
        if sockets.is_empty() {
            return;
        }
        let Ok(identity) = LiveProcFs.open(pid).and_then(|process| Identity::of(&*process)) else { return };
        if start.is_some_and(|start| start != identity.start) {
            return; // another process by now
        }
        let key = ProcessKey { tgid, start: identity.start };
        let owner = Owner { key, pid, generation: None, source: OwnerSource::FdTable };
        for inode in sockets {
            let holders = self.holders.entry(inode).or_default();
            if holders.contains(&owner) {
                continue;
            }
            if holders.len() < HOLDERS {
                holders.push(owner);
            } else {
                self.dropped += 1;
            }
        }
    }
}

/// Inodes of the sockets in a process's file table, at most `most`.
fn sockets_of(pid: u32, most: usize) -> io::Result<Vec<u64>> {
    let entries = read_dir(format!("/proc/{pid}/fd"))?.take(most);
    let links = entries.filter_map(|entry| read_link(entry.ok()?.path()).ok());
    Ok(links.filter_map(|link| number(link.to_str()?.strip_prefix("socket:")?)).collect())
}

/// The number in `net:[4026531840]`.
fn number(link: &str) -> Option<u64> {
    link.split_once('[')?.1.strip_suffix(']')?.parse().ok()
}

#[derive(Default)]
struct Dumps {
    sockets: Vec<InetResponseHeader>,
    dropped: u64,
}

/// Dumps the network namespaces of these processes, one after the other.
fn dump_all(pids: &[u32], until: Instant) -> Dumps {
    let mut dumps = Dumps::default();
    for pid in pids {
        let entered = File::open(format!("/proc/{pid}/ns/net")).and_then(|namespace| {
            Ok(move_into_link_name_space(
                std::os::fd::AsFd::as_fd(&namespace),
                Some(LinkNameSpaceType::Network),
            )?)
        });
        let dumped = entered.and_then(|()| {
            dump(AF_INET, SocketId::new_v4(), &mut dumps)?;
            dump(AF_INET6, SocketId::new_v6(), &mut dumps)
        });
        if let Err(error) = dumped {
            log::debug!("sockets in the network namespace of process {pid}: {error}");
            dumps.dropped += 1;
        }
        if Instant::now() > until {
            dumps.dropped += 1;
            break;
        }
    }
    dumps
}

/// Every connected TCP socket of one family in the present network namespace.
fn dump(family: u8, socket_id: SocketId, out: &mut Dumps) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&Address::new(0, 0))?;
    socket.send(&request(family, socket_id), 0)?;
    let mut answer = Vec::with_capacity(ANSWER);
    loop {
        answer.clear();
        if socket.recv(&mut answer, 0)? == 0 {
            return Err(io::Error::other("sock_diag answered nothing"));
        }
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    if out.sockets.len() < SOCKETS {
                        out.sockets.push(response.header);
                    } else {
                        out.dropped += 1;
                    }
                }
                _ => {}
            }
            // Messages are padded to four bytes.
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX).max(4);
            rest = rest.get(length.saturating_add(3) & !3..).unwrap_or_default();
        }
    }
}

fn request(family: u8, socket_id: SocketId) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let states = StateFlags::ESTABLISHED
        | StateFlags::SYN_SENT
        | StateFlags::SYN_RECV
        | StateFlags::FIN_WAIT1
        | StateFlags::FIN_WAIT2
        | StateFlags::CLOSE_WAIT;
    let request =
        InetRequest { family, protocol: IPPROTO_TCP, extensions: ExtensionFlags::empty(), states, socket_id };
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The kernel sends the cookie as two halves, the lower first (`sock_diag_save_cookie`).
fn flow(socket: &InetResponseHeader) -> FlowId {
    let [a, b, c, d, e, f, g, h] = socket.socket_id.cookie;
    let half = |bytes| u64::from(u32::from_ne_bytes(bytes));
    FlowId(half([a, b, c, d]) | half([e, f, g, h]) << 32)
}

fn ends(socket: &InetResponseHeader) -> Ends {
    let id = &socket.socket_id;
    Ends {
        local: SocketAddr::new(id.source_address.to_canonical(), id.source_port),
        remote: SocketAddr::new(id.destination_address.to_canonical(), id.destination_port),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::net::sockopt::socket_cookie;

    use super::*;
    use crate::host::privilege::host_pids;

    #[test]
    fn finds_this_process_by_the_cookie_of_its_own_socket() {
        if !host_pids() {
            eprintln!("skipped: not the host's PID namespace");
            return;
        }
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let flow = |stream: &TcpStream| FlowId(socket_cookie(stream).unwrap());
        let all = SockDiag::default().connected(usize::MAX).unwrap();
        for stream in [&client, &server] {
            let found = all.sockets.iter().find(|(id, ..)| *id == flow(stream)).expect("our socket");
            assert_eq!(found.1.local, stream.local_addr().unwrap());
            assert_eq!(found.1.remote, stream.peer_addr().unwrap());
            assert_eq!(found.2.iter().map(|owner| owner.pid).collect::<Vec<_>>(), [std::process::id()]);
        }
        let listening = socket_cookie(&listener).unwrap();
        assert!(all.sockets.iter().all(|(id, ..)| id.0 != listening), "one that listens is no connection");
        let asked = SockDiag::default().holders(&[flow(&client)]).unwrap();
        assert_eq!(asked.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [flow(&client)]);
        let capped = SockDiag::default().connected(1).unwrap();
        assert!(capped.sockets.len() == 1 && capped.dropped > 0);
    }
}

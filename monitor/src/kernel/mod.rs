//! The kernel programs: load, tell them the offsets, attach.
//!
//! Owns the object and its links for as long as the agent runs. With `source/ring.rs` it is the only place that
//! names aya. Must not know what records mean.
use std::{
    fs,
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, bail, ensure};
use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{HashMap, MapData, PerCpuArray, RingBuf},
};
use aya_log::EbpfLogger;
use log::Log;
use monitor_ebpf::tunables::{self, LEVELS, Watched};
use zerocopy::IntoBytes as _;

pub mod btf;
pub mod hooks;
pub mod members;
pub mod sockets;
pub mod stats;

use hooks::{HOOKS, Hook};

use crate::{
    config::Scope,
    host::watch::{Part, Target},
};

/// The object that `build.rs` chose.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/minewarden.bpf.o"));

/// The running programs. Dropping it detaches them.
pub struct Kernel {
    /// Shared with the socket iterator, which is attached anew for each pass.
    _ebpf: Arc<Mutex<Ebpf>>,
    /// Hooks that this kernel does not take, each with the reason.
    pub missing: Vec<(&'static Hook, String)>,
    /// Members that this kernel lacks.
    pub absent: Vec<String>,
    /// What is watched.
    pub target: Target,
}

/// What user space reads from the programs.
pub struct Channels {
    /// Exec, fork, exit.
    pub tasks: RingBuf<MapData>,
    /// Connect, payload, close.
    pub flows: RingBuf<MapData>,
    /// Counters.
    pub stats: stats::Stats,
    /// What the programs say of rare faults; only when debug messages are wanted.
    pub log: Option<EbpfLogger<&'static dyn Log>>,
    /// Who holds a socket, where the kernel takes the iterator.
    pub sockets: Option<sockets::SocketTable>,
    /// Every connected socket, the same.
    pub established: Option<sockets::EstablishedTable>,
    /// Every process that is watched.
    pub members: members::MemberTable,
}

impl Kernel {
    /// Loads and attaches every hook.
    ///
    /// # Errors
    /// One line that names the hook, the file or the setting, and what to do: no BTF, no such cgroup2, a required hook
    /// refused.
    pub fn start(scope: &Scope) -> anyhow::Result<(Self, Channels)> {
        let target = Target::find(scope)?;
        let (mut ebpf, btf, absent) = object(target.part.as_ref())?;
        let mut missing = Vec::new();
        for hook in HOOKS {
            let result = hook.load(&mut ebpf, &btf).and_then(|()| hook.attach(&mut ebpf, target.fd.as_fd()));
            match result {
                Ok(()) => {}
                Err(error) if hook.required => bail!("hook {}: {error}", hook.attach),
                Err(error) => missing.push((hook, error)),
            }
        }
        let stats = ebpf.take_map("STATS").context("the object has no map STATS")?;
        let wanted = ebpf.take_map("WANTED").context("the object has no map WANTED")?;
        let (tasks, flows) = (ring(&mut ebpf, "TASK_EVENTS")?, ring(&mut ebpf, "FLOW_EVENTS")?);
        let log =
            if log::log_enabled!(log::Level::Debug) { Some(EbpfLogger::init(&mut ebpf)?) } else { None };
        let ebpf = Arc::new(Mutex::new(ebpf));
        let loaded = |name| missing.iter().all(|(hook, _)| hook.program != name);
        let wanted = HashMap::try_from(wanted)?;
        let channels = Channels {
            tasks,
            flows,
            stats: stats::Stats::new(PerCpuArray::try_from(stats)?),
            log,
            sockets: loaded("sockets").then(|| sockets::SocketTable::new(Arc::clone(&ebpf), wanted)),
            established: loaded("established").then(|| sockets::EstablishedTable::new(Arc::clone(&ebpf))),
            members: members::MemberTable::new(loaded("members").then(|| Arc::clone(&ebpf))),
        };
        give_back_memory();
        Ok((Self { _ebpf: ebpf, missing, absent, target }, channels))
    }
}

/// Loads each program and says what the kernel thinks of it; attaches nothing.
///
/// # Errors
/// When there is no BTF, or the object cannot be opened at all.
pub fn probe() -> anyhow::Result<Vec<(&'static Hook, Result<(), String>)>> {
    let (mut ebpf, btf, _) = object(None)?;
    Ok(HOOKS.iter().map(|hook| (hook, hook.load(&mut ebpf, &btf))).collect())
}

fn object(part: Option<&Part>) -> anyhow::Result<(Ebpf, Btf, Vec<String>)> {
    let bytes = fs::read(btf::VMLINUX).with_context(|| {
        format!(
            "{}: this kernel shows no BTF; a kernel built with CONFIG_DEBUG_INFO_BTF is needed",
            btf::VMLINUX
        )
    })?;
    let types = btf::Btf::parse(&bytes).context(btf::VMLINUX)?;
    let (offsets, absent) = btf::offsets(&types)?;
    let watched = watched(part, &types)?;
    let lacks = offsets.cgroup_ancestors == tunables::ABSENT;
    ensure!(part.is_none() || !lacks, "[watch] cgroup: this kernel's types do not tell a cgroup's ancestors");
    drop(types);
    let namespace = fs::metadata("/proc/self/ns/pid").context("/proc/self/ns/pid")?.ino();
    let namespace = u32::try_from(namespace).context("/proc/self/ns/pid: inode number over 32 bits")?;
    // 0 makes every message dead code to the verifier.
    let level: u8 = if log::log_enabled!(log::Level::Debug) { log::Level::Debug as u8 } else { 0 };
    let btf = Btf::from_sys_fs().context("this kernel's BTF")?;
    let ebpf = EbpfLoader::new()
        .btf(Some(&btf))
        .override_global(tunables::OFFSETS, offsets.as_bytes(), true)
        .override_global(tunables::PID_NAMESPACE, &namespace, true)
        .override_global(tunables::WATCHED, watched.as_bytes(), true)
        .override_global(aya_log::LEVEL, &level, true)
        .load(OBJECT)
        .context("the kernel programs cannot be opened (are we root, with CAP_BPF?)")?;
    Ok((ebpf, btf, absent))
}

/// What the programs are told of the part that is watched.
fn watched(part: Option<&Part>, types: &btf::Btf<'_>) -> anyhow::Result<Watched> {
    let Some(part) = part else { return Ok(Watched::ALL) };
    // Level 0 is the root, which is no part.
    let (first, last) = part.level.map_or((1, LEVELS), |level| (level, level));
    let pointers = u32::from(types.offset("cgroup", "ancestors")?.is_some());
    Ok(Watched { cgroup: part.id, first, last, pointers, reserved: 0 })
}

/// Returns to the system what reading the kernel's types took: glibc would keep it (measured: 27 MB resident
/// without, 15 MB with).
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call has no preconditions and may be made at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn ring(ebpf: &mut Ebpf, name: &str) -> anyhow::Result<RingBuf<MapData>> {
    let map = ebpf.take_map(name).with_context(|| format!("the object has no map {name}"))?;
    Ok(RingBuf::try_from(map)?)
}

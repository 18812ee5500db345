//! A file system in user space that hangs: it tells what files there are and never opens one, but for the program it
//! was given, and that not for the process it was told to let wait.
//!
//! Mounted in a mount namespace of this process alone, on the folder in the first argument; the second is the program's
//! file, the third the process to let wait. Says `ready`, and each request as `operation process`; ends, and all who
//! wait with it, when its standard input closes. Speaks the kernel's protocol (include/uapi/linux/fuse.h) itself.
use std::{
    env,
    ffi::CString,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::fd::AsRawFd as _,
    process, thread,
};

use anyhow::{Context as _, Result};
use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    thread::UnshareFlags,
};

/// Larger than any request: `FUSE_MIN_READ_BUFFER` is 8 KiB, a write may bring 128 KiB.
const BUFFER: usize = 256 * 1024;
/// Seconds that the kernel may keep a name and its status.
const VALID: u64 = 3600;

/// The nodes: the root, and its files.
const ROOT: u64 = 1;
const NAMES: [(&str, u64); 3] = [("script", 2), ("config.json", 3), ("program", PROGRAM)];
const PROGRAM: u64 = 4;

fn main() -> Result<()> {
    let [folder, program, waits] = <[String; 3]>::try_from(env::args().skip(1).collect::<Vec<_>>())
        .ok()
        .context("usage: FOLDER PROGRAM PID")?;
    let server = Server { program: fs::read(program)?, waits };
    // SAFETY: this process has one thread still, and shares no file table.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS)? };
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let device = File::options().read(true).write(true).open("/dev/fuse").context("/dev/fuse")?;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
    mount("test-hang", &folder, "fuse", MountFlags::empty(), CString::new(options)?.as_c_str())
        .context("mounting it")?;
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        process::exit(0);
    });
    say("ready")?;
    server.run(device)
}

fn say(line: &str) -> io::Result<()> {
    io::stdout().write_all(format!("{line}\n").as_bytes())
}

struct Server {
    program: Vec<u8>,
    waits: String,
}

impl Server {
    fn run(&self, mut device: File) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = device.read(&mut buffer)?;
            let request = buffer.get(..length).and_then(Request::of).context("a short request")?;
            let process = tgid(request.pid);
            say(&format!("{} {process}", request.name()))?;
            let answer = if process == self.waits { None } else { self.answer(&request) };
            let Some(answer) = answer else { continue };
            let (error, body) = answer.map_or_else(|error| (-error, Vec::new()), |body| (0, body));
            let length = u32::try_from(16 + body.len())?;
            let head =
                [&length.to_le_bytes()[..], &error.to_le_bytes(), &request.unique.to_le_bytes()].concat();
            // One that was interrupted takes no answer any more.
            let _ = device.write(&[head, body].concat());
        }
    }

    /// `None`: never.
    fn answer(&self, request: &Request<'_>) -> Option<Result<Vec<u8>, i32>> {
        Some(match (request.operation, request.node) {
            // FORGET and BATCH_FORGET take none; STATFS gets none.
            (2 | 42 | 17, _) => return None,
            (26, _) => Ok(init()),
            (1, ROOT) => {
                let name = String::from_utf8_lossy(request.body.strip_suffix(&[0]).unwrap_or(request.body));
                if name.starts_with("never") {
                    return None;
                }
                NAMES
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, node)| self.entry(*node))
                    .ok_or(libc::ENOENT)
            }
            (3, node) => Ok([numbers(&[VALID, 0]), self.attributes(node)].concat()),
            (14, PROGRAM) => Ok(numbers(&[0, 0])),
            (15, PROGRAM) => Ok(self.read(request.body).unwrap_or_default()),
            // OPEN and READ of the others.
            (14 | 15, _) => return None,
            // RELEASE and FLUSH.
            (18 | 25, _) => Ok(Vec::new()),
            _ => Err(libc::ENOSYS),
        })
    }

    fn entry(&self, node: u64) -> Vec<u8> {
        [numbers(&[node, 0, VALID, VALID, 0]), self.attributes(node)].concat()
    }

    fn attributes(&self, node: u64) -> Vec<u8> {
        let size = if node == PROGRAM { self.program.len() as u64 } else { 100 };
        let mode = if node == ROOT { libc::S_IFDIR } else { libc::S_IFREG } | 0o755;
        // Three times, their nanoseconds; then mode, links, uid, gid, device, block size, flags.
        let rest: [u32; 10] = [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0];
        [numbers(&[node, size, 1, 0, 0, 0]), rest.iter().flat_map(|n| n.to_le_bytes()).collect()].concat()
    }

    fn read(&self, body: &[u8]) -> Option<Vec<u8>> {
        let offset = usize::try_from(u64::from_le_bytes(body.get(8..16)?.try_into().ok()?)).ok()?;
        let size = u32::from_le_bytes(body.get(16..20)?.try_into().ok()?) as usize;
        let rest = self.program.get(offset..)?;
        Some(rest.get(..size).unwrap_or(rest).to_vec())
    }
}

/// `struct fuse_init_out` of version 7.31: no options, reads and writes of up to 128 KiB.
fn init() -> Vec<u8> {
    let head: [u32; 7] = [7, 31, 128 * 1024, 0, 0, 128 * 1024, 1];
    let mut answer: Vec<u8> = head.iter().flat_map(|n| n.to_le_bytes()).collect();
    answer.resize(64, 0);
    answer
}

fn numbers(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// The kernel names a thread.
fn tgid(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    line.map_or_else(|| pid.to_string(), |tgid| tgid.trim().to_owned())
}

/// What of a request is used.
struct Request<'a> {
    operation: u32,
    unique: u64,
    node: u64,
    pid: u32,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let (operation, unique, node, pid) = (word(4)?, long(8)?, long(16)?, word(32)?);
        Some(Self { operation, unique, node, pid, body: bytes.get(40..)? })
    }

    fn name(&self) -> String {
        let known = [(1, "lookup"), (3, "getattr"), (14, "open"), (15, "read"), (17, "statfs")];
        let name = known.iter().find(|(operation, _)| *operation == self.operation);
        name.map_or_else(|| self.operation.to_string(), |(_, name)| (*name).to_owned())
    }
}

//! The network of a fleet: a network namespace of its own with a bridge, so that no address, route or firewall rule
//! of this host is touched and none of its rules stands between the guests.
use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    path::PathBuf,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::wait;
use crate::object::toolchain::text;

/// The bridge, inside the namespace.
pub(crate) const BRIDGE: &str = "mwbr";
/// The bridge's own address; guests are above it. Nothing outside the namespace sees them.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// Guests that have an address.
pub(crate) const MOST: u8 = 32;
/// The first guest's last byte, less one.
const FIRST: u8 = 10;
/// One attempt to connect; a guest that is not up yet answers nothing.
const ATTEMPT: Duration = Duration::from_millis(500);

/// The address of guest `number`, from 1.
pub(crate) fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, 0, FIRST.saturating_add(number))
}

/// The guest whose name, `h1`, this is.
pub(crate) fn resolve(name: &str) -> Result<Ipv4Addr> {
    let number = name.strip_prefix('h').and_then(|number| number.parse().ok());
    let number = number.filter(|number| (1..=MOST).contains(number));
    number.map(address).with_context(|| format!("{name} is no host of a fleet (h1 to h{MOST})"))
}

/// A network namespace by its name.
#[derive(Clone, Debug)]
pub(crate) struct Lab(String);

impl Lab {
    /// The namespace of that name, there or not.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.0)
    }

    /// Makes it; one that is there stays.
    pub(crate) fn create(&self) -> Result<()> {
        if self.path().exists() {
            return Ok(());
        }
        text(Command::new("ip").args(["netns", "add", &self.0]))?;
        let gateway = format!("{GATEWAY}/24");
        for step in [
            &["link", "set", "lo", "up"][..],
            &["link", "add", BRIDGE, "type", "bridge"],
            &["addr", "add", &gateway, "dev", BRIDGE],
            &["link", "set", BRIDGE, "up"],
        ] {
            text(Command::new("ip").args(["-n", &self.0]).args(step))?;
        }
        Ok(())
    }

    /// Removes it, if it is there; nothing may run in it any more.
    pub(crate) fn remove(&self) -> Result<()> {
        if self.path().exists() {
            text(Command::new("ip").args(["netns", "del", &self.0]))?;
        }
        Ok(())
    }

    /// A command that runs in the namespace. `nsenter`, as `ip netns exec` would hide the cgroup mounts.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--");
        command
    }

    /// Moves the calling thread into the namespace.
    fn enter(&self) -> Result<()> {
        let path = self.path();
        let file = File::open(&path).with_context(|| format!("{} (is the fleet up?)", path.display()))?;
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))
            .with_context(|| format!("cannot enter {}", path.display()))
    }

    /// A connection that leaves from inside the namespace; asks until `limit`, as a guest may still be starting.
    pub(crate) fn connect(&self, address: SocketAddrV4, limit: Duration) -> Result<TcpStream> {
        let lab = self.clone();
        // A thread, as the namespace is the thread's.
        let asking = thread::spawn(move || {
            lab.enter()?;
            wait::until(&format!("a connection to {address}"), limit, || {
                Ok(Some(TcpStream::connect_timeout(&SocketAddr::V4(address), ATTEMPT)?))
            })
        });
        asking.join().map_err(|_| anyhow!("the thread that connects to {address} panicked"))?
    }
}

/// Connects from inside `lab` and hands the socket to ssh, which waits for it on our standard output
/// (`ProxyUseFdpass`).
pub(crate) fn hand_over(lab: &Lab, address: SocketAddrV4) -> Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::{mem::MaybeUninit, os::fd::AsFd as _};

    let stream = lab.connect(address, Duration::from_secs(10))?;
    let sockets = [stream.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&sockets));
    // ssh expects one byte beside the socket.
    sendmsg(io::stdout().as_fd(), &[io::IoSlice::new(&[0])], &mut ancillary, SendFlags::empty())
        .context("standard output is no socket: only ssh calls this, with ProxyUseFdpass")?;
    Ok(())
}

/// Namespaces whose name starts with `prefix`.
pub(crate) fn left(prefix: &str) -> Vec<String> {
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_has_a_name_and_an_address() {
        assert_eq!(resolve("h1").unwrap(), address(1));
        assert_eq!(resolve("h32").unwrap(), Ipv4Addr::new(10, 99, 0, 42));
        for name in ["h0", "h33", "1", "web1", "h"] {
            assert!(resolve(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_namespace_that_is_not_there_is_said() {
        let lab = Lab::named("mw-fleet-none");
        let error = lab.connect(SocketAddrV4::new(address(1), 22), Duration::ZERO).unwrap_err();
        assert!(format!("{error:#}").contains("is the fleet up?"), "{error:#}");
        lab.remove().unwrap();
        assert!(left("mw-fleet-none").is_empty());
    }
}

//! The conversation: a login, a job, a share, over loopback, from this process to itself.
//!
//! Owns the words, which are those of the `cryptonote` dialect (XMRig `doc/STRATUM.md`): its first message alone
//! holds everything that the agent needs to know the test by. Nothing is mined: the share is made up. Must not know
//! who listens.
use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::selftest::WALLET;

/// Longest that one step may take: everything is on this host.
const STEP: Duration = Duration::from_secs(10);
/// Longest line either end sends.
const LINE: usize = 1024;
/// Name of the session, as a pool would choose it.
const SESSION: &str = "5e1f7e57";

/// Both ends; the connection is closed when this is dropped.
pub(super) struct Conversation {
    miner: TcpStream,
    _pool: TcpStream,
    /// When the first byte was sent.
    pub(super) began: SystemTime,
    /// The miner's own end and the pool's.
    pub(super) pool: SocketAddr,
}

impl Conversation {
    /// Holds it, as the worker `nonce`, and keeps it open.
    pub(super) fn hold(nonce: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot listen on 127.0.0.1: is the loopback interface of this network namespace up?")?;
        let address = listener.local_addr()?;
        let miner = TcpStream::connect_timeout(&address, STEP).context("cannot connect to 127.0.0.1")?;
        let own = miner.local_addr()?;
        // Anybody on this host may connect meanwhile.
        let pool = loop {
            let (stream, peer) = listener.accept().context("cannot accept from 127.0.0.1")?;
            if peer == own {
                break stream;
            }
        };
        for end in [&miner, &pool] {
            end.set_read_timeout(Some(STEP))?;
            end.set_write_timeout(Some(STEP))?;
            end.set_nodelay(true)?;
        }
        let began = SystemTime::now();
        let login = json!({"id": 1, "jsonrpc": "2.0", "method": "login", "params": {
            "login": WALLET, "pass": "x", "rigid": nonce, "agent": concat!("minewarden/", env!("CARGO_PKG_VERSION")),
            "algo": ["rx/0"]}});
        let welcome = json!({"id": 1, "jsonrpc": "2.0", "error": null, "result": {
            "id": SESSION, "job": job(), "status": "OK"}});
        let share = json!({"id": 2, "jsonrpc": "2.0", "method": "submit", "params": {
            "id": SESSION, "job_id": "selftest", "nonce": "00000001", "result": "00".repeat(32)}});
        let taken = json!({"id": 2, "jsonrpc": "2.0", "error": null, "result": {"status": "OK"}});
        for (from, to, line) in
            [(&miner, &pool, login), (&pool, &miner, welcome), (&miner, &pool, share), (&pool, &miner, taken)]
        {
            tell(from, to, &line).context("the conversation over loopback broke off")?;
        }
        Ok(Self { miner, _pool: pool, began, pool: address })
    }

    /// Keeps it open until then.
    pub(super) fn stay(&self, until: Instant) {
        // The other end says nothing more, so this waits as long as it may.
        let left = until.saturating_duration_since(Instant::now());
        let _ = self.miner.set_read_timeout(Some(left.max(Duration::from_millis(1))));
        let _ = self.miner.peek(&mut [0]);
    }
}

/// Sends a line and takes it in at the other end.
fn tell(mut from: &TcpStream, mut to: &TcpStream, line: &Value) -> io::Result<()> {
    let line = format!("{line}\n");
    from.write_all(line.as_bytes())?;
    let mut got = vec![0; line.len().min(LINE)];
    io::Read::read_exact(&mut to, &mut got)?;
    if got == line.as_bytes() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// The shape of a job: a block's header of 76 bytes, a target.
fn job() -> Value {
    json!({"blob": "0c0c".repeat(38), "job_id": "selftest", "target": "b88d0600", "algo": "rx/0", "height": 1,
        "seed_hash": "00".repeat(32)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_hear_everything_and_stay() {
        let held = Conversation::hold("selftest-0123456789abcdef").unwrap();
        assert!(held.pool.ip().is_loopback() && held.began <= SystemTime::now());
        let before = Instant::now();
        held.stay(before + Duration::from_millis(20));
        assert!(before.elapsed() >= Duration::from_millis(15), "closed early");
    }
}

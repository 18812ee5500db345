//! Programs of which not a line is ours on the wire: Stratum V2 as its reference implementation speaks it.
use std::ffi::OsString;

use anyhow::{Result, ensure};
use minewarden_tests::client::{Client, STEP};

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("third_party::stratum_v2_noise_handshake", noise_handshake)]
}

/// Only lengths and randomness show: what the frames say is encrypted.
fn noise_handshake(lab: &Lab) -> Result<()> {
    let agent = lab.agent()?;
    let pool = Client::start("pool", &[OsString::from(env!("CARGO_BIN_EXE_test-sv2-pool"))])?;
    let port = pool.port()?;
    let address = format!("127.0.0.1:{port}");
    let exe = env!("CARGO_BIN_EXE_test-sv2-miner");
    let miner = Client::start("miner", &[exe.into(), "--pool".into(), address.clone().into()])?;
    miner.says("done", STEP)?;
    let fields = [
        Field::Is("dialect", "stratum-v2".into()),
        Field::Is("role", "miner".into()),
        Field::Is("remote", address),
        Field::Ends("exe", "/test-sv2-miner".into()),
    ];
    let notice = expect::told(&agent, miner.pid(), FOUND, &fields)?;
    let level = notice.text("level");
    ensure!(["likely", "confirmed"].contains(&level.as_str()), "the level is {level}");
    miner.finish()?;
    expect::pool_is_silent(&agent, pool)
}

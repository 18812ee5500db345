//! A Stratum V2 miner for tests, of the reference implementation's crates: opens a channel and submits shares whose
//! nonce is a counter. It computes nothing.
use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    process,
};

use anyhow::{Context, Result};
use clap::Parser;
use common_messages_sv2::{
    MESSAGE_TYPE_SETUP_CONNECTION, MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS, Protocol, SetupConnection,
};
use minewarden_tests::sv2::{Channel, told};
use mining_sv2::{
    MESSAGE_TYPE_NEW_MINING_JOB, MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL,
    MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS, MESSAGE_TYPE_SUBMIT_SHARES_STANDARD,
    MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, OpenStandardMiningChannel, SubmitSharesStandard,
};
use serde_json::{Value, json};

/// A harmless Stratum V2 miner for tests. Holds its connection until its standard input closes.
#[derive(Parser)]
struct Options {
    /// Address of the pool.
    #[arg(long)]
    pool: SocketAddr,
    /// Shares to submit.
    #[arg(long, default_value_t = 3)]
    shares: u32,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let stream =
        TcpStream::connect(options.pool).with_context(|| format!("cannot connect to {}", options.pool))?;
    let mut pool = Channel::connect(stream)?;
    say(&json!({"event": "connected", "pid": process::id()}))?;
    open(&mut pool, options.pool.port())?;
    for count in 1..=options.shares {
        let share = SubmitSharesStandard {
            channel_id: 7,
            sequence_number: count,
            job_id: 1,
            nonce: count,
            ntime: 0,
            version: 0,
        };
        pool.send(MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, share, true)?;
        pool.expect(MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS)?;
        say(&json!({"event": "accepted", "shares": count}))?;
    }
    say(&json!({"event": "done"}))?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

fn open(pool: &mut Channel, port: u16) -> Result<()> {
    let text = |text: &'static str| text.as_bytes().try_into().map_err(told);
    let setup = SetupConnection {
        protocol: Protocol::MiningProtocol,
        min_version: 2,
        max_version: 2,
        flags: 1,
        endpoint_host: text("pool.example.org")?,
        endpoint_port: port,
        vendor: text("test-sv2-miner")?,
        hardware_version: text("none")?,
        firmware: text("1.0")?,
        device_id: text("")?,
    };
    pool.send(MESSAGE_TYPE_SETUP_CONNECTION, setup, false)?;
    pool.expect(MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS)?;
    let target = [0xff_u8; 32];
    let channel = OpenStandardMiningChannel {
        request_id: 1,
        user_identity: text("test-account.rig1")?,
        nominal_hash_rate: 1.0,
        max_target: target.as_slice().try_into().map_err(told)?,
    };
    pool.send(MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, channel, false)?;
    pool.expect(MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS)?;
    pool.expect(MESSAGE_TYPE_NEW_MINING_JOB)
}

fn say(event: &Value) -> io::Result<()> {
    writeln!(io::stdout(), "{event}")
}

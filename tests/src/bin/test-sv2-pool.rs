//! A Stratum V2 pool for tests, of the reference implementation's crates: gives out a job that is none and accepts
//! every share.
use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    process, thread,
};

use anyhow::Result;
use common_messages_sv2::{
    MESSAGE_TYPE_SETUP_CONNECTION, MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS, SetupConnectionSuccess,
};
use minewarden_tests::sv2::{Channel, told};
use mining_sv2::{
    MESSAGE_TYPE_NEW_MINING_JOB, MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL,
    MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS, MESSAGE_TYPE_SUBMIT_SHARES_STANDARD,
    MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, NewMiningJob, OpenStandardMiningChannelSuccess, SubmitSharesSuccess,
};
use serde_json::json;

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    say(&json!({"event": "listening", "port": address.port(), "pid": process::id()}))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let error = serve(stream).err().map(|error| format!("{error:#}"));
            let _ = say(&json!({"event": "closed", "error": error}));
        }
    });
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

/// Until the miner is gone.
fn serve(stream: TcpStream) -> Result<()> {
    let mut miner = Channel::accept(stream)?;
    miner.expect(MESSAGE_TYPE_SETUP_CONNECTION)?;
    let success = SetupConnectionSuccess { used_version: 2, flags: 0 };
    miner.send(MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS, success, false)?;
    miner.expect(MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL)?;
    let (target, merkle_root) = (vec![0xff; 32], vec![0x11; 32]);
    let opened = OpenStandardMiningChannelSuccess {
        request_id: 1,
        channel_id: 7,
        target: target.as_slice().try_into().map_err(told)?,
        extranonce_prefix: [0_u8; 4].as_slice().try_into().map_err(told)?,
        group_channel_id: 0,
    };
    miner.send(MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS, opened, false)?;
    let job = NewMiningJob {
        channel_id: 7,
        job_id: 1,
        min_ntime: binary_sv2::Sv2Option::new(Some(1_767_225_600)),
        version: 0x2000_0000,
        merkle_root: merkle_root.as_slice().try_into().map_err(told)?,
    };
    miner.send(MESSAGE_TYPE_NEW_MINING_JOB, job, true)?;
    for count in 1.. {
        miner.expect(MESSAGE_TYPE_SUBMIT_SHARES_STANDARD)?;
        let accepted = SubmitSharesSuccess {
            channel_id: 7,
            last_sequence_number: count,
            new_submits_accepted_count: 1,
            new_shares_sum: 1,
        };
        miner.send(MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, accepted, true)?;
    }
    Ok(())
}

fn say(event: &serde_json::Value) -> io::Result<()> {
    writeln!(io::stdout(), "{event}")
}

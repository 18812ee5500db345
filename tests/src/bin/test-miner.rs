//! A miner for tests: logs in and submits shares whose nonce is a counter. It computes nothing.
use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    process,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use minewarden_tests::protocol::{self, Dialect, Login};
use serde_json::{Value, json};

/// A harmless miner for tests. Holds its connection until its standard input closes.
#[derive(Parser)]
struct Options {
    /// Dialect to speak.
    #[arg(long)]
    dialect: Dialect,
    /// Address of the pool.
    #[arg(long)]
    pool: SocketAddr,
    /// Wallet to log in with.
    #[arg(long)]
    wallet: String,
    /// Name of the worker.
    #[arg(long, default_value = "rig1")]
    worker: String,
    /// Pool password.
    #[arg(short = 'p', long = "pass", default_value = "x")]
    password: String,
    /// Shares to submit.
    #[arg(long, default_value_t = 3)]
    shares: u32,
    /// Log in only when a line comes on standard input.
    #[arg(long)]
    wait: bool,
    /// Name of the client software.
    #[arg(long, default_value = "test-miner/1.0")]
    agent: String,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let login = Login {
        wallet: options.wallet,
        worker: options.worker,
        password: options.password,
        agent: options.agent,
    };
    let stream =
        TcpStream::connect(options.pool).with_context(|| format!("cannot connect to {}", options.pool))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut pool = Pool { reader: BufReader::new(stream.try_clone()?), stream };
    say(&json!({"event": "connected", "pid": process::id()}))?;
    if options.wait {
        io::stdin().lock().read_line(&mut String::new())?;
    }
    for message in protocol::hello(options.dialect, &login) {
        let sent = pool.ask(&message)?;
        say(&json!({"event": "sent", "method": message.get("method"), "unix_nanos": sent}))?;
    }
    for count in 1..=options.shares {
        pool.ask(&protocol::share(options.dialect, &login, count))?;
        say(&json!({"event": "accepted", "shares": count}))?;
    }
    say(&json!({"event": "done"}))?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

struct Pool {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Pool {
    /// Sends a message and reads until its answer. Gives the time just after the last byte was sent, in nanoseconds
    /// since the Unix epoch.
    fn ask(&mut self, message: &Value) -> Result<u64> {
        self.stream.write_all(format!("{message}\n").as_bytes())?;
        let sent = SystemTime::now().duration_since(UNIX_EPOCH)?;
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).context("no answer from the pool")? == 0 {
                bail!("the pool closed the connection");
            }
            let answer: Value = serde_json::from_str(&line).context("the pool sent no JSON")?;
            if answer.get("id") == message.get("id") {
                if answer.get("result").is_none_or(Value::is_null) {
                    bail!("the pool refused: {answer}");
                }
                return Ok(u64::try_from(sent.as_nanos())?);
            }
        }
    }
}

fn say(event: &Value) -> io::Result<()> {
    writeln!(io::stdout(), "{event}")
}

//! A pool for tests: answers logins, gives out work that is none, accepts every share. Listens where it is told,
//! which is loopback unless told otherwise.
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use minewarden_tests::protocol::{self, Dialect};
use serde_json::json;

/// Connections served at a time.
const CONNECTIONS: usize = 64;
/// Longest line taken.
const LINE: u64 = 64 * 1024;

/// A harmless mining pool for tests. Ends when its standard input closes.
#[derive(Parser)]
struct Options {
    /// Dialect to speak.
    #[arg(long)]
    dialect: Dialect,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let listener =
        TcpListener::bind(options.listen).with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listener.local_addr()?;
    say(
        &json!({"event": "listening", "address": address.to_string(), "port": address.port(), "pid": process::id()}),
    )?;
    thread::spawn(move || accept(&listener, options.dialect));
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

fn accept(listener: &TcpListener, dialect: Dialect) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let open = Arc::clone(&open);
        thread::spawn(move || {
            let ended = serve(stream, dialect);
            open.fetch_sub(1, Ordering::SeqCst);
            let error = ended.err().map(|error| format!("{error:#}"));
            let _ = say(&json!({"event": "closed", "error": error}));
        });
    }
}

fn serve(mut stream: TcpStream, dialect: Dialect) -> Result<()> {
    let peer = stream.peer_addr()?.to_string();
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        let count = reader.by_ref().take(LINE).read_line(&mut line)?;
        if count == 0 {
            return Ok(());
        }
        if !line.ends_with('\n') {
            bail!("{peer}: a line over {LINE} bytes, or cut");
        }
        let request = serde_json::from_str(&line).with_context(|| format!("{peer}: no JSON"))?;
        for answer in protocol::answer(dialect, &request).with_context(|| peer.clone())? {
            stream.write_all(format!("{answer}\n").as_bytes())?;
        }
        say(&json!({"event": "answered", "peer": peer, "method": request.get("method")}))?;
    }
}

fn say(event: &serde_json::Value) -> io::Result<()> {
    writeln!(io::stdout(), "{event}")
}

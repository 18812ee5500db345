//! Mining that is not plain JSON over TCP: HTTP, WebSocket, SOCKS and CONNECT tunnels, plain text, ciphertext. What the
//! kernel programs capture of it is what was said, byte for byte, and it is found.
use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use minewarden_tests::{
    agent::Agent,
    client::{Client, STEP},
    process::Signal,
    protocol::Dialect,
    wallet,
};
use serde_json::Value;

use crate::{
    Test,
    lab::{FOUND, Lab},
    recorded::recorded,
};

/// A conversation of `transports.py`.
#[derive(Clone, Copy)]
struct Talk {
    name: &'static str,
    /// As the agent is to call it.
    dialect: &'static str,
    /// Who mines, where that is a wallet of [`wallet::address`].
    wallet: Option<Dialect>,
    /// One byte a segment tells too little at first: then no more than a look of it is certain.
    vague: bool,
}

/// Bytes of a look, `monitor_ebpf::limits::LOOK`.
const LOOK: usize = 512;

const TALKS: [Talk; 8] = [
    Talk { name: "nimiq", dialect: "nimiq", wallet: None, vague: false },
    Talk { name: "dero", dialect: "dero", wallet: None, vague: false },
    Talk { name: "duino", dialect: "duino", wallet: None, vague: false },
    Talk { name: "getwork", dialect: "getwork", wallet: None, vague: false },
    Talk { name: "getblocktemplate", dialect: "getblocktemplate", wallet: None, vague: false },
    Talk { name: "socks5", dialect: "cryptonote", wallet: Some(Dialect::Cryptonote), vague: true },
    Talk { name: "connect", dialect: "cryptonote", wallet: Some(Dialect::Cryptonote), vague: false },
    Talk { name: "stratum-v2", dialect: "stratum-v2", wallet: None, vague: true },
];

pub(crate) fn tests() -> Vec<Test> {
    let captured = TALKS.map(|talk| {
        let name = format!("transports::{}::captured", talk.name);
        Test::new(name.clone(), move |lab| captured(lab, &name, talk))
    });
    let found = ["whole", "bytes"].map(|send| {
        TALKS.map(|talk| {
            let name = format!("transports::{}::found_{send}", talk.name);
            Test::new(name.clone(), move |lab| found(lab, &name, talk, send))
        })
    });
    captured.into_iter().chain(found.into_iter().flatten()).collect()
}

fn captured(lab: &Lab, test: &str, talk: Talk) -> Result<()> {
    let file = lab.folder()?.join(format!("{}.jsonl", test.replace("::", "-")));
    let path = file.to_str().context("the scratch folder has an odd name")?;
    let agent = Agent::start(&["--record", path])?;
    let mut said = Vec::new();
    for send in ["whole", "bytes"] {
        let (server, client) = play(lab, &format!("{test}-{send}"), talk, send)?;
        said.push((send, client.pid(), client.says("done", STEP)?));
        client.finish()?;
        server.finish()?;
    }
    agent.stop(Signal::TERM)?.stopped_well()?;
    for (send, pid, done) in said {
        for (direction, key) in [("egress", "sent"), ("ingress", "received")] {
            let expected =
                STANDARD.decode(done.get(key).and_then(Value::as_str).context("no bytes told")?)?;
            let recorded = recorded(&file, pid, direction)?;
            let least = if talk.vague && send == "bytes" { expected.len().min(LOOK) } else { expected.len() };
            ensure!(
                recorded.len() >= least && expected.starts_with(&recorded),
                "{test}, {send}: {} bytes {key}, and of {direction} {} captured: {}",
                expected.len(),
                recorded.len(),
                recorded.escape_ascii()
            );
        }
    }
    Ok(())
}

fn found(lab: &Lab, test: &str, talk: Talk, send: &str) -> Result<()> {
    let agent = lab.agent()?;
    let (server, client) = play(lab, test, talk, send)?;
    client.says("done", STEP)?;
    let (pid, remote) = (client.pid(), format!(":{}", server.port()?));
    let notice = agent.wait_for(&format!("{} of pid {pid}", talk.dialect), FOUND, |notice| {
        let certain = ["likely", "confirmed"].contains(&notice.text("level").as_str());
        notice.names(pid) && certain && notice.text("dialect") == talk.dialect
    })?;
    ensure!(notice.text("remote").ends_with(&remote), "the pool is {remote}: {}", notice.value());
    ensure!(notice.rules().iter().any(|rule| rule.starts_with("stratum.")), "{}", notice.value());
    if talk.wallet.is_some() {
        ensure!(notice.text("wallet") == who(talk, test), "another wallet: {}", notice.value());
    }
    client.finish()?;
    server.finish()
}

/// Both ends of a conversation, begun.
fn play(lab: &Lab, test: &str, talk: Talk, send: &str) -> Result<(Client, Client)> {
    let part = |part: &str, more: &[&str]| {
        let mut argv = lab.script(&format!("{test}-{part}"), include_str!("transports.py"))?;
        let who = who(talk, test);
        let common = [part, talk.name, "-u", &who, "--send", send];
        argv.extend(common.iter().chain(more).map(Into::into));
        Client::start(part, &argv)
    };
    let server = part("server", &[])?;
    let client = part("client", &["--port", &server.port()?.to_string()])?;
    Ok((server, client))
}

/// Who mines: a wallet, or a name.
fn who(talk: Talk, test: &str) -> String {
    match (talk.wallet, talk.name) {
        (Some(dialect), _) => wallet::address(dialect, test),
        (None, "nimiq") => "NQ07 0000 0000 0000 0000 0000 0000 0000 0000".into(),
        (None, "dero") => {
            let letters = wallet::address(Dialect::StratumV1, test).replacen("bc1q", "", 1).repeat(2);
            format!("dero1q{}", letters.get(..60).unwrap_or_default())
        }
        (None, "duino") => "nobody".into(),
        (None, _) => wallet::address(Dialect::StratumV1, test),
    }
}

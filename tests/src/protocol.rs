//! The four dialects as our own pool and miner speak them.
//!
//! Owns the messages, after the dialects' public descriptions. Nothing here mines: a nonce is a counter, a hash is
//! its digits repeated, and the pool accepts every share. Must not know sockets.
use anyhow::{Result, bail};
use clap::ValueEnum;
use serde_json::{Value, json};

/// A way to speak to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// Bitcoin's Stratum v1.
    StratumV1,
    /// Monero's login and job.
    Cryptonote,
    /// Ethereum's eth_submitLogin.
    EthProxy,
    /// EthereumStratum/1.0.0.
    #[value(name = "ethereum-stratum-1")]
    EthereumStratum1,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::StratumV1, Self::Cryptonote, Self::EthProxy, Self::EthereumStratum1];

    /// The name in notices.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StratumV1 => "stratum-v1",
            Self::Cryptonote => "cryptonote",
            Self::EthProxy => "eth-proxy",
            Self::EthereumStratum1 => "ethereum-stratum-1",
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// Wallet.
    pub wallet: String,
    /// Worker.
    pub worker: String,
    /// Pool password.
    pub password: String,
    /// Name of the client software.
    pub agent: String,
}

impl Login {
    fn user(&self) -> String {
        format!("{}.{}", self.wallet, self.worker)
    }
}

/// What the client says first: each is answered before the next is sent. Ids count from 1.
#[must_use]
pub fn hello(dialect: Dialect, login: &Login) -> Vec<Value> {
    let authorize = json!({"id": 2, "method": "mining.authorize", "params": [login.user(), login.password]});
    match dialect {
        Dialect::StratumV1 => {
            vec![json!({"id": 1, "method": "mining.subscribe", "params": [login.agent]}), authorize]
        }
        Dialect::EthereumStratum1 => {
            let params = json!([login.agent, "EthereumStratum/1.0.0"]);
            vec![json!({"id": 1, "method": "mining.subscribe", "params": params}), authorize]
        }
        Dialect::Cryptonote => vec![json!({"id": 1, "jsonrpc": "2.0", "method": "login", "params": {
            "login": login.wallet, "pass": login.password, "agent": login.agent, "rigid": login.worker,
            "algo": ["rx/0"]}})],
        Dialect::EthProxy => vec![
            json!({"id": 1, "jsonrpc": "2.0", "method": "eth_submitLogin", "worker": login.worker,
                "params": [login.wallet, login.password]}),
            json!({"id": 2, "jsonrpc": "2.0", "method": "eth_getWork", "params": []}),
        ],
    }
}

/// A share for the job that the pool gives out, with `count` in the nonce's place.
#[must_use]
pub fn share(dialect: Dialect, login: &Login, count: u32) -> Value {
    let id = u64::from(count) + 100;
    match dialect {
        Dialect::StratumV1 => json!({"id": id, "method": "mining.submit",
            "params": [login.user(), "job1", format!("{count:08x}"), "504e86b9", format!("{count:08x}")]}),
        Dialect::Cryptonote => json!({"id": id, "jsonrpc": "2.0", "method": "submit", "params": {
            "id": SESSION, "job_id": "job1", "nonce": format!("{count:08x}"), "result": digits(count, 64)}}),
        Dialect::EthProxy => {
            json!({"id": id, "jsonrpc": "2.0", "method": "eth_submitWork", "worker": login.worker,
            "params": [format!("0x{count:016x}"), hash(1), hash(count)]})
        }
        Dialect::EthereumStratum1 => json!({"id": id, "method": "mining.submit",
            "params": [login.user(), "job1", format!("{count:012x}")]}),
    }
}

const SESSION: &str = "0a1b2c3d4e5f6071";

/// What the pool says to a message: the answer first, then work.
///
/// # Errors
/// When the message is none of the dialect's.
pub fn answer(dialect: Dialect, request: &Value) -> Result<Vec<Value>> {
    let id = request.get("id").cloned().unwrap_or(Value::Null);
    let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
    let plain = |result: Value| json!({"id": id, "result": result, "error": null});
    let rpc = |result: Value| json!({"id": id, "jsonrpc": "2.0", "error": null, "result": result});
    Ok(match (dialect, method) {
        (Dialect::StratumV1, "mining.subscribe") => {
            let subscriptions = json!([["mining.set_difficulty", SESSION], ["mining.notify", SESSION]]);
            vec![plain(json!([subscriptions, "08000002", 4]))]
        }
        (Dialect::EthereumStratum1, "mining.subscribe") => {
            vec![plain(json!([["mining.notify", SESSION, "EthereumStratum/1.0.0"], "080c"]))]
        }
        (Dialect::StratumV1 | Dialect::EthereumStratum1, "mining.authorize") => {
            let difficulty = json!({"id": null, "method": "mining.set_difficulty", "params": [0.5]});
            vec![plain(json!(true)), difficulty, work(dialect)]
        }
        (Dialect::StratumV1 | Dialect::EthereumStratum1, "mining.submit") => {
            vec![plain(json!(true)), work(dialect)]
        }
        (Dialect::Cryptonote, "login") => {
            let job = work(dialect).get("params").cloned().unwrap_or_default();
            vec![rpc(json!({"id": SESSION, "job": job, "extensions": ["algo", "keepalive"], "status": "OK"}))]
        }
        (Dialect::Cryptonote, "submit") => vec![rpc(json!({"status": "OK"})), work(dialect)],
        (Dialect::EthProxy, "eth_submitLogin" | "eth_submitWork") => vec![rpc(json!(true))],
        (Dialect::EthProxy, "eth_getWork") => vec![rpc(json!([hash(1), hash(2), hash(3)]))],
        _ => bail!("no {} message: {method:?}", dialect.name()),
    })
}

fn work(dialect: Dialect) -> Value {
    match dialect {
        Dialect::StratumV1 => json!({"id": null, "method": "mining.notify", "params": ["job1", digits(1, 64),
            digits(2, 108), digits(3, 64), [digits(4, 64)], "20000000", "1c2ac4af", "504e86b9", true]}),
        Dialect::EthereumStratum1 => json!({"id": null, "method": "mining.notify",
            "params": ["job1", digits(1, 64), digits(2, 64), true]}),
        Dialect::Cryptonote => json!({"jsonrpc": "2.0", "method": "job", "params": {"blob": digits(7, 152),
            "job_id": "job1", "target": "b88d0600", "algo": "rx/0", "height": 3_000_000,
            "seed_hash": digits(5, 64)}}),
        Dialect::EthProxy => json!({"id": 0, "jsonrpc": "2.0", "result": [hash(1), hash(2), hash(3)]}),
    }
}

fn hash(number: u32) -> String {
    format!("0x{}", digits(number, 64))
}

/// `count` hex digits that repeat `number`.
fn digits(number: u32, count: usize) -> String {
    format!("{number:08x}").chars().cycle().take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_answers_all_that_the_miner_says() {
        let login =
            Login { wallet: "w".into(), worker: "r".into(), password: "x".into(), agent: "a/1".into() };
        for dialect in Dialect::ALL {
            let mut said = hello(dialect, &login);
            said.push(share(dialect, &login, 1));
            for request in said {
                let answers = answer(dialect, &request).unwrap();
                assert_eq!(answers[0]["id"], request["id"], "{request}");
                assert!(!answers[0]["result"].is_null(), "{request}");
            }
            assert!(answer(dialect, &json!({"id": 1, "method": "other"})).is_err());
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::from_str(dialect.name(), false), Ok(dialect));
        }
    }
}

//! What a command line says, and when it counts.
use super::*;
use crate::{
    detect::{ARGV_OPTIONS, ARGV_STRATUM_URL, ARGV_WALLET},
    event::{Exec, Running},
    redact,
    testing::{connect, event, exec, exit, fork, key, owner, task, tick},
};

mod benign;
mod everyday;
mod mining;
mod setups;
mod staying;

const URL: &str = "stratum+tcp://4AbC.rig:s3cret@pool.example:3333/x";

/// What the detector says to each event, over its own tables.
fn run(capacity: usize, events: &[Event]) -> (Vec<Finding>, Argv) {
    let mut argv = Argv::new(capacity);
    let mut tables = Tables::new(64, 64);
    let mut out = Report::default();
    for event in events {
        tables.observe(event);
        argv.inspect(event, &tables, &mut out);
    }
    (out.findings, argv)
}

fn found(events: &[Event]) -> Vec<Finding> {
    run(16, events).0
}

/// XMRig's donation address.
const XMR: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
/// BIP 173.
const BTC: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
/// EIP-55.
const ETH: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
/// The first address in kaspad's tests of its miner.
const KAS: &str = "kaspa:qzk3uh2twkhu0fmuq50mdy3r2yzuwqvstq745hxs7tet25hfd4egcafcdmpdl";

/// Words divided by `|`, with the wallets above in the place of their names.
fn words(line: &str) -> Vec<String> {
    let named = [("{XMR}", XMR), ("{BTC}", BTC), ("{ETH}", ETH), ("{KAS}", KAS)];
    let line = named.iter().fold(line.to_owned(), |line, (name, wallet)| line.replace(name, wallet));
    line.split('|').map(str::to_owned).collect()
}

/// What an exec of `path` looks like after redaction, as the kernel's record has it.
fn exec_of(seconds: u64, owner: Owner, path: &str, line: &str) -> Event {
    let raw: Vec<u8> = words(line).iter().flat_map(|word| [word.as_bytes(), &[0]].concat()).collect();
    let exec = Exec {
        task: task("x", 1),
        filename: path.to_owned(),
        interpreter: path.to_owned(),
        path: Some(path.to_owned()),
        links: 1,
        command: redact::command_line(&raw, false),
        ..Exec::default()
    };
    event(seconds, Some(owner), Body::Exec(Box::new(exec)))
}

/// The rules that match a process with this command line that stays.
fn rules(path: &str, line: &str) -> Vec<&'static str> {
    let findings = found(&[exec_of(0, MINER, path, line), tick(10)]);
    findings.into_iter().map(|finding| finding.rule.name).collect()
}

const MINER: Owner = Owner {
    key: ProcessKey { tgid: 100, start: Ticks(1) },
    pid: 100,
    generation: Some(1),
    source: crate::event::OwnerSource::Connect,
};

#[test]
fn a_process_that_stays_is_found_once_and_its_password_is_nowhere() {
    let out = found(&[exec(5, MINER, &["miner", "-o", URL]), tick(14), tick(15), tick(16)]);
    let [finding] = &out[..] else { panic!("{out:?}") };
    assert_eq!(
        (finding.rule, finding.subject, finding.role),
        (&ARGV_STRATUM_URL, Subject::Process(key(100)), Role::Miner)
    );
    assert_eq!(finding.text, "argument stratum+tcp://pool.example:3333, alive after 10 s");
    let claim = &finding.claim;
    assert_eq!(claim.pool.as_deref(), Some("pool.example:3333"));
    assert_eq!((claim.wallet.as_deref(), claim.worker.as_deref()), (Some("4AbC"), Some("rig")));
    assert!(!format!("{finding:?}").contains("s3cret"));
}

#[test]
fn every_way_to_give_an_option_is_read() {
    let ways = [
        vec!["m", URL],
        vec!["m", "-o", URL],
        vec!["m", "-ostratum+tcp://pool:1"],
        vec!["m", "-o=stratum+tcp://pool:1"],
        vec!["m", "-Pstratum1+ssl://pool:1"],
        vec!["m", "--url=stratum+tcp://pool:1"],
        vec!["m", "--pool=stratum+ssl://pool:1"],
        vec!["m", "--pool", "stratum+ssl://pool:1"],
        vec!["m", "-a", "x", "-p", "y", "--", "nicehash+tcp://pool:1"],
    ];
    for args in ways {
        assert_eq!(found(&[exec(0, MINER, &args), tick(10)]).len(), 1, "{args:?}");
    }
    for args in [
        vec!["m", "pool:3333"],
        vec!["m", "--url=http://pool:1"],
        vec!["sh", "-c", "exec miner -o stratum+tcp://pool:1"],
        vec!["m", "--text=see stratum+tcp://pool:1"],
        vec!["m", "--listen=stratum+tcp://0.0.0.0:3333"],
        vec![],
    ] {
        assert_eq!(found(&[exec(0, MINER, &args), tick(10)]), [], "{args:?}");
    }
}

#[test]
fn a_search_for_the_text_is_nothing() {
    let grep = ["grep", "-r", "stratum+tcp://x:1", "."];
    assert_eq!(found(&[exec(0, MINER, &grep), exit(1, MINER), tick(10), tick(20)]), []);
}

#[test]
fn another_exec_starts_anew() {
    let next = owner(100, 2);
    assert_eq!(found(&[exec(0, MINER, &["m", URL]), exec(5, next, &["sleep"]), tick(10), tick(20)]), []);
    let again = [exec(0, MINER, &["m", URL]), exec(5, next, &["m", URL]), tick(10), tick(14)];
    assert_eq!(found(&again), []);
    assert_eq!(found(&[&again[..], &[tick(15)]].concat()).len(), 1);
}

#[test]
fn a_lost_exec_or_exit_is_noticed_in_the_tables() {
    let lost_exec = [exec(0, MINER, &["m", URL]), connect(5, 1, owner(100, 2)), tick(10)];
    assert_eq!(found(&lost_exec), []);
}

#[test]
fn candidates_are_bounded_and_counted() {
    let execs: Vec<_> = (0..40).map(|pid| exec(0, owner(pid, 1), &["m", URL])).collect();
    let (out, argv) = run(16, &execs);
    assert_eq!((out.len(), argv.held(), argv.evicted()), (0, 16, 24));
    let (out, argv) = run(16, &[execs, vec![tick(10)]].concat());
    let pids: Vec<_> = out.iter().map(|finding| finding.subject).collect();
    let expected: Vec<_> = (24..40).map(|pid| Subject::Process(key(pid))).collect();
    assert_eq!((pids, argv.held()), (expected, 0));
}

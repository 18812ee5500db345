//! What a list names, and who is told.
use super::*;
use crate::{
    event::{Ends, Running},
    testing::{connect, event, exec, holders, key, owner, tick},
};

/// `10.0.0.5` is the remote end of every flow of the tests.
fn pools() -> Arc<Pools> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pools.d")).unwrap();
    let list = "10.0.0.5:3333\n*.pool.example\nexact.example:4444\n192.0.2.0/24\n2001:db8::/32\n";
    std::fs::write(folder.path().join("pools.d/p.txt"), list).unwrap();
    let (known, problems) = crate::rules::load(folder.path());
    assert_eq!(problems, vec![]);
    known.pools
}

/// What is told of each event: subject and line of the list.
fn told(pools: Arc<Pools>, events: &[Event]) -> Vec<(Subject, String)> {
    let mut destination = Destination::new(pools, 16);
    let mut tables = Tables::new(64, 64);
    let mut all = Vec::new();
    for event in events {
        tables.observe(event);
        let mut out = Report::default();
        destination.inspect(event, &tables, &mut out);
        all.extend(out.findings);
    }
    all.into_iter()
        .map(|finding| (finding.subject, finding.text.rsplit(':').next().unwrap().to_owned()))
        .collect()
}

fn process(pid: u32, line: &str) -> (Subject, String) {
    (Subject::Process(key(pid)), line.to_owned())
}

#[test]
fn a_connection_to_a_listed_address_is_told_once() {
    let me = owner(7, 1);
    let flow = |id| (Subject::Flow(FlowId(id)), "1".to_owned());
    let mut other = connect(2, 9, me);
    if let Body::Connect { ends, .. } = &mut other.body {
        ends.remote.set_port(443);
    }
    let events = [connect(1, 8, me), connect(1, 8, me), other, holders(3, 8, &[me])];
    assert_eq!(told(pools(), &events), [flow(8)]);
    let ends: Ends = crate::testing::ends(3);
    let met = event(1, None, Body::Established { flow: FlowId(3), ends, holders: vec![me] });
    assert_eq!(told(pools(), &[met]), [flow(3)]);
    assert_eq!(told(Arc::default(), &events), [], "without lists");
}

#[test]
fn arguments_that_name_a_listed_host_are_told() {
    for (argument, line) in [
        ("stratum+tcp://wallet:x@eu.pool.example:3333/x", "2"),
        ("--url=eu.pool.example:443", "2"),
        ("EU.Pool.Example", "2"),
        ("exact.example:4444", "3"),
        ("--proxy=socks5://192.0.2.77:9050", "4"),
        ("2001:db8::7", "5"),
        ("[2001:db8::7]:3333", "5"),
    ] {
        assert_eq!(
            told(pools(), &[exec(1, owner(7, 1), &["m", "-o", argument])]),
            [process(7, line)],
            "{argument}"
        );
    }
    for argument in [
        "https://eu.pool.example/api/wallet",
        "--api=http://eu.pool.example:80",
        "pool.example",
        "exact.example",
        "eu.pool.example:port",
        "--url",
        "-",
        "",
        "a=b",
        "://",
        "@:1",
    ] {
        assert_eq!(told(pools(), &[exec(1, owner(7, 1), &["m", argument])]), [], "{argument}");
    }
}

#[test]
fn a_running_process_is_told_of_and_an_exec_begins_anew() {
    let command = CommandLine { args: vec!["m".into(), "eu.pool.example".into()], ..CommandLine::default() };
    let running = Running { command, ..Running::default() };
    let met = event(1, Some(owner(7, 1)), Body::Running(Box::new(running)));
    let again = exec(2, owner(7, 2), &["m", "eu.pool.example"]);
    assert_eq!(told(pools(), &[met.clone(), met, again]), [process(7, "2"), process(7, "2")]);
}

#[test]
fn what_another_detector_learned_is_looked_up() {
    let mut destination = Destination::new(pools(), 16);
    let finding = |pool: &str| Finding {
        rule: &crate::detect::STRATUM_CLIENT,
        subject: Subject::Flow(FlowId(3)),
        role: Role::Miner,
        text: String::new(),
        claim: Claim { pool: Some(pool.to_owned()), ..Claim::default() },
        shares: Shares::default(),
        repeats: false,
    };
    let mut out = Report {
        findings: vec![finding("other.example:1"), finding("eu.pool.example:3333")],
        ..Report::default()
    };
    let inherited = Finding { rule: &ARGV_ENVIRONMENT, ..finding("eu.pool.example:3333") };
    let mut by_environment = Report { findings: vec![inherited], ..Report::default() };
    destination.inspect(&tick(1), &Tables::new(4, 4), &mut by_environment);
    assert_eq!(by_environment.findings.len(), 1, "one variable counts once");
    destination.inspect(&tick(1), &Tables::new(4, 4), &mut out);
    let [_, _, told] = &out.findings[..] else { panic!("{out:?}") };
    assert_eq!((told.rule, told.subject), (&DESTINATION_LIST, Subject::Flow(FlowId(3))));
    assert!(told.text.starts_with("eu.pool.example is listed in "), "{}", told.text);
}

#[test]
fn a_list_that_is_read_later_counts_from_then_on() {
    let mut destination = Destination::new(Arc::default(), 16);
    let found = |destination: &mut Destination, event: &Event| {
        let (mut tables, mut out) = (Tables::new(64, 64), Report::default());
        tables.observe(event);
        destination.inspect(event, &tables, &mut out);
        out.findings.len()
    };
    let me = owner(7, 1);
    assert_eq!(found(&mut destination, &connect(1, 8, me)), 0);
    destination.relearn(&pools());
    assert_eq!(found(&mut destination, &connect(2, 9, me)), 1);
}

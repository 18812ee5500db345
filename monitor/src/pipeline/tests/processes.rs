//! Incidents of processes that no conversation was heard of.
use super::*;
use crate::{
    detect::Family,
    event::{Container, FileId, Place, Scanned, Task},
    testing::task,
};

static CONTENT: Rule = Rule {
    name: "binary.content",
    family: Family::Binary,
    weight: 70,
    proof: false,
    sees: "a miner's content",
};
static OPTIONS: Rule =
    Rule { name: "argv.options", family: Family::Argv, weight: 60, proof: false, sees: "a miner's options" };

static HINT: Rule =
    Rule { name: "argv.hint", family: Family::Argv, weight: 20, proof: false, sees: "something common" };

/// Finds what a scan brings, and a command line that says `--mine` or `--hint`.
struct Knows;

impl Detector for Knows {
    fn inspect(&mut self, event: &Event, _: &Tables, out: &mut Report) {
        let Some(owner) = event.owner else { return };
        let (rule, text) = match &event.body {
            Body::Scanned(scanned) if !scanned.matches.is_empty() => {
                (&CONTENT, scanned.matches[0].name.clone())
            }
            Body::Exec(exec) if exec.command.args.contains(&"--mine".to_owned()) => {
                (&OPTIONS, "--mine, which only miners know".to_owned())
            }
            Body::Exec(exec) if exec.command.args.contains(&"--hint".to_owned()) => {
                (&HINT, "--hint".to_owned())
            }
            _ => return,
        };
        out.findings.push(Finding {
            rule,
            subject: Subject::Process(owner.key),
            role: Role::Miner,
            text,
            claim: Claim::default(),
            shares: Shares::default(),
            repeats: false,
        });
    }

    fn held(&self) -> usize {
        0
    }

    fn evicted(&self) -> u64 {
        0
    }
}

fn knowing() -> Run {
    knowing_with(Settings { heartbeat: Duration::ZERO, ..Settings::default() })
}

fn knowing_with(settings: Settings) -> Run {
    let mut run = Run::new(settings);
    run.pipeline = Pipeline::new(host(), settings, vec![Box::new(Knows)]);
    run
}

/// A process of `parent` with this content, scanned and looked up.
fn found(at: u64, n: u32, parent: u32, content: &str) -> Vec<Event> {
    let child = owner(100 + n, 1);
    let mut event = exec(at, child, &["xm"]);
    if let Body::Exec(exec) = &mut event.body {
        exec.task = task("xm", parent);
        exec.file = FileId { device: 8, inode: u64::from(n) };
    }
    let matches = vec![crate::event::RuleMatch { name: "xm_strings".to_owned(), ..Default::default() }];
    let scanned = Scanned { sha256: Some(content.to_owned()), matches, ..Scanned::default() };
    let scanned = Event { at: time(at), owner: Some(child), body: Body::Scanned(Box::new(scanned)) };
    let file = Some(FileId { device: 8, inode: u64::from(n) });
    let about = ProcFacts { exe_file: file, ..proc_facts("xm", "session-3.scope", content) };
    vec![event, scanned, facts(at, child, about)]
}

#[test]
fn copies_of_one_program_are_one_incident_with_a_count() {
    let mut run = knowing();
    for n in 0..20 {
        let at = u64::from(n) * 60 + 1;
        run.feed(&found(at, n, 50 + n, "same"));
        run.feed(&[exit(at + 1, owner(100 + n, 1)), tick(at + 2), tick(at + 30)]);
    }
    assert_eq!(run.ids().len(), 1, "{:?}", run.story());
    assert!(run.notices.len() <= 6, "{:?}", run.story());
    run.feed(&[tick(3_000)]);
    assert_eq!((run.last().processes, run.story().last().unwrap().0), (20, Kind::IncidentEnded));
}

#[test]
fn copies_of_other_content_are_one_incident_when_one_script_starts_them_and_else_not() {
    for (parents, incidents) in [([50, 50, 50], 1), ([50, 51, 52], 3)] {
        let mut run = knowing();
        for (n, parent) in (0..).zip(parents) {
            run.feed(&found(u64::from(n) + 1, n, parent, &n.to_string()));
        }
        assert_eq!(run.ids().len(), incidents, "{parents:?}");
    }
}

#[test]
fn a_process_of_which_nothing_can_be_learned_any_more_is_known_by_its_scan() {
    let mut run = knowing();
    for n in 0..5 {
        let [exec, scanned, _] = &found(u64::from(n) + 1, n, 1, "same")[..] else { panic!() };
        run.feed(&[exec.clone(), exit(u64::from(n) + 1, owner(100 + n, 1)), scanned.clone()]);
    }
    assert_eq!((run.ids().len(), run.story().len()), (1, 1));
    run.feed(&[tick(20)]);
    assert_eq!((run.last().processes, run.last().sha256.as_deref()), (5, Some("same")));
}

#[test]
fn many_that_are_a_little_suspicious_keep_no_miner_out() {
    let mut run = knowing_with(Settings { incidents: 3, ..Settings::default() });
    for n in 0..10 {
        let name = format!("tool{n}");
        run.feed(&[exec(1, owner(200 + n, 1), &[&name, "--hint"])]);
        run.feed(&[facts(1, owner(200 + n, 1), session(&name))]);
    }
    assert_eq!((run.story().len(), run.pipeline.counters().lost_total()), (0, 7));
    run.feed(&found(2, 1, 50, "same"));
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Likely)]);
    assert!(run.pipeline.incidents.is_consistent());
}

#[test]
fn the_line_says_what_where_and_how_it_is_known() {
    let id = "0123456789abcdef".repeat(4);
    let mut run = knowing();
    let mut events = found(1, 1, 50, "same");
    if let Some(Body::ProcFacts(facts)) = events.last_mut().map(|event| &mut event.body) {
        facts.place = Place { cgroup: "/d".into(), container: Some(id), ..Place::default() };
        let (name, image) = (Some("web1".to_owned()), Some("nginx:1.25".to_owned()));
        facts.container =
            Some(Container { engine: "docker".into(), name, image, pod: None, namespace: None });
    }
    run.feed(&events);
    assert_eq!(
        run.message(),
        "likely cryptomining: xm[101] (/usr/bin/xm) of alice in container web1 (nginx:1.25) is a known miner by \
         content (xm_strings); since 2026-01-02T12:00:01Z"
    );
    run.feed(&[exit(11, owner(101, 1)), tick(700)]);
    assert!(
        run.message().starts_with(
            "ended after 10 s: likely cryptomining: xm[101] (/usr/bin/xm) of alice in container web1 (nginx:1.25) was a \
             known miner by content (xm_strings)"
        ),
        "{}",
        run.message()
    );
}

#[test]
fn the_line_names_the_person_behind_root_and_the_pod_and_job() {
    let about = |place: Place, container: Option<Container>| {
        let mut run = knowing();
        let miner = owner(100, 1);
        let mut event = exec(1, miner, &["xm", "--mine"]);
        if let Body::Exec(exec) = &mut event.body {
            exec.task = Task { uid: 0, ..task("xm", 50) };
        }
        let who = ProcFacts { uid: Some(0), user: Some("root".into()), place, container, ..session("xm") };
        run.feed(&[event, facts(1, miner, who)]);
        run.message().to_owned()
    };
    let job =
        Place { job: Some("slurm:42".into()), unit: Some("slurmstepd.scope".into()), ..Place::default() };
    assert_eq!(
        about(job, None),
        "suspicious cryptomining: xm[100] (/usr/bin/xm) of root, logged in as alice, in job slurm:42 is started as a \
         miner is (--mine, which only miners know); since 2026-01-02T12:00:01Z"
    );
    let id = Some("ab".repeat(32));
    let pod = Place { container: id.clone(), pod: Some("0b5a-uid".into()), ..Place::default() };
    assert!(about(pod.clone(), None).contains("in container abababababab of pod 0b5a-uid is started"));
    let told = Container {
        engine: "containerd".into(),
        name: Some("app".into()),
        image: Some("shop:7".into()),
        pod: Some("web-7d9c".into()),
        namespace: Some("shop".into()),
    };
    assert!(about(pod, Some(told)).contains("in container app (shop:7) of pod shop/web-7d9c is started"));
}

#[test]
fn what_was_found_of_a_program_is_not_told_of_the_one_that_replaced_it() {
    let (child, after) = (owner(100, 1), owner(100, 2));
    let mut run = knowing();
    run.feed(&[exec(1, child, &["xm", "--mine"]), exec(2, after, &["curl"])]);
    run.feed(&[facts(2, after, proc_facts("curl", "session-3.scope", "digest of curl")), tick(5)]);
    assert_eq!(run.story(), []);
    run.feed(&[exec(6, owner(100, 3), &["xm", "--mine"])]);
    run.feed(&[facts(6, owner(100, 3), proc_facts("xm", "session-3.scope", "digest of xm"))]);
    assert_eq!(run.story(), [(Kind::IncidentOpened, Level::Suspicious)]);
}

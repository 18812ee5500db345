//! Programs that are known by what they are made of, whatever they are called; with rules and lists of the operator.
use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{PipeReader, Read, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use minewarden_tests::{
    agent::{self, Agent},
    client::{Client, python},
    process::{Running, Signal},
    protocol::Dialect,
};
use sha2::{Digest, Sha256};

use crate::{
    Test,
    expect::{self, Field},
    lab::{FOUND, Lab},
};

/// A pool of the list: a second sign beside the rule, since no list alerts alone.
const POOL: &str = "eu.listed-pool.example:3333";
const MARKS: &str = "mark-of-a-test-miner-one mark-of-a-test-miner-two";
const RULE: &str = "rule test_miner {\n  meta: description = \"our own test program\"\n  strings:\n    \
    $a = \"mark-of-a-test-miner-one\"\n    $b = \"mark-of-a-test-miner-two\"\n  condition: all of them\n}\n";
/// From the exec to the incident; a debug build hashes 100 MB on a busy machine.
const LATEST: Duration = Duration::from_secs(30);
/// Distinct programs of the burst.
const BURST: usize = 1000;
/// Logins measured, before and during the burst.
const LOGINS: usize = 12;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("content::known_whatever_its_name", known),
        Test::new("content::unpacked_in_memory", unpacked),
        Test::new("content::digest_list", digest_list),
        Test::new("content::broken_rule_beside_a_good_one", broken_rule),
        Test::new("content::burst_of_distinct_programs", burst),
    ]
}

/// A folder with a configuration that names rules of its own.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Self> {
        let bench = Self { folder: tempfile::Builder::new().prefix("minewarden-content-").tempdir()? };
        for folder in ["rules.d/digests.d", "rules.d/pools.d", "bin"] {
            fs::create_dir_all(bench.path(folder))?;
        }
        bench.write("rules.d/good.yar", RULE)?;
        bench.write("rules.d/pools.d/ours.txt", "# ours\n*.listed-pool.example\n")?;
        let rules = bench.path("rules.d");
        bench.write("config.toml", &format!("[rules]\ndirectory = {:?}\n", rules.display().to_string()))?;
        Ok(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.path(name), text).with_context(|| name.to_owned())
    }

    fn config(&self) -> String {
        self.path("config.toml").display().to_string()
    }

    fn agent(&self) -> Result<Agent> {
        Agent::start(&["--config", &self.config()])
    }

    /// A shell of another name, with something behind its end that makes it one of a kind.
    fn program(&self, name: &str, marks: &str) -> Result<PathBuf> {
        let path = self.path("bin").join(name);
        let mut bytes = fs::read("/bin/sh")?;
        write!(bytes, "\n{marks}\n{name}\n")?;
        fs::write(&path, bytes)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }
}

/// Runs a program that waits for the end of its input, with a listed pool among its arguments.
fn run(program: &Path, argv0: &str) -> Result<Running> {
    let mut command = Command::new(program);
    command.arg0(argv0).args(["-c", "read line; exit 0", POOL]);
    Running::spawn(argv0, &mut command)
}

fn found(rules: &str) -> Vec<Field> {
    vec![
        Field::Is("level", "suspicious".into()),
        Field::Is("score", "60".into()),
        Field::Has("rules", rules.into()),
        Field::Has("rules", "destination.list".into()),
    ]
}

fn by_content() -> Vec<Field> {
    [found("binary.yara"), vec![Field::Has("evidence", "test_miner (our own test program)".into())]]
        .into_iter()
        .flatten()
        .collect()
}

fn known(_: &Lab) -> Result<()> {
    let bench = Bench::new()?;
    let renamed = || run(&bench.program("renamed", MARKS)?, "[kworker/0:1]");
    known_as(&bench, renamed).context("renamed")?;
    let deleted = || {
        let path = bench.program("deleted", MARKS)?;
        let running = run(&path, "deleted")?;
        fs::remove_file(path)?;
        Ok(running)
    };
    known_as(&bench, deleted).context("deleted")?;
    known_as(&bench, || memfd(&bench.program("memfd", MARKS)?)).context("memfd")?;
    known_as(&bench, || large(&bench)).context("100 MB")
}

/// Started by one test and found the same way they are one incident, so each has an agent of its own.
fn known_as(bench: &Bench, start: impl FnOnce() -> Result<Running>) -> Result<()> {
    let agent = bench.agent()?;
    let mut process = start()?;
    let harmless = run(&bench.program("harmless", "nothing of interest")?, "harmless")?;
    expect::told(&agent, process.pid(), LATEST, &by_content())?;
    process.finish(LATEST)?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    let of_harmless = ended.about(harmless.pid());
    ensure!(of_harmless.is_empty(), "a listed pool alone is an incident: {of_harmless:?}");
    Ok(())
}

/// 100 MB of bytes that do not repeat, and the marks behind them.
fn large(bench: &Bench) -> Result<Running> {
    let path = bench.program("large", "")?;
    let mut file = File::options().append(true).open(&path)?;
    let mut noise = File::open("/dev/urandom")?.take(100 << 20);
    std::io::copy(&mut noise, &mut file)?;
    file.write_all(MARKS.as_bytes())?;
    drop(file);
    run(&path, "large")
}

/// The same program, executed from a file that never had a name.
fn memfd(program: &Path) -> Result<Running> {
    let script = "import os, sys\nfd = os.memfd_create('x', os.MFD_CLOEXEC)\n\
        os.write(fd, open(sys.argv[1], 'rb').read())\n\
        os.execve(fd, ['memfd', '-c', 'read line; exit 0', sys.argv[2]], os.environ)";
    let mut command = Command::new(python()?);
    command.args(["-c", script]).arg(program).arg(POOL);
    Running::spawn("memfd", &mut command)
}

/// What a bundled rule demands, backwards: it is in no file and no argument.
const BACKWARDS: &str = "tnih-sdaerht-xam-upc,tij-segap-eguh,segap-bg1-xmodnar,rsmrw-xmodnar,rsmdr-on-xmodnar,\
    yrettab-no-esuap,evitca-no-esuap,sdnekcab/2/,niam_niahc-laminim-nosj,no=setirw_wolla rsm eborpdom,\
    setirw_wolla/sretemarap/rsm/eludom/sys/";

/// A program without a name that holds a miner's marks in memory alone.
fn unpacked(_: &Lab) -> Result<()> {
    let script = "import sys\nown = ' '.join(mark[::-1] for mark in sys.argv[1].split(',')).encode()\n\
        sys.stdin.read()";
    let loader = "import os, sys\nfd = os.memfd_create('x', os.MFD_CLOEXEC)\n\
        os.write(fd, open(os.path.realpath(sys.executable), 'rb').read())\n\
        os.execve(fd, ['unpacked', '-c', sys.argv[1], sys.argv[2]], dict(os.environ, PYTHONHOME='/usr'))";
    let bench = Bench::new()?;
    let agent = bench.agent()?;
    let mut command = Command::new(python()?);
    command.args(["-c", loader, script, BACKWARDS]);
    let mut unpacked = Running::spawn("unpacked", &mut command)?;
    let fields = [
        Field::Is("level", "likely".into()),
        Field::Is("rules", "binary.memory".into()),
        Field::Is("exe", "/memfd:x".into()),
        Field::Has("evidence", "matches xmrig (".into()),
    ];
    expect::told(&agent, unpacked.pid(), LATEST, &fields)?;
    unpacked.finish(LATEST)?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

fn digest_list(_: &Lab) -> Result<()> {
    let bench = Bench::new()?;
    let program = bench.program("listed", "no marks")?;
    let digest = Sha256::digest(fs::read(&program)?).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    });
    bench.write("rules.d/digests.d/known.txt", &format!("# known\n\n{digest}  somebody's miner\n"))?;
    let agent = bench.agent()?;
    let mut running = run(&program, "listed")?;
    let place = format!("{}:3 somebody's miner", bench.path("rules.d/digests.d/known.txt").display());
    let mut fields = found("binary.digest");
    fields.push(Field::Has("evidence", place));
    fields.push(Field::Is("sha256", digest.to_lowercase()));
    expect::told(&agent, running.pid(), LATEST, &fields)?;
    running.finish(LATEST)?;
    agent.stop(Signal::TERM)?.stopped_well()?;
    Ok(())
}

fn broken_rule(_: &Lab) -> Result<()> {
    let bench = Bench::new()?;
    bench.write(
        "rules.d/bad.yar",
        "rule one { condition: true and false }\n\nrule bad {\n condition: $nothing\n}\n",
    )?;
    bench.write("rules.d/pools.d/bad.txt", "good.example\nnot a name\n")?;
    let places = ["rules.d/bad.yar:4: ", "rules.d/pools.d/bad.txt:2: "]
        .map(|place| bench.path(place).display().to_string());
    let check = Command::new(agent::binary()?).args(["config", "--check", &bench.config()]).output()?;
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    ensure!(
        check.status.code() == Some(2) && places.iter().all(|place| said.contains(place)),
        "config --check: {said}"
    );
    let doctor = Command::new(agent::binary()?).args(["doctor", "--config", &bench.config()]).output()?;
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    ensure!(said.contains(places[0].as_str()) && said.contains("(and 1 more)"), "doctor: {said}");
    let agent = bench.agent()?;
    let mut running = run(&bench.program("beside", MARKS)?, "beside")?;
    expect::told(&agent, running.pid(), LATEST, &by_content())?;
    running.finish(LATEST)?;
    let ended = agent.stop(Signal::TERM)?;
    ended.stopped_well()?;
    for place in &places {
        ensure!(ended.output.contains(place.as_str()), "no warning of {place}\n{}", ended.dump);
    }
    Ok(())
}

fn burst(lab: &Lab) -> Result<()> {
    let bench = Bench::new()?;
    let programs: Vec<PathBuf> =
        (0..BURST).map(|n| bench.program(&format!("burst-{n}"), "")).collect::<Result<_>>()?;
    let agent = bench.agent()?;
    let before = logins(lab, &agent, "content::before")?;
    let idle = memory(agent.pid())?;
    let (reader, writer) = std::io::pipe()?;
    let storm = std::thread::spawn(move || -> Result<_> {
        let start = Instant::now();
        let children = programs.iter().map(|program| stays(program, &reader)).collect::<Result<Vec<_>>>()?;
        Ok((children, start.elapsed()))
    });
    let during = logins(lab, &agent, "content::during")?;
    let mut last = run(&bench.program("last", MARKS)?, "last")?;
    expect::told(&agent, last.pid(), LATEST, &by_content())?;
    let (children, took) = storm.join().map_err(|_| anyhow!("the burst panicked"))??;
    drop(writer);
    for mut child in children {
        ensure!(child.wait()?.success());
    }
    last.finish(LATEST)?;
    let most = memory(agent.pid())?;
    let ended = agent.stop(Signal::TERM)?;
    let stopped = ended.stopped_well()?;
    println!(
        "content: {BURST} programs started in {:.1} s; login to notice, ms (median, worst): before {before:?}, \
         during {during:?}; most memory, kB: {idle} before, {most} after",
        took.as_secs_f64()
    );
    for lost in ["scan.dropped", "scan.stuck", "scan.panicked", "scan.late"] {
        let counters = stopped.text("counters");
        ensure!(counters.contains(&format!("lost.worker.{lost}=0")), "{counters}");
    }
    Ok(())
}

/// Runs until the other end of `input` is closed.
fn stays(program: &Path, input: &PipeReader) -> Result<Child> {
    let stdin = Stdio::from(input.try_clone()?);
    Ok(Command::new(program).args(["-c", "read line; exit 0"]).stdin(stdin).spawn()?)
}

/// Milliseconds from a miner's `sent` to its incident: median and worst.
fn logins(lab: &Lab, agent: &Agent, test: &str) -> Result<(u128, u128)> {
    let mut times = Vec::new();
    for n in 0..LOGINS {
        let name = format!("{test}-{n}");
        let (pool, port) = lab.pool(&name, Dialect::Cryptonote)?;
        let miner: Client = lab.miner(&name, Dialect::Cryptonote, port, &[])?;
        miner.says("sent", FOUND)?;
        let sent = Instant::now();
        agent.confirmed(miner.pid(), FOUND)?;
        times.push(sent.elapsed().as_millis());
        miner.finish()?;
        pool.finish()?;
    }
    times.sort_unstable();
    let at = |i: usize| times.get(i).copied().context("no times");
    Ok((at(LOGINS / 2)?, at(LOGINS - 1)?))
}

/// The most memory that a process has had resident, in kB.
pub(crate) fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).context("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).context("no value")?.parse()?)
}
